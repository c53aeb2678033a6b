#include "core/kernels/cpu/convert.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/convert.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class From, class To>
void loop(const void* from, void* to, int64_t n) {
  const From* a = static_cast<const From*>(from);
  To* b = static_cast<To*>(to);
  if constexpr (std::is_same_v<From, Half> && std::is_same_v<To, float> && HWY_TARGET <= HWY_AVX2) {
    const hn::ScalableTag<float> df;
    const hn::Rebind<hwy::float16_t, hn::ScalableTag<float>> dh;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      hn::StoreU(hn::PromoteTo(df, hn::LoadU(dh, reinterpret_cast<const hwy::float16_t*>(a + i))), df, b + i);
    }
    for (; i < n; ++i) b[i] = static_cast<float>(a[i]);
  } else if constexpr (std::is_same_v<From, float> && std::is_same_v<To, Half> && HWY_TARGET <= HWY_AVX2) {
    const hn::ScalableTag<float> df;
    const hn::Rebind<hwy::float16_t, hn::ScalableTag<float>> dh;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      hn::StoreU(hn::DemoteTo(dh, hn::LoadU(df, a + i)), dh, reinterpret_cast<hwy::float16_t*>(b + i));
    }
    for (; i < n; ++i) b[i] = Half(a[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) b[i] = convert<To>(a[i]);
  }
}

struct Row {
  ConvertFn to[kDTypes];
};
template <class F>
constexpr Row row() {
  return {{loop<F, bool>, loop<F, uint8_t>, loop<F, int8_t>, loop<F, int16_t>, loop<F, int32_t>, loop<F, int64_t>,
           loop<F, Half>, loop<F, BFloat16>, loop<F, float>, loop<F, double>, loop<F, std::complex<float>>,
           loop<F, std::complex<double>>}};
}

ConvertFn find_conversion(DType from, DType to) {
  static constexpr Row table[kDTypes] = {row<bool>(),
                                         row<uint8_t>(),
                                         row<int8_t>(),
                                         row<int16_t>(),
                                         row<int32_t>(),
                                         row<int64_t>(),
                                         row<Half>(),
                                         row<BFloat16>(),
                                         row<float>(),
                                         row<double>(),
                                         row<std::complex<float>>(),
                                         row<std::complex<double>>()};
  return table[static_cast<int>(from)].to[static_cast<int>(to)];
}

void stream_bytes(void* to, const void* from, int64_t bytes) {
  const hn::ScalableTag<uint8_t> d;
  const int64_t step = static_cast<int64_t>(hn::Lanes(d));
  auto* a = static_cast<const uint8_t*>(from);
  auto* b = static_cast<uint8_t*>(to);
  if (reinterpret_cast<uintptr_t>(b) % static_cast<uintptr_t>(step) != 0) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
    return;
  }
  int64_t i = 0;
  for (; i + step <= bytes; i += step) hn::Stream(hn::LoadU(d, a + i), d, b + i);
  std::memcpy(b + i, a + i, static_cast<size_t>(bytes - i));
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(find_conversion);
HWY_EXPORT(stream_bytes);
ConvertFn convert_fn(DType from, DType to) { return HWY_DYNAMIC_DISPATCH(find_conversion)(from, to); }
void stream_copy(void* to, const void* from, int64_t bytes) { HWY_DYNAMIC_DISPATCH(stream_bytes)(to, from, bytes); }
}  // namespace hearth::cpu
#endif
