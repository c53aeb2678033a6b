// References sort numbered values by comparing them.
#include "core/ops/sort.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

using Values = std::vector<long double>;

// The first k of each line along d, in order.
std::vector<Want> ordered(const Tensor& x, int64_t d, int64_t k, bool falling, DType t) {
  const Values v = to_wide(x);
  const Shape shape = x.shape();
  const size_t n = x.dim() == 0 ? 1 : static_cast<size_t>(shape[static_cast<int>(d)]);
  size_t step = 1;
  for (int i = static_cast<int>(d) + 1; i < shape.rank(); ++i) step *= static_cast<size_t>(shape[i]);
  Shape out = shape;
  if (x.dim() > 0) out[static_cast<int>(d)] = k;
  const auto count = static_cast<size_t>(k);
  Want values{t, out, Values(v.size() / std::max<size_t>(n, 1) * count)}, places{i64, out, values.values};
  for (size_t line = 0; n > 0 && line < v.size() / n; ++line) {
    const size_t at = line / step * step * n + line % step, to = line / step * step * count + line % step;
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    const auto before = [&](size_t a, size_t b) {
      const long double p = v[at + a * step], q = v[at + b * step];
      if (std::isnan(p) || std::isnan(q))
        return falling ? std::isnan(p) && !std::isnan(q) : !std::isnan(p) && std::isnan(q);
      return falling ? p > q : p < q;
    };
    std::stable_sort(order.begin(), order.end(), before);
    for (size_t i = 0; i < count; ++i) {
      values.values[to + i * step] = v[at + order[i] * step];
      places.values[to + i * step] = static_cast<long double>(order[i]);
    }
  }
  return {values, places};
}

Out both_of(const Sorted& s) { return {s.values, s.indices}; }

Sample sort_of(const char* name, Values values, const Shape& shape, int64_t d, bool falling, bool smooth,
               DTypeSet dtypes = kAllTypes) {
  return {.name = name,
          .inputs = [=](DType t) -> Out { return {from_wide(values, shape, t)}; },
          .call = [=](In in) -> Out { return both_of(sort(in[0], d, falling)); },
          .want =
              [=](In in, DType t) {
                const int64_t n = shape.rank() == 0 ? 1 : shape[static_cast<int>(d)];
                return ordered(in[0], d, n, falling, t);
              },
          .dtypes = dtypes,
          .smooth = smooth,
          .batch = d == 0 || shape[0] == 0 ? 0u : 1u};
}

Sample top_of(const char* name, Values values, const Shape& shape, int64_t k, int64_t d, bool largest, bool smooth,
              DTypeSet dtypes = kAllTypes) {
  return {.name = name,
          .inputs = [=](DType t) -> Out { return {from_wide(values, shape, t)}; },
          .call = [=](In in) -> Out { return both_of(topk(in[0], k, d, largest)); },
          .want = [=](In in, DType t) { return ordered(in[0], d, k, largest, t); },
          .dtypes = dtypes,
          .smooth = smooth,
          .batch = d == 0 || shape[0] == 0 ? 0u : 1u};
}

// n values with many that are equal.
Values numbers(size_t n) {
  Values v(n);
  for (size_t i = 0; i < n; ++i) v[i] = static_cast<long double>(i * 7919 % 97);
  return v;
}

}  // namespace

static void sort_rows(Rows& rows) {
  const Values apart = {5, 1, 4, 2, 9, 7, 8, 3, 6, 0}, special = {1, NAN, -0.0L, INFINITY, 0, -INFINITY, NAN, -1, 2};
  OpRow s{.op = "sort"};
  s.samples.push_back(sort_of("rows", apart, {2, 5}, 1, false, true));
  s.samples.push_back(sort_of("columns, falling", apart, {5, 2}, 0, true, true));
  s.samples.push_back(sort_of("middle", {2, 2, 1, 3, 3, 3, 2, 2, 1, 1, 3, 2}, {2, 3, 2}, 1, false, false));
  s.samples.push_back(sort_of("equal, falling", {2, 2, 1, 3, 3, 3, 2, 2, 1, 1, 3, 2}, {2, 6}, 1, true, false));
  s.samples.push_back(sort_of("special", special, {1, 9}, 1, false, false, kFloatTypes));
  s.samples.push_back(sort_of("special, falling", special, {1, 9}, 1, true, false, kFloatTypes));
  s.samples.push_back(sort_of("negative", {-3, 5, -128, 127, 0, -1}, {1, 6}, 1, false, false,
                              kFloatTypes | DTypeSet{i8, i16, i32, i64}));
  s.samples.push_back(sort_of("long", numbers(600), {2, 300}, 1, false, false));
  s.samples.push_back(sort_of("0-dim", {3}, {}, 0, false, true));
  s.samples.push_back(sort_of("no lines", {}, {0, 3}, 1, false, false));
  s.samples.push_back(sort_of("empty lines", {}, {3, 0}, 1, false, false));
  rows.push_back(std::move(s));

  OpRow t{.op = "topk"};
  t.samples.push_back(top_of("rows", apart, {2, 5}, 2, 1, true, true));
  t.samples.push_back(top_of("columns, smallest", apart, {5, 2}, 3, 0, false, true));
  t.samples.push_back(top_of("equal", {2, 2, 1, 3, 3, 3, 2, 2, 1, 1, 3, 2}, {2, 6}, 4, 1, true, false));
  t.samples.push_back(top_of("special", special, {1, 9}, 4, 1, true, false, kFloatTypes));
  t.samples.push_back(top_of("special, smallest", special, {1, 9}, 7, 1, false, false, kFloatTypes));
  t.samples.push_back(top_of("long", numbers(1500), {2, 750}, 5, 1, true, false));
  t.samples.push_back(top_of("0-dim", {3}, {}, 1, 0, true, true));
  t.samples.push_back(top_of("none", {1, 2, 3, 4}, {2, 2}, 0, 1, true, false));
  t.samples.push_back(top_of("no lines", {}, {0, 3}, 2, 1, true, false));
  rows.push_back(std::move(t));
}

HEARTH_OP_ROWS(sort_rows);

}  // namespace hearth::testing
