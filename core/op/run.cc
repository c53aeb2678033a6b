#include "core/op/run.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include "core/base/thread_state.h"
#include "core/op/interposer.h"
#include "core/op/machinery.h"
#include "core/op/record_phase.h"
#include "core/op/unrecorded.h"
#include "core/tensor/generator.h"

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

// Both tensors' elements lie alike (up to dimensions of size 1).
bool alike(const Layout& a, const Layout& b) {
  if (a.numel != b.numel) return false;
  int i = 0, k = 0;
  while (true) {
    while (i < a.rank() && a.shape[i] == 1) ++i;
    while (k < b.rank() && b.shape[k] == 1) ++k;
    if (i == a.rank() || k == b.rank()) return i == a.rank() && k == b.rank();
    if (a.shape[i] != b.shape[k] || a.strides[i] != b.strides[k]) return false;
    ++i, ++k;
  }
}

// Whether numbers 0 <= x[k] <= most[k] exist with step[0] x[0] + ... = target. Steps fall; all of them are above 0.
struct Steps {
  int64_t step[2 * kMaxRank], most[2 * kMaxRank];
  int64_t reach[2 * kMaxRank + 1];   // what the steps from k on add up to at most
  int64_t common[2 * kMaxRank + 1];  // their greatest common divisor
  int n = 0;
  int tries = 1000;

  void add(int64_t s, int64_t m) {
    int at = 0;
    while (at < n && step[at] > s) ++at;
    if (at < n && step[at] == s) {
      most[at] += m;
      return;
    }
    for (int k = n++; k > at; --k) step[k] = step[k - 1], most[k] = most[k - 1];
    step[at] = s, most[at] = m;
  }
  void prepare() {
    reach[n] = common[n] = 0;
    for (int k = n; k-- > 0;) {
      reach[k] = reach[k + 1] + step[k] * most[k];
      common[k] = std::gcd(common[k + 1], step[k]);
    }
  }
  // True also where it takes too many tries to tell.
  bool meet(int k, int64_t target) {
    if (target == 0) return true;
    if (target < 0 || k == n || target > reach[k] || target % common[k] != 0) return false;
    const int64_t first = std::max<int64_t>(0, (target - reach[k + 1] + step[k] - 1) / step[k]),
                  last = std::min(most[k], target / step[k]);
    for (int64_t x = last; x >= first; --x) {
      if (--tries < 0 || meet(k + 1, target - x * step[k])) return true;
    }
    return false;
  }
};

// Two tensors in one storage have an element in common, for all that can be told in a short time.
bool overlap(const Layout& a, const Layout& b) {
  if (a.numel == 0 || b.numel == 0 || a.end() <= b.offset || b.end() <= a.offset) return false;
  if (a.dense && b.dense) return true;
  // a.offset + sum of i * stride = b.offset + sum of j * stride, with the j counted from their ends.
  Steps s;
  int64_t target = b.offset - a.offset;
  for (int d = 0; d < a.rank(); ++d) {
    if (a.shape[d] > 1 && a.strides[d] > 0) s.add(a.strides[d], a.shape[d] - 1);
  }
  for (int d = 0; d < b.rank(); ++d) {
    if (b.shape[d] <= 1 || b.strides[d] <= 0) continue;
    s.add(b.strides[d], b.shape[d] - 1);
    target += b.strides[d] * (b.shape[d] - 1);
  }
  s.prepare();
  return s.meet(0, target);
}

void check_writable(const OpCall& c, const TensorImpl& t) {
  HEARTH_CHECK(!t.storage->read_only(), c.op.name, ": cannot write in place: the tensor's memory is read-only");
  HEARTH_CHECK(!t.layout.overlapping(), c.op.name, ": cannot write in place: several elements of the tensor of shape ",
               t.layout.shape, " and strides ", t.layout.strides, " lie at one address; clone() it first");
}

// Of an op that changes its operands: those that are written may be, and share no element with another operand.
void check_rows(const OpCall& c) {
  const int row = c.op.row;
  HEARTH_CHECK(!c.bound, c.op.name, ": it changes its operands and has no result to be written into a tensor");
  HEARTH_CHECK(c.inputs() % row == 0, c.op.name, ": expected rows of ", row, " operands, but got ", c.inputs(),
               " operands");
  struct Piece {
    const Storage* storage;
    int64_t begin, end;  // bytes
    int operand;
  };
  std::vector<Piece> pieces;
  pieces.reserve(c.in.size());
  for (int i = 0; i < c.inputs(); ++i) {
    if (!c.is_tensor(i)) continue;
    const TensorImpl& t = *c.input(i).impl();
    if (c.writes(i)) check_writable(c, t);
    // What all rows only read is looked at once.
    else if (i >= row && c.is_tensor(i - row) && c.input(i - row).impl() == &t) continue;
    const auto size = static_cast<int64_t>(size_of(t.dtype));
    if (t.layout.numel > 0) pieces.push_back({t.storage.get(), t.layout.offset * size, t.layout.end() * size, i});
  }
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    if (a.storage != b.storage) return std::less<>()(a.storage, b.storage);
    return a.begin < b.begin;
  });
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Piece& a = pieces[i];
    for (size_t k = i + 1; k < pieces.size() && pieces[k].storage == a.storage && pieces[k].begin < a.end; ++k) {
      const int written = c.writes(a.operand) ? a.operand : pieces[k].operand,
                other = written == a.operand ? pieces[k].operand : a.operand;
      if (!c.writes(written)) continue;
      const TensorImpl &x = *c.input(written).impl(), &y = *c.input(other).impl();
      HEARTH_CHECK(x.dtype == y.dtype && !overlap(x.layout, y.layout), c.op.name, ": cannot write in place: operand ",
                   written % row, " of row ", written / row, ", which is written, shares memory with operand ",
                   other % row, " of row ", other / row, "; clone() one of them first");
    }
  }
}

void check_bound(OpCall& c) {
  const TensorImpl& t = *c.out[0].impl();
  HEARTH_CHECK(c.op.kind != OpKind::kView, c.op.name, ": a view cannot be written into a given tensor");
  check_writable(c, t);
  for (int i = 0; i < c.inputs(); ++i) {
    if (!c.is_tensor(i)) continue;
    const TensorImpl& x = *c.input(i).impl();
    if (x.storage != t.storage || t.layout.numel == 0) continue;
    const bool over = c.op.kind == OpKind::kPointwise || (i < 8 && c.op.in_place >> i & 1);
    if (x.layout.offset == t.layout.offset && alike(x.layout, t.layout)) {
      HEARTH_CHECK(over, c.op.name, ": cannot write in place: operand ", i,
                   " is the tensor that is written, and elements of it are read after others were written; clone() it "
                   "first");
      continue;
    }
    HEARTH_CHECK(!overlap(x.layout, t.layout), c.op.name, ": cannot write in place: operand ", i,
                 " lies in the memory that is written, in another order; clone() it first");
  }
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
  if ((i == 0 && bound) || !alike(result.layout(), to.layout())) machinery::copy_into(to, result);
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
                     alike(Layout(shape, strides, 0), o.layout()),
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
