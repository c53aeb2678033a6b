// The audio room's op table: one row for each of its records, see core/testing/op_table.h.
#include "core/testing/op_table.h"

#include <cmath>
#include <numbers>

#include "audio/ops/filter.h"
#include "audio/ops/frame_product.h"
#include "audio/ops/power_spectra_internal.h"
#include "audio/ops/resample.h"
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
         return {testing::noise({3, 40000}, t), from_wide(Values{1, -0.5, 0.25}, {3}, t),
                 from_wide(Values{0.25, 0.5, -0.125}, {3}, t)};
       },
       .call = HEARTH_CALL(lfilter(in[0], in[1], in[2])),
       .large = true},
  };
  rows.push_back(std::move(row));
}

// The sums as they are written.
Values resampled(In in, const ResampleAttrs& a, int64_t length, bool sizes) {
  Values x = to_wide(in[0]), w = to_wide(in[1]);
  for (auto* v : {&x, &w}) {
    for (auto& e : *v) e = sizes ? std::fabs(e) : e;
  }
  const int64_t n = in[0].size(-1), to = in[1].size(0), taps = in[1].size(1);
  Values y;
  for (int64_t line = 0; line < in[0].numel() / n; ++line) {
    for (int64_t j = 0; j < length; ++j) {
      const auto start =
          static_cast<int64_t>(std::floor(static_cast<double>(j * a.from + a.shift) / static_cast<double>(to)));
      long double sum = 0;
      for (int64_t k = 0; k < taps; ++k) {
        if (start + k < 0 || start + k >= n) continue;
        sum += x[static_cast<size_t>(line * n + start + k)] * w[static_cast<size_t>(j % to * taps + k)];
      }
      y.push_back(sum);
    }
  }
  return y;
}

Sample resampling(const char* name, const Shape& shape, int64_t to, int64_t taps, const ResampleAttrs& a,
                  int64_t length) {
  return {.name = name,
          .inputs = [=](DType t) -> Out {
            Values x, w;
            for (int64_t i = 0; i < shape.numel(); ++i) x.push_back(static_cast<long double>(i * 7 % 16 - 8) / 8);
            for (int64_t i = 0; i < to * taps; ++i) w.push_back(static_cast<long double>(i * 5 % 13 - 6) / 8);
            return {from_wide(x, shape, t), from_wide(w, {to, taps}, t)};
          },
          .call = [=](In in) -> Out {
            return {run(kResample, {in[0], in[1]}, a)};
          },
          .want =
              [=](In in, DType t) {
                Shape out = in[0].shape();
                out[out.rank() - 1] = length;
                return std::vector<Want>{{t, out, resampled(in, a, length, false), resampled(in, a, length, true)}};
              },
          .smooth = true,
          .batch = shape.rank() > 1 ? 1u : 0u,
          .constants = 0b10,
          .terms = static_cast<double>(taps)};
}

void resample_rows(std::vector<OpRow>& rows) {
  OpRow row{.op = "audio::resample", .accuracy = Accuracy::kSum};
  row.samples = {
      resampling("down", {2, 11}, 2, 5, {.from = 3, .shift = -4}, 8),
      resampling("up", {7}, 3, 4, {.from = 2, .shift = -3}, 11),
      resampling("cut", {2, 9}, 2, 3, {.from = 1, .shift = -2, .length = 5}, 5),
      resampling("beyond", {2, 4}, 1, 2, {.from = 1, .shift = 3, .length = 6}, 6),
      resampling("long filter", {1, 40}, 1, 37, {.from = 2, .shift = -18}, 20),
      {.name = "large",
       .inputs = [](DType t) -> Out {
         return {testing::noise({3, 40000}, t), testing::noise({3, 21}, t)};
       },
       .call = [](In in) -> Out {
         return {run(kResample, {in[0], in[1]}, ResampleAttrs{.from = 4, .shift = -30})};
       },
       .large = true},
  };
  rows.push_back(std::move(row));
}

// The sums as they are written, of values or of their sizes.
Values product(In in, bool sizes) {
  const Values x = to_wide(in[0]), w = to_wide(in[1]);
  const auto n = static_cast<size_t>(in[1].size(0)), m = static_cast<size_t>(in[1].size(1));
  Values y(n > 0 ? x.size() / n * m : 0);
  for (size_t i = 0; i < y.size(); ++i) {
    for (size_t k = 0; k < n; ++k) {
      const long double v = x[i / m * n + k] * w[k * m + i % m];
      y[i] += sizes ? std::fabs(v) : v;
    }
  }
  return y;
}

Sample products(const char* name, const Shape& shape, int64_t m, bool filters) {
  return {.name = name,
          .inputs = [=](DType t) -> Out {
            const int64_t n = shape.back();
            Values x, w;
            for (int64_t i = 0; i < shape.numel(); ++i) x.push_back(static_cast<long double>(i * 7 % 16 - 8) / 8);
            // Of filters: zeros around two weights in each row, and a row of none.
            for (int64_t i = 0; i < n * m; ++i)
              w.push_back(filters && ((i % m - i / m) / 2 != 0 || i / m == 1)
                              ? 0
                              : static_cast<long double>(i * 5 % 13 - 6) / 8);
            return {from_wide(x, shape, t), from_wide(w, {n, m}, t)};
          },
          .call = [](In in) -> Out { return {frame_product(in[0], in[1])}; },
          .want =
              [=](In in, DType t) {
                Shape out = in[0].shape();
                out[out.rank() - 1] = m;
                return std::vector<Want>{{t, out, product(in, false), product(in, true)}};
              },
          .smooth = shape.numel() > 0,
          .batch = shape.rank() > 1 && shape[0] > 0 ? 1u : 0u,
          .terms = static_cast<double>(shape.back())};
}

void frame_product_rows(std::vector<OpRow>& rows) {
  OpRow row{.op = "audio::frame_product", .accuracy = Accuracy::kSum};
  row.samples = {
      products("frames", {3, 5}, 4, false),
      products("filters", {2, 2, 6}, 6, true),
      products("one frame", {7}, 3, false),
      products("wide", {2, 3}, 37, false),
      products("no frames", {0, 3}, 2, false),
      products("no columns", {2, 3}, 0, false),
      {.name = "large",
       .inputs = [](DType t) -> Out {
         return {testing::noise({2000, 40}, t), testing::noise({40, 21}, t)};
       },
       .call = [](In in) -> Out { return {frame_product(in[0], in[1])}; },
       // Sums in another order are rounded to another f16 where they lie in the middle.
       .dtypes = DTypeSet{f32, f64},
       .large = true,
       .terms = 40},
  };
  rows.push_back(std::move(row));
}

// The discrete Fourier transform as it is written, its squares, and their products with the matrix. `sizes`: of the
// sizes of what is added.
Values spectra(In in, const PowerSpectraAttrs& a, bool sizes) {
  const Values x = to_wide(in[0]), window = to_wide(in[1]);
  const size_t n = window.size(), frames = x.size() / n, bins = static_cast<size_t>(a.n_fft / 2 + 1);
  const long double factor = a.ortho ? 1.0L / static_cast<long double>(a.n_fft) : 1.0L;
  Values y;
  for (size_t f = 0; f < frames; ++f) {
    for (size_t k = 0; k < bins; ++k) {
      long double re = 0, im = 0, size = 0;
      for (size_t i = 0; i < n; ++i) {
        const long double v = x[f * n + i] * window[i], t = 2 * std::numbers::pi_v<long double> *
                                                            static_cast<long double>(k * i) /
                                                            static_cast<long double>(a.n_fft);
        re += v * std::cos(t);
        im -= v * std::sin(t);
        size += std::fabs(v);
      }
      y.push_back((sizes ? size * size : re * re + im * im) * factor);
    }
  }
  if (in.size() < 3) return y;
  const Values matrix = to_wide(in[2]);
  const size_t m = matrix.size() / bins;
  Values sums(frames * m);
  for (size_t i = 0; i < sums.size(); ++i) {
    for (size_t k = 0; k < bins; ++k) {
      const long double w = matrix[k * m + i % m];
      sums[i] += y[i / m * bins + k] * (sizes ? std::fabs(w) : w);
    }
  }
  return sums;
}

// m: columns of the matrix; 0: none.
Sample spectra_of(const char* name, const Shape& shape, const PowerSpectraAttrs& a, int64_t m) {
  return {.name = name,
          .inputs = [=](DType t) -> Out {
            const int64_t n = shape.back(), bins = a.n_fft / 2 + 1;
            Values x, window, matrix;
            for (int64_t i = 0; i < shape.numel(); ++i) x.push_back(static_cast<long double>(i * 7 % 16 - 8) / 8);
            for (int64_t i = 0; i < n; ++i) window.push_back(static_cast<long double>(i * 3 % 8 + 1) / 8);
            // Zeros around the weights of each column, and a column of none.
            for (int64_t i = 0; i < bins * m; ++i)
              matrix.push_back(
                  i % m == 1 || std::abs(i / m - 2 * (i % m)) > 3 ? 0 : static_cast<long double>(i * 5 % 13 + 1) / 8);
            Out in = {from_wide(x, shape, t), from_wide(window, {n}, t)};
            if (m > 0) in.push_back(from_wide(matrix, {bins, m}, t));
            return in;
          },
          .call = [=](In in) -> Out {
            const std::optional<Tensor> matrix = m > 0 ? std::optional(in[2]) : std::nullopt;
            return {run(kPowerSpectra, {in[0], in[1], matrix}, a)};
          },
          .want =
              [=](In in, DType t) {
                Shape out = in[0].shape();
                out[out.rank() - 1] = m > 0 ? m : a.n_fft / 2 + 1;
                return std::vector<Want>{{t, out, spectra(in, a, false), spectra(in, a, true)}};
              },
          .batch = shape.rank() > 1 && shape[0] > 0 ? 1u : 0u,
          .terms = static_cast<double>(4 * a.n_fft)};
}

void power_spectra_rows(std::vector<OpRow>& rows) {
  OpRow row{.op = "audio::power_spectra", .accuracy = Accuracy::kSum, .gradient = false};
  row.samples = {
      spectra_of("frames", {3, 8}, {.n_fft = 8}, 0),
      spectra_of("normalised", {2, 2, 6}, {.n_fft = 6, .ortho = true}, 0),
      spectra_of("padded", {21, 5}, {.n_fft = 16}, 0),
      spectra_of("filters", {2, 19, 12}, {.n_fft = 12}, 3),
      spectra_of("large prime", {70, 74}, {.n_fft = 74}, 5),
      spectra_of("one frame", {10}, {.n_fft = 10}, 4),
      spectra_of("no frames", {0, 8}, {.n_fft = 8}, 2),
      {.name = "large",
       .inputs = [](DType t) -> Out {
         return {testing::noise({2000, 40}, t), testing::noise({40}, t), testing::noise({21, 7}, t)};
       },
       .call = [](In in) -> Out {
         return {run(kPowerSpectra, {in[0], in[1], in[2]}, PowerSpectraAttrs{.n_fft = 40})};
       },
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
    audio::resample_rows(table.rows);
    audio::frame_product_rows(table.rows);
    audio::power_spectra_rows(table.rows);
    return table;
  });
}
