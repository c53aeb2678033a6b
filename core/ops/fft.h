// Fourier transforms of any length, as torch.fft: of one, two or all dimensions, of complex and of real numbers.
//
// The transform of x is X[k] = sum_j x[j] exp(-2 pi i j k / n); the inverse has the other sign and, by default, the
// factor 1 / n. Operands of f32, f64, c64 and c128 are transformed in their own precision, integers in f32. `n`, and
// `s` for several dimensions, is the length of the transform: a longer operand is cut, a shorter one filled up with
// zeros. The length may have any factors; primes above 31 cost a few times as much.
#pragma once

#include <cstdint>
#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// FftAttrs: complex numbers -> complex numbers, of the same shape.
extern constinit const OpDef kFftC2C;
/// FftAttrs: real numbers -> complex ones, n / 2 + 1 along the last of the dimensions.
extern constinit const OpDef kFftR2C;
/// FftAttrs: complex numbers -> FftAttrs::size real ones along the last of the dimensions.
extern constinit const OpDef kFftC2R;

namespace fft {

/// Where the factor of a transform and its inverse goes. n is the number of points that are transformed together.
enum class Norm : uint8_t {
  kBackward,  ///< The inverse transforms have the factor 1 / n.
  kForward,   ///< The forward transforms have the factor 1 / n.
  kOrtho,     ///< Both have 1 / sqrt(n).
};

/// The transform along one dimension. The result is complex and has `n` numbers there (by default as many as x). Throws
/// Error if n is below 1.
Tensor fft(const Tensor& x, std::optional<int64_t> n = {}, int64_t dim = -1, Norm norm = Norm::kBackward);
/// The inverse of fft().
Tensor ifft(const Tensor& x, std::optional<int64_t> n = {}, int64_t dim = -1, Norm norm = Norm::kBackward);
/// The transform of real numbers: the first n / 2 + 1 of the results, of which the others are the conjugates. Throws
/// Error for complex tensors.
Tensor rfft(const Tensor& x, std::optional<int64_t> n = {}, int64_t dim = -1, Norm norm = Norm::kBackward);
/// The inverse of rfft(): n real numbers from n / 2 + 1 complex ones. n is by default 2 (size - 1): that of an odd
/// length must be given. The imaginary parts of the first and, for even n, of the last number are taken as 0.
Tensor irfft(const Tensor& x, std::optional<int64_t> n = {}, int64_t dim = -1, Norm norm = Norm::kBackward);
/// The transform of numbers whose other half are the conjugates: n real numbers. As irfft(), with fft()'s sign and
/// factor.
Tensor hfft(const Tensor& x, std::optional<int64_t> n = {}, int64_t dim = -1, Norm norm = Norm::kBackward);
/// The inverse of hfft(): the first n / 2 + 1 results of ifft() of real numbers.
Tensor ihfft(const Tensor& x, std::optional<int64_t> n = {}, int64_t dim = -1, Norm norm = Norm::kBackward);

/// The transform along several dimensions: `dim`, or the last ones as many as `s` has lengths, or all. A length of -1
/// is that of x. Throws Error if a dimension is named twice or a length is below 1.
Tensor fftn(const Tensor& x, std::optional<Dims> s = {}, std::optional<Dims> dim = {}, Norm norm = Norm::kBackward);
/// The inverse of fftn().
Tensor ifftn(const Tensor& x, std::optional<Dims> s = {}, std::optional<Dims> dim = {}, Norm norm = Norm::kBackward);
/// The same of real numbers: the last of the dimensions as by rfft().
Tensor rfftn(const Tensor& x, std::optional<Dims> s = {}, std::optional<Dims> dim = {}, Norm norm = Norm::kBackward);
/// The inverse of rfftn(): the last of the dimensions as by irfft().
Tensor irfftn(const Tensor& x, std::optional<Dims> s = {}, std::optional<Dims> dim = {}, Norm norm = Norm::kBackward);
/// As irfftn(), with fftn()'s sign and factor.
Tensor hfftn(const Tensor& x, std::optional<Dims> s = {}, std::optional<Dims> dim = {}, Norm norm = Norm::kBackward);
/// The inverse of hfftn().
Tensor ihfftn(const Tensor& x, std::optional<Dims> s = {}, std::optional<Dims> dim = {}, Norm norm = Norm::kBackward);

/// fftn() of two dimensions, by default the last.
Tensor fft2(const Tensor& x, std::optional<Dims> s = {}, const Dims& dim = {-2, -1}, Norm norm = Norm::kBackward);
/// ifftn() of two dimensions.
Tensor ifft2(const Tensor& x, std::optional<Dims> s = {}, const Dims& dim = {-2, -1}, Norm norm = Norm::kBackward);
/// rfftn() of two dimensions.
Tensor rfft2(const Tensor& x, std::optional<Dims> s = {}, const Dims& dim = {-2, -1}, Norm norm = Norm::kBackward);
/// irfftn() of two dimensions.
Tensor irfft2(const Tensor& x, std::optional<Dims> s = {}, const Dims& dim = {-2, -1}, Norm norm = Norm::kBackward);
/// hfftn() of two dimensions.
Tensor hfft2(const Tensor& x, std::optional<Dims> s = {}, const Dims& dim = {-2, -1}, Norm norm = Norm::kBackward);
/// ihfftn() of two dimensions.
Tensor ihfft2(const Tensor& x, std::optional<Dims> s = {}, const Dims& dim = {-2, -1}, Norm norm = Norm::kBackward);

/// The frequencies of fft()'s results in cycles per unit, where samples are d units apart: [0, 1, …, -2, -1] / (n d).
/// Throws Error if n is below 1.
Tensor fftfreq(int64_t n, double d = 1, const TensorOptions& options = {});
/// Those of rfft()'s: [0, 1, …, n / 2] / (n d).
Tensor rfftfreq(int64_t n, double d = 1, const TensorOptions& options = {});
/// Brings frequency 0 into the middle, along `dim` or all dimensions.
Tensor fftshift(const Tensor& x, std::optional<Dims> dim = {});
/// The inverse of fftshift().
Tensor ifftshift(const Tensor& x, std::optional<Dims> dim = {});

}  // namespace fft
}  // namespace hearth
