/// Random numbers: Philox4x32-10, the same for any number of threads.
///
/// Functions draw from `generator`, or from default_generator() (core/tensor/generator.h) if it is null. Where options
/// name no dtype the result is f32; throws Error for a dtype that is not floating-point unless a function says
/// otherwise. No gradient passes, except through normal().
#pragma once

#include <concepts>
#include <initializer_list>
#include "core/op/op_def.h"
#include "core/tensor/generator.h"

#include "core/tensor/tensor.h"

namespace hearth {

/// Uniform in [0, 1).
Tensor rand(const Shape& shape, const TensorOptions& options = {}, Generator* generator = nullptr);
/// Normal with mean 0 and standard deviation 1.
Tensor randn(const Shape& shape, const TensorOptions& options = {}, Generator* generator = nullptr);
/// Integers in [low, high), all equally likely; of any dtype, i64 where options name none. Throws Error if the range is
/// empty or its ends do not fit into the dtype.
Tensor randint(int64_t low, int64_t high, const Shape& shape, const TensorOptions& options = {},
               Generator* generator = nullptr);
/// The same from 0 on: integers in [0, high).
inline Tensor randint(int64_t high, const Shape& shape, const TensorOptions& options = {},
                      Generator* generator = nullptr) {
  return randint(0, high, shape, options, generator);
}
inline Tensor randint(int64_t high, std::initializer_list<int64_t> shape, const TensorOptions& options = {},
                      Generator* generator = nullptr) {  ///< The same: randint(10, {2, 3}, {}).
  return randint(0, high, Shape(shape), options, generator);
}
/// The numbers 0 to n - 1 in random order, all orders equally likely; of any dtype, i64 where options name none.
Tensor randperm(int64_t n, const TensorOptions& options = {}, Generator* generator = nullptr);
/// @cond
namespace detail {
Tensor rand_like(const Tensor& t, DType dtype, Generator* generator);
Tensor randn_like(const Tensor& t, DType dtype, Generator* generator);
}  // namespace detail
/// @endcond
/// rand() with the shape, dtype, device and strides of t, as empty_like().
Tensor rand_like(const Tensor& t, Generator* generator = nullptr);
/// The same of another dtype.
template <std::same_as<DType> T>  // so that rand_like(t, {}) names no dtype
Tensor rand_like(const Tensor& t, T dtype, Generator* generator = nullptr) {
  return detail::rand_like(t, dtype, generator);
}
/// randn() with the shape, dtype, device and strides of t, as empty_like().
Tensor randn_like(const Tensor& t, Generator* generator = nullptr);
/// The same of another dtype.
template <std::same_as<DType> T>  // so that randn_like(t, {}) names no dtype
Tensor randn_like(const Tensor& t, T dtype, Generator* generator = nullptr) {
  return detail::randn_like(t, dtype, generator);
}
/// randint() with the shape, dtype, device and strides of t, as empty_like().
Tensor randint_like(const Tensor& t, int64_t low, int64_t high, Generator* generator = nullptr);
/// Normal, with a mean and a standard deviation for each element, which broadcast. Their dtypes are promoted. Gradients
/// pass to both. Throws Error if a deviation is negative.
Tensor normal(const Tensor& mean, const Tensor& std, Generator* generator = nullptr);
/// The same with one standard deviation for all elements.
Tensor normal(const Tensor& mean, double std, Generator* generator = nullptr);
/// The same with one mean for all elements.
Tensor normal(double mean, const Tensor& std, Generator* generator = nullptr);
/// Normal with one mean and one standard deviation.
Tensor normal(double mean, double std, const Shape& shape, const TensorOptions& options = {},
              Generator* generator = nullptr);
/// For each element of p, which is floating-point, 1 with this probability, else 0; of p's dtype. Throws Error unless
/// all are from 0 to 1.
Tensor bernoulli(const Tensor& p, Generator* generator = nullptr);
/// `count` indices drawn from weights [n] or rows of [m, n], that need not add up to 1, in the order in which they are
/// drawn: i64 [count] or [m, count]. Throws Error where a weight is negative, infinite or NaN, or too few are above 0,
/// and for a meta tensor and while a function is traced. Takes a random number for each draw; without replacement, for
/// each weight (Efraimidis and Spirakis, 2006). How numbers become draws may change from one version to the next.
Tensor multinomial(const Tensor& weights, int64_t count, bool replacement = false, Generator* generator = nullptr);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// Fills the tensor that the call writes into with random numbers, as RandomAttrs says. It has no operands.
extern constinit const OpDef kRandom;

}  // namespace hearth
