// References scan the numbers once more for each element.
#include "core/ops/cumulative.h"

#include <algorithm>
#include <cmath>

#include "core/ops/repeat_interleave.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

using Values = std::vector<long double>;

// Where along its line each element lies, and in which line: index = (line / step * n + place) * step + line % step.
struct Lines {
  size_t n = 1, step = 1;
  Lines(const Shape& shape, int64_t d) {
    if (shape.rank() == 0) return;
    n = static_cast<size_t>(shape[static_cast<int>(d)]);
    for (int i = static_cast<int>(d) + 1; i < shape.rank(); ++i) step *= static_cast<size_t>(shape[i]);
  }
};

std::vector<Want> extremes(const Tensor& x, int64_t d, bool largest, DType t) {
  const Values v = to_wide(x);
  const Lines lines(x.shape(), d);
  Want values{t, x.shape(), Values(v.size())}, places{i64, x.shape(), values.values};
  for (size_t k = 0; k < v.size(); ++k) {
    const size_t place = k / lines.step % lines.n, first = k - place * lines.step;
    size_t best = 0;
    for (size_t i = 0; i <= place; ++i) {
      const long double a = v[first + i * lines.step], b = v[first + best * lines.step];
      if (std::isnan(a) || (!std::isnan(b) && (largest ? a >= b : a <= b))) best = i;
    }
    values.values[k] = v[first + best * lines.step];
    places.values[k] = static_cast<long double>(best);
  }
  return {values, places};
}

Sample running(const char* name, Values values, const Shape& shape, int64_t d, bool largest, bool smooth,
               DTypeSet dtypes = kAllTypes) {
  return {.name = name,
          .inputs = [=](DType t) -> Out { return {from_wide(values, shape, t)}; },
          .call = [=](In in) -> Out {
            const RunningExtremes e = largest ? cummax(in[0], d) : cummin(in[0], d);
            return {e.values, e.indices};
          },
          .want = [=](In in, DType t) { return extremes(in[0], d, largest, t); },
          .dtypes = dtypes,
          .smooth = smooth,
          .batch = d == 0 || shape[0] == 0 ? 0u : 1u};
}

Sample repeated(const char* name, Values values, const Shape& shape, int64_t count, int64_t d) {
  return {.name = name,
          .inputs = [=](DType t) -> Out { return {from_wide(values, shape, t)}; },
          .call = [=](In in) -> Out { return {repeat_interleave(in[0], count, d)}; },
          .want =
              [=](In in, DType t) {
                const Values v = to_wide(in[0]);
                const Lines lines(shape, d);
                Shape out = shape;
                if (shape.rank() == 0) out = {count};
                else out[static_cast<int>(d)] *= count;
                Want want{t, out, {}};
                const size_t n = lines.n * static_cast<size_t>(count);
                for (size_t k = 0; k < v.size() * static_cast<size_t>(count); ++k) {
                  const size_t place = k / lines.step % n, line = k / (lines.step * n) * lines.step * lines.n;
                  want.values.push_back(v[line + place / static_cast<size_t>(count) * lines.step + k % lines.step]);
                }
                return std::vector<Want>{want};
              },
          .smooth = true,
          .batch = d == 0 || shape[0] == 0 ? 0u : 1u};
}

Values numbers(size_t n) {
  Values v(n);
  for (size_t i = 0; i < n; ++i) v[i] = static_cast<long double>(i * 7919 % 97);
  return v;
}

}  // namespace

static void cumulative_rows(Rows& rows) {
  const Values apart = {5, 1, 4, 2, 9, 7, 8, 3, 6, 0},
               special = {1, -0.0L, 0, -INFINITY, INFINITY, 2, NAN, -1, NAN, INFINITY};
  for (const bool largest : {true, false}) {
    OpRow row{.op = largest ? "cummax" : "cummin"};
    row.samples.push_back(running("rows", apart, {2, 5}, 1, largest, true));
    row.samples.push_back(running("columns", apart, {5, 2}, 0, largest, true));
    row.samples.push_back(running("middle", {2, 2, 1, 3, 3, 3, 2, 2, 1, 1, 3, 2}, {2, 3, 2}, 1, largest, false));
    row.samples.push_back(running("special", special, {1, 10}, 1, largest, false, kFloatTypes));
    row.samples.push_back(running("negative", {-3, 5, -128, 127, 0, -1}, {1, 6}, 1, largest, false,
                                  kFloatTypes | DTypeSet{i8, i16, i32, i64}));
    row.samples.push_back(running("long", numbers(600), {2, 300}, 1, largest, false));
    row.samples.push_back(running("0-dim", {3}, {}, 0, largest, true));
    row.samples.push_back(running("no lines", {}, {0, 3}, 1, largest, false));
    row.samples.push_back(running("empty lines", {}, {3, 0}, 1, largest, false));
    rows.push_back(std::move(row));
  }

  OpRow row{.op = "repeat_interleave", .takes = kAllTypes, .composed = true};
  row.samples.push_back(repeated("first", {1, 2, 3, 4, 5, 6}, {3, 2}, 2, 0));
  row.samples.push_back(repeated("middle", {1, 2, 3, 4, 5, 6, 7, 8}, {2, 2, 2}, 3, 1));
  row.samples.push_back(repeated("last", {1, 2, 3, 4, 5, 6}, {2, 3}, 2, 1));
  row.samples.push_back(repeated("once", {1, 2, 3, 4}, {2, 2}, 1, 1));
  rows.push_back(std::move(row));
}

HEARTH_OP_ROWS(cumulative_rows);

}  // namespace hearth::testing
