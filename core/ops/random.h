// Random numbers: Philox4x32-10, the same for any number of threads. Functions take the default generator where none is
// given.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth {

Tensor rand(const Shape& shape, const TensorOptions& options = {},
            Generator* generator = nullptr);  // uniform in [0, 1)
Tensor randn(const Shape& shape, const TensorOptions& options = {}, Generator* generator = nullptr);  // normal
// Integers in [low, high); i64 where options name no dtype.
Tensor randint(int64_t low, int64_t high, const Shape& shape, const TensorOptions& options = {},
               Generator* generator = nullptr);
Tensor randperm(int64_t n, const TensorOptions& options = {}, Generator* generator = nullptr);  // i64
Tensor rand_like(const Tensor& t, Generator* generator = nullptr);
Tensor randn_like(const Tensor& t, Generator* generator = nullptr);
Tensor randint_like(const Tensor& t, int64_t low, int64_t high, Generator* generator = nullptr);
// Normal, with a mean and a standard deviation for each element (they broadcast) or for all.
Tensor normal(const Tensor& mean, const Tensor& std, Generator* generator = nullptr);
Tensor normal(const Tensor& mean, double std, Generator* generator = nullptr);
Tensor normal(double mean, const Tensor& std, Generator* generator = nullptr);
Tensor normal(double mean, double std, const Shape& shape, const TensorOptions& options = {},
              Generator* generator = nullptr);
Tensor bernoulli(const Tensor& p, Generator* generator = nullptr);  // 1 with probability p, elementwise
// `count` indices drawn from weights [n] or rows of [m, n], that need not add up to 1, in the order in which they are
// drawn. Throws Error where a weight is negative, infinite or NaN, or too few are above 0. Takes a number for each
// draw; without replacement, for each weight. How numbers become draws may change from one version to the next.
Tensor multinomial(const Tensor& weights, int64_t count, bool replacement = false, Generator* generator = nullptr);

extern constinit const OpDef kRandom;

}  // namespace hearth
