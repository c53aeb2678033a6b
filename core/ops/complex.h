// Complex tensors (c64, c128): made of real ones, and taken apart.
//
// The gradient of a complex tensor z = x + iy of a real loss L is dL/dx + i dL/dy, as in PyTorch: a step against it
// makes the loss smaller. Where a complex op has a real operand, that gets the real part.
//
// Arithmetic, exp, abs, equality, sum, mean, matmul, where, cat, copies and views take complex tensors; other ops
// refuse them by name.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// re + i im, c64 from f32 and c128 from f64. The operands broadcast and must have one of these dtypes, the same.
Tensor complex(const Tensor& re, const Tensor& im);
/// abs (cos(angle) + i sin(angle)). Operands as of complex().
Tensor polar(const Tensor& abs, const Tensor& angle);

/// A complex tensor as real numbers: a view with another dimension of size 2 at the end, the real part first. Throws
/// Error for other dtypes. While gradients are recorded the view cannot be written in place.
Tensor view_as_real(const Tensor& x);
/// A real tensor (f32, f64) whose last dimension has size 2 as complex numbers: a view without that dimension. Throws
/// Error if the pairs do not lie in memory as complex numbers do (the last stride must be 1, the others and the offset
/// even): contiguous() brings them so. While gradients are recorded the view cannot be written in place.
Tensor view_as_complex(const Tensor& x);

/// The real part: a view. A real tensor is its own.
Tensor real(const Tensor& x);
/// The imaginary part: a view. Throws Error for a real tensor.
Tensor imag(const Tensor& x);
/// The complex conjugate. A real tensor is its own. PyTorch's conj is lazy; this computes.
Tensor conj(const Tensor& x);
/// The angle of complex numbers, from -pi to pi; of real numbers 0 or, below 0, pi (f32 for integers). NaN stays NaN.
Tensor angle(const Tensor& x);
/// |x|^2, real, without a root: its gradient is exact at 0, too. Of real numbers square().
Tensor abs_square(const Tensor& x);
/// x / |x|, and 0 for 0; of real numbers sign().
Tensor sgn(const Tensor& x);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (re, im) -> complex numbers, elementwise.
extern constinit const OpDef kComplex;
/// Complex numbers -> their angles, elementwise.
extern constinit const OpDef kAngle;
/// Complex numbers -> the squares of their sizes, elementwise.
extern constinit const OpDef kAbsSquare;
/// A view: complex numbers -> pairs of real ones.
extern constinit const OpDef kViewAsReal;
/// A view: pairs of real numbers -> complex ones.
extern constinit const OpDef kViewAsComplex;

}  // namespace hearth
