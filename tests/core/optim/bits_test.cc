// A step over many tensors gives the bits of plain loops over each: whatever the sizes, layouts and dtypes that stand
// beside each other, and for any number of threads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/base/parallel.h"
#include "tests/core/optim/optim_testing.h"

namespace hearth {
namespace {

using optim::SGD, optim::Adam, optim::AdamW, optim::RMSprop;

// One element: parameter, gradient, states, the number of the step. In float or double.
template <class T>
using Step = std::function<void(T& p, T g, T* s, int64_t step)>;

template <class T>
Step<T> sgd_reference(const optim::SGDOptions& o) {
  return [o](T& p, T g, T* s, int64_t step) {
    const T lr = static_cast<T>(o.lr), mu = static_cast<T>(o.momentum);
    const T d = (o.maximize ? -g : g) + static_cast<T>(o.weight_decay) * p;
    if (o.momentum == 0) {
      p = p - lr * d;
      return;
    }
    s[0] = step == 1 ? d : mu * s[0] + static_cast<T>(1 - o.dampening) * d;
    p = p - lr * (o.nesterov ? d + mu * s[0] : s[0]);
  };
}
template <class T, class O>
Step<T> adam_reference(const O& o, bool decoupled) {
  return [o, decoupled](T& p, T g, T* s, int64_t step) {
    const double c1 = 1 - std::pow(o.beta1, step), c2 = 1 - std::pow(o.beta2, step);
    T d = o.maximize ? -g : g;
    if (!decoupled) d = d + static_cast<T>(o.weight_decay) * p;
    s[0] = static_cast<T>(o.beta1) * s[0] + static_cast<T>(1 - o.beta1) * d;
    s[1] = static_cast<T>(o.beta2) * s[1] + static_cast<T>(1 - o.beta2) * d * d;
    s[2] = std::max(s[1], s[2]);
    const T root = std::sqrt(o.amsgrad ? s[2] : s[1]) * static_cast<T>(1 / std::sqrt(c2)) + static_cast<T>(o.eps);
    const T shrunk = decoupled ? static_cast<T>(1 - o.lr * o.weight_decay) * p : p;
    p = shrunk - static_cast<T>(o.lr / c1) * s[0] / root;
  };
}
template <class T>
Step<T> rmsprop_reference(const optim::RMSpropOptions& o) {
  return [o](T& p, T g, T* s, int64_t) {
    const T d = o.weight_decay != 0 ? g + p * static_cast<T>(o.weight_decay) : g;
    const T rest = static_cast<T>(1 - o.alpha);
    s[0] = s[0] * static_cast<T>(o.alpha);
    s[0] = s[0] + rest * d * d;
    s[2] = std::abs(rest) < T(0.5) ? s[2] + rest * (d - s[2]) : d - (d - s[2]) * (T(1) - rest);
    const T square = o.centered ? s[0] - s[2] * s[2] : s[0];
    const T deviation = std::sqrt(square) + static_cast<T>(o.eps);
    if (o.momentum == 0) {
      p = p + static_cast<T>(-o.lr) * d / deviation;
      return;
    }
    s[1] = s[1] * static_cast<T>(o.momentum);
    s[1] = s[1] + d / deviation;
    p = p + s[1] * static_cast<T>(-o.lr);
  };
}

struct Case {
  const char* name;
  MakeOptimizer make;
  Step<float> narrow;
  Step<double> wide;
};
template <class O, class F>
Case of(const char* name, const typename O::Options& o, F reference) {
  return {name, making<O>(o), reference(float{}, o), reference(double{}, o)};
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): std::function frees it
const auto sgd = []<class T>(T, const optim::SGDOptions& o) { return sgd_reference<T>(o); };
const auto adam = []<class T>(T, const optim::AdamOptions& o) { return adam_reference<T>(o, false); };
const auto adamw = []<class T>(T, const optim::AdamWOptions& o) { return adam_reference<T>(o, true); };
const auto rmsprop = []<class T>(T, const optim::RMSpropOptions& o) { return rmsprop_reference<T>(o); };

const std::vector<Case> kCases{
    of<SGD>("plain", {.lr = 0.1, .weight_decay = 0.3, .maximize = true}, sgd),
    of<SGD>("dampened", {.lr = 0.1, .momentum = 0.9, .dampening = 0.3}, sgd),
    of<SGD>("nesterov", {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.3, .nesterov = true}, sgd),
    of<Adam>("adam", {.lr = 0.1, .weight_decay = 0.3, .maximize = true}, adam),
    of<Adam>("amsgrad", {.lr = 0.1, .beta2 = 0.7, .amsgrad = true}, adam),
    of<AdamW>("adamw", {.lr = 0.1, .weight_decay = 0.3}, adamw),
    of<RMSprop>("rmsprop", {.lr = 0.1}, rmsprop),
    of<RMSprop>("centered", {.lr = 0.1, .weight_decay = 0.3, .centered = true}, rmsprop),
    of<RMSprop>("momentum", {.lr = 0.1, .alpha = 0.3, .momentum = 0.9}, rmsprop),
    of<RMSprop>("both", {.lr = 0.1, .alpha = 0.3, .momentum = 0.9, .centered = true}, rmsprop),
};

struct Group {
  std::vector<Tensor> parameters;
  std::vector<Tensor> gradients;  // of three steps, one after the other
};
constexpr int kSteps = 3;

// Many small ones, one that many threads share, none of it in a multiple of anything.
Group group() {
  Group g;
  const std::vector<Shape> shapes{{257}, {0}, {}, {1}, {31, 33}, {70001}, {2, 0, 3}, {3}, {40, 1000}, {5, 1}};
  int64_t at = 0;
  for (const DType t : {f32, bf16, f64, f16}) {
    for (const Shape& s : shapes) {
      Tensor p = wave(s, static_cast<double>(at)).to(t);
      if (s.rank() == 2 && at % 3 == 0) p = turned(p);
      if (s.rank() >= 1 && s.numel() > 0 && at % 4 == 0) p = with_gaps(p);
      g.parameters.push_back(p.requires_grad_());
      ++at;
    }
  }
  for (int k = 0; k < kSteps; ++k) {
    for (size_t i = 0; i < g.parameters.size(); ++i) {
      const Tensor& p = g.parameters[i];
      Tensor d = wave(p.shape(), 100 * k + static_cast<double>(i)).to(p.dtype());
      if (d.dim() == 2 && (i + static_cast<size_t>(k)) % 2 == 0) d = turned(d);
      if (d.dim() == 1 && d.numel() > 0 && k == 2) d = with_gaps(d);
      g.gradients.push_back(d);
    }
  }
  return g;
}

template <class T>
std::vector<double> reference(const Step<T>& step, const Tensor& start, std::span<const Tensor> gradients) {
  const DType t = start.dtype();
  std::vector<T> p = start.detach().to_vector<T>(), s(3 * p.size());
  for (size_t k = 0; k < gradients.size(); ++k) {
    const std::vector<T> g = gradients[k].to_vector<T>();
    for (size_t i = 0; i < p.size(); ++i) step(p[i], g[i], &s[3 * i], static_cast<int64_t>(k + 1));
    // Rounded once.
    p = from_values(p, {static_cast<int64_t>(p.size())}).to(t).template to_vector<T>();
  }
  return {p.begin(), p.end()};
}

TEST(OptimizerBits, AreThoseOfPlainLoops) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const Group start = group();
    const size_t n = start.parameters.size();
    std::vector<std::vector<double>> want;
    for (size_t i = 0; i < n; ++i) {
      std::vector<Tensor> g;
      for (int k = 0; k < kSteps; ++k) g.push_back(start.gradients[static_cast<size_t>(k) * n + i]);
      want.push_back(start.parameters[i].dtype() == f64 ? reference(c.wide, start.parameters[i], g)
                                                        : reference(c.narrow, start.parameters[i], g));
    }
    for (int width : {1, 2, 4}) {
      const ThreadWidth threads(width);
      Group g = group();
      const auto o = c.make(g.parameters);
      for (int k = 0; k < kSteps; ++k) {
        for (size_t i = 0; i < n; ++i) g.parameters[i].set_grad(g.gradients[static_cast<size_t>(k) * n + i]);
        o->step();
      }
      for (size_t i = 0; i < n; ++i) {
        const std::vector<double> got = g.parameters[i].detach().to_vector<double>();
        ASSERT_EQ(got.size(), want[i].size());
        EXPECT_EQ(got.empty() ? 0 : std::memcmp(got.data(), want[i].data(), got.size() * sizeof(double)), 0)
            << "parameter " << i << " " << to_string(g.parameters[i].dtype()) << " "
            << to_string(g.parameters[i].shape()) << ", " << width << " threads";
      }
    }
    // What lies between the elements of a parameter is not touched.
    Group g = group();
    const auto o = c.make(g.parameters);
    for (size_t i = 0; i < n; ++i) g.parameters[i].set_grad(g.gradients[i]);
    o->step();
    const Tensor& gaps = g.parameters[0];
    ASSERT_EQ(gaps.strides()[0], 2);
    EXPECT_EQ(gaps.data<float>()[1], 7);
  }
}

// RMSprop as it is composed of public ops.
TEST(OptimizerBits, RMSpropIsThatOfOps) {
  for (const bool centered : {false, true}) {
    for (const double momentum : {0.0, 0.9}) {
      const optim::RMSpropOptions o{
          .lr = 0.1, .alpha = 0.9, .eps = 1e-6, .weight_decay = 0.3, .momentum = momentum, .centered = centered};
      const Tensor start = wave({1000}, 0).to(f32);
      Tensor p = start.clone().requires_grad_(), q = start.clone();
      Tensor squares = zeros({1000}), mean = zeros({1000}), buffer = zeros({1000});
      RMSprop optimizer({p}, o);
      for (int k = 0; k < 3; ++k) {
        p.set_grad(wave({1000}, k).to(f32));
        optimizer.step();
        const Tensor g = p.grad() + q * o.weight_decay;
        squares.mul_(o.alpha).addcmul_(g, g, 1 - o.alpha);
        Tensor deviation = squares;
        if (centered) {
          mean.lerp_(g, 1 - o.alpha);
          deviation = squares - mean * mean;
        }
        deviation = deviation.sqrt() + o.eps;
        if (momentum > 0) q.add_(buffer.mul_(momentum).addcdiv_(g, deviation) * -o.lr);
        else q.addcdiv_(g, deviation, -o.lr);
      }
      EXPECT_EQ(p.detach().to_vector<float>(), q.to_vector<float>()) << centered << " " << momentum;
    }
  }
}

}  // namespace
}  // namespace hearth
