#include "core/kernels/cross_entropy.h"

#include <cmath>
#include <numeric>

#include "core/base/error.h"
#include "core/kernels/cpu/cross_entropy_rows.h"
#include "core/kernels/cpu/dense_lines.h"
#include "core/op/attrs/loss.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/cross_entropy.cc"
#include <hwy/foreach_target.h>
#include "core/kernels/cpu/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

template <class T>
void log_sum_exp(const T* x, int64_t n, T* top, T* log_total) {
  *top = largest(x, n);
  *log_total = static_cast<T>(std::log(exponentials<T, false>(x, static_cast<T*>(nullptr), n, *top)));
}

template <class T>
void scaled_softmax(const T* x, int64_t n, T top, T log_total, T scale, T* dx) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    (exp(Vec<T>::load(x + i) - Vec<T>(top) - Vec<T>(log_total)) * Vec<T>(scale)).store(dx + i);
  if (i == n) return;
  HWY_ALIGN T rest[kMaxLanes<T>] = {};
  for (int64_t k = i; k < n; ++k) rest[k - i] = x[k];
  (exp(Vec<T>::load(rest) - Vec<T>(top) - Vec<T>(log_total)) * Vec<T>(scale)).store(rest);
  for (int64_t k = i; k < n; ++k) dx[k] = rest[k - i];
}

template <class T>
constexpr CrossEntropyRows<T> kCrossEntropyRows{log_sum_exp<T>, scaled_softmax<T>};

const void* cross_entropy_rows(bool is_double) {
  return is_double ? static_cast<const void*>(&kCrossEntropyRows<double>)
                   : static_cast<const void*>(&kCrossEntropyRows<float>);
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(cross_entropy_rows);

namespace {

template <class T>
T* data(const Tensor& t) {
  return static_cast<T*>(t.impl()->data());
}

// What belongs to the classes and the targets of one call.
template <class T>
class Targets {
 public:
  Targets(const OpCall& c, const Tensor& target, const Operand& weight, int64_t classes)
      : op_(c.op.name),
        attrs_(c.attrs_as<CrossEntropyAttrs>()),
        target_(row_major(target)),
        weight_(weight),
        classes_(classes) {
    const T* w = weight_.data();
    double sum = 0;
    for (int64_t k = 0; k < classes; ++k) sum += w ? static_cast<double>(w[k]) : 1.0;
    all_weights_ = static_cast<T>(sum);
  }
  // The class of target i, or -1 where it is ignored. Throws Error where there is no such class.
  int64_t at(int64_t i) const {
    const int64_t k = target_.dtype() == DType::kI64 ? data<int64_t>(target_)[i] : data<int32_t>(target_)[i];
    if (k == attrs_.ignore_index) return -1;
    HEARTH_CHECK(k >= 0 && k < classes_, op_, ": target ", k, " is out of range for ", classes_, " classes");
    return k;
  }
  const T* weights() const { return weight_.data(); }
  T weight(int64_t k) const { return weights() ? weights()[k] : T(1); }
  T all_weights() const { return all_weights_; }
  // The shares of a target's own class and of every class.
  T own() const { return static_cast<T>(1 - attrs_.label_smoothing); }
  T each() const { return static_cast<T>(attrs_.label_smoothing / static_cast<double>(classes_)); }
  bool smooth() const { return attrs_.label_smoothing > 0; }

 private:
  const char* op_;
  const CrossEntropyAttrs& attrs_;
  Tensor target_;
  DenseValues<T> weight_;
  int64_t classes_;
  T all_weights_;
};

template <class T>
void forward(OpCall& c) {
  const Tensor& x = c.input(0);
  if (c.out[0].numel() == 0) return;
  const auto& rows = *static_cast<const CrossEntropyRows<T>*>(HWY_DYNAMIC_DISPATCH(cross_entropy_rows)(sizeof(T) == 8));
  const int64_t n = x.shape()[1];
  const Targets<T> targets(c, c.input(1), c.in[2], n);
  T *loss = data<T>(c.out[0]), *scale = data<T>(c.out[1]), *top = data<T>(c.out[2]), *log_total = data<T>(c.out[3]);
  for_dense_lines<T>(x, nullptr, 1, [&](int64_t i, const T* line, T*) {
    rows.log_sum_exp(line, n, top + i, log_total + i);
    const int64_t k = targets.at(i);
    if (k < 0) {
      loss[i] = scale[i] = T(0);
      return;
    }
    const auto lost = [&](int64_t j) { return top[i] - line[j] + log_total[i]; };
    scale[i] = targets.weight(k);
    loss[i] = lost(k) * scale[i];
    if (!targets.smooth()) return;
    double all = 0;
    for (int64_t j = 0; j < n; ++j) all += static_cast<double>(lost(j) * targets.weight(j));
    loss[i] = loss[i] * targets.own() + static_cast<T>(all) * targets.each();
  });
}

template <class T>
void backward(OpCall& c) {
  const Tensor &x = c.input(1), &dx = c.out[0];
  if (dx.numel() == 0) return;
  const auto& rows = *static_cast<const CrossEntropyRows<T>*>(HWY_DYNAMIC_DISPATCH(cross_entropy_rows)(sizeof(T) == 8));
  const int64_t n = x.shape()[1];
  const Targets<T> targets(c, c.input(2), c.in[3], n);
  const Tensor gradient = row_major(c.input(0)), tops = row_major(c.input(4)), log_totals = row_major(c.input(5));
  const T *g = data<T>(gradient), *top = data<T>(tops), *log_total = data<T>(log_totals);
  for_dense_lines<T>(x, &dx, 1, [&](int64_t i, const T* line, T* to) {
    const int64_t k = targets.at(i);
    if (k < 0) {
      std::fill_n(to, n, T(0));
      return;
    }
    const T own = g[i] * targets.weight(k) * (targets.smooth() ? targets.own() : T(1)),
            each = targets.smooth() ? g[i] * targets.each() : T(0);
    rows.scaled_softmax(line, n, top[i], log_total[i], own + each * targets.all_weights(), to);
    if (targets.smooth()) {
      for (int64_t j = 0; j < n; ++j) to[j] -= each * targets.weight(j);
    }
    to[k] -= own;
  });
}

}  // namespace

void cross_entropy(OpCall& c) { c.dtype == DType::kF64 ? forward<double>(c) : forward<float>(c); }
void cross_entropy_grad(OpCall& c) { c.dtype == DType::kF64 ? backward<double>(c) : backward<float>(c); }

}  // namespace hearth::cpu
#endif
