#include "distributed/parallel/zero.h"

#include <cmath>
#include <cstring>
#include <sstream>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "distributed/group/objects.h"

namespace hearth::distributed {
namespace {

// Bytes that are gathered in one exchange.
constexpr int64_t kGathered = 25 << 20;

}  // namespace

ZeroOptimizer::ZeroOptimizer(const optim::Optimizer& optimizer, ProcessGroup& group)
    : Optimizer("ZeroOptimizer"), group_(group) {
  HEARTH_CHECK(optimizer.elementwise(),
               "ZeroOptimizer: the optimizer must treat elements one by one, which Adafactor, Muon and LBFGS do not");
  std::vector<optim::Parameters> own;
  const NoGrad off;
  for (size_t g = 0; g < optimizer.groups(); ++g) {
    std::vector<optim::Parameters::Named> named, mine;
    for (size_t i = 0; i < optimizer.parameters(g).size(); ++i) {
      const Tensor& parameter = optimizer.parameters(g)[i];
      Held s{slice_of(optimizer.names(g)[i], parameter.shape(), group.rank(), group.size()), parameter, {}};
      s.kept = s.length > 0 || parameter.numel() == 0;
      s.values = flat(s.parameter).narrow(0, s.begin, s.length).clone();
      s.values.requires_grad_();
      named.emplace_back(s.name, s.parameter);
      if (s.kept) mine.emplace_back(s.name, s.values);
      slices_.push_back(std::move(s));
    }
    if (optimizer.named()) add(named);
    else add(optimizer.parameters(g));
    own.emplace_back(mine);
  }
  own_ = optimizer.like(own);
}

// Sums tell other values from the same ones, whatever order each rank adds in.
void ZeroOptimizer::expect_same_values() {
  struct Digest {
    int64_t numel;
    double sum, size;
  };
  std::string mine;
  for (const Held& s : slices_) {
    const Tensor all = s.parameter.detach(), values = all.itemsize() < 4 ? all.to(f32) : all;
    const double size = norm(values).item<double>();
    const Digest d{values.numel(), is_complex(values.dtype()) ? size : values.sum().item<double>(), size};
    mine.append(reinterpret_cast<const char*>(&d), sizeof d);
  }
  const std::vector<std::string> all = all_gather_bytes(group_, mine);
  for (size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank].size() == all[0].size()) continue;
    fail("ZeroOptimizer: rank 0 has ", all[0].size() / sizeof(Digest), " parameters, rank ", rank, " has ",
         all[rank].size() / sizeof(Digest));
  }
  for (size_t rank = 1; rank < all.size(); ++rank) {
    for (size_t i = 0; i < slices_.size(); ++i) {
      Digest a, b;
      std::memcpy(&a, all[0].data() + i * sizeof a, sizeof a);
      std::memcpy(&b, all[rank].data() + i * sizeof b, sizeof b);
      const bool same = a.numel == b.numel && !(std::abs(a.sum - b.sum) > 1e-4 * a.size);  // NaN is no difference
      if (!same) {
        fail("ZeroOptimizer: the parameter \"", slices_[i].name, "\" of rank ", rank,
             " is not that of rank 0: its ranks need the same whole parameters, which DistributedDataParallel gives"
             " them (FullyShard's are parts, which a plain optimizer takes)");
      }
    }
  }
}

void ZeroOptimizer::take_step() {
  if (!stepped_ && group_.size() > 1) expect_same_values();
  stepped_ = true;
  for (Held& s : slices_) {
    const Tensor g = s.parameter.grad();
    // The parameter may have been loaded, or moved to another dtype, since.
    Tensor now = flat(s.parameter).narrow(0, s.begin, s.length);
    if (now.dtype() != s.values.dtype()) {
      fail("ZeroOptimizer: the parameter \"", s.name, "\" was ", s.values.dtype(),
           " when the optimizer was made, and is ", now.dtype(), " now");
    }
    s.values.copy_(now);
    s.values.set_grad(g.defined() ? flat(g).narrow(0, s.begin, s.length).clone() : Tensor());
  }
  own_->step();
  for (size_t first = 0; first < slices_.size();) {
    int64_t bytes = 0;
    size_t end = first;
    while (end < slices_.size() && slices_[end].parameter.dtype() == slices_[first].parameter.dtype() &&
           (end == first || bytes + static_cast<int64_t>(slices_[end].parameter.nbytes()) <= kGathered))
      bytes += static_cast<int64_t>(slices_[end++].parameter.nbytes());
    gather(first, end);
    first = end;
  }
  for (Held& s : slices_) s.values.set_grad({});
}

// Gives all ranks the new values of these parameters, as far as they have gradients.
void ZeroOptimizer::gather(size_t first, size_t end) {
  int64_t sum = 0;
  const auto each = [&](auto f) {
    for (size_t i = first; i < end; ++i) {
      if (slices_[i].parameter.grad().defined()) f(slices_[i]);
    }
  };
  each([&](const Held& s) { sum += s.chunk; });
  if (sum == 0) return;
  const TensorOptions like{.dtype = slices_[first].parameter.dtype(), .device = slices_[first].parameter.device()};
  const Tensor mine = zeros({sum}, like), all = empty({group_.size(), sum}, like);
  int64_t at = 0;
  each([&](const Held& s) {
    mine.narrow(0, at, s.length) = s.values.detach();
    at += s.chunk;
  });
  group_.all_gather(all, mine);
  at = 0;
  each([&](const Held& s) {
    const int64_t n = s.parameter.numel();
    // Each rank's elements, without what fills up the last ones.
    Tensor whole = all.narrow(1, at, s.chunk).reshape({group_.size() * s.chunk}).narrow(0, 0, n);
    Tensor to = s.parameter.detach();
    to.copy_(whole.reshape(s.parameter.shape()));
    at += s.chunk;
  });
}

std::map<std::string, ShardedTensor> ZeroOptimizer::shards() {
  return shards_of(*own_, [this](const std::string& key) { return slice_named(key); });
}

optim::Optimizer::StateDict ZeroOptimizer::state_dict() {
  const NoGrad off;
  const StateDict own = own_->state_dict();
  // Rank 0 has a part of every parameter; another may have none of a small one.
  std::ostringstream list;
  for (const auto& [key, t] : own)
    list << static_cast<int>(t.dtype()) << ' ' << t.dim() << ' ' << t.numel() << ' ' << key << '\n';
  std::istringstream keys(broadcast_bytes(group_, list.str(), 0));
  StateDict out;
  std::string key;
  for (int64_t type = 0, rank = 0, numel = 0; keys >> type >> rank >> numel && keys.get() && std::getline(keys, key);) {
    const auto dtype = static_cast<DType>(type);
    const auto mine = own.find(key);
    const Held* s = slice_named(key);
    if (s && rank == 1) {
      Tensor part = zeros({s->chunk}, {.dtype = dtype});
      if (mine != own.end()) part.narrow(0, 0, s->length) = mine->second;
      const int64_t n = s->parameter.numel();
      out[key] = group_.all_gather(part)
                     .reshape({group_.size() * s->chunk})
                     .narrow(0, 0, n)
                     .reshape(s->parameter.shape())
                     .clone();
    } else {
      Tensor whole =
          group_.rank() == 0 ? mine->second.clone() : zeros(rank == 0 ? Shape{} : Shape{numel}, {.dtype = dtype});
      group_.broadcast(whole, 0);
      out[key] = whole;
    }
  }
  return out;
}

void ZeroOptimizer::load_state_dict(const StateDict& state) {
  std::map<std::string, Shape> shapes;
  for (const auto& [key, t] : state) {
    HEARTH_CHECK(t.defined(), "ZeroOptimizer: \"", key, "\" is undefined");
    shapes[key] = t.shape();
  }
  load(shapes, [&](const std::string& key, int64_t begin, int64_t count) {
    return flat(state.at(key)).narrow(0, begin, count);
  });
}

void ZeroOptimizer::load(const std::map<std::string, Shape>& shapes, const ReadElements& read) {
  load_shards(
      "ZeroOptimizer", *own_, [this](const std::string& key) { return slice_named(key); }, shapes, read);
}

std::unique_ptr<optim::Optimizer> ZeroOptimizer::like(const std::vector<optim::Parameters>& groups) const {
  return std::make_unique<ZeroOptimizer>(*own_->like(groups), group_);
}

}  // namespace hearth::distributed
