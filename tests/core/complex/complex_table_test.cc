// Each case of tools/golden/complex.py: values in both precisions and in other layouts, gradients, shapes without data.
// Values and gradients on the device that HEARTH_TEST_DEVICE names, the rest on the CPU.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "core/autograd/backward.h"
#include "core/autograd/gradcheck.h"
#include "core/device/default_device.h"
#include "core/io/safetensors.h"
#include "core/op/op_def.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/fft.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/stft.h"
#include "core/ops/view.h"
#include "core/ops/window.h"
#include "core/testing/tensors.h"
#include "core/testing/test_device.h"

namespace hearth::testing {
namespace {

using In = std::span<const Tensor>;
using Call = std::function<Tensor(In)>;
using fft::Norm;

const io::Safetensors& golden() {
  static const auto* const file = [] {
    auto f = io::load_safetensors("tests/core/complex/golden.safetensors");
    if (!f.ok()) ADD_FAILURE() << f.status();
    return new io::Safetensors(*std::move(f));
  }();
  return *file;
}
// In f64 or c128; undefined if there is none.
Tensor stored(const std::string& name) {
  const auto& t = golden().tensors;
  if (const auto it = t.find(name); it != t.end()) return it->second;
  if (const auto it = t.find(name + ".c"); it != t.end()) return view_as_complex(it->second.clone());
  return {};
}
// Of f64 and c128 the dtypes of half the size.
Tensor narrowed(const Tensor& t, bool narrow) {
  if (!narrow || !is_differentiable(t.dtype())) return t;
  return t.to(t.is_complex() ? c64 : f32);
}

const std::map<std::string, Call>& cases() {
  static const auto* const all = [] {
    auto& m = *new std::map<std::string, Call>;
    m["add"] = m["add_real"] = [](In x) { return x[0] + x[1]; };
    m["add_number"] = [](In x) { return x[0] + 2.5; };
    m["sub"] = m["sub_real"] = [](In x) { return x[0] - x[1]; };
    m["number_sub"] = [](In x) { return 2 - x[0]; };
    m["mul"] = m["mul_real"] = [](In x) { return x[0] * x[1]; };
    m["mul_number"] = [](In x) { return x[0] * -3; };
    m["div"] = m["div_real"] = m["real_div"] = [](In x) { return x[0] / x[1]; };
    m["number_div"] = [](In x) { return 2 / x[0]; };
    m["neg"] = [](In x) { return -x[0]; };
    m["square"] = [](In x) { return square(x[0]); };
    m["exp"] = [](In x) { return exp(x[0]); };
    m["abs"] = [](In x) { return abs(x[0]); };
    m["abs_square"] = [](In x) { return abs_square(x[0]); };
    m["angle"] = [](In x) { return angle(x[0]); };
    m["sgn"] = [](In x) { return sgn(x[0]); };
    m["conj"] = [](In x) { return conj(x[0]); };
    m["real"] = [](In x) { return real(x[0]); };
    m["imag"] = [](In x) { return imag(x[0]); };
    m["where"] = [](In x) { return where(real(x[0]) > 0, x[0], x[1]); };
    m["eq"] = [](In x) { return x[0] == x[1]; };
    m["ne"] = [](In x) { return x[0] != x[1]; };
    m["sum"] = [](In x) { return x[0].sum(); };
    m["sum_dim"] = [](In x) { return sum(x[0], {1}); };
    m["sum_dims"] = [](In x) { return sum(x[0], {0, 2}, true); };
    m["mean"] = [](In x) { return x[0].mean(); };
    m["mean_dim"] = [](In x) { return mean(x[0], {0}); };
    m["matmul"] = m["matmul_batch"] = m["matmul_batches"] =
        m["matmul_vector"] = [](In x) { return matmul(x[0], x[1]); };
    m["vdot"] = [](In x) { return vdot(x[0], x[1]); };
    m["complex"] = [](In x) { return complex(x[0], x[1]); };
    m["polar"] = [](In x) { return polar(x[0], x[1]); };
    m["view_as_real"] = [](In x) { return view_as_real(x[0]); };
    m["view_as_complex"] = [](In x) { return view_as_complex(x[0].contiguous()); };
    m["cat"] = [](In x) { return cat({x[0], x[1]}, 1); };
    m["cat_real"] = [](In x) { return cat({x[0], x[1]}, 0); };
    m["stack"] = [](In x) { return stack({x[0], x[1]}, 1); };
    m["slice"] = [](In x) { return slice(slice(x[0], 0, 1, {}), 1, 0, {}, 2); };
    m["select"] = [](In x) { return select(x[0], 1, 2); };
    m["permute"] = [](In x) { return permute(x[0], {2, 0, 1}); };
    m["reshape"] = [](In x) { return x[0].t().reshape({2, 6}); };
    m["expand"] = [](In x) { return expand(x[0], {3, 4}); };
    m["flip"] = [](In x) { return flip(x[0], {0}); };
    m["roll"] = [](In x) { return roll(x[0], {1, -1}, {0, 1}); };
    m["unfold"] = [](In x) { return unfold(x[0], 0, 3, 2); };
    m["to_real"] = [](In x) { return x[0].to(complex_type(x[0].dtype())); };

    for (const auto& [name, norm] :
         {std::pair{"backward", Norm::kBackward}, {"forward", Norm::kForward}, {"ortho", Norm::kOrtho}}) {
      const Norm w = norm;
      for (int64_t n : {6, 7}) {
        const std::string end = "_" + std::string(name) + "_" + std::to_string(n);
        m["fft" + end] = [w](In x) { return fft::fft(x[0], {}, -1, w); };
        m["ifft" + end] = [w](In x) { return fft::ifft(x[0], {}, -1, w); };
        m["rfft" + end] = [w](In x) { return fft::rfft(x[0], {}, -1, w); };
        m["irfft" + end] = [w, n](In x) { return fft::irfft(x[0], n, -1, w); };
        m["hfft" + end] = [w, n](In x) { return fft::hfft(x[0], n, -1, w); };
        m["ihfft" + end] = [w](In x) { return fft::ihfft(x[0], {}, -1, w); };
      }
      m["fftn_" + std::string(name)] = [w](In x) { return fft::fftn(x[0], {}, {}, w); };
      m["irfftn_" + std::string(name)] = [w](In x) { return fft::irfftn(x[0], Dims{5, 6}, Dims{2, 0}, w); };
      m["hfftn_" + std::string(name)] = [w](In x) { return fft::hfftn(x[0], Dims{3, 7}, {}, w); };
      m["ihfftn_" + std::string(name)] = [w](In x) { return fft::ihfftn(x[0], {}, {}, w); };
    }
    for (int64_t n : {1, 3, 5, 8, 11}) {
      const std::string end = "_n" + std::to_string(n);
      m["fft" + end] = [n](In x) { return fft::fft(x[0], n); };
      m["rfft" + end] = [n](In x) { return fft::rfft(x[0], n); };
      m["irfft" + end] = [n](In x) { return fft::irfft(x[0], n); };
      m["hfft" + end] = [n](In x) { return fft::hfft(x[0], n); };
      m["ihfft" + end] = [n](In x) { return fft::ihfft(x[0], n); };
    }
    for (int64_t d : {0, 1, 2}) {
      const std::string end = "_dim" + std::to_string(d);
      m["fft" + end] = [d](In x) { return fft::fft(x[0], {}, d); };
      m["rfft" + end] = [d](In x) { return fft::rfft(x[0], {}, d); };
      m["irfft" + end] = [d](In x) { return fft::irfft(x[0], {}, d); };
    }
    m["fft_of_real"] = m["fft_prime"] = [](In x) { return fft::fft(x[0]); };
    m["irfft_of_real"] = m["irfft_default"] = m["irfft_prime"] = [](In x) { return fft::irfft(x[0]); };
    m["rfft_prime"] = [](In x) { return fft::rfft(x[0]); };
    m.erase("irfft_prime");
    m["fft2"] = [](In x) { return fft::fft2(x[0]); };
    m["ifft2"] = [](In x) { return fft::ifft2(x[0], Dims{3, 7}); };
    m["rfft2"] = [](In x) { return fft::rfft2(x[0]); };
    m["irfft2"] = [](In x) { return fft::irfft2(x[0], {}, {0, 2}); };
    m["hfft2"] = [](In x) { return fft::hfft2(x[0]); };
    m["ihfft2"] = [](In x) { return fft::ihfft2(x[0]); };
    m["fftn_s"] = [](In x) { return fft::fftn(x[0], Dims{6, -1}); };
    m["fftn_dim"] = [](In x) { return fft::fftn(x[0], {}, Dims{2, 0}); };
    m["ifftn_s_dim"] = [](In x) { return fft::ifftn(x[0], Dims{2, 8}, Dims{0, 1}); };
    m["rfftn_order"] = [](In x) { return fft::rfftn(x[0], {}, Dims{2, 0}); };
    m["rfftn_s"] = [](In x) { return fft::rfftn(x[0], Dims{6, 3}, Dims{1, 2}); };
    m["irfftn_order"] = [](In x) { return fft::irfftn(x[0], {}, Dims{1, 0}); };
    m["irfftn_all"] = [](In x) { return fft::irfftn(x[0]); };
    m["fftfreq"] = [](In) { return fft::fftfreq(7, 0.5, {.dtype = f64}); };
    m["fftfreq_even"] = [](In) { return fft::fftfreq(8, 1, {.dtype = f64}); };
    m["rfftfreq"] = [](In) { return fft::rfftfreq(7, 0.5, {.dtype = f64}); };
    m["rfftfreq_even"] = [](In) { return fft::rfftfreq(8, 1, {.dtype = f64}); };
    m["fftshift"] = [](In x) { return fft::fftshift(x[0]); };
    m["ifftshift"] = [](In x) { return fft::ifftshift(x[0]); };
    m["fftshift_dim"] = [](In x) { return fft::fftshift(x[0], Dims{1}); };
    m["ifftshift_dim"] = [](In x) { return fft::ifftshift(x[0], Dims{-1}); };

    for (int64_t n : {1, 2, 7, 16}) {
      for (const bool periodic : {true, false}) {
        const std::string end = "_" + std::to_string(n) + (periodic ? "_periodic" : "_symmetric");
        const TensorOptions o{.dtype = f64};
        m["hann" + end] = [=](In) { return hann_window(n, periodic, o); };
        m["hamming" + end] = [=](In) { return hamming_window(n, periodic, 0.6, 0.4, o); };
        m["blackman" + end] = [=](In) { return blackman_window(n, periodic, o); };
        m["bartlett" + end] = [=](In) { return bartlett_window(n, periodic, o); };
        m["kaiser" + end] = [=](In) { return kaiser_window(n, periodic, 8.6, o); };
        m["gaussian" + end] = [=](In) { return gaussian_window(n, periodic, 2.5, o); };
        m["cosine" + end] = [=](In) { return cosine_window(n, periodic, o); };
      }
    }

    const auto w8 = [] { return hann_window(8, true, {.dtype = f64}) + 0.1; };
    const auto w6 = [] { return hamming_window(6, true, 0.54, 0.46, {.dtype = f64}); };
    m["stft"] = [=](In x) { return stft(x[0], 8, {.window = w8()}); };
    m["stft_1d"] = [=](In x) { return stft(x[0], 8, {.hop_length = 3, .window = w8()}); };
    m["stft_odd"] = [](In x) { return stft(x[0], 7); };
    m["stft_win"] = [](In x) { return stft(x[0], 9, {.hop_length = 4, .win_length = 6, .window = x[1]}); };
    m["stft_uncentred"] = [=](In x) { return stft(x[0], 8, {.hop_length = 5, .window = w8(), .center = false}); };
    m["stft_normalized"] = [=](In x) { return stft(x[0], 8, {.window = w8(), .normalized = true}); };
    m["stft_twosided"] = [=](In x) { return stft(x[0], 8, {.window = w8(), .onesided = false}); };
    m["stft_complex"] = [=](In x) { return stft(x[0], 8, {.window = w8()}); };
    m["stft_constant"] = [=](In x) { return stft(x[0], 8, {.window = w8(), .pad_mode = SignalPadding::kConstant}); };
    m["stft_replicate"] = [=](In x) { return stft(x[0], 8, {.window = w8(), .pad_mode = SignalPadding::kReplicate}); };
    m["stft_circular"] = [=](In x) { return stft(x[0], 8, {.window = w8(), .pad_mode = SignalPadding::kCircular}); };
    m["istft"] = [=](In x) { return istft(x[0], 8, {.window = w8()}); };
    m["istft_odd"] = [](In x) { return istft(x[0], 7, {.hop_length = 3}); };
    m["istft_length"] = [=](In x) { return istft(x[0], 8, {.window = w8(), .length = 13}); };
    m["istft_longer"] = [=](In x) { return istft(x[0], 8, {.window = w8(), .length = 40}); };
    m["istft_uncentred"] = [](In x) { return istft(x[0], 8, {.hop_length = 3, .window = x[1], .center = false}); };
    m["istft_normalized"] = [=](In x) { return istft(x[0], 8, {.window = w8(), .normalized = true}); };
    m["istft_win"] = [=](In x) { return istft(x[0], 9, {.hop_length = 2, .win_length = 6, .window = w6()}); };
    m["istft_twosided"] = [=](In x) { return istft(x[0], 8, {.window = w8(), .onesided = false}); };
    m["istft_complex"] = [=](In x) {
      return istft(x[0], 8, {.window = w8(), .onesided = false, .return_complex = true});
    };
    return &m;
  }();
  return *all;
}

std::vector<Tensor> operands(const std::string& name, bool narrow) {
  std::vector<Tensor> in;
  for (int k = 0;; ++k) {
    const Tensor x = stored(name + "/in." + std::to_string(k));
    if (!x.defined()) return in;
    in.push_back(narrowed(x, narrow));
  }
}

// Largest difference, as a part of the largest value.
void expect_near(const Tensor& got, const Tensor& want, double tolerance) {
  ASSERT_EQ(got.shape().rank(), want.shape().rank());
  ASSERT_TRUE(got.shape() == want.shape()) << to_string(got.shape()) << " for " << to_string(want.shape());
  ASSERT_EQ(got.is_complex(), want.is_complex());
  if (want.numel() == 0) return;
  if (!is_differentiable(want.dtype())) {
    EXPECT_TRUE(equal(got, want));
    return;
  }
  const Tensor g = got.detach().to(want.dtype());
  const double size = abs(want).amax({}).item<double>(), off = abs(g - want.detach()).amax({}).item<double>();
  // Windows are of size 1, though some have no value but 0.
  EXPECT_LE(off, tolerance * std::max(size, 0.01)) << "largest value " << size;
}

// Rounding of results that are sums of up to some forty products.
constexpr double kWide = 2e-15, kNarrow = 8e-7;

TEST(ComplexTable, ValuesInEveryLayout) {
  for (const auto& [name, call] : cases()) {
    SCOPED_TRACE(name);
    const Tensor want = stored(name + "/out");
    ASSERT_TRUE(want.defined());
    for (const bool narrow : {false, true}) {
      const std::vector<Tensor> in = operands(name, narrow);
      for (Arrangement a : kArrangements) {
        SCOPED_TRACE(to_string(a));
        std::vector<Tensor> x;
        for (const Tensor& t : in) x.push_back(placed(arranged(t, a), test_device()));
        const DefaultDevice here(test_device());
        const Tensor got = call(x).cpu();
        // What takes no operand says its dtype itself.
        const bool single = narrow && !in.empty();
        if (is_differentiable(want.dtype())) EXPECT_EQ(got.dtype(), narrowed(want, single).dtype());
        else EXPECT_EQ(got.dtype(), want.dtype());
        expect_near(got, want, single ? kNarrow : kWide);
      }
    }
  }
}

TEST(ComplexTable, Gradients) {
  int64_t checked = 0;
  for (const auto& [name, call] : cases()) {
    SCOPED_TRACE(name);
    const Tensor w = stored(name + "/w");
    if (!w.defined()) continue;
    for (const bool narrow : {false, true}) {
      std::vector<Tensor> in = operands(name, narrow);
      for (Tensor& x : in) x = x.clone().to(test_device()).requires_grad_();
      const DefaultDevice here(test_device());
      call(in).backward(w.to(test_device()));
      for (size_t k = 0; k < in.size(); ++k) {
        const Tensor want = stored(name + "/grad." + std::to_string(k));
        ASSERT_EQ(in[k].grad().defined(), want.defined());
        if (!want.defined()) continue;
        EXPECT_EQ(in[k].grad().dtype(), in[k].dtype());
        expect_near(in[k].grad().cpu(), want, narrow ? 4 * kNarrow : 4 * kWide);
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 200);
}

// First and second derivatives, of pairs of real numbers.
TEST(ComplexTable, GradientsAgainstDifferences) {
  for (const char* name :
       {"add_real", "sub",     "mul",      "mul_real", "div",      "div_real", "real_div",   "number_div", "square",
        "exp",      "abs",     "angle",    "sgn",      "conj",     "where",    "abs_square", "sum_dim",    "mean_dim",
        "polar",    "matmul",  "vdot",     "complex",  "real",     "imag",     "to_real",    "unfold",     "cat",
        "fft_n5",   "rfft_n8", "irfft_n8", "hfft_n5",  "ihfft_n3", "fft2",     "rfftn_s",    "stft_1d"}) {
    SCOPED_TRACE(name);
    std::vector<Tensor> in = operands(name, false), leaves;
    // At 0 there is no derivative.
    if (name == std::string("abs") || name == std::string("sgn")) in[0] = in[0].slice(0, 0, 7);
    for (const Tensor& x : in) {
      leaves.push_back((x.is_complex() ? view_as_real(x) : x).contiguous().clone());
      if (leaves.back().is_floating_point()) leaves.back().requires_grad_();
    }
    const auto f = [&](std::span<const Tensor> pairs) {
      std::vector<Tensor> x;
      for (size_t k = 0; k < in.size(); ++k) x.push_back(in[k].is_complex() ? view_as_complex(pairs[k]) : pairs[k]);
      const Tensor y = cases().at(name)(x);
      return std::vector<Tensor>{y.is_complex() ? view_as_real(y) : y};
    };
    gradcheck(f, leaves);
    gradgradcheck(f, leaves);
  }
}

TEST(ComplexTable, ShapesWithoutData) {
  for (const auto& [name, call] : cases()) {
    SCOPED_TRACE(name);
    const std::vector<Tensor> in = operands(name, true);
    std::vector<Tensor> meta;
    for (const Tensor& x : in) meta.push_back(on_meta(x));
    if (in.empty() || name.find("stft") != std::string::npos) continue;  // its window is a tensor with data
    const Tensor real = call(in), shapes = call(meta);
    EXPECT_TRUE(shapes.device().is_meta());
    EXPECT_TRUE(shapes.shape() == real.shape());
    EXPECT_EQ(shapes.dtype(), real.dtype());
    EXPECT_TRUE(shapes.strides() == real.strides());
  }
}

TEST(ComplexTable, EveryCaseIsThere) {
  std::set<std::string> stored_cases;
  for (const auto& [key, t] : golden().tensors) stored_cases.insert(key.substr(0, key.find('/')));
  std::set<std::string> mine;
  for (const auto& [name, call] : cases()) mine.insert(name);
  EXPECT_EQ(stored_cases, mine);
}

// Every record that takes complex numbers, so that a new one is not forgotten here.
TEST(ComplexTable, TheOpsThatTakeComplexNumbers) {
  std::set<std::string> found;
  for (const OpDef* op : all_ops()) {
    if (op->dtypes.contains(c64) || op->dtypes.contains(c128)) found.insert(op->name);
  }
  const std::set<std::string> tested = {
      "abs",     "abs_square", "add",          "angle",      "as_strided", "cat",    "complex",  "conj",    "copy",
      "detach",  "diagonal",   "div",          "eq",         "exp",        "expand", "fft_c2c",  "fft_c2r", "fill",
      "flatten", "flip",       "matmul",       "mean",       "mul",        "ne",     "neg",      "permute", "select",
      "slice",   "square",     "squeeze",      "sub",        "sum",        "sum_to", "transfer", "unfold",  "unsqueeze",
      "view",    "view_add",   "view_as_real", "view_write", "where"};
  EXPECT_EQ(found, tested);
}

}  // namespace
}  // namespace hearth::testing
