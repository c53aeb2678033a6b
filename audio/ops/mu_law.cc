#include "audio/ops/mu_law.h"

#include <cmath>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/math.h"

namespace hearth::audio {
namespace {

double mu_of(const char* op, int64_t channels) {
  HEARTH_CHECK(channels >= 2, op, ": quantization_channels must be at least 2, but is ", channels);
  return static_cast<double>(channels - 1);
}

}  // namespace

Tensor mu_law_encoding(const Tensor& x, int64_t channels) {
  const CalledAs called("mu_law_encoding");
  expect_defined("mu_law_encoding", {x});
  expect_dtypes("mu_law_encoding", x, kFloatTypes);
  const double mu = mu_of("mu_law_encoding", channels);
  // f16 and bf16 cannot tell all classes apart on the way.
  const Tensor wide = x.to(compute_type(x.dtype()));
  const Tensor y = sign(wide) * log1p(abs(wide) * mu) / std::log1p(mu);
  return ((y + 1) / 2 * mu + 0.5).to(i64);
}

Tensor mu_law_decoding(const Tensor& x, int64_t channels) {
  const CalledAs called("mu_law_decoding");
  expect_defined("mu_law_decoding", {x});
  const double mu = mu_of("mu_law_decoding", channels);
  const Tensor y = (x.is_floating_point() ? x : x.to(default_dtype())) / mu * 2 - 1;
  return sign(y) * (exp(abs(y) * std::log1p(mu)) - 1) / mu;
}

}  // namespace hearth::audio
