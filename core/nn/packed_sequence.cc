#include "core/nn/packed_sequence.h"

#include <algorithm>
#include <numeric>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/view.h"

namespace hearth::nn {
namespace {

using Numbers = std::vector<int64_t>;

Tensor on_host(const Numbers& v) { return from_values(v, static_cast<int64_t>(v.size()), {.device = kCpu}); }

Numbers lengths_of(const char* what, const Tensor& lengths, int64_t batch, int64_t least, int64_t time) {
  HEARTH_CHECK(lengths.defined() && (lengths.dtype() == i64 || lengths.dtype() == i32), what,
               ": lengths must be i64 or i32");
  HEARTH_CHECK(lengths.shape() == Shape{batch}, what, ": lengths have the shape ", lengths.shape(), "; expected ",
               Shape{batch});
  Numbers out = lengths.to(kCpu).to(i64).to_vector<int64_t>();
  for (const int64_t n : out) {
    HEARTH_CHECK(n >= least && n <= time, what, ": lengths must be from ", least, " to ", time, ", but one is ", n);
  }
  return out;
}

// How the steps of packed sequences lie.
struct Plan {
  Numbers sizes;   // of each step
  Numbers order;   // which sequence stands first, second, ...
  Numbers counts;  // the length of each sequence, as they were given
};

Plan plan_of(const PackedSequence& p, const char* what) {
  HEARTH_CHECK(p.data.defined() && p.data.dim() >= 1 && p.batch_sizes.defined() && p.batch_sizes.dim() == 1 &&
                   p.batch_sizes.dtype() == i64,
               what, ": a PackedSequence has data and batch_sizes, i64 of one dimension");
  Plan out{p.batch_sizes.to(kCpu).to_vector<int64_t>(), {}, {}};
  HEARTH_CHECK(!out.sizes.empty() && out.sizes.back() >= 1 && std::ranges::is_sorted(out.sizes, std::greater<>()), what,
               ": batch_sizes must be at least 1 and not rise");
  int64_t steps = 0;
  for (const int64_t n : out.sizes) steps += std::min(n, p.data.size(0) + 1);
  HEARTH_CHECK(steps == p.data.size(0), what, ": batch_sizes do not add up to the ", p.data.size(0), " steps of data");
  const int64_t batch = out.sizes[0];
  out.order.resize(static_cast<size_t>(batch));
  std::iota(out.order.begin(), out.order.end(), 0);
  if (p.sorted_indices) {
    Numbers each = p.sorted_indices->to(kCpu).to(i64).to_vector<int64_t>();
    std::swap(each, out.order);
    Numbers sorted = out.order;
    std::ranges::sort(sorted);
    HEARTH_CHECK(sorted == each, what, ": sorted_indices must name each of the ", batch, " sequences once");
  }
  out.counts.assign(static_cast<size_t>(batch), 0);
  for (const int64_t n : out.sizes) {
    for (int64_t i = 0; i < n; ++i) ++out.counts[static_cast<size_t>(out.order[static_cast<size_t>(i)])];
  }
  return out;
}

// x as [time, batch, ...].
Tensor time_first(const Tensor& x, bool batch_first) { return batch_first ? transpose(x, 0, 1) : x; }

// The steps of the plan in x [time, batch, ...].
Tensor packed_data(const Tensor& x, const Plan& plan) {
  const int64_t batch = x.size(1);
  Numbers places;
  for (size_t t = 0; t < plan.sizes.size(); ++t) {
    for (int64_t i = 0; i < plan.sizes[t]; ++i)
      places.push_back(static_cast<int64_t>(t) * batch + plan.order[static_cast<size_t>(i)]);
  }
  return index_select(flatten(x, 0, 1), 0, on_host(places).to(x.device()));
}

Plan plan_of_lengths(const Numbers& lengths, bool sort) {
  Plan out{{}, Numbers(lengths.size()), lengths};
  std::iota(out.order.begin(), out.order.end(), 0);
  const auto length = [&](int64_t i) { return lengths[static_cast<size_t>(i)]; };
  if (sort) std::ranges::stable_sort(out.order, std::greater<>(), length);
  out.sizes.assign(static_cast<size_t>(length(out.order[0])), 0);
  for (const int64_t n : lengths) {
    for (int64_t t = 0; t < n; ++t) ++out.sizes[static_cast<size_t>(t)];
  }
  return out;
}

}  // namespace

PackedSequence pack_padded_sequence(const Tensor& x, const Tensor& lengths, const PackOptions& options) {
  const CalledAs called("pack_padded_sequence");
  HEARTH_CHECK(x.dim() >= 2, "pack_padded_sequence: expected [time, batch, ...], but the shape is ", x.shape());
  const Tensor steps = time_first(x, options.batch_first);
  HEARTH_CHECK(steps.size(1) >= 1, "pack_padded_sequence: there is no sequence: the shape is ", x.shape());
  const Numbers each = lengths_of("pack_padded_sequence", lengths, steps.size(1), 1, steps.size(0));
  HEARTH_CHECK(!options.enforce_sorted || std::ranges::is_sorted(each, std::greater<>()),
               "pack_padded_sequence: lengths rise; sort the sequences, or set enforce_sorted to false");
  const Plan plan = plan_of_lengths(each, !options.enforce_sorted);
  PackedSequence out{packed_data(steps, plan), on_host(plan.sizes)};
  if (options.enforce_sorted) return out;
  Numbers inverse(plan.order.size());
  for (size_t i = 0; i < inverse.size(); ++i) inverse[static_cast<size_t>(plan.order[i])] = static_cast<int64_t>(i);
  out.sorted_indices = on_host(plan.order).to(x.device());
  out.unsorted_indices = on_host(inverse).to(x.device());
  return out;
}

PaddedSequence pad_packed_sequence(const PackedSequence& packed, const PadOptions& options) {
  const CalledAs called("pad_packed_sequence");
  const Plan plan = plan_of(packed, "pad_packed_sequence");
  const auto longest = static_cast<int64_t>(plan.sizes.size());
  const int64_t time = options.total_length.value_or(longest), batch = plan.sizes[0];
  HEARTH_CHECK(time >= longest, "pad_packed_sequence: total_length ", time, " is below the greatest length ", longest);
  // Behind the steps stands one of padding, which all places take that have none.
  const int64_t steps = packed.data.size(0);
  Numbers from(static_cast<size_t>(time * batch), steps);
  int64_t at = 0;
  for (int64_t t = 0; t < longest; ++t) {
    for (int64_t i = 0; i < plan.sizes[static_cast<size_t>(t)]; ++i)
      from[static_cast<size_t>(t * batch + plan.order[static_cast<size_t>(i)])] = at++;
  }
  Shape one = packed.data.shape();
  one[0] = 1;
  const Tensor padding =
      full(one, options.padding_value, {.dtype = packed.data.dtype(), .device = packed.data.device()});
  const Tensor all = index_select(cat({packed.data, padding}), 0, on_host(from).to(packed.data.device()));
  const Tensor padded = unflatten(all, 0, {time, batch});
  return {time_first(padded, options.batch_first), on_host(plan.counts)};
}

Tensor pad_sequence(std::span<const Tensor> sequences, const PadSequenceOptions& options) {
  const CalledAs called("pad_sequence");
  HEARTH_CHECK(!sequences.empty(), "pad_sequence: there is no sequence");
  int64_t time = 0;
  for (const Tensor& s : sequences) {
    HEARTH_CHECK(s.dim() >= 1, "pad_sequence: a sequence has no dimensions");
    time = std::max(time, s.size(0));
  }
  std::vector<Tensor> padded;
  for (const Tensor& s : sequences) {
    Shape rest = s.shape();
    rest[0] = time - s.size(0);
    const Tensor more = full(rest, options.padding_value, {.dtype = s.dtype(), .device = s.device()});
    Tensor all = rest[0] == 0 ? s : options.left ? cat({more, s}) : cat({s, more});
    HEARTH_CHECK(padded.empty() || padded[0].shape() == all.shape(), "pad_sequence: sequences of shapes ",
                 sequences[0].shape(), " and ", s.shape(), " differ behind their length");
    padded.push_back(std::move(all));
  }
  return stack(padded, options.batch_first ? 0 : 1);
}

std::vector<Tensor> unpad_sequence(const Tensor& x, const Tensor& lengths, bool batch_first) {
  const CalledAs called("unpad_sequence");
  HEARTH_CHECK(x.dim() >= 2, "unpad_sequence: expected [time, batch, ...], but the shape is ", x.shape());
  const Tensor steps = time_first(x, batch_first);
  const Numbers each = lengths_of("unpad_sequence", lengths, steps.size(1), 0, steps.size(0));
  std::vector<Tensor> out;
  for (size_t i = 0; i < each.size(); ++i)
    out.push_back(narrow(select(steps, 1, static_cast<int64_t>(i)), 0, 0, each[i]));
  return out;
}

PackedSequence pack_sequence(std::span<const Tensor> sequences, bool enforce_sorted) {
  const CalledAs called("pack_sequence");
  const Tensor padded = pad_sequence(sequences);
  Numbers lengths;
  for (const Tensor& s : sequences) lengths.push_back(s.size(0));
  return pack_padded_sequence(padded, on_host(lengths), {.enforce_sorted = enforce_sorted});
}

std::vector<Tensor> unpack_sequence(const PackedSequence& packed) {
  const CalledAs called("unpack_sequence");
  const PaddedSequence padded = pad_packed_sequence(packed);
  return unpad_sequence(padded.data, padded.lengths);
}

PackedSequence pack_like(const Tensor& x, const PackedSequence& like, bool batch_first) {
  const CalledAs called("pack_like");
  const Plan plan = plan_of(like, "pack_like");
  HEARTH_CHECK(x.dim() >= 2, "pack_like: expected [time, batch, ...], but the shape is ", x.shape());
  const Tensor steps = time_first(x, batch_first);
  HEARTH_CHECK(steps.size(1) == plan.sizes[0] && steps.size(0) >= static_cast<int64_t>(plan.sizes.size()),
               "pack_like: the shape ", x.shape(), " does not fit ", plan.sizes[0], " sequences of at most ",
               plan.sizes.size(), " steps");
  return {packed_data(steps, plan), like.batch_sizes, like.sorted_indices, like.unsorted_indices};
}

}  // namespace hearth::nn
