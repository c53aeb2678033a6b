// The one way to start a kernel, and what kernels write in place of CUDA's own syntax, so that the host compiler reads
// them too.
//
//   HEARTH_KERNEL void scale(float* p, float by, int64_t n) { ... HEARTH_SHARED(float, tile, [32][33]); ... }
//   cuda::launch({.grid = blocks, .block = 256, .stream = s, .name = "scale"}, scale, p, 2.0f, n);
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <tuple>
#include <utility>

namespace hearth::cuda {

/// The grid for the work of n > 0 blocks, through which the kernel goes in steps of its grid. Small in the emulation,
/// so that the second round of that loop is tested too.
inline unsigned blocks_for(int64_t n) {
#if HEARTH_CUDA_EMULATED
  constexpr int64_t kMost = 3;
#else
  constexpr int64_t kMost = 65535;
#endif
  return static_cast<unsigned>(n < kMost ? n : kMost);
}

/// Where and how a kernel runs.
struct Launch {
  dim3 grid;                      ///< Blocks.
  dim3 block;                     ///< Threads of a block.
  size_t shared = 0;              ///< Bytes of dynamic shared memory.
  cudaStream_t stream = nullptr;  ///< The stream, of the current device.
  const char* name = "";          ///< The op, for messages.
};

/// Throws Error that names the op if a launch was refused.
void check_launch(cudaError_t e, const Launch& l);

/// Puts a kernel into a stream. Arguments are converted to the kernel's parameters and copied before this returns.
template <class... P, class... A>
void launch(const Launch& l, void (*kernel)(P...), A&&... args) {
  static_assert(sizeof...(P) == sizeof...(A));
#if HEARTH_CUDA_EMULATED
  check_launch(static_cast<cudaError_t>(cuda_emulated::launch(
                   reinterpret_cast<const void*>(kernel), l.grid, l.block, l.shared, l.stream,
                   [kernel, values = std::tuple<P...>(std::forward<A>(args)...)] { std::apply(kernel, values); })),
               l);
#else
  std::tuple<P...> values(std::forward<A>(args)...);
  std::apply(
      [&](P&... v) {
        void* pointers[] = {static_cast<void*>(&v)...};
        check_launch(
            cudaLaunchKernel(reinterpret_cast<const void*>(kernel), l.grid, l.block, pointers, l.shared, l.stream), l);
      },
      values);
#endif
}

}  // namespace hearth::cuda

/// @cond
// HEARTH_SHARED(float, tile, [32][33]): an array in the block's shared memory.
// HEARTH_DYNAMIC_SHARED(float, p): the shared memory that the launch asked for.
#if HEARTH_CUDA_EMULATED
#define HEARTH_SHARED(T, name, ...)   \
  static const char name##_tag = 0;   \
  using name##_array = T __VA_ARGS__; \
  name##_array& name =                \
      *static_cast<name##_array*>(::cuda_emulated::shared(&name##_tag, sizeof(name##_array), alignof(name##_array)))
#define HEARTH_DYNAMIC_SHARED(T, name) T* const name = static_cast<T*>(::cuda_emulated::dynamic_shared())
#define HEARTH_KERNEL static
#else
#define HEARTH_SHARED(T, name, ...) __shared__ T name __VA_ARGS__
#define HEARTH_DYNAMIC_SHARED(T, name)                                   \
  extern __shared__ __align__(16) unsigned char hearth_dynamic_shared[]; \
  T* const name = reinterpret_cast<T*>(hearth_dynamic_shared)
#define HEARTH_KERNEL static __global__
#endif
/// @endcond
