#include "core/ops/window.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/base/bessel.h"
#include "core/base/error.h"
#include "core/ops/computed.h"

namespace hearth {
namespace {

constexpr double kPi = std::numbers::pi;

// value(k, n of the symmetric window) for each k.
template <class F>
Tensor window(const char* op, int64_t n, bool periodic, const TensorOptions& o, F value) {
  HEARTH_CHECK(n >= 0, op, ": the length must not be negative, but is ", n);
  const DType t = o.dtype.value_or(default_dtype());
  HEARTH_CHECK(is_floating_point(t), op, ": the dtype must be floating-point, but is ", t);
  const auto whole = static_cast<double>(periodic ? n + 1 : n);
  return computed(op, {n}, o, [&](int64_t k) { return n == 1 ? 1 : value(static_cast<double>(k), whole); });
}

}  // namespace

Tensor hann_window(int64_t n, bool periodic, const TensorOptions& o) {
  return window("hann_window", n, periodic, o,
                [](double k, double m) { return 0.5 - 0.5 * std::cos(2 * kPi * k / (m - 1)); });
}
Tensor hamming_window(int64_t n, bool periodic, double alpha, double beta, const TensorOptions& o) {
  return window("hamming_window", n, periodic, o,
                [=](double k, double m) { return alpha - beta * std::cos(2 * kPi * k / (m - 1)); });
}
Tensor blackman_window(int64_t n, bool periodic, const TensorOptions& o) {
  return window("blackman_window", n, periodic, o, [](double k, double m) {
    const double a = 2 * kPi * k / (m - 1);
    return 0.42 - 0.5 * std::cos(a) + 0.08 * std::cos(2 * a);
  });
}
Tensor bartlett_window(int64_t n, bool periodic, const TensorOptions& o) {
  return window("bartlett_window", n, periodic, o,
                [](double k, double m) { return 1 - std::abs(2 * k / (m - 1) - 1); });
}
Tensor kaiser_window(int64_t n, bool periodic, double beta, const TensorOptions& o) {
  HEARTH_CHECK(std::abs(beta) <= 700, "kaiser_window: beta must be from -700 to 700, but is ", beta);
  return window("kaiser_window", n, periodic, o, [=](double k, double m) {
    const double x = 2 * k / (m - 1) - 1;
    return bessel_i0(beta * std::sqrt(std::max(0.0, (1 - x) * (1 + x)))) / bessel_i0(beta);
  });
}
Tensor gaussian_window(int64_t n, bool periodic, double std, const TensorOptions& o) {
  HEARTH_CHECK(std > 0, "gaussian_window: std must be positive, but is ", std);
  return window("gaussian_window", n, periodic, o, [=](double k, double m) {
    const double x = (k - (m - 1) / 2) / std;
    return std::exp(-x * x / 2);
  });
}
Tensor general_cosine_window(int64_t n, std::span<const double> coefficients, bool periodic, const TensorOptions& o) {
  HEARTH_CHECK(!coefficients.empty(), "general_cosine_window: there are no coefficients");
  return window("general_cosine_window", n, periodic, o, [=](double k, double m) {
    double sum = 0;
    for (size_t i = 0; i < coefficients.size(); ++i) {
      const double term = coefficients[i] * std::cos(2 * kPi * static_cast<double>(i) * k / (m - 1));
      sum += i % 2 ? -term : term;
    }
    return sum;
  });
}
Tensor general_hamming_window(int64_t n, bool periodic, double alpha, const TensorOptions& o) {
  return hamming_window(n, periodic, alpha, 1 - alpha, o);
}
Tensor nuttall_window(int64_t n, bool periodic, const TensorOptions& o) {
  constexpr double coefficients[] = {0.3635819, 0.4891775, 0.1365995, 0.0106411};
  return general_cosine_window(n, coefficients, periodic, o);
}
Tensor exponential_window(int64_t n, bool periodic, std::optional<double> center, double tau, const TensorOptions& o) {
  HEARTH_CHECK(tau > 0, "exponential_window: tau must be positive, but is ", tau);
  HEARTH_CHECK(periodic || !center, "exponential_window: a symmetric window has its center in the middle");
  return window("exponential_window", n, periodic, o,
                [=](double k, double m) { return std::exp(-std::abs(k - center.value_or((m - 1) / 2)) / tau); });
}
Tensor cosine_window(int64_t n, bool periodic, const TensorOptions& o) {
  return window("cosine_window", n, periodic, o, [](double k, double m) { return std::sin(kPi * (k + 0.5) / m); });
}

}  // namespace hearth
