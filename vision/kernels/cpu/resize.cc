#include "vision/kernels/resize.h"

#include "core/kernels/cpu/result.h"
#include "core/op/op_call.h"
#include "vision/kernels/cpu/axis.h"
#include "vision/kernels/cpu/rearrange.h"
#include "vision/kernels/cpu/resample.h"
#include "vision/ops/image.h"

namespace hearth::vision::cpu {

using hearth::cpu::Result;
using hearth::cpu::transposed;

namespace {

Taps interpolated(int64_t from, int64_t to, const ResizeAttrs& a) {
  return hearth::cpu::interpolated(from, to,
                                   {.cubic = a.interpolation == Interpolation::kBicubic, .antialias = a.antialias});
}

}  // namespace

void resize(OpCall& c) {
  const auto& a = c.attrs_as<ResizeAttrs>();
  const Shape &in = c.input(0).shape(), &out = c.out[0].shape();
  const Taps rows = interpolated(width(in), width(out), a), columns = interpolated(height(in), height(out), a);
  Result y(c, 0, c.dtype);
  if (c.dtype == DType::kU8) resample_u8(c.input(0), rows, columns, a.antialias, y.tensor());
  else resample(c.input(0), rows, columns, y.tensor());
  y.done();
}

void resize_grad(OpCall& c) {
  const auto& a = c.attrs_as<ResizeAttrs>();
  const Shape &out = c.input(0).shape(), &in = c.out[0].shape();
  const Taps rows = interpolated(width(in), width(out), a), columns = interpolated(height(in), height(out), a);
  Result dx(c, 0, c.dtype);
  resample(c.input(0), transposed(rows), transposed(columns), dx.tensor());
  dx.done();
}

void resize_nearest(OpCall& c) {
  const bool exact = c.attrs_as<ResizeAttrs>().interpolation == Interpolation::kNearestExact;
  const Shape &in = c.input(0).shape(), &out = c.out[0].shape();
  Result y(c, 0, c.dtype);
  rearrange(c.input(0), nearest(width(in), width(out), exact), nearest(height(in), height(out), exact), 0, y.tensor());
  y.done();
}

void resize_nearest_grad(OpCall& c) {
  const bool exact = c.attrs_as<ResizeAttrs>().interpolation == Interpolation::kNearestExact;
  const Shape &out = c.input(0).shape(), &in = c.out[0].shape();
  Result dx(c, 0, c.dtype);
  gather_sums(c.input(0), nearest(width(in), width(out), exact), nearest(height(in), height(out), exact), dx.tensor());
  dx.done();
}

}  // namespace hearth::vision::cpu
