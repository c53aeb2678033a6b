#include "core/testing/tensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/ops/create.h"
#include "core/ops/index.h"

namespace hearth::testing {
namespace {

// SplitMix64 (Steele, Lea and Flood, 2014).
uint64_t scramble(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

template <class T>
T narrow(long double v) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) return T(static_cast<float>(v));
  else if constexpr (std::is_same_v<T, bool>) return v != 0;
  else if constexpr (std::is_floating_point_v<T>) return static_cast<T>(v);
  else return static_cast<T>(v >= -0x1p63L && v < 0x1p63L ? static_cast<int64_t>(v) : INT64_MIN);  // as convert()
}
template <class T>
long double widen(T v) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) return static_cast<float>(v);
  else return static_cast<long double>(v);
}

template <class F>
void for_offsets(const Tensor& t, F f) {
  int64_t index[kMaxRank] = {}, offset = 0;
  for (int64_t i = 0, n = t.numel(); i < n; ++i) {
    f(i, offset);
    for (int d = t.dim(); d-- > 0;) {
      offset += t.strides()[d];
      if (++index[d] < t.shape()[d]) break;
      offset -= t.shape()[d] * t.strides()[d];
      index[d] = 0;
    }
  }
}

}  // namespace

Tensor noise(const Shape& shape, DType dtype, double low, double high, uint64_t seed) {
  std::vector<long double> v(static_cast<size_t>(shape.numel()));
  if (dtype == DType::kU8) low = std::max(low, 0.0), high = std::max(high, 1.0);
  for (size_t i = 0; i < v.size(); ++i) {
    const double u = static_cast<double>(scramble(seed * 0x10001 + i) >> 11) * 0x1p-53;
    if (dtype == DType::kBool) v[i] = u < 0.5;
    else if (is_integral(dtype)) v[i] = std::floor(low + u * (high - low + 1));
    else v[i] = low + u * (high - low);
  }
  return from_wide(v, shape, dtype);
}

std::vector<long double> extremes(DType dtype) {
  if (is_complex(dtype)) return {0, 1};
  return visit(dtype, []<class T>() -> std::vector<long double> {
    if constexpr (std::is_same_v<T, bool>) {
      return {0, 1};
    } else if constexpr (std::is_integral_v<T>) {
      using L = std::numeric_limits<T>;
      std::vector<long double> v{0, 1, 2, widen(L::max()), widen(L::max()) - 1, widen(L::min()), widen(L::min()) + 1};
      if (std::is_signed_v<T>) v.insert(v.end(), {-1, -2, -7});
      return v;
    } else {
      const long double inf = std::numeric_limits<long double>::infinity();
      const long double largest = traits(dtype_of<T>).max;
      const long double normal = std::is_same_v<T, Half>     ? 0x1p-14L
                                 : std::is_same_v<T, double> ? 0x1p-1022L
                                                             : 0x1p-126L;
      const long double least = std::is_same_v<T, Half>       ? 0x1p-24L
                                : std::is_same_v<T, BFloat16> ? 0x1p-133L
                                : std::is_same_v<T, float>    ? 0x1p-149L
                                                              : 0x1p-1074L;
      return {0.0L,
              -0.0L,
              1,
              -1,
              0.5L,
              2,
              -2.5L,
              3,
              inf,
              -inf,
              std::numeric_limits<long double>::quiet_NaN(),
              largest,
              -largest,
              normal,
              -normal,
              least,
              -least,
              3 * least,
              88,
              -88,
              1000,
              -1000,
              0.125L};
    }
  });
}

Tensor from_wide(std::span<const long double> values, const Shape& shape, DType dtype) {
  if (is_complex(dtype)) return from_wide(values, shape, real_type(dtype)).to(dtype);
  Tensor t = detail::empty(shape, dtype, kCpu);
  visit(dtype, [&]<class T>() {
    T* p = static_cast<T*>(t.mutable_raw_data());
    for (size_t i = 0; i < values.size(); ++i) p[i] = narrow<T>(values[i]);
  });
  return t;
}

std::vector<long double> to_wide(const Tensor& t) {
  std::vector<long double> v(static_cast<size_t>(t.numel()));
  // Of complex numbers the real part: only ops that refuse them get here.
  const Tensor real = t.to(real_type(t.dtype()));
  visit(real.dtype(), [&]<class T>() {
    const T* p = static_cast<const T*>(real.raw_data());
    for_offsets(real, [&](int64_t i, int64_t offset) { v[static_cast<size_t>(i)] = widen(p[offset]); });
  });
  return v;
}

const char* to_string(Arrangement a) {
  return a == Arrangement::kGaps       ? "with gaps"
         : a == Arrangement::kReversed ? "dimensions reversed in memory"
                                       : "as made";
}

Tensor arranged(const Tensor& t, Arrangement a) {
  if (a == Arrangement::kAsMade) return t;
  Strides strides = contiguous_strides(t.shape());
  int64_t step = 1;
  for (int d = 0; d < t.dim(); ++d) {
    if (a == Arrangement::kGaps) {
      strides[d] *= 2;
    } else {
      strides[d] = step;
      step *= std::max<int64_t>(t.shape()[d], 1);
    }
  }
  Tensor to = detail::empty_strided(t.shape(), strides, t.dtype(), kCpu);
  const int64_t item = static_cast<int64_t>(t.itemsize());
  std::vector<int64_t> from;
  for_offsets(t, [&](int64_t, int64_t offset) { from.push_back(offset); });
  for_offsets(to, [&](int64_t i, int64_t offset) {
    std::memcpy(static_cast<char*>(to.mutable_raw_data()) + offset * item,
                static_cast<const char*>(t.raw_data()) + from[static_cast<size_t>(i)] * item,
                static_cast<size_t>(item));
  });
  return to;
}

Tensor on_meta(const Tensor& t) {
  return detail::empty_strided(t.shape(), t.strides(), t.dtype(), Device::parse("meta"));
}

Tensor with_rows(const Tensor& t, int64_t n) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < n; ++i) rows.push_back(i % t.size(0));
  return index_select(t, 0, from_values(rows, {n}));
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || !(a.shape() == b.shape())) return false;
  const size_t item = a.itemsize();
  std::vector<int64_t> from;
  for_offsets(a, [&](int64_t, int64_t offset) { from.push_back(offset); });
  bool same = true;
  for_offsets(b, [&](int64_t i, int64_t offset) {
    same &=
        std::memcmp(static_cast<const char*>(b.raw_data()) + static_cast<size_t>(offset) * item,
                    static_cast<const char*>(a.raw_data()) + static_cast<size_t>(from[static_cast<size_t>(i)]) * item,
                    item) == 0;
  });
  return same;
}

}  // namespace hearth::testing
