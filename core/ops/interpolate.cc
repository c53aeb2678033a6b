#include "core/ops/interpolate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/cpu/taps.h"
#include "core/kernels/interpolate.h"
#include "core/op/attrs/interpolate.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/pool.h"
#include "core/ops/pool3d.h"
#include "core/ops/rounded_internal.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

constexpr int64_t kMost = int64_t{1} << 30;  // elements along a dimension: positions are exact

// Of a gradient the input is what was the result.
void infer_resized(OpCall& c, bool gradient) {
  const auto& a = c.attrs_as<InterpolateAttrs>();
  const Shape& x = c.input(0).shape();
  HEARTH_CHECK(!x.empty(), c.op.name, ": expected at least 1 dimension, but the tensor is 0-dim");
  const int d = wrap_dim(a.dim, x.rank(), c.op.name);
  HEARTH_CHECK(x[d] >= 1 && a.size >= 1 && x[d] <= kMost && a.size <= kMost, c.op.name, ": dimension ", d, " of shape ",
               x, " cannot become ", a.size, "; sizes must be from 1 to 2^30");
  const auto from = static_cast<double>(gradient ? a.size : x[d]),
             results = static_cast<double>(gradient ? x[d] : a.size);
  HEARTH_CHECK(!a.step || (*a.step > 0 && *a.step * (results - 1) <= from), c.op.name, ": steps of ",
               a.step.value_or(0), " for ", results, " results lead out of ", from, " elements");
  Shape y = x;
  y[d] = a.size;
  c.make(0, y, c.dtype);
}
void infer_interpolate(OpCall& c) { infer_resized(c, false); }
void infer_interpolate_grad(OpCall& c) { infer_resized(c, true); }

// The k-th tap of every result: its element times its weight; 0 where a result has fewer, even beside an infinity.
Tensor weighted(const Tensor& x, int d, const cpu::Taps& t, int64_t k) {
  const int64_t n = t.to();
  Tensor index = empty({n}, {.dtype = DType::kI64, .device = kCpu});
  Tensor weight = empty({n}, {.dtype = f64, .device = kCpu});
  Tensor there = empty({n}, {.dtype = boolean, .device = kCpu});
  auto* const at = index.mutable_data<int64_t>();
  auto* const w = weight.mutable_data<double>();
  auto* const has = there.mutable_data<bool>();
  for (int64_t i = 0; i < n; ++i) {
    const auto r = static_cast<size_t>(i);
    has[i] = k < t.count(i);
    at[i] = std::clamp<int64_t>(t.first[r] + (has[i] ? k : 0), 0, t.from - 1);
    w[i] = has[i] ? t.weight[static_cast<size_t>(t.start[r] + k)] : 0;
  }
  Shape along = Dims::filled(x.dim(), 1);
  along[d] = n;
  const Tensor product = index_select(x, d, index.to(x.device())) * view(weight.to(x.dtype()).to(x.device()), along);
  return where(view(there.to(x.device()), along), product, 0);
}

// For devices without kernels.
void compose_interpolate(OpCall& c, bool gradient) {
  const auto& a = c.attrs_as<InterpolateAttrs>();
  const Tensor& x = c.input(0);
  const int d = wrap_dim(a.dim, x.dim(), c.op.name);
  const cpu::TapOptions options{a.cubic, a.align_corners, a.antialias, a.step};
  const cpu::Taps taps = gradient ? transposed(cpu::interpolated(a.size, x.size(d), options))
                                  : cpu::interpolated(x.size(d), a.size, options);
  int64_t most = 1;
  for (int64_t i = 0; i < taps.to(); ++i) most = std::max(most, taps.count(i));
  Tensor sum = weighted(x, d, taps, 0);
  for (int64_t k = 1; k < most; ++k) sum = sum + weighted(x, d, taps, k);
  c.give(0, sum);
}

// What the gradient is run with, and its gradient: the size of its own result.
InterpolateAttrs with_size(InterpolateAttrs a, const Shape& x) {
  a.size = x[wrap_dim(a.dim, x.rank(), "interpolate")];
  return a;
}

}  // namespace

extern constinit const OpDef kInterpolate = {
    .name = "interpolate",
    .dtypes = DTypeSet{f32, f64},
    .autocast = AutocastPolicy::kF32,
    .attrs = &attrs_type<InterpolateAttrs>,
    .infer = infer_interpolate,
    .kernel = {cpu::interpolate},
    .compose = [](OpCall& c) { compose_interpolate(c, false); },
    .backward =
        [](GradContext& g) {
          g.set(0, run(kInterpolateGrad, {g.grad()}, with_size(g.attrs<InterpolateAttrs>(), g.input_shape(0))));
        },
};
HEARTH_OP(kInterpolate);

extern constinit const OpDef kInterpolateGrad = {
    .name = "interpolate_grad",
    .dtypes = DTypeSet{f32, f64},
    .internal = true,
    .attrs = &attrs_type<InterpolateAttrs>,
    .infer = infer_interpolate_grad,
    .kernel = {cpu::interpolate_grad},
    .compose = [](OpCall& c) { compose_interpolate(c, true); },
    .backward =
        [](GradContext& g) {
          g.set(0, run(kInterpolate, {g.grad()}, with_size(g.attrs<InterpolateAttrs>(), g.input_shape(0))));
        },
};
HEARTH_OP(kInterpolateGrad);

namespace {

// One dimension's way to its new size.
struct Way {
  int64_t size;
  std::optional<double> step;
};
using Ways = std::vector<Way>;

Tensor nearest(const Tensor& x, int d, const Way& way, bool exact) {
  const int64_t from = x.size(d);
  // Of images PyTorch heeds no given step where the size stays or doubles.
  const bool image = x.dim() == 4 && !exact;
  if (image && way.size == from) return x;
  // In f32, as PyTorch: where i * step is whole, its rounding decides. By ops, so that a graph has it.
  const float step = image && way.size == 2 * from ? 0.5f
                     : way.step                    ? static_cast<float>(*way.step)
                                                   : static_cast<float>(from) / static_cast<float>(way.size);
  const double first = exact ? 0.5 : 0;
  const Tensor at = arange(first, first + static_cast<double>(way.size), 1, {.dtype = f32, .device = x.device()});
  return index_select(x, d, clamp((at * step).to(i64), 0, from - 1));
}

// Dimensions that shrink come first, so that there is less to do for the others.
std::vector<int> order_of(const Tensor& x, const Ways& ways) {
  std::vector<int> order;
  for (int i = 0; i < static_cast<int>(ways.size()); ++i) order.push_back(i);
  const auto growth = [&](int i) {
    return static_cast<double>(ways[static_cast<size_t>(i)].size) / static_cast<double>(x.size(2 + i));
  };
  // The last dimension, whose results lie beside each other, is the slowest: before others as long as it does not grow
  // more.
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const double ga = growth(a), gb = growth(b);
    return ga != gb ? ga < gb : a > b;
  });
  return order;
}

Tensor by_taps(const Tensor& x, const Ways& ways, const InterpolateOptions& o) {
  Tensor y = machinery::widened(x);
  for (const int i : order_of(x, ways)) {
    const Way& way = ways[static_cast<size_t>(i)];
    const InterpolateAttrs a{.dim = 2 + i,
                             .size = way.size,
                             .cubic = o.mode == InterpolateMode::kBicubic,
                             .align_corners = o.align_corners,
                             .antialias = o.antialias,
                             .step = way.step};
    y = run(kInterpolate, {y}, a);
  }
  return rounded(y, x.dtype());
}

Tensor by_means(const Tensor& x, const Ways& ways) {
  if (ways.size() == 1) return adaptive_avg_pool1d(x, ways[0].size);
  if (ways.size() == 2) return adaptive_avg_pool2d(x, {ways[0].size, ways[1].size});
  return adaptive_avg_pool3d(x, {ways[0].size, ways[1].size, ways[2].size});
}

void check_options(const char* op, const Tensor& x, const InterpolateOptions& o) {
  const bool taps = o.mode == InterpolateMode::kLinear || o.mode == InterpolateMode::kBicubic;
  expect_dtypes(op, x, taps || o.mode == InterpolateMode::kArea ? kFloatTypes : kAllTypes | kComplexTypes);
  HEARTH_CHECK(x.dim() >= 3 && x.dim() <= 5, op,
               ": expected [n, c, l], [n, c, h, w] or [n, c, d, h, w], but the shape is ", x.shape());
  HEARTH_CHECK(o.mode != InterpolateMode::kBicubic || x.dim() == 4, op,
               ": bicubic is for images [n, c, h, w], but the shape is ", x.shape());
  HEARTH_CHECK(taps || (!o.align_corners && !o.antialias), op,
               ": align_corners and antialias are for the modes linear and bicubic");
  HEARTH_CHECK(!o.antialias || x.dim() == 4, op, ": antialias is for images [n, c, h, w], but the shape is ",
               x.shape());
  for (int d = 2; d < x.dim(); ++d) {
    HEARTH_CHECK(x.size(d) >= 1 && x.size(d) <= kMost, op, ": dimension ", d, " of shape ", x.shape(),
                 " must have from 1 to 2^30 elements");
  }
}

Tensor interpolated(const char* op, const Tensor& x, const Ways& ways, const InterpolateOptions& o) {
  Shape y = x.shape();
  for (size_t i = 0; i < ways.size(); ++i) {
    const int d = 2 + static_cast<int>(i);
    y[d] = ways[i].size;
    HEARTH_CHECK(y[d] >= 1 && y[d] <= kMost, op, ": dimension ", d, " of shape ", x.shape(), " cannot become ", y[d],
                 "; sizes must be from 1 to 2^30");
  }
  checked_numel(y, x.itemsize(), op);
  if (o.mode == InterpolateMode::kArea) return by_means(x, ways);
  if (o.mode == InterpolateMode::kLinear || o.mode == InterpolateMode::kBicubic) return by_taps(x, ways, o);
  Tensor out = x;
  for (const int i : order_of(x, ways))
    out = nearest(out, 2 + i, ways[static_cast<size_t>(i)], o.mode == InterpolateMode::kNearestExact);
  return out;
}

}  // namespace

Tensor interpolate(const Tensor& x, const Dims& size, const InterpolateOptions& options) {
  const CalledAs called("interpolate");
  check_options("interpolate", x, options);
  HEARTH_CHECK(size.rank() == 1 || size.rank() == x.dim() - 2, "interpolate: expected one size or ", x.dim() - 2,
               " for a tensor of shape ", x.shape(), ", but they are ", size);
  Ways ways;
  for (int d = 0; d < x.dim() - 2; ++d) ways.push_back({size[size.rank() == 1 ? 0 : d], std::nullopt});
  return interpolated("interpolate", x, ways, options);
}

Tensor interpolate_by(const Tensor& x, const std::vector<double>& scale_factor, const InterpolateOptions& options,
                      bool recompute_scale_factor) {
  const CalledAs called("interpolate_by");
  check_options("interpolate_by", x, options);
  const size_t dims = static_cast<size_t>(x.dim()) - 2;
  HEARTH_CHECK(scale_factor.size() == 1 || scale_factor.size() == dims, "interpolate_by: expected one factor or ", dims,
               " for a tensor of shape ", x.shape(), ", but there are ", scale_factor.size());
  Ways ways;
  for (size_t d = 0; d < dims; ++d) {
    const double factor = scale_factor[scale_factor.size() == 1 ? 0 : d];
    const double size = std::floor(static_cast<double>(x.size(2 + static_cast<int64_t>(d))) * factor);
    HEARTH_CHECK(factor > 0 && size >= 1 && size <= static_cast<double>(kMost), "interpolate_by: a factor of ", factor,
                 " gives dimension ", 2 + d, " of shape ", x.shape(), " no size from 1 to 2^30");
    const bool steps = !recompute_scale_factor && options.mode != InterpolateMode::kArea;
    ways.push_back({static_cast<int64_t>(size), steps ? std::optional<double>(1 / factor) : std::nullopt});
  }
  return interpolated("interpolate_by", x, ways, options);
}

}  // namespace hearth
