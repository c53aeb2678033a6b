#include "core/kernels/ctc_loss.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/ctc_ways.h"
#include "core/op/attrs/ctc_loss.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

using ctc::Steps;

int64_t whole(const Tensor& t, int64_t i) {
  return t.dtype() == DType::kI64 ? values_of<int64_t>(t)[i] : values_of<int32_t>(t)[i];
}

// The classes of a sequence's states.
class States {
 public:
  explicit States(std::vector<int64_t> classes) : classes_(std::move(classes)) {}
  int64_t size() const { return static_cast<int64_t>(classes_.size()); }
  int64_t operator[](int64_t s) const { return classes_[static_cast<size_t>(s)]; }

 private:
  std::vector<int64_t> classes_;
};

// The targets and lengths of a call, checked. log_probs is operand `first`.
class Sequences {
 public:
  Sequences(const OpCall& c, int first)
      : op_(c.op.name),
        blank_(c.attrs_as<CtcLossAttrs>().blank),
        classes_(c.input(first).shape()[2]),
        targets_(row_major(c.input(first + 1))) {
    const Shape& x = c.input(first).shape();
    const Tensor steps = row_major(c.input(first + 2)), labels = row_major(c.input(first + 3));
    const bool padded = targets_.dim() == 2;
    int64_t joined = 0;
    for (int64_t n = 0; n < x[1]; ++n) {
      const int64_t t = whole(steps, n), l = whole(labels, n);
      HEARTH_CHECK(t >= 0 && t <= x[0], op_, ": input length ", t, " of sequence ", n, " is out of range for ", x[0],
                   " steps");
      HEARTH_CHECK(l >= 0 && l <= targets_.shape().back() - (padded ? 0 : joined), op_, ": target length ", l,
                   " of sequence ", n, " is out of range for targets of shape ", targets_.shape());
      const int64_t begin = padded ? n * targets_.shape()[1] : joined;
      check_labels(n, begin, l);
      sequences_.push_back({t, begin, l});
      joined += l;
    }
    HEARTH_CHECK(padded || joined == targets_.numel(), op_, ": the target lengths are ", joined,
                 " together, but there are ", targets_.numel(), " targets");
  }

  int64_t steps(int64_t n) const { return sequences_[static_cast<size_t>(n)].steps; }
  // The labels with a blank before, between and behind them.
  States states(int64_t n) const {
    const Sequence& s = sequences_[static_cast<size_t>(n)];
    std::vector<int64_t> classes(static_cast<size_t>(2 * s.labels + 1), blank_);
    for (int64_t i = 0; i < s.labels; ++i) classes[static_cast<size_t>(2 * i + 1)] = whole(targets_, s.begin + i);
    return States(std::move(classes));
  }

 private:
  struct Sequence {
    int64_t steps, begin, labels;
  };

  void check_labels(int64_t n, int64_t begin, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t k = whole(targets_, begin + i);
      HEARTH_CHECK(k >= 0 && k < classes_, op_, ": target ", k, " of sequence ", n, " is out of range for ", classes_,
                   " classes");
      HEARTH_CHECK(k != blank_, op_, ": target ", i, " of sequence ", n, " is the blank, ", blank_);
    }
  }

  const char* op_;
  int64_t blank_, classes_;
  Tensor targets_;
  std::vector<Sequence> sequences_;
};

template <class T>
Steps<T> steps_of(const T* first, const Tensor& x, int64_t n) {
  return {first + n * x.strides()[1], x.strides()[0], x.strides()[2]};
}

template <class T>
double loss_of(const Steps<T>& x, const States& states, int64_t steps) {
  const int64_t n = states.size();
  if (steps == 0) return ctc::loss_without_steps(n);
  std::vector<double> now(static_cast<size_t>(n)), before(static_cast<size_t>(n));
  for (int64_t t = 0; t < steps; ++t) {
    std::swap(now, before);
    for (int64_t s = 0; s < n; ++s) now[static_cast<size_t>(s)] = ctc::ways_to(x, states, t, before.data(), s);
  }
  return ctc::loss_of(now.data(), n);
}

// The gradient of one sequence times g into [steps][classes] at `to`, whose steps are `stride` apart.
template <class T>
void gradient_of(const Steps<T>& x, const States& states, int64_t steps, int64_t classes, bool zero_infinity, double g,
                 T* to, int64_t stride) {
  const int64_t n = states.size();
  std::vector<double> ways(static_cast<size_t>(n * steps));
  for (int64_t t = 0; t < steps; ++t) {
    double* const at = ways.data() + t * n;
    for (int64_t s = 0; s < n; ++s) at[s] = ctc::ways_to(x, states, t, at - (t > 0 ? n : 0), s);
  }
  const double loss = ctc::loss_of(ways.data() + (steps - 1) * n, n);
  if (zero_infinity && loss == -ctc::kNever) return;
  std::vector<double> now(static_cast<size_t>(n)), after(static_cast<size_t>(n)), share(static_cast<size_t>(classes));
  for (int64_t t = steps - 1; t >= 0; --t) {
    std::swap(now, after);
    for (int64_t s = 0; s < n; ++s) now[static_cast<size_t>(s)] = ctc::ways_from(x, states, t, steps, after.data(), s);
    std::fill(share.begin(), share.end(), 0.0);
    for (int64_t s = 0; s < n; ++s) {
      share[static_cast<size_t>(states[s])] +=
          std::exp(ways[static_cast<size_t>(t * n + s)] + now[static_cast<size_t>(s)] + loss);
    }
    for (int64_t k = 0; k < classes; ++k)
      to[t * stride + k] = static_cast<T>((std::exp(x.at(t, k)) - share[static_cast<size_t>(k)]) * g);
  }
}

template <class T>
void forward(OpCall& c) {
  const Tensor& x = c.input(0);
  const bool zero_infinity = c.attrs_as<CtcLossAttrs>().zero_infinity;
  const Sequences sequences(c, 0);
  const T* const log_probs = values_of<const T>(x);
  if (log_probs == nullptr) return;  // the memory of no elements
  T* losses = values_of<T>(c.out[0]);
  parallel_for(x.shape()[1], 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const double loss = loss_of(steps_of(log_probs, x, n), sequences.states(n), sequences.steps(n));
      losses[n] = zero_infinity && loss == -ctc::kNever ? T(0) : static_cast<T>(loss);
    }
  });
}

template <class T>
void backward(OpCall& c) {
  const Tensor &x = c.input(1), &dx = c.out[0];
  const bool zero_infinity = c.attrs_as<CtcLossAttrs>().zero_infinity;
  const Sequences sequences(c, 1);
  const Tensor gradient = row_major(c.input(0));
  const T* const log_probs = values_of<const T>(x);
  if (log_probs == nullptr) return;  // the memory of no elements
  const int64_t steps = x.shape()[0], count = x.shape()[1], classes = x.shape()[2];
  parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      T* to = values_of<T>(dx) + n * classes;
      for (int64_t t = 0; t < steps; ++t) std::fill_n(to + t * count * classes, classes, T(0));
      if (sequences.steps(n) == 0) continue;
      gradient_of(steps_of(log_probs, x, n), sequences.states(n), sequences.steps(n), classes, zero_infinity,
                  static_cast<double>(values_of<T>(gradient)[n]), to, count * classes);
    }
  });
}

}  // namespace

void ctc_loss(OpCall& c) { c.dtype == DType::kF64 ? forward<double>(c) : forward<float>(c); }
void ctc_loss_grad(OpCall& c) { c.dtype == DType::kF64 ? backward<double>(c) : backward<float>(c); }

}  // namespace hearth::cpu
