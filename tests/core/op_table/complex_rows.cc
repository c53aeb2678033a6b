// Complex ops, by way of pairs of real numbers: the table's operands are real. What they do with complex dtypes and
// layouts is in tests/core/complex.
#include "core/ops/complex.h"

#include <cmath>
#include <complex>
#include <numbers>

#include "core/ops/fft.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

using Complex = std::complex<long double>;

Tensor paired(const Tensor& x) { return view_as_complex(x.contiguous()); }

std::vector<Complex> numbers(const Tensor& x) {
  const std::vector<long double> v = to_wide(x);
  std::vector<Complex> z;
  for (size_t i = 0; i + 1 < v.size(); i += 2) z.emplace_back(v[i], v[i + 1]);
  return z;
}

// A sample of pairs of `shape`; want(numbers) gives the results, as pairs or real numbers.
template <class F>
Sample pairs(const char* name, const Shape& shape, const Shape& result, TensorFunction call, F want) {
  return {.name = name,
          .inputs = [shape](DType t) -> Out { return {noise(shape, t, 0.25, 2)}; },
          .call = std::move(call),
          .want = [result, want](In in, DType t) -> std::vector<Want> {
            std::vector<long double> v = want(numbers(in[0]));
            return {{t, result, std::move(v)}};
          },
          .smooth = true};
}

std::vector<long double> flat(const std::vector<Complex>& z) {
  std::vector<long double> v;
  for (const Complex& c : z) v.insert(v.end(), {c.real(), c.imag()});
  return v;
}

// The first `count` results of each run of n numbers, with the exponent's sign.
std::vector<Complex> transformed(const std::vector<Complex>& x, int64_t n, int64_t count, int sign) {
  std::vector<Complex> y;
  for (size_t row = 0; row < x.size(); row += static_cast<size_t>(n)) {
    for (int64_t k = 0; k < count; ++k) {
      Complex sum = 0;
      for (int64_t j = 0; j < n; ++j) {
        const long double a =
            2 * std::numbers::pi_v<long double> * static_cast<long double>(j * k % n) / static_cast<long double>(n);
        sum += x[row + static_cast<size_t>(j)] * Complex(std::cos(a), static_cast<long double>(sign) * std::sin(a));
      }
      y.push_back(sum);
    }
  }
  return y;
}

OpRow real_row(const char* op, Accuracy accuracy) {
  return {.op = op, .accuracy = accuracy, .takes = DTypeSet{f32, f64}, .zero_sign = false};
}

}  // namespace

static void complex_rows(Rows& rows) {
  OpRow conjugate = real_row("conj", Accuracy::kExact);
  conjugate.samples.push_back(pairs(
      "pairs", {5, 3, 2}, {5, 3, 2}, [](In in) -> Out { return {view_as_real(conj(paired(in[0])))}; },
      [](std::vector<Complex> z) {
        for (Complex& c : z) c = std::conj(c);
        return flat(z);
      }));
  rows.push_back(conjugate);

  OpRow angles = real_row("angle", Accuracy::kMath);
  angles.samples.push_back(pairs(
      "pairs", {5, 3, 2}, {5, 3}, [](In in) -> Out { return {angle(paired(in[0]))}; },
      [](const std::vector<Complex>& z) {
        std::vector<long double> v;
        for (const Complex& c : z) v.push_back(std::arg(c));
        return v;
      }));
  rows.push_back(angles);

  OpRow squares = real_row("abs_square", Accuracy::kSteps);
  squares.samples.push_back(pairs(
      "pairs", {5, 3, 2}, {5, 3}, [](In in) -> Out { return {abs_square(paired(in[0]))}; },
      [](const std::vector<Complex>& z) {
        std::vector<long double> v;
        for (const Complex& c : z) v.push_back(std::norm(c));
        return v;
      }));
  rows.push_back(squares);

  OpRow made = real_row("complex", Accuracy::kExact);
  made.samples.push_back({.name = "broadcast",
                          .inputs = [](DType t) -> Out {
                            return {noise({4, 3}, t), noise({3}, t, -2, 2, 5)};
                          },
                          .call = [](In in) -> Out { return {view_as_real(complex(in[0], in[1]))}; },
                          .want = [](In in, DType t) -> std::vector<Want> {
                            const std::vector<long double> re = to_wide(in[0]), im = to_wide(in[1]);
                            std::vector<long double> v;
                            for (size_t i = 0; i < re.size(); ++i) v.insert(v.end(), {re[i], im[i % 3]});
                            return {{t, {4, 3, 2}, v}};
                          },
                          .smooth = true});
  rows.push_back(made);

  for (const char* op : {"view_as_real", "view_as_complex"}) {
    OpRow views = real_row(op, Accuracy::kExact);
    views.samples.push_back(pairs(
        "there and back", {5, 3, 2}, {5, 3, 2}, [](In in) -> Out { return {view_as_real(paired(in[0]))}; }, flat));
    rows.push_back(views);
  }

  OpRow c2c = real_row("fft_c2c", Accuracy::kSum);
  for (const bool inverse : {false, true}) {
    Sample s = pairs(
        inverse ? "inverse" : "forward", {3, 12, 2}, {3, 12, 2},
        [inverse](In in) -> Out {
          const Tensor z = paired(in[0]);
          return {view_as_real(inverse ? fft::ifft(z, {}, -1, fft::Norm::kForward) : fft::fft(z))};
        },
        [inverse](const std::vector<Complex>& z) { return flat(transformed(z, 12, 12, inverse ? 1 : -1)); });
    s.terms = 12;
    c2c.samples.push_back(s);
  }
  Sample large = pairs(
      "many", {2000, 30, 2}, {2000, 30, 2}, [](In in) -> Out { return {view_as_real(fft::fft(paired(in[0])))}; },
      [](const std::vector<Complex>& z) { return flat(transformed(z, 30, 30, -1)); });
  large.large = true;
  large.smooth = false;
  large.terms = 30;
  c2c.samples.push_back(large);
  rows.push_back(c2c);

  OpRow r2c = real_row("fft_r2c", Accuracy::kSum);
  r2c.takes = kIntAndBoolTypes | DTypeSet{f32, f64};  // integers in f32
  for (int64_t n : {10, 9}) {
    r2c.samples.push_back({.name = n % 2 ? "odd" : "even",
                           .inputs = [n](DType t) -> Out {
                             return {noise({3, n}, t)};
                           },
                           .call = [](In in) -> Out { return {view_as_real(fft::rfft(in[0]))}; },
                           .want = [n](In in, DType t) -> std::vector<Want> {
                             std::vector<Complex> x;
                             for (long double v : to_wide(in[0])) x.emplace_back(v, 0);
                             return {{t, {3, n / 2 + 1, 2}, flat(transformed(x, n, n / 2 + 1, -1))}};
                           },
                           .dtypes = DTypeSet{f32, f64},
                           .smooth = true,
                           .terms = 10});
  }
  rows.push_back(r2c);

  OpRow c2r = real_row("fft_c2r", Accuracy::kSum);
  for (int64_t n : {10, 9}) {
    Sample s = pairs(
        n % 2 ? "odd" : "even", {3, n / 2 + 1, 2}, {3, n},
        [n](In in) -> Out { return {fft::irfft(paired(in[0]), n, -1, fft::Norm::kForward)}; },
        [n](const std::vector<Complex>& z) {
          const int64_t m = n / 2 + 1;
          std::vector<Complex> whole;
          for (int64_t row = 0; row < 3; ++row) {
            for (int64_t k = 0; k < n; ++k) {
              Complex v =
                  k < m ? z[static_cast<size_t>(row * m + k)] : std::conj(z[static_cast<size_t>(row * m + n - k)]);
              if (k == 0 || 2 * k == n) v = v.real();
              whole.push_back(v);
            }
          }
          std::vector<long double> v;
          for (const Complex& c : transformed(whole, n, n, 1)) v.push_back(c.real());
          return v;
        });
    s.terms = 10;
    c2r.samples.push_back(s);
  }
  rows.push_back(c2r);
}
HEARTH_OP_ROWS(complex_rows);

}  // namespace hearth::testing
