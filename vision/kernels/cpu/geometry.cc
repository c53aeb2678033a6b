#include "vision/kernels/geometry.h"

#include "core/kernels/cpu/result.h"
#include "core/op/op_call.h"
#include "vision/kernels/cpu/rearrange.h"
#include "vision/ops/image.h"

namespace hearth::vision::cpu {
namespace {

using hearth::cpu::Result;

void cut(OpCall& c, int64_t top, int64_t left) {
  const Shape &in = c.input(0).shape(), &out = c.out[0].shape();
  Result y(c, 0, c.dtype);
  rearrange(c.input(0), window(width(in), left, width(out)), window(height(in), top, height(out)), 0, y.tensor());
  y.done();
}

Places rows_of(const PadAttrs& a, const Shape& x) { return padded(width(x), a.left, a.right, a.mode); }
Places columns_of(const PadAttrs& a, const Shape& x) { return padded(height(x), a.top, a.bottom, a.mode); }

}  // namespace

void crop(OpCall& c) {
  const auto& a = c.attrs_as<CropAttrs>();
  cut(c, a.top, a.left);
}

void center_crop(OpCall& c) {
  const Shape &in = c.input(0).shape(), &out = c.out[0].shape();
  cut(c, center(height(in), height(out)), center(width(in), width(out)));
}

void pad(OpCall& c) {
  const auto& a = c.attrs_as<PadAttrs>();
  const Shape& x = c.input(0).shape();
  Result y(c, 0, c.dtype);
  rearrange(c.input(0), rows_of(a, x), columns_of(a, x), a.fill, y.tensor());
  y.done();
}

void pad_grad(OpCall& c) {
  const auto& a = c.attrs_as<PadAttrs>();
  const Shape& x = c.out[0].shape();
  Result dx(c, 0, c.dtype);
  gather_sums(c.input(0), rows_of(a, x), columns_of(a, x), dx.tensor());
  dx.done();
}

}  // namespace hearth::vision::cpu
