#include "core/kernels/conv2d.h"

#include "core/base/thread_state.h"
#include "core/kernels/cpu/channels_last.h"
#include "core/kernels/cpu/conv.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/op/attrs/conv.h"
#include "core/op/op_call.h"
#include "core/op/run.h"

namespace hearth::cpu {
namespace {

Conv describe(const OpCall& c, const Shape& x, const Shape& w, const Shape& y) {
  const auto& a = c.attrs_as<ConvAttrs>();
  Conv s;
  s.dtype = c.dtype;
  s.n = x[0];
  s.c = x[1];
  s.h = x[2];
  s.w = x[3];
  s.oc = y[1];
  s.oh = y[2];
  s.ow = y[3];
  for (int d = 0; d < 2; ++d) {
    s.kernel[d] = w[2 + d];
    s.stride[d] = a.stride[d];
    s.pad[d] = a.padding[d];
    s.dilation[d] = a.dilation[d];
  }
  s.groups = a.groups;
  return s;
}

}  // namespace

void conv2d(OpCall& c) {
  const Tensor x = channels_last(c.input(0)), w = row_major(c.input(1)),
               bias = c.is_tensor(2) ? row_major(c.input(2)) : Tensor();
  const Shape& shape = c.out[0].shape();
  PackedSlot slot;
  // Weights that no gradient step will change before the next call are worth packing.
  if (!thread_state.grad_enabled || thread_state.inference || !needs_grad(*w.impl()))
    slot = packed_slot(*w.impl()->storage);
  if (shape.numel() > 0) {
    conv_forward(describe(c, x.shape(), w.shape(), shape), x.raw_data(), w.raw_data(),
                 bias.defined() ? bias.raw_data() : nullptr, c.out[0].impl()->data(), slot);
  }
}

void conv2d_data(OpCall& c) {
  const Tensor dy = channels_last(c.input(0)), w = row_major(c.input(1));
  const Shape& shape = c.out[0].shape();
  if (shape.numel() > 0) {
    conv_backward_data(describe(c, shape, w.shape(), dy.shape()), dy.raw_data(), w.raw_data(), c.out[0].impl()->data());
  }
}

void conv2d_weights(OpCall& c) {
  const Tensor x = channels_last(c.input(0)), dy = channels_last(c.input(1));
  const Shape& shape = c.out[0].shape();
  conv_backward_weights(describe(c, x.shape(), shape, dy.shape()), x.raw_data(), dy.raw_data(), c.out[0].impl()->data(),
                        c.attrs_as<ConvAttrs>().bias ? c.out[1].impl()->data() : nullptr);
}

}  // namespace hearth::cpu
