// Turns the functors of one list into 1-D bodies and a table of them. A family's .cc defines HEARTH_FAMILY_OPS and
// HEARTH_FAMILY_TABLE, includes this for each target, and exports the table.
#if defined(HEARTH_KERNELS_CPU_POINTWISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HEARTH_KERNELS_CPU_POINTWISE_INL_H_
#undef HEARTH_KERNELS_CPU_POINTWISE_INL_H_
#else
#define HEARTH_KERNELS_CPU_POINTWISE_INL_H_
#endif

#include <cstring>
#include <utility>

#include "core/kernels/cpu/functors-inl.h"
#include "core/kernels/iterate/pointwise.h"
#include "core/kernels/pointwise_lists.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

template <class F, class T, size_t... K>
HWY_INLINE void step(T* to, const T* const* in, int64_t i, std::index_sequence<K...>) {
  F()(Vec<T>::load(in[K] + i)...).store(to + i);
}

template <class F, class T, int kArity>
void body(void* out, const void* const* in, int64_t n) {
  constexpr auto all = std::make_index_sequence<kArity>();
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  T* to = static_cast<T*>(out);
  const T* from[kArity];
  for (int k = 0; k < kArity; ++k) from[k] = static_cast<const T*>(in[k]);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) step<F>(to, from, i, all);
  if (i == n) return;
  // The rest goes through registers padded with ones, which no functor divides by zero with.
  HWY_ALIGN T rest[kArity][kMaxLanes<T>];
  const T* padded[kArity];
  for (int k = 0; k < kArity; ++k) {
    for (int64_t j = 0; j < lanes; ++j) rest[k][j] = i + j < n ? from[k][i + j] : T(1);
    padded[k] = rest[k];
  }
  HWY_ALIGN T result[kMaxLanes<T>];
  step<F>(result, padded, 0, all);
  std::memcpy(to + i, result, static_cast<size_t>(n - i) * sizeof(T));
}

// Types of the lists.
#define HEARTH_BODIES_F(Functor, n) \
  { body<Functor, float, n>, body<Functor, double, n>, nullptr }
#define HEARTH_BODIES_A(Functor, n) \
  { body<Functor, float, n>, body<Functor, double, n>, body<Functor, int64_t, n> }
#define HEARTH_BODIES_I(Functor, n) \
  { nullptr, nullptr, body<Functor, int64_t, n> }
#define HEARTH_BODIES_FC(Functor, n) HEARTH_BODIES_F(Functor, n)
#define HEARTH_BODIES_AC(Functor, n) HEARTH_BODIES_A(Functor, n)
#define HEARTH_BODIES(name, Functor, n, types) HEARTH_BODIES_##types(Functor, n),

const Bodies* HEARTH_FAMILY_TABLE() {
  static constexpr Bodies bodies[] = {HEARTH_FAMILY_OPS(HEARTH_BODIES)};
  return bodies;
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
