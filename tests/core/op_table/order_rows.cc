// References are loops over the elements.
#include "core/ops/order.h"

#include <algorithm>
#include <cmath>

#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

using Values = std::vector<long double>;

// The value that stands in the middle of the n elements from `at` on, `step` apart, and its first place.
std::pair<long double, int64_t> middle(const Values& v, size_t at, size_t step, size_t n) {
  Values line;
  for (size_t i = 0; i < n; ++i) line.push_back(v[at + i * step]);
  Values sorted = line;
  std::ranges::sort(sorted, [](long double a, long double b) { return a < b || (std::isnan(b) && !std::isnan(a)); });
  const long double m = std::isnan(sorted[n - 1]) ? sorted[n - 1] : sorted[(n - 1) / 2];
  size_t place = 0;
  while (!(line[place] == m || (std::isnan(m) && std::isnan(line[place])))) ++place;
  return {m, static_cast<int64_t>(place)};
}

Sample median_along(const char* name, Values values, const Shape& shape, int64_t d, bool smooth, DTypeSet dtypes) {
  Sample s{.name = name,
           .inputs = [=](DType t) -> Out { return {from_wide(values, shape, t)}; },
           .call = [d](In in) -> Out {
             auto [m, places] = median(in[0], d);
             return {m, places};
           },
           .dtypes = dtypes,
           .smooth = smooth,
           .batch = d == 0 ? 0u : 1u};
  s.want = [shape, d](In in, DType t) {
    const Values v = to_wide(in[0]);
    const auto n = static_cast<size_t>(shape[static_cast<int>(d)]);
    size_t step = 1, lines = 1;
    Shape left;
    for (int k = 0; k < shape.rank(); ++k) {
      if (k > d) step *= static_cast<size_t>(shape[k]);
      if (k == d) continue;
      lines *= static_cast<size_t>(shape[k]);
      left.push_back(shape[k]);
    }
    Want m{t, left, {}}, places{i64, left, {}};
    for (size_t i = 0; i < lines; ++i) {
      const auto [value, place] = middle(v, i / step * step * n + i % step, step, n);
      m.values.push_back(value);
      places.values.push_back(static_cast<long double>(place));
    }
    return std::vector<Want>{m, places};
  };
  return s;
}

Sample isin_of(const char* name, Values values, const Shape& shape, Values among, DTypeSet dtypes = kAllTypes) {
  return {.name = name,
          .inputs = [=](DType t) -> Out {
            return {from_wide(values, shape, t), from_wide(among, {static_cast<int64_t>(among.size())}, t)};
          },
          .call = HEARTH_CALL(isin(in[0], in[1])),
          .want =
              [shape](In in, DType) {
                const Values v = to_wide(in[0]), a = to_wide(in[1]);
                Want w{boolean, shape, {}};
                for (long double x : v) w.values.push_back(std::ranges::find(a, x) != a.end());
                return std::vector<Want>{w};
              },
          .dtypes = dtypes};
}

}  // namespace

static void order_rows(Rows& rows) {
  OpRow m{.op = "median"};
  m.samples.push_back(median_along("rows", {5, 1, 4, 2, 9, 7, 8, 3, 6, 0}, {2, 5}, 1, true, kNumberTypes));
  m.samples.push_back(median_along("columns", {5, 1, 4, 2, 9, 7, 8, 3}, {4, 2}, 0, true, kNumberTypes));
  m.samples.push_back(median_along("equal", {2, 2, 1, 3, 3, 3, 2, 2, 1, 1, 3, 2}, {2, 3, 2}, 1, false, kNumberTypes));
  m.samples.push_back(median_along("one", {4, 7, 2}, {3, 1}, 1, true, kNumberTypes));
  m.samples.push_back(median_along("NaN and infinities", {1, NAN, 3, INFINITY, 2, -INFINITY, -1, -2, NAN}, {3, 3}, 1,
                                   false, kFloatTypes));
  rows.push_back(std::move(m));

  OpRow all{.op = "median_all"};
  for (const Values& values : {Values{5, 1, 4, 2, 9, 7}, Values{3, 8, 6}}) {
    all.samples.push_back({.name = values.size() == 3 ? "odd" : "even",
                           .inputs = [values](DType t) -> Out {
                             return {from_wide(values, {static_cast<int64_t>(values.size()) / 3, 3}, t)};
                           },
                           .call = HEARTH_CALL(median(in[0])),
                           .want = [](In in, DType t) -> std::vector<Want> {
                             Values v = to_wide(in[0]);
                             std::sort(v.begin(), v.end());
                             return {{t, {}, {v[(v.size() - 1) / 2]}}};
                           },
                           .dtypes = kNumberTypes,
                           .smooth = true});
  }
  rows.push_back(std::move(all));

  OpRow i{.op = "isin", .gradient = false};
  i.samples.push_back(isin_of("numbers", {0, 1, 2, 3, 4, 5}, {2, 3}, {5, 1, 1, 9}));
  i.samples.push_back(isin_of("none", {0, 1, 2}, {3}, {}));
  i.samples.push_back(isin_of("no elements", {}, {0, 2}, {1, 2}));
  i.samples.push_back(isin_of("NaN", {1, NAN, INFINITY}, {3}, {NAN, INFINITY}, kFloatTypes));
  rows.push_back(std::move(i));
}

HEARTH_OP_ROWS(order_rows);

}  // namespace hearth::testing
