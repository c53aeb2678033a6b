#include "core/op/run.h"

#include <algorithm>

#include "core/base/thread_state.h"
#include "core/op/interposer.h"
#include "core/op/record_phase.h"

namespace hearth {

struct InterposerAccess {
  static Interposer* next(const Interposer& i) { return i.next_; }
};

InterposerGuard::InterposerGuard(Interposer& i) : previous_(thread_state.interposer) {
  for (Interposer* p = previous_; p; p = p->next_)
    HEARTH_CHECK(p != &i, "this interposer is already active in this thread");
  i.next_ = previous_;
  thread_state.interposer = &i;
}
InterposerGuard::~InterposerGuard() { thread_state.interposer = previous_; }

bool tracing() {
  for (const Interposer* i = thread_state.interposer; i; i = InterposerAccess::next(*i)) {
    if (i->traces()) return true;
  }
  return false;
}

bool needs_grad(const TensorImpl& t) {
  if (t.meta && t.meta->requires_grad) return true;
  // A view may have been made before its base was written to by something that carries a gradient.
  return t.base && t.base->meta && t.base->meta->requires_grad && grad_meta(*t.base)->generation > 0 &&
         !(t.flags & (TensorImpl::kUntracked | TensorImpl::kInference));
}

namespace {

[[noreturn, gnu::cold]] void bad_count(const OpCall& c) {
  const int least = c.op.min_inputs, most = c.op.max_inputs;
  const char* const operands = (most == 255 ? least : most) == 1 ? " operand" : " operands";
  if (most == 255) fail(c.op.name, ": expected at least ", least, operands, ", but got ", c.inputs());
  if (least == most) fail(c.op.name, ": expected ", least, operands, ", but got ", c.inputs());
  fail(c.op.name, ": expected ", least, " to ", most, operands, ", but got ", c.inputs());
}

[[noreturn, gnu::cold]] void no_kernel(const OpCall& c) {
  if (c.device.is_cuda()) {
    fail(ErrorKind::kUnsupported, c.op.name,
         ": no CUDA kernel is linked into this program; add //core:cuda to its deps");
  }
  fail(ErrorKind::kUnsupported, c.op.name, ": there is no kernel for device ", c.device);
}

// Checks the operands and finds the device. True if one of them wants a gradient.
bool check_operands(OpCall& c) {
  const int n = c.inputs();
  if (n < c.op.min_inputs || (n > c.op.max_inputs && c.op.max_inputs != 255)) [[unlikely]]
    bad_count(c);
  bool grad = false, found = false;
  for (int i = 0; i < n; ++i) {
    const Operand& o = c.in[static_cast<size_t>(i)];
    if (o.is_tensor()) [[likely]] {
      const TensorImpl* t = o.tensor().impl();
      if (!t) [[unlikely]]
        fail(c.op.name, ": operand ", i, " is an undefined tensor");
      const Device d = t->device();
      if (!found) {
        c.device = d;
        c.dtype = t->dtype;
        found = true;
      } else if (d != c.device) [[unlikely]] {
        fail(c.op.name, ": operands are on different devices: ", c.device, " and ", d);
      }
      grad |= needs_grad(*t);
    } else if (o.is_scalar()) {
      HEARTH_CHECK(i < 8 && c.op.scalars >> i & 1, c.op.name, ": operand ", i, " must be a tensor, but is the number ",
                   o.scalar());
    } else {
      HEARTH_CHECK(i < 8 && c.op.absent >> i & 1, c.op.name, ": operand ", i, " is missing");
    }
  }
  if (!found && c.bound) c.device = c.out[0].device();
  return grad;
}

// True if both look into one memory, each without gaps, but not at the same elements in the same order: the op would
// read elements that it has already written. Tensors with gaps may lie between one another; they are let through.
bool half_overlapping(const TensorImpl& a, const TensorImpl& b) {
  if (a.storage != b.storage || !a.layout.dense || !b.layout.dense) return false;
  const int64_t first = std::max(a.layout.offset, b.layout.offset),
                last = std::min(a.layout.offset + a.layout.numel, b.layout.offset + b.layout.numel);
  return first < last && !(a.layout == b.layout);
}

void check_bound(OpCall& c) {
  const TensorImpl& t = *c.out[0].impl();
  HEARTH_CHECK(!t.storage->read_only(), c.op.name, ": cannot write in place: the tensor's memory is read-only");
  HEARTH_CHECK(!t.layout.overlapping(), c.op.name, ": cannot write in place: several elements of the tensor of shape ",
               t.layout.shape, " and strides ", t.layout.strides, " lie at one address; clone() it first");
  for (int i = 0; i < c.inputs(); ++i) {
    HEARTH_CHECK(!c.is_tensor(i) || !half_overlapping(*c.input(i).impl(), t), c.op.name,
                 ": cannot write in place: operand ", i,
                 " lies in the memory that is written, in another order; clone() it first");
  }
}

void dispatch(OpCall& c) {
  const ThreadState& ts = thread_state;
  if (c.bound && !c.out[0].defined()) [[unlikely]]
    fail(c.op.name, ": the tensor to be written is undefined");
  bool grad = check_operands(c);
  if (c.bound) [[unlikely]] {
    check_bound(c);
    grad |= needs_grad(*c.out[0].impl());
  }
  const bool record = ts.grad_enabled & grad & (ts.record != nullptr) && !ts.inference;
  if (c.bound && record) ts.record(c, RecordPhase::kBeforeWrite);
  c.op.infer(c);
  if (!c.op.dtypes.contains(c.dtype)) [[unlikely]] {
    fail(ErrorKind::kUnsupported, c.op.name, ": dtype ", c.dtype, " is not supported; it takes ", c.op.dtypes);
  }
  if (c.op.kind == OpKind::kView) {
    if (!ts.grad_enabled || ts.inference) c.out[0].impl()->flags |= TensorImpl::kUntracked;
  } else if (!c.device.is_meta()) {
    const KernelFn kernel = c.device.is_cpu() ? c.op.kernel.cpu : c.op.kernel.cuda;
    if (!kernel) [[unlikely]]
      no_kernel(c);
    kernel(c);
  }
  if (c.bound) c.out[0].impl()->storage->bump_version();
  if (record) ts.record(c, RecordPhase::kAfter);
}

// Restores the interposer that was active, also when an op throws.
struct Suspend {
  Interposer* active = thread_state.interposer;
  ~Suspend() { thread_state.interposer = active; }
};

}  // namespace

void execute(OpCall& call) {
  Interposer* const active = thread_state.interposer;
  if (!active) [[likely]]
    return dispatch(call);
  Suspend suspend;
  thread_state.interposer = InterposerAccess::next(*active);
  active->intercept(call);
}

void OpCall::proceed() { execute(*this); }

Tensor run(const OpDef& op, std::span<const Operand> in, AttrsRef attrs) {
  OpCall call(op, in, attrs);
  execute(call);
  return std::move(call.out[0]);
}

std::array<Tensor, kMaxOutputs> run_all(const OpDef& op, std::span<const Operand> in, AttrsRef attrs) {
  OpCall call(op, in, attrs);
  execute(call);
  return {std::move(call.out[0]), std::move(call.out[1]), std::move(call.out[2]), std::move(call.out[3])};
}

void run_into(const OpDef& op, Tensor& out, std::span<const Operand> in, AttrsRef attrs) {
  OpCall call(op, in, attrs);
  call.out[0] = out;
  call.bound = true;
  execute(call);
}

void OpCall::make(int i, const Shape& shape, DType t) {
  if (i == 0 && bound) return make(0, shape, Strides(), t);
  out[i] = detail::empty(shape, t, device, op.name);
}

void OpCall::make(int i, const Shape& shape, const Strides& strides, DType t) {
  if (i == 0 && bound) {
    const Tensor& o = out[0];
    HEARTH_CHECK(o.shape() == shape, op.name, ": cannot write a result of shape ", shape, " into a tensor of shape ",
                 o.shape());
    HEARTH_CHECK(o.device() == device, op.name, ": cannot write a result on ", device, " into a tensor on ",
                 o.device());
    // Only kernels that convert block by block can write another dtype.
    const bool converts = op.kind == OpKind::kPointwise || op.kind == OpKind::kReduction;
    HEARTH_CHECK(converts ? traits(o.dtype()).kind >= traits(t).kind : o.dtype() == t, op.name,
                 ": cannot write a result of dtype ", t, " into a tensor of dtype ", o.dtype());
    return;
  }
  out[i] = detail::empty_strided(shape, strides, t, device, op.name);
}

}  // namespace hearth
