#include "core/nn/init.h"

#include <algorithm>
#include <cmath>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/ops/random.h"

namespace hearth::nn::init {

double gain(Nonlinearity n, double slope) {
  switch (n) {
    case Nonlinearity::kLinear:
    case Nonlinearity::kSigmoid:
      return 1;
    case Nonlinearity::kTanh:
      return 5.0 / 3;
    case Nonlinearity::kRelu:
      return std::sqrt(2.0);
    case Nonlinearity::kLeakyRelu:
      return std::sqrt(2 / (1 + slope * slope));
    case Nonlinearity::kSelu:
      return 0.75;
  }
  return 1;
}

Fans fans(const Tensor& w) {
  HEARTH_CHECK(w.dim() >= 2, "init: fans need a weight of at least 2 dimensions, but the shape is ", w.shape());
  const int64_t receptive = w.shape()[0] * w.shape()[1] == 0 ? 0 : w.numel() / (w.shape()[0] * w.shape()[1]);
  return {w.shape()[1] * receptive, w.shape()[0] * receptive};
}

Tensor& uniform_(Tensor& t, double low, double high, Generator* g) {
  NoGrad off;
  return t.uniform_(low, high, g);
}
Tensor& normal_(Tensor& t, double mean, double std, Generator* g) {
  NoGrad off;
  return t.normal_(mean, std, g);
}
Tensor& trunc_normal_(Tensor& t, double mean, double std, double low, double high, Generator* g) {
  NoGrad off;
  HEARTH_CHECK(low < high && std > 0, "trunc_normal_: [", low, ", ", high, "] is not an interval, or the deviation ",
               std, " is not above 0");
  HEARTH_CHECK(std::erfc((low - mean) / std / std::sqrt(2.0)) - std::erfc((high - mean) / std / std::sqrt(2.0)) > 2e-3,
               "trunc_normal_: hardly any value of the distribution lies in [", low, ", ", high, "]");
  if (t.device().is_meta()) return t;
  Tensor values = empty(t.shape(), {.dtype = f64, .device = kCpu});
  values.normal_(mean, std, g);
  double* p = values.mutable_data<double>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    while (p[i] < low || p[i] > high) {
      Tensor again = empty({1}, {.dtype = f64, .device = kCpu});
      p[i] = again.normal_(mean, std, g).item<double>();
    }
  }
  return t.copy_(values.to(t.device()));
}
Tensor& constant_(Tensor& t, double value) {
  NoGrad off;
  return t.fill_(value);
}
Tensor& zeros_(Tensor& t) { return constant_(t, 0); }
Tensor& ones_(Tensor& t) { return constant_(t, 1); }

namespace {
// To divide by: a weight without elements has no fans.
double divisor(int64_t fans) { return static_cast<double>(std::max<int64_t>(fans, 1)); }
}  // namespace

Tensor& xavier_uniform_(Tensor& t, double gain, Generator* g) {
  const Fans f = fans(t);
  const double bound = gain * std::sqrt(6.0 / divisor(f.in + f.out));
  return uniform_(t, -bound, bound, g);
}
Tensor& xavier_normal_(Tensor& t, double gain, Generator* g) {
  const Fans f = fans(t);
  return normal_(t, 0, gain * std::sqrt(2.0 / divisor(f.in + f.out)), g);
}
namespace {
double kaiming_std(const Tensor& t, double a, Fan fan, Nonlinearity n) {
  const Fans f = fans(t);
  return gain(n, a) / std::sqrt(divisor(fan == Fan::kIn ? f.in : f.out));
}
}  // namespace
Tensor& kaiming_uniform_(Tensor& t, double a, Fan fan, Nonlinearity n, Generator* g) {
  const double bound = std::sqrt(3.0) * kaiming_std(t, a, fan, n);
  return uniform_(t, -bound, bound, g);
}
Tensor& kaiming_normal_(Tensor& t, double a, Fan fan, Nonlinearity n, Generator* g) {
  return normal_(t, 0, kaiming_std(t, a, fan, n), g);
}

Tensor& orthogonal_(Tensor& t, double gain, Generator* g) {
  HEARTH_CHECK(t.dim() >= 2, "orthogonal_: expected at least 2 dimensions, but the shape is ", t.shape());
  if (t.device().is_meta()) return t;
  NoGrad off;
  const int64_t rows = t.shape()[0], columns = rows ? t.numel() / rows : 0;
  const bool wide = columns >= rows;
  const int64_t n = wide ? rows : columns, length = wide ? columns : rows;  // n orthonormal vectors
  std::vector<double> v = randn({n, length}, {.dtype = f64, .device = kCpu}, g).to_vector<double>();
  for (int64_t i = 0; i < n; ++i) {
    double* x = v.data() + i * length;
    for (int pass = 0; pass < 2; ++pass) {
      for (int64_t j = 0; j < i; ++j) {
        const double* y = v.data() + j * length;
        double dot = 0;
        for (int64_t k = 0; k < length; ++k) dot += x[k] * y[k];
        for (int64_t k = 0; k < length; ++k) x[k] -= dot * y[k];
      }
    }
    double norm = 0;
    for (int64_t k = 0; k < length; ++k) norm += x[k] * x[k];
    for (int64_t k = 0; k < length; ++k) x[k] *= gain / std::sqrt(norm);
  }
  const Tensor q = from_values(v, {n, length}, {.device = t.device()});
  return t.copy_((wide ? q : q.t()).reshape(t.shape()));
}

Tensor& fan_in_uniform_(Tensor& t, int64_t fan_in, Generator* g) {
  const double bound = fan_in > 0 ? 1 / std::sqrt(static_cast<double>(fan_in)) : 0;
  return uniform_(t, -bound, bound, g);
}

}  // namespace hearth::nn::init
