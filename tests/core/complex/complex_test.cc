// What tensors of complex numbers are: values, views, files, printing, errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <limits>

#include "core/autograd/backward.h"
#include "core/autograd/gradcheck.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/io/npy.h"
#include "core/io/safetensors.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/loss.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/order.h"
#include "core/ops/print.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"
#include "core/optim/ema.h"

namespace hearth {
namespace {

using C = std::complex<float>;
using D = std::complex<double>;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

Tensor numbers(const std::vector<C>& v) { return from_values(v, {static_cast<int64_t>(v.size())}); }

template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Complex, ValuesIn_AndOut) {
  const Tensor z = numbers({{1, 2}, {3, -4}});
  EXPECT_EQ(z.dtype(), c64);
  EXPECT_TRUE(z.is_complex());
  EXPECT_FALSE(z.is_floating_point());
  EXPECT_EQ(z.itemsize(), 8u);
  EXPECT_THAT(z.to_vector<C>(), ElementsAre(C(1, 2), C(3, -4)));
  EXPECT_THAT(z.to_vector<D>(), ElementsAre(D(1, 2), D(3, -4)));
  EXPECT_THAT(z.to(c128).to_vector<D>(), ElementsAre(D(1, 2), D(3, -4)));
  EXPECT_EQ(z.select(0, 1).item<C>(), C(3, -4));
  EXPECT_EQ(z.select(0, 1).item<D>(), D(3, -4));
  EXPECT_THAT(error_of([&] { (void)z.select(0, 1).item(); }), HasSubstr("item<std::complex<double>>() reads them"));
  EXPECT_THAT(error_of([&] { (void)z.item<C>(); }), HasSubstr("does not have exactly one element"));
  EXPECT_THAT(z.to(f32).to_vector<float>(), ElementsAre(1, 3));  // the real part
  EXPECT_THAT(error_of([&] { (void)z.to_vector<float>(); }),
              HasSubstr("to_vector: a c64 tensor holds complex numbers: to_vector<std::complex<double>>() reads them"));
  EXPECT_THAT(z.to(i32).to_vector<int>(), ElementsAre(1, 3));
  EXPECT_THAT(numbers({{0, 0}, {0, 1}, {1, 0}}).to(boolean).to_vector<bool>(), ElementsAre(false, true, true));
  EXPECT_THAT(tensor({1, 2}).to(c64).to_vector<C>(), ElementsAre(C(1, 0), C(2, 0)));
  EXPECT_THAT(full({2}, 1.5, {.dtype = c128}).to_vector<D>(), ElementsAre(D(1.5, 0), D(1.5, 0)));
  EXPECT_THAT(tensor({1.5, 2.0}, {.dtype = c64}).to_vector<C>(), ElementsAre(C(1.5, 0), C(2, 0)));
  EXPECT_EQ(parse_dtype("complex64"), c64);
  EXPECT_EQ(parse_dtype("c128"), c128);
}

TEST(Complex, Extremes) {
  // Quotients whose squares overflow or vanish (Smith's algorithm).
  const Tensor big = numbers({{1e30f, 1e30f}}), tiny = numbers({{1e-30f, -1e-30f}});
  EXPECT_THAT((big / big).to_vector<C>(), ElementsAre(C(1, 0)));
  EXPECT_THAT((tiny / tiny).to_vector<C>(), ElementsAre(C(1, 0)));
  EXPECT_THAT(abs(big).to_vector<float>(), ElementsAre(::testing::FloatEq(1.41421356e30f)));
  EXPECT_THAT(abs(tiny).to_vector<float>(), ElementsAre(::testing::FloatEq(1.41421356e-30f)));
  EXPECT_THAT(abs(numbers({{kInf, kNan}, {kNan, -kInf}})).to_vector<float>(), ElementsAre(kInf, kInf));
  EXPECT_TRUE(std::isnan(abs(numbers({{kNan, 1}})).item<float>()));
  EXPECT_THAT(abs(from_values(std::vector<D>{{3e300, 4e300}}, {1})).to_vector<double>(), ElementsAre(5e300));
  EXPECT_THAT(angle(numbers({{-1, 0}, {-1, -0.f}, {0, 0}})).to_vector<float>(),
              ElementsAre(::testing::FloatEq(3.14159265f), ::testing::FloatEq(-3.14159265f), 0));
  EXPECT_THAT(angle(tensor({1.0, -2.0, 0.0})).to_vector<float>(), ElementsAre(0, ::testing::FloatEq(3.14159265f), 0));
  EXPECT_TRUE(std::isnan(angle(tensor({double{kNan}})).item<float>()));
  EXPECT_THAT(isnan(numbers({{1, kNan}, {kNan, 1}, {1, 1}})).to_vector<bool>(), ElementsAre(true, true, false));
  EXPECT_THAT(isfinite(numbers({{1, kInf}, {kNan, 1}, {1, 1}})).to_vector<bool>(), ElementsAre(false, false, true));
  // By 0: as PyTorch, each part alone.
  EXPECT_THAT((numbers({{1, -2}}) / numbers({{0, 0}})).to_vector<C>(), ElementsAre(C(kInf, -kInf)));
  EXPECT_THAT((numbers({{1, 1}}) / Scalar(0)).to_vector<C>(), ElementsAre(C(kInf, kInf)));
  EXPECT_THAT(isnan(numbers({{0, 0}}) / numbers({{0, 0}})).to_vector<bool>(), ElementsAre(true));
  EXPECT_FALSE(allclose(numbers({{1, 2}}), numbers({{1, 3}})));
  EXPECT_TRUE(allclose(numbers({{1, 2}}), numbers({{1, 2.000001f}})));
  EXPECT_FALSE(equal(numbers({{1, 2}}), numbers({{1, 3}})));
  EXPECT_EQ(numbers({}).sum().item<C>(), C(0, 0));
  EXPECT_EQ((zeros({0, 3}, {.dtype = c64}) + 1).shape(), Shape({0, 3}));
  EXPECT_EQ(matmul(zeros({2, 0}, {.dtype = c64}), zeros({0, 3}, {.dtype = c64})).to_vector<C>(), std::vector<C>(6));
}

TEST(Complex, ManyElements) {
  // Beyond one block, and enough for several threads and for results past the caches.
  const int64_t n = 3 << 20;
  const Tensor re = arange(n).to(f32), im = -re, z = complex(re, im);
  EXPECT_TRUE(equal(real(z), re));
  EXPECT_TRUE(equal(imag(z), im));
  EXPECT_TRUE(equal(real(z + z), re * 2));
  EXPECT_TRUE(equal(imag(z.clone()), im));
  EXPECT_TRUE(equal(z.reshape({n / 4, 4}).t().contiguous().t().reshape({n}), z));
  EXPECT_TRUE(equal(cat({z, z}).slice(0, 0, n), z));
}

TEST(Complex, ViewsShareMemory) {
  Tensor z = numbers({{1, 2}, {3, 4}, {5, 6}});
  Tensor pairs = view_as_real(z);
  EXPECT_EQ(pairs.shape(), Shape({3, 2}));
  pairs.select(1, 1).fill_(9);
  EXPECT_THAT(z.to_vector<C>(), ElementsAre(C(1, 9), C(3, 9), C(5, 9)));
  z.slice(0, 1, 3).zero_();
  EXPECT_THAT(pairs.reshape({-1}).to_vector<float>(), ElementsAre(1, 9, 0, 0, 0, 0));
  EXPECT_EQ(z.version(), pairs.version());
  // Of a part, with another offset and strides.
  const Tensor every = numbers({{1, 2}, {3, 4}, {5, 6}, {7, 8}}).slice(0, 1, 4, 2);
  EXPECT_THAT(view_as_real(every).reshape({-1}).to_vector<float>(), ElementsAre(3, 4, 7, 8));
  EXPECT_THAT(view_as_complex(view_as_real(every)).to_vector<C>(), ElementsAre(C(3, 4), C(7, 8)));
  EXPECT_TRUE(z.real().is_view());
  const Tensor x = tensor({1.0, 2.0});
  EXPECT_TRUE(real(x).is(x));
  EXPECT_TRUE(conj(x).is(x));

  const Tensor six = arange(6).to(f32);
  EXPECT_THAT(error_of([&] { view_as_complex(six); }), HasSubstr("the last dimension must have size 2"));
  EXPECT_THAT(error_of([&] {
                view_as_complex(six.reshape({2, 3}).t().slice(1, 0, 2));
              }),
              HasSubstr("view_as_complex: the pairs do not lie in memory as complex numbers do"));
  EXPECT_THAT(error_of([&] {
                view_as_complex(arange(5).to(f32).slice(0, 1, 5).reshape({2, 2}));
              }),
              HasSubstr("offset 1"));
  EXPECT_THAT(error_of([&] { view_as_complex(tensor({1, 2})); }), HasSubstr("dtype i64 is not supported"));
  EXPECT_THAT(error_of([&] { view_as_real(six); }), HasSubstr("view_as_real: dtype f32 is not supported"));
  EXPECT_THAT(error_of([&] { imag(six); }), HasSubstr("imag: dtype f32 is not supported"));
  EXPECT_THAT(error_of([&] { complex(six, six.to(f64)); }),
              HasSubstr("the parts must have one dtype, but have f32 and f64"));
  EXPECT_THAT(error_of([&] { complex(six.to(f16), six.to(f16)); }), HasSubstr("complex: dtype f16 is not supported"));
}

TEST(Complex, InPlace) {
  Tensor z = numbers({{1, 2}, {3, 4}});
  z.add_(1).mul_(numbers({{0, 1}}));
  EXPECT_THAT(z.to_vector<C>(), ElementsAre(C(-2, 2), C(-4, 4)));
  z.copy_(tensor({5.0, 6.0}));
  EXPECT_THAT(z.to_vector<C>(), ElementsAre(C(5, 0), C(6, 0)));
  Tensor x = tensor({1.0, 2.0});
  EXPECT_THAT(error_of([&] { x.add_(z); }),
              HasSubstr("add: cannot write a result of dtype c64 into a tensor of dtype f32"));
  EXPECT_THAT(error_of([&] { z.abs_(); }), HasSubstr("abs: of c64 the result is real"));
}

TEST(Complex, GradientsThroughViews) {
  // L = |z|^2: the gradient is 2 z.
  Tensor z = numbers({{1, 2}, {3, -4}}).requires_grad_();
  square(abs(z)).sum().backward();
  EXPECT_TRUE(allclose(z.grad(), z.detach() * 2));
  // A real operand gets the real part.
  Tensor x = tensor({2.0, 3.0}).requires_grad_();
  real(x * numbers({{1, 5}, {2, 7}})).sum().backward();
  EXPECT_THAT(x.grad().to_vector<float>(), ElementsAre(1, 2));
  EXPECT_EQ(x.grad().dtype(), f32);
  EXPECT_THAT(error_of([&] { (z * z).sum().backward(); }),
              HasSubstr("the output is c64, and only a real one has a gradient"));

  // What cannot be recorded is refused, not forgotten.
  Tensor y = z * 1;
  const Tensor pairs = view_as_real(y);
  EXPECT_THAT(error_of([&] {
                Tensor p = pairs;
                p.mul_(2);
              }),
              HasSubstr("cannot be written in place while gradients are on"));
  y.mul_(2);
  EXPECT_THAT(error_of([&] { pairs.sum().backward(); }), HasSubstr("was made before the tensor was written in place"));
  {
    const NoGrad off;
    Tensor p = view_as_real(z);
    p.mul_(2);
  }
  EXPECT_THAT(z.detach().to_vector<C>(), ElementsAre(C(2, 4), C(6, -8)));
}

TEST(Complex, GradientsAddUp) {
  Tensor z = numbers({{1, 2}, {3, -4}}).requires_grad_();
  real(z.sum() * z.sum()).backward();  // d/dz Re((z1 + z2)^2) = conj(2 (z1 + z2))
  EXPECT_THAT(z.grad().to_vector<C>(), ElementsAre(C(8, 4), C(8, 4)));
  // The gradient of a gradient.
  Tensor w = from_values(std::vector<D>{{1, 2}}, {1}).requires_grad_();
  const Tensor cubed = w * w * w;
  const Tensor g = grad(real(cubed).sum(), w, {}, {.create_graph = true});  // conj(3 w^2)
  const Tensor h = grad(real(g).sum(), w);                                  // conj(6 w)
  EXPECT_THAT(g.detach().to_vector<D>(), ElementsAre(D(-9, -12)));
  EXPECT_THAT(h.to_vector<D>(), ElementsAre(D(6, -12)));
}

TEST(Complex, GradientsAtAndNearZero) {
  // d angle / dz = i z / |z|^2, though |z|^2 is no f32.
  Tensor z = numbers({{3e-25f, 4e-25f}, {3e25f, 4e25f}, {0, 0}}).requires_grad_();
  angle(z).sum().backward();
  const std::vector<C> g = z.grad().to_vector<C>();
  EXPECT_NEAR(g[0].real(), -0.16e25, 1e18);
  EXPECT_NEAR(g[0].imag(), 0.12e25, 1e18);
  EXPECT_NEAR(g[1].real(), -0.16e-25, 1e-32);
  EXPECT_NEAR(g[1].imag(), 0.12e-25, 1e-32);
  EXPECT_EQ(g[2], C(0, 0));
  // Second derivatives at 0 are taken as 0, as in PyTorch, and not NaN.
  for (auto f : {static_cast<Tensor (*)(const Tensor&)>(abs), static_cast<Tensor (*)(const Tensor&)>(angle)}) {
    Tensor w = from_values(std::vector<D>{{0, 0}, {1, 2}}, {2}).requires_grad_();
    const Tensor first = grad(f(w).sum(), w, {}, {.create_graph = true});
    const Tensor second = grad((real(first) + imag(first)).sum(), w);
    EXPECT_EQ(second.to_vector<D>()[0], D(0, 0));
    EXPECT_TRUE(isfinite(second).all().item<bool>());
  }
}

TEST(Complex, Norms) {
  const Tensor z = numbers({{3, 4}, {0, 0}, {-5, 12}}), sizes = tensor({5.0, 0.0, 13.0});
  for (double p : {0.0, 0.5, 1.0, 2.0, 3.0, HUGE_VAL}) EXPECT_TRUE(equal(norm(z, p), norm(sizes, p))) << p;
  Tensor x = numbers({{3, 4}, {0, 0}}).requires_grad_();
  norm(x).backward();
  EXPECT_THAT(x.grad().to_vector<C>(), ElementsAre(C(0.6f, 0.8f), C(0, 0)));
}

TEST(Complex, NumbersIntoMasks) {
  const Tensor z = numbers({{1, 2}, {3, -4}}), mask = tensor({true, false});
  EXPECT_THAT(z.masked_fill(mask, 0.5).to_vector<C>(), ElementsAre(C(0.5f, 0), C(3, -4)));
  EXPECT_THAT(z.masked_fill(mask, numbers({{0, 7}}).select(0, 0)).to_vector<C>(), ElementsAre(C(0, 7), C(3, -4)));
  EXPECT_THAT(where(mask, z, Scalar(0.25)).to_vector<C>(), ElementsAre(C(1, 2), C(0.25f, 0)));
  EXPECT_THAT(error_of([&] { z.masked_fill(mask, 1e39); }), HasSubstr("masked_fill: the number"));
}

TEST(Complex, Averages) {
  Tensor z = numbers({{1, 2}});
  optim::EMA average({z}, 0.75);
  z.fill_(5);
  average.update();
  EXPECT_THAT(average.state_dict().at("0").to_vector<C>(), ElementsAre(C(2, 1.5f)));
}

TEST(Complex, DifferencesAreOfRealOutputs) {
  const std::vector<Tensor> x{tensor({1.0, 2.0}, {.dtype = f64}).requires_grad_()};
  const auto f = [](std::span<const Tensor> in) -> std::vector<Tensor> { return {complex(in[0], in[0])}; };
  EXPECT_THAT(error_of([&] { gradcheck(f, x); }), HasSubstr("gradcheck: an output is c128"));
  EXPECT_THAT(error_of([&] { gradgradcheck(f, x); }), HasSubstr("gradgradcheck: an output is c128"));
}

TEST(Complex, RefusedByName) {
  const Tensor z = numbers({{1, 2}, {3, 4}});
  const std::pair<const char*, std::function<void()>> refused[] = {{"lt", [&] { lt(z, z); }},
                                                                   {"maximum", [&] { maximum(z, z); }},
                                                                   {"sign", [&] { sign(z); }},
                                                                   {"floor", [&] { floor(z); }},
                                                                   {"clamp", [&] { clamp(z, 0, 1); }},
                                                                   {"pow", [&] { pow(z, 2); }},
                                                                   {"pow", [&] { pow(z, -1); }},
                                                                   {"log", [&] { log(z); }},
                                                                   {"sqrt", [&] { sqrt(z); }},
                                                                   {"cumsum", [&] { cumsum(z, 0); }},
                                                                   {"cumprod", [&] { cumprod(z, 0); }},
                                                                   {"amax", [&] { amax(z); }},
                                                                   {"prod", [&] { prod(z); }},
                                                                   {"median", [&] { median(z); }},
                                                                   {"nan_to_num", [&] { nan_to_num(z); }},
                                                                   {"mse_loss", [&] { mse_loss(z, z); }},
                                                                   {"l1_loss", [&] { l1_loss(real(z), z); }},
                                                                   {"var", [&] { var(z); }},
                                                                   {"le", [&] { le(z, 1); }},
                                                                   {"gt", [&] { gt(real(z), z); }},
                                                                   {"minimum", [&] { minimum(z, z); }},
                                                                   {"ceil", [&] { ceil(z); }},
                                                                   {"trunc", [&] { trunc(z); }},
                                                                   {"round", [&] { round(z); }},
                                                                   {"round", [&] { round(z, 1); }},
                                                                   {"frac", [&] { frac(z); }},
                                                                   {"clamp", [&] { clamp(z, {}, 1); }},
                                                                   {"max", [&] { max(z); }},
                                                                   {"min", [&] { min(z, 0); }},
                                                                   {"argmax", [&] { argmax(z); }},
                                                                   {"div", [&] { div(z, z, Rounding::kTrunc); }},
                                                                   {"div", [&] { div(z, 2, Rounding::kFloor); }},
                                                                   {"atan2", [&] { atan2(z, z); }},
                                                                   {"logsumexp", [&] { logsumexp(z); }},
                                                                   {"logit", [&] { logit(z); }},
                                                                   {"fmod", [&] { fmod(z, z); }},
                                                                   {"remainder", [&] { remainder(z, z); }},
                                                                   {"floor_divide", [&] { floor_divide(z, z); }},
                                                                   {"logical_and", [&] { logical_and(z, z); }}};
  for (const auto& [name, f] : refused) {
    const std::string e = error_of(f);
    EXPECT_TRUE(e.starts_with(std::string(name) + ": ") && e.find("c64") != std::string::npos) << name << ": " << e;
  }
  EXPECT_THAT(error_of([&] { unique(z); }), HasSubstr("the dtype is c64"));
  EXPECT_THAT(error_of([&] { arange(3, {.dtype = c64}); }), HasSubstr("arange: dtype c64 is not supported"));
}

TEST(Complex, Files) {
  const std::string path = ::testing::TempDir();
  const Tensor z = numbers({{1, 2}, {-0.f, kInf}}).reshape({2, 1}), w = z.to(c128);
  for (const Tensor& t : {z, w}) {
    ASSERT_TRUE(io::save_npy(path + "/z.npy", t).ok());
    const auto back = io::load_npy(path + "/z.npy");
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->dtype(), t.dtype());
    EXPECT_EQ(back->shape(), t.shape());
    EXPECT_EQ(back->to_vector<D>(), t.to_vector<D>());
  }
  ASSERT_TRUE(io::save_safetensors(path + "/z.safetensors", {{"z", z}}).ok());
  const auto back = io::load_safetensors(path + "/z.safetensors");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->tensors.at("z").dtype(), c64);
  EXPECT_EQ(back->tensors.at("z").to_vector<C>(), z.to_vector<C>());
  const absl::Status s = io::save_safetensors(path + "/w.safetensors", {{"w", w}});
  EXPECT_THAT(std::string(s.message()), HasSubstr("the format has no dtype c128"));
}

// As PyTorch 2.15 prints them.
TEST(Complex, Printing) {
  EXPECT_EQ(to_string(numbers({{1, 2}, {3, -4}})), "tensor([1.+2.j, 3.-4.j])");
  EXPECT_EQ(to_string(numbers({{1.5, 2}, {-3, -4}})), "tensor([ 1.5000+2.j, -3.0000-4.j])");
  EXPECT_EQ(to_string(numbers({{1, 2}}).to(c128)), "tensor([1.+2.j], dtype=complex128)");
  EXPECT_EQ(to_string(numbers({{1, 2}}).select(0, 0)), "tensor(1.+2.j)");
  EXPECT_EQ(to_string(numbers({{0.5, 1000}, {10, -0.25}}).reshape({2, 1})),
            "tensor([[ 0.5000+1.0000e+03j],\n        [10.0000-2.5000e-01j]])");
  EXPECT_EQ(to_string(numbers({{kNan, kInf}, {1, -0.f}})), "tensor([nan+infj, 1.-0.j])");
}

}  // namespace
}  // namespace hearth
