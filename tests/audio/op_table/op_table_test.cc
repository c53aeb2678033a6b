// The audio room's op table: one row for each of its records, see core/testing/op_table.h.
#include "core/testing/op_table.h"

#include <cmath>

#include "audio/ops/filter.h"
#include "core/op/run.h"
#include "core/testing/tensors.h"

namespace hearth::audio {
namespace {

using testing::Accuracy;
using testing::from_wide;
using testing::In;
using testing::OpRow;
using testing::Out;
using testing::Sample;
using testing::to_wide;
using testing::Want;
using Values = std::vector<long double>;

// The difference equation as it is written, of values or of their sizes.
Values filtered(In in, bool sizes) {
  const auto of = [&](int i) {
    Values v = to_wide(in[static_cast<size_t>(i)]);
    for (auto& x : v) x = sizes ? std::fabs(x) : x;
    return v;
  };
  const Values x = of(0), a = of(1), b = of(2);
  const auto n = static_cast<size_t>(in[0].size(-1)), taps = static_cast<size_t>(in[1].size(-1)),
             filters = a.size() / taps;
  Values y(x.size());
  for (size_t i = 0; i < y.size(); ++i) {
    const size_t line = i / n, f = line % filters * taps;
    for (size_t k = 0; k < taps && k <= i % n; ++k) {
      y[i] += b[f + k] * x[i - k];
      if (k > 0) y[i] += (sizes ? 1 : -1) * a[f + k] * y[i - k];
    }
    y[i] /= a[f];
  }
  return y;
}

Sample sample(const char* name, const Shape& shape, Values a, Values b, int64_t filters = 0) {
  Shape coefficients{static_cast<int64_t>(a.size()) / std::max<int64_t>(filters, 1)};
  if (filters) coefficients.insert(0, filters);
  return {.name = name,
          .inputs = [=](DType t) -> Out {
            Values x;
            for (int64_t i = 0; i < shape.numel(); ++i) x.push_back(static_cast<long double>(i * 7 % 16 - 8) / 8);
            return {from_wide(x, shape, t), from_wide(a, coefficients, t), from_wide(b, coefficients, t)};
          },
          .call = HEARTH_CALL(lfilter(in[0], in[1], in[2], false)),
          .want =
              [](In in, DType t) {
                return std::vector<Want>{{t, in[0].shape(), filtered(in, false), filtered(in, true)}};
              },
          .smooth = true,
          .batch = shape.rank() > 1 && !filters ? 1u : 0u,
          .terms = 20};
}

void filter_rows(std::vector<OpRow>& rows) {
  OpRow row{.op = "audio::lfilter", .accuracy = Accuracy::kGradient};
  row.samples = {
      sample("second order", {2, 9}, {1, -0.5, 0.25}, {0.25, 0.5, -0.125}),
      sample("scaled", {7}, {2, -0.5, 0.25}, {1, 0, -1}),
      sample("each its own", {2, 2, 6}, {1, 0.5, 0.25, 0.125, 1, -0.25, 0, 0.5}, {1, 2, 0, -1, 0.5, 0.25, 1, 0}, 2),
      sample("first order", {3, 5}, {1, -0.875}, {1, 0}),
      sample("gain", {3, 5}, {2}, {1}),
      sample("longer than the signal", {3}, {1, 0.5, -0.25, 0.5, 0.25}, {1, -1, 0.5, 0.25, 2}),
      {.name = "large",
       .inputs = [](DType t) -> Out {
         return {testing::noise({3, 40000}, t), from_wide({1, -0.5, 0.25}, {3}, t),
                 from_wide({0.25, 0.5, -0.125}, {3}, t)};
       },
       .call = HEARTH_CALL(lfilter(in[0], in[1], in[2])),
       .large = true},
  };
  rows.push_back(std::move(row));
}

}  // namespace
}  // namespace hearth::audio

int main(int argc, char** argv) {
  using namespace hearth;
  return testing::run_op_table(argc, argv, [] {
    testing::OpTable table;
    table.owns = [](std::string_view name) { return name.starts_with("audio::"); };
    audio::filter_rows(table.rows);
    return table;
  });
}
