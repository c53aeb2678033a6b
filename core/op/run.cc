#include "core/op/run.h"

#include <utility>
#include <vector>

#include "core/base/thread_state.h"
#include "core/op/grad_meta.h"
#include "core/op/in_place.h"
#include "core/op/interposer.h"
#include "core/op/machinery.h"
#include "core/op/record_phase.h"
#include "core/op/unrecorded.h"
#include "core/tensor/generator.h"
#include "core/tensor/overlap.h"

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
  // A view may have been made before its base was written to: it shows whatever the base holds now. Its own state,
  // which grad_edge() brings up to date, is not looked at: another thread may be doing so.
  if (follows_base(t)) [[unlikely]]
    return t.base->meta->requires_grad;
  return t.meta && t.meta->requires_grad;
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
  fail(ErrorKind::kUnsupported, c.op.name, ": there is no kernel for device ", c.device);
}

// A number in CPU memory may meet tensors of another device: it goes there.
bool is_number(const TensorImpl& t) { return t.layout.rank() == 0 && t.device().is_cpu(); }

[[noreturn, gnu::cold]] void different_devices(const OpCall& c, Device other) {
  fail(c.op.name, ": operands are on different devices: ", c.device, " and ", other);
}

struct Operands {
  bool grad = false;   // one of them wants a gradient
  bool moves = false;  // a number in CPU memory stands beside tensors of another device
};

// Checks the operands and finds the device.
Operands check_operands(OpCall& c) {
  const int n = c.inputs();
  if (n < c.op.min_inputs || (n > c.op.max_inputs && c.op.max_inputs != 255)) [[unlikely]]
    bad_count(c);
  Operands all;
  bool found = false, number = false;  // a number in CPU memory is all that has been found
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
        number = is_number(*t);
      } else if (d != c.device) [[unlikely]] {
        if (is_number(*t)) {
          all.moves = true;
        } else if (number) {
          all.moves = true;
          c.device = d;
          number = false;
        } else {
          different_devices(c, d);
        }
      } else {
        number &= is_number(*t);
      }
      all.grad |= needs_grad(*t);
    } else {
      const int k = c.op.row ? i % c.op.row : i;
      if (o.is_scalar()) {
        HEARTH_CHECK(k < 8 && c.op.scalars >> k & 1, c.op.name, ": operand ", i,
                     " must be a tensor, but is the number ", o.scalar());
      } else {
        HEARTH_CHECK(k < 8 && c.op.absent >> k & 1, c.op.name, ": operand ", i, " is missing");
      }
    }
  }
  if (!found && c.bound) c.device = c.out[0].device();
  if (all.moves && c.op.kind != OpKind::kPointwise) [[unlikely]]
    different_devices(c, kCpu);
  return all;
}

void dispatch(OpCall& c);

// The call with its numbers in CPU memory brought to its device. The way there is recorded: their gradients come back.
[[gnu::cold]] void dispatch_moved(OpCall& c) {
  const std::span<const Operand> given = c.in;
  std::vector<Tensor> moved;
  std::vector<Operand> operands;
  moved.reserve(given.size());
  for (const Operand& o : given) {
    if (o.is_tensor() && o.tensor().device() != c.device)
      operands.emplace_back(moved.emplace_back(machinery::transfer(o.tensor(), c.device)));
    else operands.push_back(o);
  }
  struct Restore {
    OpCall& call;
    std::span<const Operand> given;
    ~Restore() { call.in = given; }
  } restore{c, given};
  c.in = operands;
  dispatch(c);
}

[[gnu::noinline]] void compose(OpCall& c) {
  const Unrecorded step;
  c.op.compose(c);
}

void bump_written(const OpCall& c) {
  for (int i = 0; i < c.inputs(); ++i) {
    if (c.writes(i) && c.is_tensor(i)) c.input(i).impl()->storage->bump_version();
  }
}

void dispatch(OpCall& c) {
  const ThreadState& ts = thread_state;
  if (c.bound && !c.out[0].defined()) [[unlikely]]
    fail(c.op.name, ": the tensor to be written is undefined");
  const Operands operands = check_operands(c);
  if (operands.moves) [[unlikely]]
    return dispatch_moved(c);
  bool grad = operands.grad;
  if (c.bound) [[unlikely]] {
    check_bound(c);
    grad |= needs_grad(*c.out[0].impl());
  }
  const bool record = ts.grad_enabled & grad & (ts.record != nullptr) && !ts.inference;
  if (c.op.writes) [[unlikely]] {
    check_rows(c);
    HEARTH_CHECK(
        !record, c.op.name,
        ": it changes its operands, and no gradient passes; call it under NoGrad, for an operand requires one");
  }
  if (c.bound && record) ts.record(c, RecordPhase::kBeforeWrite);
  c.op.infer(c);
  if (!c.op.dtypes.contains(c.dtype)) [[unlikely]] {
    fail(ErrorKind::kUnsupported, c.op.name, ": dtype ", c.dtype, " is not supported; it takes ", c.op.dtypes);
  }
  if (c.op.kind == OpKind::kView) {
    if (!ts.grad_enabled || ts.inference) c.out[0].impl()->flags |= TensorImpl::kUntracked;
  } else if (!c.device.is_meta()) {
    if (c.op.kind == OpKind::kRandom && !c.generator) c.generator = &default_generator();
    const KernelFn kernel = c.device.is_cpu() ? c.op.kernel.cpu : c.op.kernel.cuda;
    if (kernel) [[likely]]
      kernel(c);
    else if (c.op.compose) compose(c);
    else no_kernel(c);
  }
  if (c.bound) c.out[0].impl()->storage->bump_version();
  if (c.op.writes) [[unlikely]]
    bump_written(c);
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

void OpCall::give(int i, Tensor result) {
  Tensor& to = out[i];
  if (!(result.shape() == to.shape()) || result.dtype() != to.dtype() || result.device() != to.device())
    fail(ErrorKind::kInternal, op.name, ": composed as ", result.dtype(), " ", result.shape(), " on ", result.device(),
         ", but inferred as ", to.dtype(), " ", to.shape(), " on ", to.device());
  // What infer has promised of the layout holds. A view would be one that no gradient may be recorded for.
  if ((i == 0 && bound) || !lie_alike(result.layout(), to.layout())) machinery::copy_into(to, result);
  else to = result.impl()->base ? detail::alias(result, result.layout(), true) : std::move(result);
}

void run_rows(const OpDef& op, std::span<const Operand> rows, AttrsRef attrs) {
  OpCall call(op, rows, attrs);
  execute(call);
}

void OpCall::make(int i, const Shape& shape, DType t) {
  if (i == 0 && bound) return make(0, shape, contiguous_strides(shape), t);
  out[i] = detail::empty(shape, t, device, op.name);
}

void OpCall::make(int i, const Shape& shape, const Strides& strides, DType t) {
  if (i == 0 && bound) {
    const Tensor& o = out[0];
    HEARTH_CHECK(o.shape() == shape, op.name, ": cannot write a result of shape ", shape, " into a tensor of shape ",
                 o.shape());
    HEARTH_CHECK(o.device() == device, op.name, ": cannot write a result on ", device, " into a tensor on ",
                 o.device());
    // Elementwise kernels write in any order; of the others those that may write over an operand.
    HEARTH_CHECK(op.kind == OpKind::kPointwise || op.in_place != 0 || o.numel() == 0 ||
                     lie_alike(Layout(shape, strides, 0), o.layout()),
                 op.name, ": cannot write into a tensor with strides ", o.strides(), "; it needs strides ", strides);
    // Only kernels that convert block by block can write another dtype.
    const bool converts = op.kind == OpKind::kPointwise || op.kind == OpKind::kReduction;
    HEARTH_CHECK(converts ? traits(o.dtype()).kind >= traits(t).kind : o.dtype() == t, op.name,
                 ": cannot write a result of dtype ", t, " into a tensor of dtype ", o.dtype());
    return;
  }
  out[i] = detail::empty_strided(shape, strides, t, device, op.name);
}

}  // namespace hearth
