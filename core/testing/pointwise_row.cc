#include "core/testing/pointwise_row.h"

#include <cmath>
#include <memory>

#include "core/base/error.h"
#include "core/ops/view.h"
#include "core/testing/tensors.h"

namespace hearth::testing {
namespace {

// The value as an element of an integer dtype, wrapped around.
long double wrap(__int128 v, DType t) {
  return visit(t, [&]<class T>() -> long double {
    if constexpr (std::is_same_v<T, bool>) return v != 0;
    else if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<uint64_t>(static_cast<unsigned __int128>(v)));
    else return static_cast<long double>(v);
  });
}

using Shared = std::shared_ptr<const PointwiseRow>;

// Dtypes that meet, and in which, as PyTorch's promotion table has them.
struct Meeting {
  DType with, in;
};
Meeting meeting_of(DType t) {
  switch (t) {
    case DType::kBool:
      return {u8, u8};
    case DType::kU8:
      return {i8, i16};
    case DType::kI8:
      return {i16, i16};
    case DType::kI16:
      return {i32, i32};
    case DType::kI32:
      return {i64, i64};
    case DType::kI64:
      return {f16, f16};
    case DType::kF16:
      return {bf16, f32};
    case DType::kBF16:
      return {f16, f32};
    case DType::kF32:
      return {i64, f32};
    case DType::kF64:
    case DType::kC64:
    case DType::kC128:
      return {f32, f64};
  }
  __builtin_unreachable();
}

// The row's formula over broadcast operands, computed in dtype `meet`.
Want formula(const Shared& row, std::span<const Tensor> in, DType meet, Promote promote) {
  Want w;
  for (const Tensor& t : in) w.shape = broadcast_shapes(w.shape, t.shape(), "want");
  const bool real = is_floating_point(meet) || (promote == Promote::kFloat);
  if (promote == Promote::kFloat && !is_floating_point(meet)) meet = default_dtype();
  const auto exact = row->real;
  const auto whole = row->whole;
  if (real ? !exact : !whole) fail(row->op, ": the row has no formula for ", meet);
  w.dtype = promote == Promote::kBool ? DType::kBool : meet;
  std::vector<std::vector<long double>> values;
  for (const Tensor& t : in) {
    values.push_back(to_wide(t));
    if (real && meet == DType::kF32) {
      for (long double& v : values.back()) v = static_cast<float>(v);
    }
  }
  const int64_t n = w.shape.numel();
  w.values.resize(static_cast<size_t>(n));
  if (row->size && real) w.size.resize(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    long double x[kMaxOperands] = {};
    __int128 z[kMaxOperands] = {};
    for (size_t k = 0; k < in.size(); ++k) {
      const Shape& s = in[k].shape();
      int64_t rest = i, at = 0, step = 1;
      for (int d = w.shape.rank(); d-- > 0;) {
        const int own = d - (w.shape.rank() - s.rank());
        const int64_t index = rest % w.shape[d];
        rest /= w.shape[d];
        if (own < 0) continue;
        if (s[own] != 1) at += index * step;
        step *= s[own];
      }
      x[k] = values[k][static_cast<size_t>(at)];
      if (!real) z[k] = static_cast<__int128>(x[k]);
    }
    w.values[static_cast<size_t>(i)] = real ? exact(x) : wrap(whole(z), w.dtype);
    if (row->size && real) w.size[static_cast<size_t>(i)] = std::abs(row->size(x));
  }
  return w;
}

}  // namespace

OpRow pointwise(PointwiseRow given) {
  const auto row = std::make_shared<const PointwiseRow>(std::move(given));
  const OpDef* record = find_op(row->op);
  const Promote promote = record ? record->promote : Promote::kCommon;
  OpRow out{.op = row->op,
            .accuracy = row->accuracy,
            .takes = row->takes,
            .gradient = row->gradient,
            .second = row->gradient,
            .zero_sign = row->zero_sign,
            .composed = row->composed};
  // Integers and bool meet in f32 where the record says so.
  if (promote == Promote::kFloat && !out.takes) out.takes = kAllTypes;
  if (!row->real && !out.takes && record) out.takes = record->dtypes;
  const int n = row->operands;

  const auto want = [row, promote](std::span<const Tensor> in, DType t) -> std::vector<Want> {
    return {formula(row, in, t, promote)};
  };
  const auto value = [row](int k, const Shape& shape, DType t, Interval range) {
    const auto place = static_cast<size_t>(k);
    if (row->keeps >> k & 1) return noise(shape, DType::kBool, 0, 1, static_cast<uint64_t>(k) + 1);
    if (t == DType::kBool && row->nonzero >> k & 1) return noise(shape, t, 1, 1).fill_(true);
    if (!is_integral(t)) return noise(shape, t, range.low, range.high, static_cast<uint64_t>(k) + 1);
    std::vector<long double> v =
        to_wide(noise(shape, t, row->integers[place].low, row->integers[place].high, static_cast<uint64_t>(k) + 1));
    for (long double& e : v) {
      if (e == 0 && row->nonzero >> k & 1) e = 3;
    }
    return from_wide(v, shape, t);
  };
  const auto add = [&](const char* name, std::function<Shape(int)> shape) -> Sample& {
    out.samples.push_back({.name = name,
                           .inputs =
                               [row, n, value, shape](DType t) {
                                 std::vector<Tensor> in;
                                 in.reserve(kMaxOperands);
                                 for (int k = 0; k < n; ++k)
                                   in.push_back(value(k, shape(k), t, row->domain[static_cast<size_t>(k)]));
                                 return in;
                               },
                           .call = row->call,
                           .want = want});
    return out.samples.back();
  };
  const unsigned all = (1u << n) - 1;

  add("ordinary", [](int) { return Shape{1003}; }).batch = all;
  Sample& large = add("large", [](int) { return Shape{3, 5501}; });
  large.large = true;
  large.dtypes = DTypeSet{f64, f32, bf16, i64, i8};
  add("0-dim", [](int) { return Shape{}; });
  add("zero-size", [](int) { return Shape{0, 3}; });
  if (n > 1) {
    add("broadcast", [](int k) {
      return k == 0 ? Shape{2, 3, 1, 5} : k == 1 ? Shape{4, 1} : k == 2 ? Shape{1, 1, 4, 5} : Shape{5};
    });
    DTypeSet meet;
    for (int t = 0; record && t < kDTypes; ++t) {
      if (is_complex(static_cast<DType>(t))) continue;
      if (record->dtypes.contains(meeting_of(static_cast<DType>(t)).in) || promote == Promote::kFloat)
        meet = meet | DTypeSet{static_cast<DType>(t)};
    }
    if (!(meet == DTypeSet{})) {
      out.samples.push_back(
          {.name = "two dtypes",
           .inputs =
               [row, n, value](DType t) {
                 std::vector<Tensor> in;
                 in.reserve(kMaxOperands);
                 for (int k = 0; k < n; ++k) {
                   in.push_back(value(k, {2, 7}, k == 1 ? meeting_of(t).with : t, row->smooth[static_cast<size_t>(k)]));
                 }
                 return in;
               },
           .call = row->call,
           .want = [row, promote](std::span<const Tensor> in, DType t) -> std::vector<Want> {
             return {formula(row, in, meeting_of(t).in, promote)};
           },
           .dtypes = meet,
           .smooth = row->gradient,
           .batch = all});
    }
    add("one of them 0-dim", [](int k) { return k == 0 ? Shape{3, 5} : Shape{}; });
  }
  out.samples.push_back(
      {.name = "expanded",
       .inputs =
           [row, n, value](DType t) {
             std::vector<Tensor> in;
             in.reserve(kMaxOperands);
             for (int k = 0; k < n; ++k) {
               const Tensor one = value(k, k % 2 ? Shape{1, 6} : Shape{4, 1}, t, row->domain[static_cast<size_t>(k)]);
               in.push_back(expand(one, {4, 6}));
             }
             return in;
           },
       .call = row->call,
       .want = want});
  if (row->extremes) {
    out.samples.push_back({.name = "extreme",
                           .inputs =
                               [row, n](DType t) {
                                 // Every pair of the first two operands; the others step through theirs.
                                 const std::vector<long double> ends = extremes(t);
                                 const size_t m = ends.size(), count = n > 1 ? m * m : m;
                                 std::vector<Tensor> in;
                                 in.reserve(kMaxOperands);
                                 for (int k = 0; k < n; ++k) {
                                   std::vector<long double> v(count);
                                   const bool condition = row->keeps >> k & 1;
                                   for (size_t i = 0; i < count; ++i) {
                                     v[i] = condition ? static_cast<long double>(i % 2)
                                                      : ends[k == 0   ? i / (n > 1 ? m : 1)
                                                             : k == 1 ? i % m
                                                                      : i * 7 % m];
                                     if (!is_floating_point(t) && v[i] == 0 && row->nonzero >> k & 1) v[i] = 1;
                                   }
                                   in.push_back(
                                       from_wide(v, {static_cast<int64_t>(count)}, condition ? DType::kBool : t));
                                 }
                                 return in;
                               },
                           .call = row->call,
                           .want = want});
  }
  if (row->gradient) {
    for (bool broadcasts : {false, true}) {
      if (broadcasts && n == 1) continue;
      out.samples.push_back({.name = broadcasts ? "smooth, broadcast" : "smooth",
                             .inputs =
                                 [row, n, value, broadcasts](DType t) {
                                   std::vector<Tensor> in;
                                   in.reserve(kMaxOperands);
                                   for (int k = 0; k < n; ++k) {
                                     const Shape shape = !broadcasts ? Shape{2, 3}
                                                         : k == 0    ? Shape{2, 1}
                                                         : k == 1    ? Shape{3}
                                                                     : Shape{1, 3};
                                     in.push_back(value(k, shape, t, row->smooth[static_cast<size_t>(k)]));
                                   }
                                   return in;
                                 },
                             .call = row->call,
                             .want = want,
                             .dtypes = kFloatTypes,
                             .smooth = true});
    }
  }
  return out;
}

void add_number_samples(OpRow& out, const PointwiseRow& given, Tensor (*last)(const Tensor&, Scalar),
                        Tensor (*first)(Scalar, const Tensor&)) {
  const auto row = std::make_shared<const PointwiseRow>(given);
  const OpDef* record = find_op(row->op);
  const Promote promote = record ? record->promote : Promote::kCommon;
  for (bool is_last : {true, false}) {
    if (is_last ? !last : !first) continue;
    const auto number = [](DType t) {
      return is_floating_point(t) ? Scalar(1.5) : t == DType::kBool ? Scalar(true) : Scalar(3);
    };
    const size_t own = is_last ? 0 : 1;
    out.samples.push_back({.name = is_last ? "number last" : "number first",
                           .inputs = [row, own](DType t) -> std::vector<Tensor> {
                             const Interval range = is_floating_point(t) ? row->smooth[own] : row->integers[own];
                             Tensor x = noise({2, 3}, t, range.low, range.high, 5);
                             if (is_integral(t) && row->nonzero >> own & 1)
                               x = from_wide(std::vector<long double>{1, 2, 3, 4, 5, 6}, {2, 3}, t);
                             return {x};
                           },
                           .call = [=](std::span<const Tensor> in) -> std::vector<Tensor> {
                             return {is_last ? last(in[0], number(in[0].dtype()))
                                             : first(number(in[0].dtype()), in[0])};
                           },
                           .want = [=](std::span<const Tensor> in, DType t) -> std::vector<Want> {
                             const Tensor other = from_wide(std::vector<long double>{number(t).to<double>()}, {1}, t);
                             const Tensor both[] = {is_last ? in[0] : other, is_last ? other : in[0]};
                             return {formula(row, both, t, promote)};
                           },
                           .smooth = row->gradient,
                           .batch = 1});
  }
}

}  // namespace hearth::testing
