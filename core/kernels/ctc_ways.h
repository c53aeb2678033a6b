// The steps of the CTC loss's sums over all ways through a sequence, once for the CPU and for GPUs: HEARTH_SPECIAL says
// how they are compiled there. Sums are logarithms, in f64.
//
// The states of a sequence are its labels with a blank before, between and behind them: `states[s]` is the class of
// state s, and `states.size()` their number, which is odd.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "core/kernels/any_device.h"

namespace hearth::ctc {

constexpr double kNever = -std::numeric_limits<double>::infinity();

// log(e^a + e^b + e^c). NaN stays NaN.
HEARTH_SPECIAL double log_sum(double a, double b, double c) {
  double top = a;
  if (top < b) top = b;
  if (top < c) top = c;
  if (top == kNever) return a + b + c;
  return top + std::log(std::exp(a - top) + std::exp(b - top) + std::exp(c - top));
}

// The log-probabilities of one sequence.
template <class T>
struct Steps {
  const T* first;
  int64_t step, next_class;
  HEARTH_SPECIAL double at(int64_t t, int64_t k) const { return static_cast<double>(first[t * step + k * next_class]); }
};

// Whether state s may follow state s - 2: no blank, and not the same label.
template <class States>
HEARTH_SPECIAL bool skips(const States& states, int64_t s) {
  return s % 2 == 1 && s >= 2 && states[s] != states[s - 2];
}

// All ways to state s at step t, with the step itself. `before` has those of step t - 1; there is none for t = 0.
template <class T, class States>
HEARTH_SPECIAL double ways_to(const Steps<T>& x, const States& states, int64_t t, const double* before, int64_t s) {
  const double here = x.at(t, states[s]);
  if (t == 0) return s < 2 ? here : kNever;
  return log_sum(before[s], s >= 1 ? before[s - 1] : kNever, skips(states, s) ? before[s - 2] : kNever) + here;
}

// All ways from state s at step t to the end, without the step itself. `after` has those of step t + 1; there is none
// for the last step.
template <class T, class States>
HEARTH_SPECIAL double ways_from(const Steps<T>& x, const States& states, int64_t t, int64_t steps, const double* after,
                                int64_t s) {
  const int64_t n = states.size();
  if (t == steps - 1) return s >= n - 2 ? 0 : kNever;
  const double stay = after[s] + x.at(t + 1, states[s]);
  const double next = s + 1 < n ? after[s + 1] + x.at(t + 1, states[s + 1]) : kNever;
  const bool skip = s + 2 < n && skips(states, s + 2);
  return log_sum(stay, next, skip ? after[s + 2] + x.at(t + 1, states[s + 2]) : kNever);
}

// -log of all ways that end in the last label or behind it, from those to each of the n states at the last step.
HEARTH_SPECIAL double loss_of(const double* last, int64_t n) {
  return -log_sum(last[n - 1], n > 1 ? last[n - 2] : kNever, kNever);
}
// The same of a sequence without steps.
HEARTH_SPECIAL double loss_without_steps(int64_t n) { return n == 1 ? 0 : -kNever; }

}  // namespace hearth::ctc
