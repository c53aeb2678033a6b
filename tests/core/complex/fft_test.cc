// Fourier transforms of all lengths against sums of their definition in long double; long ones against themselves and
// such sums of a few results.
#include "core/ops/fft.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>

#include <hwy/targets.h>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/stft.h"
#include "core/ops/view.h"
#include "core/ops/window.h"

namespace hearth {
namespace {

using L = std::complex<long double>;
using ::testing::HasSubstr;

std::vector<L> roots_of(int64_t n, int sign) {
  std::vector<L> w;
  for (int64_t k = 0; k < n; ++k) {
    const long double a =
        2 * std::numbers::pi_v<long double> * static_cast<long double>(k) / static_cast<long double>(n);
    w.emplace_back(std::cos(a), static_cast<long double>(sign) * std::sin(a));
  }
  return w;
}
std::vector<L> by_definition(const std::vector<L>& x, const std::vector<L>& w) {
  const size_t n = x.size();
  std::vector<L> y(n);
  for (size_t k = 0; k < n; ++k) {
    for (size_t j = 0; j < n; ++j) y[k] += x[j] * w[j * k % n];
  }
  return y;
}
// Root mean square of the differences, as a part of that of the values.
double error_of_parts(const std::vector<L>& got, const std::vector<L>& want) {
  long double off = 0, size = 0;
  for (size_t i = 0; i < want.size(); ++i) off += std::norm(got[i] - want[i]), size += std::norm(want[i]);
  return static_cast<double>(std::sqrt(off / size));
}
template <class T>
std::vector<L> wide(const Tensor& z) {
  std::vector<L> v;
  for (const std::complex<T>& c : z.to_vector<std::complex<T>>()) v.emplace_back(c.real(), c.imag());
  return v;
}

template <class T>
void check_all(int64_t n, int64_t batch, double unit) {
  SCOPED_TRACE(n);
  const DType t = dtype_of<T>;
  manual_seed(static_cast<uint64_t>(n));
  const Tensor re = randn({batch, n}, {.dtype = t}), z = complex(re, randn({batch, n}, {.dtype = t}));
  const auto forward = roots_of(n, -1), backward = roots_of(n, 1);
  const Tensor f = fft::fft(z), b = fft::ifft(z, {}, -1, fft::Norm::kForward), r = fft::rfft(re),
               back = fft::irfft(r, n);
  // The last line is in a group that is not full. Definitions of long lines take a while.
  for (int64_t row = n < 64 ? 0 : batch - 1; row < batch; row += std::max<int64_t>(batch - 1, 1)) {
    const std::vector<L> x = wide<T>(z.select(0, row));
    const double tolerance = unit * (1 + std::log2(static_cast<double>(n))) * (n > 31 ? 4 : 2);
    EXPECT_LE(error_of_parts(wide<T>(f.select(0, row)), by_definition(x, forward)), tolerance) << "fft";
    EXPECT_LE(error_of_parts(wide<T>(b.select(0, row)), by_definition(x, backward)), tolerance) << "ifft";
    std::vector<L> real_x;
    for (const L& v : x) real_x.emplace_back(v.real(), 0);
    std::vector<L> half = by_definition(real_x, forward);
    half.resize(static_cast<size_t>(n / 2 + 1));
    EXPECT_LE(error_of_parts(wide<T>(r.select(0, row)), half), tolerance) << "rfft";
    const auto again = back.select(0, row).template to_vector<T>();
    std::vector<L> again_wide(again.begin(), again.end());
    EXPECT_LE(error_of_parts(again_wide, real_x), 2 * tolerance) << "irfft";
  }
}

TEST(Fft, EveryLength) {
  for (int64_t n = 1; n <= 130; ++n) {
    check_all<float>(n, 19, 0x1p-24);
    check_all<double>(n, 19, 0x1p-53);
  }
}

TEST(Fft, LengthsOfManyKinds) {
  // Products of all radices, squares of primes, primes above the largest radix, lengths that are cut in two when alone.
  for (int64_t n : {200, 210, 256, 343, 361, 400, 441, 480, 512, 625, 961, 997, 1009, 1024, 1155, 2003, 2016}) {
    for (int64_t batch : {1, 3}) {
      check_all<float>(n, batch, 0x1p-24);
      check_all<double>(n, batch, 0x1p-53);
    }
  }
}

TEST(Fft, OnEveryInstructionSet) {
  for (int64_t rest = hwy::SupportedTargets(); rest; rest &= rest - 1) {
    const int64_t target = rest & -rest;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    for (int64_t n : {1, 2, 12, 35, 37, 60, 77, 1536, 2027}) {
      check_all<float>(n, 5, 0x1p-24);
      check_all<double>(n, 5, 0x1p-53);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

// Results k of a line by their definition.
template <class T>
void check_some(const Tensor& line, const Tensor& got, int64_t stride, double unit) {
  const auto x = wide<T>(line), y = wide<T>(got);
  const auto n = static_cast<int64_t>(x.size());
  const auto w = roots_of(n, -1);
  std::vector<L> some, want;
  for (int64_t k = 1; k < std::ssize(y); k += stride) {
    L sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += x[static_cast<size_t>(j)] * w[static_cast<size_t>(j * k % n)];
    some.push_back(y[static_cast<size_t>(k)]);
    want.push_back(sum);
  }
  EXPECT_LE(error_of_parts(some, want), unit * (1 + std::log2(static_cast<double>(n))) * 4) << n;
}

TEST(Fft, LongLines) {
  manual_seed(3);
  for (int64_t n : {int64_t{1} << 14, int64_t{3} * 5 * 7 * 11 * 13, int64_t{1} << 16, int64_t{65537}, int64_t{100003},
                    int64_t{1} << 18}) {
    const Tensor re = randn({n}), z = complex(re, randn({n})), zeros_beside = complex(re, zeros({n}));
    check_some<float>(z, fft::fft(z), n / 7 + 1, 0x1p-24);
    check_some<float>(zeros_beside, fft::rfft(re), n / 9 + 1, 0x1p-24);
    const double size = std::sqrt(square(re).mean().item<double>());
    EXPECT_LE(std::sqrt(square(fft::irfft(fft::rfft(re), n) - re).mean().item<double>()), 2e-6 * size) << n;
    EXPECT_LE(std::sqrt(square(abs(fft::ifft(fft::fft(z)) - z)).mean().item<double>()), 2e-6 * size) << n;
    // Along a dimension whose numbers are not neighbours.
    const Tensor columns = view_as_complex(view_as_real(z).expand({2, n, 2}).contiguous()).t().contiguous();
    EXPECT_TRUE(equal(fft::fft(columns, {}, 0).select(1, 1), fft::fft(z))) << n;
  }
}

TEST(Fft, TheSameInEveryPlace) {
  manual_seed(5);
  // A line has the same bits wherever it lies and however many others there are.
  // 1024 numbers, and 2048 real ones, are cut in two.
  for (int64_t n : {12, 15, 37, 64, 1000, 1024, 1030, 2048, 2310, 4096}) {
    const Tensor z = complex(randn({45, n}), randn({45, n})), y = fft::fft(z);
    const Tensor x = real(z).contiguous(), h = fft::rfft(x), back = fft::irfft(h, n);
    for (int64_t i : {0, 15, 16, 44}) {
      EXPECT_TRUE(equal(fft::fft(z.select(0, i)), y.select(0, i)));
      EXPECT_TRUE(equal(fft::rfft(x.select(0, i)), h.select(0, i)));
      EXPECT_TRUE(equal(fft::irfft(h.select(0, i), n), back.select(0, i)));
    }
    EXPECT_TRUE(equal(fft::fft(z.t().contiguous(), {}, 0), y.t()));
    EXPECT_TRUE(equal(fft::rfft(x.t().contiguous(), {}, 0), h.t()));
    EXPECT_TRUE(equal(fft::irfft(h.t().contiguous(), n, 0), back.t()));
    const Tensor cube = z.reshape({3, 15, n}).transpose(1, 2);  // [3, n, 15]
    EXPECT_TRUE(equal(fft::fft(cube, {}, 1).transpose(1, 2).reshape({45, n}), y));
    EXPECT_TRUE(equal(fft::fft(cube.contiguous(), {}, 1).transpose(1, 2).reshape({45, n}), y));
  }
}

TEST(Fft, TheSameWithAnyNumberOfThreads) {
  manual_seed(6);
  const Tensor z = complex(randn({4096, 60}), randn({4096, 60})), line = complex(randn({1 << 17}), randn({1 << 17}));
  const Tensor x = real(z).contiguous();
  std::vector<Tensor> first;
  for (int threads : {1, 2, 3}) {
    const ThreadWidth width(threads);
    const std::vector<Tensor> now = {fft::fft(z), fft::fft(line), fft::rfft(x), fft::irfft(z, 117), fft::fftn(z)};
    if (first.empty()) first = now;
    for (size_t i = 0; i < now.size(); ++i) EXPECT_TRUE(equal(now[i], first[i])) << threads << " " << i;
  }
}

TEST(Fft, NotOnlyNumbers) {
  // Infinities and NaN stay in their own line.
  Tensor z = complex(ones({20, 8}), ones({20, 8}));
  view_as_real(z).select(0, 3).select(0, 2).fill_(std::numeric_limits<double>::quiet_NaN());
  const Tensor bad = isnan(fft::fft(z));
  EXPECT_EQ(sum(bad.to(i64)).item<int64_t>(), 8);
  EXPECT_TRUE(bad.select(0, 3).all().item<bool>());
}

TEST(Fft, EmptyAndRefused) {
  const auto error_of = [](auto f) -> std::string {
    try {
      f();
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_EQ(fft::fft(zeros({0, 5})).shape(), Shape({0, 5}));
  EXPECT_EQ(fft::rfft(zeros({3, 5, 0}), {}, 1).shape(), Shape({3, 3, 0}));
  EXPECT_EQ(fft::irfft(zeros({0, 5})).shape(), Shape({0, 8}));
  EXPECT_EQ(fft::fft(zeros({2, 0}), 4).to_vector<std::complex<float>>(), std::vector<std::complex<float>>(8));
  EXPECT_EQ(fft::fft(tensor({1, 2, 3})).dtype(), c64);
  EXPECT_EQ(fft::rfft(tensor({true, false})).dtype(), c64);
  EXPECT_EQ(fft::fft(zeros({4}, {.dtype = f64})).dtype(), c128);
  EXPECT_EQ(fft::fftn(scalar_tensor(2.0)).item<std::complex<float>>(), std::complex<float>(2, 0));
  EXPECT_THAT(error_of([] {
                fft::fft(zeros({2, 0}));
              }),
              HasSubstr("fft: the length of a transform must be at least 1, but is 0"));
  EXPECT_THAT(error_of([] { fft::fft(zeros({2}), 0); }), HasSubstr("must be at least 1, but is 0"));
  EXPECT_THAT(error_of([] { fft::fft(zeros({2}), -1); }), HasSubstr("must be at least 1, but is -1"));
  EXPECT_THAT(error_of([] {
                fft::irfft(zeros({2, 1}));
              }),
              HasSubstr("irfft: the length of a transform must be at least 1, but is 0"));
  EXPECT_THAT(error_of([] { fft::fft(scalar_tensor(2.0)); }), HasSubstr("fft: a 0-dim tensor has no dimension -1"));
  EXPECT_THAT(error_of([] { fft::fft(zeros({2}), {}, 1); }), HasSubstr("fft: "));
  EXPECT_THAT(error_of([] { fft::rfft(zeros({2}, {.dtype = c64})); }), HasSubstr("rfft: dtype c64 is not supported"));
  EXPECT_THAT(error_of([] { fft::fft(zeros({2}, {.dtype = f16})); }), HasSubstr("fft: dtype f16 is not supported"));
  EXPECT_THAT(error_of([] {
                fft::fftn(zeros({2, 3}), {}, Dims{1, -1});
              }),
              HasSubstr("fftn: dimension 1 is named twice"));
  EXPECT_THAT(error_of([] {
                fft::fftn(zeros({2, 3}), Dims{1}, Dims{0, 1});
              }),
              HasSubstr("1 lengths, but 2 dimensions"));
  EXPECT_THAT(error_of([] { fft::fftn(zeros({2}), Dims{1, 1}); }), HasSubstr("2 lengths for a tensor of shape [2]"));
  EXPECT_THAT(error_of([] { fft::fft2(zeros({2, 2}), {}, {0}); }), HasSubstr("two dimensions are transformed"));
  EXPECT_THAT(error_of([] { fft::rfftn(scalar_tensor(2.0)); }),
              HasSubstr("at least one dimension must be transformed"));
  EXPECT_THAT(error_of([] { fft::fftfreq(0); }), HasSubstr("fftfreq: n must be at least 1"));

  EXPECT_THAT(error_of([] { stft(zeros({5}), 16); }), HasSubstr("is too short for 8 and 8 values of reflection"));
  EXPECT_THAT(error_of([] { stft(zeros({5}), 16, {.center = false}); }),
              HasSubstr("n_fft is 16, but the signal has only 5"));
  EXPECT_THAT(error_of([] {
                stft(zeros({2, 2, 50}), 16);
              }),
              HasSubstr("expected a signal [length] or [batch, length]"));
  EXPECT_THAT(error_of([] { stft(zeros({50}), 0); }), HasSubstr("n_fft must be at least 1"));
  EXPECT_THAT(error_of([] { stft(zeros({50}), 16, {.hop_length = 0}); }), HasSubstr("hop_length must be at least 1"));
  EXPECT_THAT(error_of([] { stft(zeros({50}), 16, {.win_length = 17}); }),
              HasSubstr("win_length must be from 1 to n_fft = 16"));
  EXPECT_THAT(error_of([] { stft(zeros({50}), 16, {.window = ones({15})}); }),
              HasSubstr("the window must have the shape [16]"));
  EXPECT_THAT(error_of([] { stft(zeros({50}, {.dtype = c64}), 16, {.onesided = true}); }),
              HasSubstr("needs all frequencies"));
  const Tensor spectra = zeros({9, 6}, {.dtype = c64});
  EXPECT_THAT(error_of([&] { istft(spectra, 15); }),
              HasSubstr("istft: one-sided frequencies of n_fft = 15 are 8, but there are 9"));
  EXPECT_THAT(error_of([&] { istft(spectra, 16, {.window = hann_window(16), .center = false}); }),
              HasSubstr("the sum of squared windows is 0"));
  EXPECT_THAT(error_of([&] { istft(spectra, 16, {.length = 0}); }), HasSubstr("length must be at least 1"));
  EXPECT_THAT(error_of([&] { istft(spectra, 16, {.return_complex = true}); }),
              HasSubstr("a complex signal needs all frequencies"));
  EXPECT_THAT(error_of([] { hann_window(-1); }), HasSubstr("hann_window: the length must not be negative, but is -1"));
  EXPECT_THAT(error_of([] { hann_window(3, true, {.dtype = i32}); }), HasSubstr("the dtype must be floating-point"));
  EXPECT_EQ(hann_window(0).shape(), Shape({0}));
}

TEST(Fft, StftThereAndBack) {
  manual_seed(8);
  const Tensor x = randn({3, 4000});
  for (int64_t hop : {100, 160, 200}) {
    const Tensor w = hann_window(400);
    const Tensor spectra = stft(x, 400, {.hop_length = hop, .window = w});
    EXPECT_EQ(spectra.shape(), Shape({3, 201, 4000 / hop + 1}));
    const Tensor back = istft(spectra, 400, {.hop_length = hop, .window = w, .length = 4000});
    EXPECT_LE(abs(back - x).amax({}).item<float>(), 1e-5f);
  }
}

}  // namespace
}  // namespace hearth
