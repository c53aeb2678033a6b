#include "core/ops/dropout_functions.h"

#include <cmath>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void check(const char* op, const Tensor& x, double p) {
  expect_dtypes(op, x, kFloatTypes);
  HEARTH_CHECK(p >= 0 && p <= 1, op, ": the probability must be from 0 to 1, but is ", p);
}

// Whole channels of x, which has `rank` dimensions, or one fewer without a batch.
Tensor of_channels(const char* op, const Tensor& x, int rank, double p, bool training, Generator* generator) {
  const CalledAs called(op);
  check(op, x, p);
  HEARTH_CHECK(x.dim() == rank || x.dim() == rank - 1, op, ": expected ", rank - 1, " or ", rank,
               " dimensions, but the shape is ", x.shape());
  if (x.dim() == rank) return dropout2d(x, p, training, generator);
  return squeeze(dropout2d(unsqueeze(x, 0), p, training, generator), 0);
}

// `shape` has a random number for each part of x that is kept or dropped as one.
Tensor alpha(const Tensor& x, const Shape& shape, double p, Generator* generator) {
  constexpr double kLeast = 1.7580993408473766;  // of selu, negative: its scale times its alpha
  const double scale = 1 / std::sqrt((kLeast * kLeast * p + 1) * (1 - p));
  const Tensor wide = machinery::widened(x);
  Tensor kept = empty(shape, {.dtype = wide.dtype(), .device = x.device()});
  kept.bernoulli_(1 - p, generator);
  return machinery::cast(wide * (kept * scale) + ((kept - 1) * (kLeast * scale) + kLeast * scale * p), x.dtype());
}

}  // namespace

Tensor dropout1d(const Tensor& x, double p, bool training, Generator* generator) {
  return of_channels("dropout1d", x, 3, p, training, generator);
}
Tensor dropout3d(const Tensor& x, double p, bool training, Generator* generator) {
  return of_channels("dropout3d", x, 5, p, training, generator);
}

Tensor alpha_dropout(const Tensor& x, double p, bool training, Generator* generator) {
  const CalledAs called("alpha_dropout");
  check("alpha_dropout", x, p);
  if (!training || p == 0) return x;
  return p == 1 ? x * 0 : alpha(x, x.shape(), p, generator);
}

Tensor feature_alpha_dropout(const Tensor& x, double p, bool training, Generator* generator) {
  const CalledAs called("feature_alpha_dropout");
  check("feature_alpha_dropout", x, p);
  HEARTH_CHECK(x.dim() >= 2, "feature_alpha_dropout: expected [n, c, ...], but the shape is ", x.shape());
  if (!training || p == 0) return x;
  if (p == 1) return x * 0;
  Shape channels = Dims::filled(x.dim(), 1);
  channels[0] = x.size(0);
  channels[1] = x.size(1);
  return alpha(x, channels, p, generator);
}

}  // namespace hearth
