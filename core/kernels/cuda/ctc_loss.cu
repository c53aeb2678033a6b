// The CTC loss: a block for each sequence, whose threads go over its states, one step after the other. The ways to each
// state lie in global memory.
//
// Lengths and classes that are out of range are complained of. That no target is the blank, and that no joined target
// is left over, is checked on the CPU only.
#include "core/kernels/ctc_loss.h"

#include <algorithm>

#include "core/kernels/ctc_ways.h"
#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/op/attrs/ctc_loss.h"

namespace hearth::cuda {
namespace {

using ctc::kNever;
using ctc::Steps;

// Whole numbers along one dimension.
struct Integers {
  const void* data;
  bool wide;  // i64, else i32
  int64_t step;
  explicit Integers(const Tensor& t)
      : data(t.impl()->data()), wide(t.dtype() == DType::kI64), step(t.dim() > 0 ? t.strides().back() : 0) {}
  HEARTH_DEVICE int64_t at(int64_t i, int64_t offset = 0) const {
    const int64_t place = offset + i * step;
    return wide ? static_cast<const int64_t*>(data)[place] : static_cast<const int32_t*>(data)[place];
  }
};

struct Sequence {
  int64_t steps, begin, labels;  // begin: its first target, in row-major order; labels: -1 where a length is wrong
};

template <class T>
struct Problem {
  const T* x;
  int64_t x_step, x_sequence, x_class;
  int64_t steps, count, classes;
  Integers targets;
  bool padded;
  int64_t width, row;  // targets of a sequence if padded, else all; from one sequence's to the next's
  Integers input_lengths, target_lengths;
  int64_t blank;
  bool zero_infinity;
  Complaint* complaint;
  const char* op;

  // log_probs is operand `first`.
  Problem(const OpCall& c, int first)
      : targets(c.input(first + 1)), input_lengths(c.input(first + 2)), target_lengths(c.input(first + 3)) {
    const Tensor &log_probs = c.input(first), &labels = c.input(first + 1);
    x = static_cast<const T*>(log_probs.impl()->data());
    x_step = log_probs.strides()[0];
    x_sequence = log_probs.strides()[1];
    x_class = log_probs.strides()[2];
    steps = log_probs.shape()[0];
    count = log_probs.shape()[1];
    classes = log_probs.shape()[2];
    padded = labels.dim() == 2;
    width = labels.shape().back();
    row = padded ? labels.strides()[0] : 0;
    blank = c.attrs_as<CtcLossAttrs>().blank;
    zero_infinity = c.attrs_as<CtcLossAttrs>().zero_infinity;
    complaint = cuda::complaint(c.device.index);
    op = c.op.name;
  }

  HEARTH_DEVICE Steps<T> steps_of(int64_t n) const { return {x + n * x_sequence, x_step, x_class}; }
  // States of all sequences together, where those of a sequence begin.
  int64_t states() const { return 2 * (padded ? count * width : width) + count; }
  HEARTH_DEVICE int64_t states_before(int64_t n, const Sequence& q) const { return 2 * q.begin + n; }
};

// The states of one sequence.
struct States {
  Integers targets;
  int64_t offset, labels, blank;
  HEARTH_DEVICE int64_t size() const { return 2 * labels + 1; }
  HEARTH_DEVICE int64_t label(int64_t i) const { return targets.at(i, offset); }
  HEARTH_DEVICE int64_t operator[](int64_t s) const { return s % 2 == 0 ? blank : label(s / 2); }
};

template <class T>
HEARTH_DEVICE States states_of(const Problem<T>& p, int64_t n, const Sequence& q) {
  return {p.targets, p.padded ? n * p.row : q.begin * p.targets.step, q.labels, p.blank};
}

// One thread: where a sequence begins follows from those before it.
template <class T>
HEARTH_KERNEL void sequences_kernel(Problem<T> p, Sequence* to) {
  int64_t joined = 0;
  for (int64_t n = 0; n < p.count; ++n) {
    const int64_t steps = p.input_lengths.at(n), labels = p.target_lengths.at(n), room = p.width - joined;
    const bool steps_fit = steps >= 0 && steps <= p.steps, labels_fit = labels >= 0 && labels <= room;
    if (!steps_fit) complain(p.complaint, p.op, steps, p.steps + 1);
    if (!labels_fit) complain(p.complaint, p.op, labels, room + 1);
    to[n] = {steps, p.padded ? n * p.width : joined, steps_fit && labels_fit ? labels : -1};
    if (!p.padded && labels_fit) joined += labels;
  }
}

// Whether the sequence can be looked at: in every thread of the block.
template <class T>
HEARTH_DEVICE bool fits(const Problem<T>& p, const States& states) {
  if (states.labels < 0) return false;
  int wrong = 0;
  for (int64_t i = threadIdx.x; i < states.labels; i += blockDim.x) {
    const int64_t k = states.label(i);
    if (k >= 0 && k < p.classes) continue;
    complain(p.complaint, p.op, k, p.classes);
    wrong = 1;
  }
  return block_reduce<Max>(wrong) == 0;
}

// The ways to each state at step t are at ways[t % kept * stride]. The block waits.
template <class T>
HEARTH_DEVICE void go_forward(const Steps<T>& x, const States& states, int64_t steps, double* ways, int64_t kept,
                              int64_t stride) {
  for (int64_t t = 0; t < steps; ++t) {
    const double* const before = ways + (t + kept - 1) % kept * stride;
    double* const now = ways + t % kept * stride;
    for (int64_t s = threadIdx.x; s < states.size(); s += blockDim.x) now[s] = ctc::ways_to(x, states, t, before, s);
    __syncthreads();
  }
}

// ways: [2][states of all sequences]
template <class T>
HEARTH_KERNEL void loss_kernel(Problem<T> p, const Sequence* sequences, int64_t all, double* ways, T* losses) {
  for (int64_t n = blockIdx.x; n < p.count; n += gridDim.x) {
    const Sequence q = sequences[n];
    const States states = states_of(p, n, q);
    if (!fits(p, states)) continue;
    double* const own = ways + p.states_before(n, q);
    go_forward(p.steps_of(n), states, q.steps, own, 2, all);
    if (threadIdx.x != 0) continue;
    const int64_t count = states.size();
    const double loss =
        q.steps > 0 ? ctc::loss_of(own + (q.steps - 1) % 2 * all, count) : ctc::loss_without_steps(count);
    losses[n] = p.zero_infinity && loss == -kNever ? T(0) : static_cast<T>(loss);
  }
}

// The labels of one class are a chain: of each the next, the number of labels behind the last one. Of a label that is
// not the first of its class the complement.
HEARTH_DEVICE void chain(const States& states, int64_t* next) {
  for (int64_t i = threadIdx.x; i < states.labels; i += blockDim.x) {
    const int64_t k = states.label(i);
    bool first = true;
    for (int64_t j = 0; j < i && first; ++j) first = states.label(j) != k;
    int64_t other = i + 1;
    while (other < states.labels && states.label(other) != k) ++other;
    next[i] = first ? other : ~other;
  }
}

// The gradient of one step: (e^x - share) g, where share(s) is that of state s, which its class collects.
template <class T, class Share>
HEARTH_DEVICE void put_step(const Problem<T>& p, const Steps<T>& x, const States& states, const int64_t* next,
                            int64_t t, double g, T* to, Share share) {
  for (int64_t k = threadIdx.x; k < p.classes; k += blockDim.x) to[k] = static_cast<T>(std::exp(x.at(t, k)) * g);
  double blanks = 0;
  for (int64_t i = threadIdx.x; i <= states.labels; i += blockDim.x) blanks += share(2 * i);
  blanks = block_reduce<Sum>(blanks);
  __syncthreads();
  for (int64_t i = threadIdx.x; i < states.labels; i += blockDim.x) {
    if (next[i] < 0) continue;
    double all = 0;
    for (int64_t j = i; j < states.labels; j = next[j] < 0 ? ~next[j] : next[j]) all += share(2 * j + 1);
    const int64_t k = states.label(i);
    to[k] = static_cast<T>((std::exp(x.at(t, k)) - all) * g);
  }
  if (threadIdx.x == 0) to[p.blank] = static_cast<T>((std::exp(x.at(t, p.blank)) - blanks) * g);
}

// ways: [steps + 2][states of all sequences], of which the last two are those to the end. next: of all targets.
template <class T>
HEARTH_KERNEL void gradient_kernel(Problem<T> p, const Sequence* sequences, int64_t all, double* ways, int64_t* next,
                                   const T* gradient, int64_t gradient_step, T* dx) {
  for (int64_t n = blockIdx.x; n < p.count; n += gridDim.x) {
    const Sequence q = sequences[n];
    const States states = states_of(p, n, q);
    if (!fits(p, states)) continue;
    const Steps<T> x = p.steps_of(n);
    const double g = static_cast<double>(gradient[n * gradient_step]);
    double* const to_states = ways + p.states_before(n, q);
    double* const to_end = to_states + p.steps * all;
    T* const to = dx + n * p.classes;
    chain(states, next + q.begin);
    go_forward(x, states, q.steps, to_states, p.steps, all);
    double loss = 0;
    if (q.steps > 0) loss = ctc::loss_of(to_states + (q.steps - 1) * all, states.size());
    const int64_t steps = p.zero_infinity && loss == -kNever ? 0 : q.steps;
    for (int64_t t = steps; t < p.steps; ++t) {
      for (int64_t k = threadIdx.x; k < p.classes; k += blockDim.x) to[t * p.count * p.classes + k] = T(0);
    }
    for (int64_t t = steps - 1; t >= 0; --t) {
      double* const now = to_end + t % 2 * all;
      const double* const after = to_end + (t + 1) % 2 * all;
      for (int64_t s = threadIdx.x; s < states.size(); s += blockDim.x)
        now[s] = ctc::ways_from(x, states, t, steps, after, s);
      __syncthreads();
      const double* const ways_to = to_states + t * all;
      put_step(p, x, states, next + q.begin, t, g, to + t * p.count * p.classes,
               [&](int64_t s) { return std::exp(ways_to[s] + now[s] + loss); });
    }
  }
}

template <class T>
Tensor sequences_of(const OpCall& c, const Problem<T>& p) {
  const Tensor t = hearth::detail::empty(Shape{p.count, 3}, DType::kI64, c.device);
  launch({.grid = 1, .block = 1, .stream = stream(c.device.index), .name = c.op.name}, sequences_kernel<T>, p,
         static_cast<Sequence*>(t.impl()->data()));
  return t;
}

// A block for each sequence, for its states and for the classes.
template <class T>
Launch blocks(const OpCall& c, const Problem<T>& p) {
  return blocks_over(c, p.count, std::max(p.states() / p.count, p.classes));
}

template <class T>
void forward(OpCall& c) {
  const Problem<T> p(c, 0);
  const Tensor sequences = sequences_of(c, p);
  const Tensor ways = hearth::detail::empty(Shape{2, p.states()}, DType::kF64, c.device);
  launch(blocks(c, p), loss_kernel<T>, p, static_cast<const Sequence*>(sequences.impl()->data()), p.states(),
         static_cast<double*>(ways.impl()->data()), static_cast<T*>(c.out[0].impl()->data()));
}

template <class T>
void backward(OpCall& c) {
  const Problem<T> p(c, 1);
  const Tensor &gradient = c.input(0), sequences = sequences_of(c, p);
  const Tensor ways = hearth::detail::empty(Shape{p.steps + 2, p.states()}, DType::kF64, c.device),
               next = hearth::detail::empty(Shape{c.input(2).numel()}, DType::kI64, c.device);
  launch(blocks(c, p), gradient_kernel<T>, p, static_cast<const Sequence*>(sequences.impl()->data()), p.states(),
         static_cast<double*>(ways.impl()->data()), static_cast<int64_t*>(next.impl()->data()),
         static_cast<const T*>(gradient.impl()->data()), gradient.strides()[0],
         static_cast<T*>(c.out[0].impl()->data()));
}

}  // namespace

void ctc_loss(OpCall& c) { c.dtype == DType::kF64 ? forward<double>(c) : forward<float>(c); }
void ctc_loss_grad(OpCall& c) { c.dtype == DType::kF64 ? backward<double>(c) : backward<float>(c); }

}  // namespace hearth::cuda
