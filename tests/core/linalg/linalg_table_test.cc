// Each case of tools/golden/linalg.py: values in both precisions and in other layouts, gradients, shapes without data.
#include <gtest/gtest.h>

#include <set>

#include "core/autograd/backward.h"
#include "core/autograd/gradcheck.h"
#include "core/io/safetensors.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/complex.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/tensors.h"
#include "tests/core/linalg/cases.h"

namespace hearth::testing {
namespace {

const io::Safetensors& golden() {
  static const auto* const file = [] {
    auto f = io::load_safetensors("tests/core/linalg/golden.safetensors");
    if (!f.ok()) ADD_FAILURE() << f.status();
    return new io::Safetensors(*std::move(f));
  }();
  return *file;
}
// Undefined if there is none.
Tensor stored(const std::string& name) {
  const auto& t = golden().tensors;
  if (const auto it = t.find(name); it != t.end()) return it->second;
  if (const auto it = t.find(name + ".c"); it != t.end()) return view_as_complex(it->second.clone());
  return {};
}
Tensors stored_list(const std::string& name) {
  Tensors all;
  for (int k = 0;; ++k) {
    Tensor t = stored(name + "." + std::to_string(k));
    if (!t.defined()) return all;
    all.push_back(std::move(t));
  }
}
Tensor narrowed(const Tensor& t, bool narrow) {
  if (!narrow || !is_differentiable(t.dtype())) return t;
  return t.to(t.is_complex() ? c64 : f32);
}
Tensors operands(const std::string& name, bool narrow) {
  Tensors in;
  for (const Tensor& t : stored_list(name + "/in")) in.push_back(narrowed(t, narrow));
  return in;
}

// Every case that is stored, with its call.
const Cases& cases() {
  static const auto* const all = [] {
    Cases calls;
    add_decompositions(calls);
    add_solves(calls);
    add_functions(calls);
    auto& m = *new Cases;
    for (const auto& [key, t] : golden().tensors) {
      const std::string name = key.substr(0, key.find('/'));
      const std::string base = name.ends_with("_c") ? name.substr(0, name.size() - 2) : name;
      if (const auto it = calls.find(base); it != calls.end()) m[name] = it->second;
      else ADD_FAILURE() << "no call for " << name;
    }
    for (const auto& [name, call] : calls) EXPECT_TRUE(m.contains(name)) << "nothing stored for " << name;
    return &m;
  }();
  return *all;
}

// Largest difference, as a part of the largest value.
void expect_near(const Tensor& got, const Tensor& want, double tolerance) {
  ASSERT_TRUE(got.defined());
  ASSERT_TRUE(got.shape() == want.shape()) << to_string(got.shape()) << " for " << to_string(want.shape());
  ASSERT_EQ(got.is_complex(), want.is_complex());
  if (want.numel() == 0) return;
  if (!is_differentiable(want.dtype())) {
    EXPECT_TRUE(equal(got, want));
    return;
  }
  const Tensor g = got.detach().to(want.dtype());
  const double size = abs(want).amax({}).item<double>(), off = abs(g - want.detach()).amax({}).item<double>();
  EXPECT_LE(off, tolerance * std::max(size, 0.01)) << "largest value " << size;
}

// Times the rounding unit; the matrices' condition numbers are in the tens.
constexpr double kWide = 1e-12, kNarrow = 3e-4;

TEST(LinalgTable, ValuesInEveryLayout) {
  for (const auto& [name, call] : cases()) {
    SCOPED_TRACE(name);
    const Tensors want = stored_list(name + "/out");
    for (const bool narrow : {false, true}) {
      // The rank of a rounded matrix is another.
      if (narrow && name.find("deficient") != std::string::npos) continue;
      if (narrow && name == "matrix_rank_hermitian") continue;
      const Tensors in = operands(name, narrow);
      for (Arrangement a : kArrangements) {
        SCOPED_TRACE(to_string(a));
        Tensors x;
        for (const Tensor& t : in) x.push_back(arranged(t, a));
        const Tensors got = call(x);
        ASSERT_EQ(got.size(), want.size());
        for (size_t k = 0; k < got.size(); ++k) {
          EXPECT_EQ(got[k].dtype(), narrowed(want[k], narrow).dtype());
          expect_near(got[k], want[k], narrow ? kNarrow : kWide);
        }
        for (size_t k = 0; k < x.size(); ++k) EXPECT_TRUE(same_bits(x[k], in[k])) << "operand " << k << " was changed";
      }
    }
  }
}

TEST(LinalgTable, Gradients) {
  int64_t checked = 0;
  for (const auto& [name, call] : cases()) {
    SCOPED_TRACE(name);
    if (name.starts_with("matrix_power_0")) continue;  // a constant, of which PyTorch gives a gradient of 0
    for (const bool narrow : {false, true}) {
      if (narrow && (name.find("deficient") != std::string::npos || name == "det_singular")) continue;
      Tensors in = operands(name, narrow);
      for (Tensor& x : in) x = x.clone().requires_grad_();
      const Tensors out = call(in);
      Tensors with, of;
      for (size_t k = 0; k < out.size(); ++k) {
        const Tensor w = stored(name + "/w." + std::to_string(k));
        if (!w.defined()) continue;
        of.push_back(out[k]);
        with.push_back(narrowed(w, narrow));
      }
      if (of.empty()) continue;
      const Tensors got = grad(of, in, with, {}, true);
      for (size_t k = 0; k < in.size(); ++k) {
        const Tensor want = stored(name + "/grad." + std::to_string(k));
        if (!want.defined()) continue;
        EXPECT_EQ(got[k].dtype(), in[k].dtype());
        expect_near(got[k], want, 10 * (narrow ? kNarrow : kWide));
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 400);
}

// Cases that have no derivative, or that cut singular values off, where PyTorch takes the rank as given.
bool differentiable(const std::string& name) {
  for (const char* part : {"qr_r_", "qr_complete_tall", "rank", "empty", "nothing", "eigh_upper", "eigh_lower",
                           "lstsq_deficient", "matrix_power_0", "pinv_rtol", "pinv_atol"}) {
    if (name.find(part) != std::string::npos) return false;
  }
  return true;
}
// Products of cofactors of two equal singular values have no second derivative here.
bool twice_differentiable(const std::string& name) { return name != "det_singular"; }

// First and second derivatives, of pairs of real numbers.
TEST(LinalgTable, GradientsAgainstDifferences) {
  for (const auto& [name, call] : cases()) {
    SCOPED_TRACE(name);
    if (!differentiable(name)) continue;
    Tensors leaves;
    const Tensors in = operands(name, false);
    for (const Tensor& x : in)
      leaves.push_back((x.is_complex() ? view_as_real(x) : x).contiguous().clone().requires_grad_());
    const auto f = [&](std::span<const Tensor> pairs) {
      Tensors x, y;
      for (size_t k = 0; k < in.size(); ++k) x.push_back(in[k].is_complex() ? view_as_complex(pairs[k]) : pairs[k]);
      for (const Tensor& t : call(x)) {
        if (is_differentiable(t.dtype())) y.push_back(t.is_complex() ? view_as_real(t) : t);
      }
      return y;
    };
    EXPECT_NO_THROW(gradcheck(f, leaves, {.atol = 1e-5, .rtol = 1e-4}));
    if (!twice_differentiable(name)) continue;
    EXPECT_NO_THROW(gradgradcheck(f, leaves, {}, {.atol = 1e-4, .rtol = 1e-3}));
  }
}

TEST(LinalgTable, ShapesWithoutData) {
  for (const auto& [name, call] : cases()) {
    SCOPED_TRACE(name);
    const Tensors in = operands(name, true);
    Tensors meta;
    for (const Tensor& x : in) meta.push_back(on_meta(x));
    const Tensors real = call(in), shapes = call(meta);
    ASSERT_EQ(real.size(), shapes.size());
    for (size_t k = 0; k < real.size(); ++k) {
      EXPECT_TRUE(shapes[k].device().is_meta());
      EXPECT_TRUE(shapes[k].shape() == real[k].shape());
      EXPECT_EQ(shapes[k].dtype(), real[k].dtype());
      EXPECT_TRUE(shapes[k].strides() == real[k].strides());
    }
  }
}

}  // namespace
}  // namespace hearth::testing
