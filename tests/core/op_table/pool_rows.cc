#include <cmath>

#include "core/op/attrs/pool.h"
#include "core/op/run.h"
#include "core/ops/pool.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

// As POOLS in tools/golden/ops.py.
struct Case {
  const char* name;
  PoolAttrs attrs;
};

MaxPool2dOptions max_options(const PoolAttrs& a) {
  return {.stride = Extent2(a.stride[0], a.stride[1]),
          .padding = {a.padding[0], a.padding[1]},
          .dilation = {a.dilation[0], a.dilation[1]},
          .ceil_mode = a.ceil_mode};
}
AvgPool2dOptions avg_options(const PoolAttrs& a) {
  return {.stride = Extent2(a.stride[0], a.stride[1]),
          .padding = {a.padding[0], a.padding[1]},
          .ceil_mode = a.ceil_mode,
          .count_include_pad = a.include_pad,
          .divisor_override = a.divisor};
}
Extent2 kernel(const PoolAttrs& a) { return {a.kernel[0], a.kernel[1]}; }

PoolAttrs of_images(PoolAttrs a, const Tensor& grad, const Shape& plane) {
  a.shape = {grad.size(0), grad.size(1), plane[0], plane[1]};
  return a;
}

// Distinct values whose order does not change with a small step.
Tensor distinct(const Shape& shape, DType t) {
  std::vector<long double> v(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<long double>(i * 7 % v.size()) / 4 - 3;
  return from_wide(v, shape, t);
}

// Of images as large as a GPU's kernels want: 3 x 3 windows, 2 apart, with a padding of 1, counted as it is defined.
constexpr int64_t kHeight = 37, kWidth = 41, kRows = 19, kColumns = 21;
const PoolAttrs kImages{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}, .include_pad = false};

// f(plane, window's place in the result, element's place in the plane) for every element that a window sees.
template <class F>
void each_seen(int64_t planes, F f) {
  for (int64_t n = 0; n < planes; ++n) {
    for (int64_t o = 0; o < kRows * kColumns; ++o) {
      for (int64_t k = 0; k < 9; ++k) {
        const int64_t i = o / kColumns * 2 - 1 + k / 3, j = o % kColumns * 2 - 1 + k % 3;
        if (i >= 0 && i < kHeight && j >= 0 && j < kWidth) f(n, o, i * kWidth + j);
      }
    }
  }
}
std::vector<long double> counts() {
  std::vector<long double> n(static_cast<size_t>(kRows * kColumns));
  each_seen(1, [&](int64_t, int64_t o, int64_t) { ++n[static_cast<size_t>(o)]; });
  return n;
}

Sample large_average() {
  return {.name = "images",
          .inputs = [](DType t) -> Out {
            return {noise({2, 3, kHeight, kWidth}, t)};
          },
          .call = [](In in) -> Out { return {avg_pool2d(in[0], kernel(kImages), avg_options(kImages))}; },
          .want = [](In in, DType t) -> std::vector<Want> {
            const std::vector<long double> x = to_wide(in[0]), n = counts();
            Want w{t, {2, 3, kRows, kColumns}, std::vector<long double>(6 * kRows * kColumns)};
            w.size = w.values;
            each_seen(6, [&](int64_t plane, int64_t o, int64_t i) {
              const auto to = static_cast<size_t>(plane * kRows * kColumns + o);
              const long double v = x[static_cast<size_t>(plane * kHeight * kWidth + i)] / n[static_cast<size_t>(o)];
              w.values[to] += v;
              w.size[to] += std::abs(v);
            });
            return {w};
          },
          .large = true,
          .terms = 9};
}
Sample large_average_grad() {
  return {.name = "images",
          .inputs = [](DType t) -> Out {
            return {noise({2, 3, kRows, kColumns}, t)};
          },
          .call = [](In in) -> Out {
            return {run(kAvgPool2dGrad, {in[0]}, of_images(kImages, in[0], {kHeight, kWidth}))};
          },
          .want = [](In in, DType t) -> std::vector<Want> {
            const std::vector<long double> dy = to_wide(in[0]), n = counts();
            Want w{t, {2, 3, kHeight, kWidth}, std::vector<long double>(6 * kHeight * kWidth)};
            w.size = w.values;
            each_seen(6, [&](int64_t plane, int64_t o, int64_t i) {
              const auto to = static_cast<size_t>(plane * kHeight * kWidth + i);
              const long double v = dy[static_cast<size_t>(plane * kRows * kColumns + o)] / n[static_cast<size_t>(o)];
              w.values[to] += v;
              w.size[to] += std::abs(v);
            });
            return {w};
          },
          .large = true,
          .terms = 9};
}
// The places that a maximum of distinct values has.
std::vector<int64_t> places_of(const std::vector<long double>& x) {
  std::vector<int64_t> places(6 * kRows * kColumns, -1);
  each_seen(6, [&](int64_t plane, int64_t o, int64_t i) {
    int64_t& best = places[static_cast<size_t>(plane * kRows * kColumns + o)];
    const size_t from = static_cast<size_t>(plane * kHeight * kWidth);
    if (best < 0 || x[from + static_cast<size_t>(i)] > x[from + static_cast<size_t>(best)]) best = i;
  });
  return places;
}
Sample large_maximum() {
  return {.name = "images",
          .inputs = [](DType t) -> Out {
            return {noise({2, 3, kHeight, kWidth}, t)};
          },
          .call = [](In in) -> Out {
            auto [y, places] = max_pool2d_with_indices(in[0], kernel(kImages), max_options(kImages));
            return {y, places};
          },
          .want = [](In in, DType t) -> std::vector<Want> {
            const std::vector<long double> x = to_wide(in[0]);
            Want y{t, {2, 3, kRows, kColumns}, {}}, places{i64, {2, 3, kRows, kColumns}, {}};
            for (size_t o = 0; const int64_t i : places_of(x)) {
              y.values.push_back(x[o++ / (kRows * kColumns) * kHeight * kWidth + static_cast<size_t>(i)]);
              places.values.push_back(static_cast<long double>(i));
            }
            return {y, places};
          },
          .large = true};
}
Sample large_maximum_grad() {
  return {.name = "images",
          .inputs = [](DType t) -> Out {
            std::vector<long double> places;
            for (const int64_t i : places_of(to_wide(noise({2, 3, kHeight, kWidth}, f64))))
              places.push_back(static_cast<long double>(i));
            return {noise({2, 3, kRows, kColumns}, t), from_wide(places, {2, 3, kRows, kColumns}, i32)};
          },
          .call = [](In in) -> Out {
            return {run(kMaxPool2dGrad, {in[0], in[1]}, of_images(kImages, in[0], {kHeight, kWidth}))};
          },
          .want = [](In in, DType t) -> std::vector<Want> {
            const std::vector<long double> dy = to_wide(in[0]), places = to_wide(in[1]);
            Want w{t, {2, 3, kHeight, kWidth}, std::vector<long double>(6 * kHeight * kWidth)};
            w.size = w.values;
            for (size_t o = 0; o < dy.size(); ++o) {
              const size_t to = o / (kRows * kColumns) * kHeight * kWidth + static_cast<size_t>(places[o]);
              w.values[to] += dy[o];
              w.size[to] += std::abs(dy[o]);
            }
            return {w};
          },
          .large = true,
          .terms = 4};
}

}  // namespace

static void pool_rows(Rows& rows) {
  const Case plain{"plain", {.kernel = {2, 2}, .stride = {2, 2}}},
      overlapping{"overlapping", {.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}}},
      ceil{"ceil", {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}, .ceil_mode = true}},
      dilated{"dilated", {.kernel = {2, 2}, .stride = {1, 1}, .padding = {1, 1}, .dilation = {2, 3}}},
      inside{"inside", {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}, .include_pad = false}},
      divided{"divided", {.kernel = {2, 2}, .stride = {2, 2}, .divisor = 3}};

  OpRow max{.op = "max_pool2d"}, max_grad{.op = "max_pool2d_grad", .accuracy = Accuracy::kSum};
  for (const Case& c : {plain, overlapping, ceil, dilated}) {
    const PoolAttrs a = c.attrs;
    add_golden(max, concat("max_pool2d/", c.name),
               [a](In in) -> Out {
                 auto [y, places] = max_pool2d_with_indices(in[0], kernel(a), max_options(a));
                 return {y, places};
               },
               {.batch = 1});
    add_golden(max_grad, concat("max_pool2d_grad/", c.name),
               [a](In in) -> Out {
                 return {run(kMaxPool2dGrad, {in[0], in[1]}, of_images(a, in[0], {7, 6}))};
               },
               {.batch = 3, .terms = 9});
  }
  add_golden(max, "max_pool2d/nan", [](In in) -> Out {
    auto [y, places] = max_pool2d_with_indices(in[0], 2);
    return {y, places};
  });
  add_golden(max, "max_pool2d/adaptive", HEARTH_CALL(adaptive_max_pool2d(in[0], {3, 4})), {.batch = 1});
  max.samples.push_back(
      {.name = "smooth",
       .inputs = [](DType t) -> Out {
         return {distinct({2, 4, 5}, t)};
       },
       .call = [a = overlapping.attrs](In in) -> Out { return {max_pool2d(in[0], kernel(a), max_options(a))}; },
       .smooth = true});
  max_grad.samples.push_back({.name = "smooth",
                              .inputs = [](DType t) -> Out {
                                return {
                                    noise({1, 2, 2, 2}, t),
                                    from_wide(std::vector<long double>{0, 2, 5, 7, 1, 1, 5, 11}, {1, 2, 2, 2}, i32)};
                              },
                              .call = [](In in) -> Out {
                                const PoolAttrs a{.kernel = {2, 3}, .stride = {1, 1}, .shape = {1, 2, 3, 4}};
                                return {run(kMaxPool2dGrad, {in[0], in[1]}, a)};
                              },
                              .smooth = true});
  max.samples.push_back(large_maximum());
  max_grad.samples.push_back(large_maximum_grad());
  rows.push_back(std::move(max));
  rows.push_back(std::move(max_grad));

  OpRow avg{.op = "avg_pool2d", .accuracy = Accuracy::kSum},
      avg_grad{.op = "avg_pool2d_grad", .accuracy = Accuracy::kSum};
  for (const Case& c : {plain, overlapping, ceil, inside, divided}) {
    const PoolAttrs a = c.attrs;
    add_golden(avg, concat("avg_pool2d/", c.name),
               [a](In in) -> Out { return {avg_pool2d(in[0], kernel(a), avg_options(a))}; }, {.batch = 1, .terms = 9});
    add_golden(avg_grad, concat("avg_pool2d_grad/", c.name),
               [a](In in) -> Out {
                 return {run(kAvgPool2dGrad, {in[0]}, of_images(a, in[0], {7, 6}))};
               },
               {.batch = 1, .terms = 9});
    avg.samples.push_back({.name = concat("smooth, ", c.name),
                           .inputs = [](DType t) -> Out {
                             return {noise({1, 2, 4, 3}, t)};
                           },
                           .call = [a](In in) -> Out { return {avg_pool2d(in[0], kernel(a), avg_options(a))}; },
                           .smooth = true,
                           .batch = 1});
  }
  avg_grad.samples.push_back({.name = "smooth",
                              .inputs = [](DType t) -> Out {
                                return {noise({1, 2, 2, 2}, t)};
                              },
                              .call = [a = inside.attrs](In in) -> Out {
                                return {run(kAvgPool2dGrad, {in[0]}, of_images(a, in[0], {4, 3}))};
                              },
                              .smooth = true,
                              .batch = 1});
  add_golden(avg, "avg_pool2d/adaptive", HEARTH_CALL(adaptive_avg_pool2d(in[0], {3, 4})), {.batch = 1, .terms = 9});
  avg.samples.push_back(large_average());
  avg_grad.samples.push_back(large_average_grad());
  rows.push_back(std::move(avg));
  rows.push_back(std::move(avg_grad));
}

HEARTH_OP_ROWS(pool_rows);

}  // namespace hearth::testing
