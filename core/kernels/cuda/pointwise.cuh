// Elementwise kernels over tensors of any shapes, strides and dtypes, from one functor.
#pragma once

#include <type_traits>

#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/iterate/loop.h"

namespace hearth::cuda {

// Elements that a thread loads at a time, in units of 16 bytes.
template <class T>
constexpr int kPack = sizeof(T) == 4 ? 8 : 4;

template <class T>
constexpr DType dtype_of_pair = std::is_same_v<T, Complex<float>> ? DType::kC64 : DType::kC128;

// The dtypes that packs of T are loaded from and stored to; others are read one by one.
template <class T>
constexpr bool packs(DType t, bool stored) {
  if constexpr (std::is_same_v<T, float>)
    return t == DType::kF32 || t == DType::kF16 || t == DType::kBF16 || (stored && t == DType::kBool);
  else if constexpr (std::is_same_v<T, double>) return t == DType::kF64 || (stored && t == DType::kBool);
  else if constexpr (is_pair<T>)
    return t == dtype_of_pair<T> || t == real_type(dtype_of_pair<T>) || (stored && t == DType::kBool);
  else return t == DType::kI64 || t == DType::kI32 || t == DType::kBool;
}

template <class S, int N>
struct alignas(N * sizeof(S) < 16 ? N * sizeof(S) : 16) Pack {
  S v[N];
};

template <class S, class T>
HEARTH_DEVICE void load_as(const void* p, int64_t i, T (&v)[kPack<T>]) {
  const auto in = *reinterpret_cast<const Pack<S, kPack<T>>*>(static_cast<const S*>(p) + i);
  for (int k = 0; k < kPack<T>; ++k) v[k] = convert_in<T>(in.v[k]);
}
template <class T>
HEARTH_DEVICE void load_pack(DType t, const void* p, int64_t i, T (&v)[kPack<T>]) {
  if constexpr (std::is_same_v<T, float>) {
    if (t == DType::kF32) load_as<float>(p, i, v);
    else if (t == DType::kBF16) load_as<BFloat16>(p, i, v);
    else load_as<Half>(p, i, v);
  } else if constexpr (std::is_same_v<T, double>) {
    load_as<double>(p, i, v);
  } else if constexpr (is_pair<T>) {
    if (t == dtype_of_pair<T>) load_as<T>(p, i, v);
    else load_as<typename Num<T>::value_type>(p, i, v);
  } else {
    if (t == DType::kI64) load_as<int64_t>(p, i, v);
    else if (t == DType::kI32) load_as<int32_t>(p, i, v);
    else load_as<bool>(p, i, v);
  }
}
template <class S, class T>
HEARTH_DEVICE void store_as(void* p, int64_t i, const T (&v)[kPack<T>]) {
  Pack<S, kPack<T>> out;
  for (int k = 0; k < kPack<T>; ++k) {
    if constexpr (std::is_same_v<S, Half> || std::is_same_v<S, BFloat16>) narrow(v[k], out.v[k]);
    else out.v[k] = convert<S>(v[k]);
  }
  *reinterpret_cast<Pack<S, kPack<T>>*>(static_cast<S*>(p) + i) = out;
}
template <class T>
HEARTH_DEVICE void store_pack(DType t, void* p, int64_t i, const T (&v)[kPack<T>]) {
  if (t == DType::kBool) return store_as<bool>(p, i, v);
  if constexpr (std::is_same_v<T, float>) {
    if (t == DType::kF32) store_as<float>(p, i, v);
    else if (t == DType::kBF16) store_as<BFloat16>(p, i, v);
    else store_as<Half>(p, i, v);
  } else if constexpr (std::is_same_v<T, double>) {
    store_as<double>(p, i, v);
  } else if constexpr (is_pair<T>) {
    if (t == dtype_of_pair<T>) store_as<T>(p, i, v);
    else store_as<typename Num<T>::value_type>(p, i, v);
  } else {
    if (t == DType::kI64) store_as<int64_t>(p, i, v);
    else store_as<int32_t>(p, i, v);
  }
}

// Tensors and numbers of a call. Operand 0 is the result; a number has no data.
template <class T, int N>
struct Operands {
  void* data[N + 1];
  DType dtype[N + 1];
  T number[N + 1];
};

template <class F, class T, int N>
HEARTH_DEVICE T apply(const T (&x)[N]) {
  using V = Num<T>;
  if constexpr (N == 1) return F()(V(x[0])).v;
  else if constexpr (N == 2) return F()(V(x[0]), V(x[1])).v;
  else if constexpr (N == 3) return F()(V(x[0]), V(x[1]), V(x[2])).v;
  else return F()(V(x[0]), V(x[1]), V(x[2]), V(x[3])).v;
}

template <class F, class T, int N>
HEARTH_DEVICE void compute_one(const Operands<T, N>& p, const int64_t (&at)[N + 1]) {
  T x[N];
  for (int k = 0; k < N; ++k)
    x[k] = p.data[k + 1] ? read<T>(p.dtype[k + 1], p.data[k + 1], at[k + 1]) : p.number[k + 1];
  write<T>(p.dtype[0], p.data[0], at[0], apply<F, T, N>(x));
}

template <class F, class T, int N>
HEARTH_KERNEL void strided_kernel(Operands<T, N> p, Walk<N + 1> walk) {
  for_each_item(walk.n, [&](int64_t i) {
    int64_t at[N + 1];
    walk.place(i, at);
    compute_one<F, T, N>(p, at);
  });
}

// All tensors dense in one order.
template <class F, class T, int N>
HEARTH_KERNEL void dense_kernel(Operands<T, N> p, int64_t n) {
  constexpr int P = kPack<T>;
  for_each_item(n / P, [&](int64_t i) {
    T in[N][P], out[P];
    for (int k = 0; k < N; ++k) {
      if (p.data[k + 1]) {
        load_pack<T>(p.dtype[k + 1], p.data[k + 1], i * P, in[k]);
      } else {
        for (int j = 0; j < P; ++j) in[k][j] = p.number[k + 1];
      }
    }
    for (int j = 0; j < P; ++j) {
      T x[N];
      for (int k = 0; k < N; ++k) x[k] = in[k][j];
      out[j] = apply<F, T, N>(x);
    }
    store_pack<T>(p.dtype[0], p.data[0], i * P, out);
  });
  for_each_item(n % P, [&](int64_t i) {
    int64_t at[N + 1];
    for (int k = 0; k <= N; ++k) at[k] = n - n % P + i;
    compute_one<F, T, N>(p, at);
  });
}

template <class T, int N>
bool fits_packs(const Operands<T, N>& p, const cpu::Loop<N + 1>& loop) {
  for (int k = 0; k <= N; ++k) {
    if (!p.data[k]) continue;
    const size_t unit = kPack<T> * size_of(p.dtype[k]);
    if (!packs<T>(p.dtype[k], k == 0) || !loop.linear(k) ||
        reinterpret_cast<uintptr_t>(p.data[k]) % (unit < 16 ? unit : 16) != 0)
      return false;
  }
  return true;
}

// Computes c.out[0] by F in T, from N operands.
template <class F, class T, int N>
void run_pointwise(OpCall& c) {
  const TensorImpl& out = *c.out[0].impl();
  if (out.layout.numel == 0) return;
  Operands<T, N> p = {};
  const Layout* layouts[N + 1] = {&out.layout};
  p.data[0] = out.data();
  p.dtype[0] = out.dtype;
  for (int k = 0; k < N; ++k) {
    if (c.is_tensor(k)) {
      const TensorImpl& t = *c.input(k).impl();
      layouts[k + 1] = &t.layout;
      p.data[k + 1] = t.data();
      p.dtype[k + 1] = t.dtype;
    } else {
      if constexpr (is_pair<T>) p.number[k + 1] = T(c.scalar(k).template to<typename Num<T>::value_type>());
      else p.number[k + 1] = c.scalar(k).template to<T>();
    }
  }
  cpu::Loop<N + 1> loop;
  loop.build(out.layout.shape, layouts, N + 1);
  const int64_t n = out.layout.numel;
  if (fits_packs<T, N>(p, loop)) return launch(over(c, (n + kPack<T> - 1) / kPack<T>), dense_kernel<F, T, N>, p, n);
  Walk<N + 1> walk;
  walk.rank = loop.rank;
  walk.n = n;
  for (int d = 0; d < loop.rank; ++d) {
    walk.size[d] = loop.size[d];
    for (int k = 0; k <= N; ++k) walk.stride[k][d] = loop.stride[k][d];
  }
  launch(over(c, n), strided_kernel<F, T, N>, p, walk);
}

struct Identity {
  template <class V>
  HEARTH_DEVICE V operator()(V x) const {
    return x;
  }
};

}  // namespace hearth::cuda
