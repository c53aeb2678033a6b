// An emulated CUDA device: the part of the CUDA runtime and of the device language that Hearth uses, on the CPU, so
// that the backend's own sources run, under the sanitizers, where there is no GPU. See README.md for what it can show.
//
// Work that a stream is given is done late: when the host waits for it, and not before. Device memory cannot be touched
// by host code. A block's threads are fibers, whose order changes from block to block.
#pragma once

#ifdef __CUDACC__
#error "this is the emulation's cuda_runtime.h: nvcc must not see it"
#endif
#define HEARTH_CUDA_EMULATED 1

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

// ---- the device language
#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
#define HEARTH_VECTOR(T, name)                                      \
  struct alignas(2 * sizeof(T)) name##2 {                           \
    T x, y;                                                         \
  };                                                                \
  struct alignas(4 * sizeof(T) > 16 ? 16 : 4 * sizeof(T)) name##4 { \
    T x, y, z, w;                                                   \
  };
HEARTH_VECTOR(float, float)
HEARTH_VECTOR(int, int)
HEARTH_VECTOR(unsigned, uint)
HEARTH_VECTOR(double, double)
#undef HEARTH_VECTOR

typedef struct CUstream_st* cudaStream_t;
typedef struct CUevent_st* cudaEvent_t;
typedef struct CUmemPoolHandle_st* cudaMemPool_t;
typedef struct CUgraph_st* cudaGraph_t;
typedef struct CUgraphExec_st* cudaGraphExec_t;

namespace cuda_emulated {

// What a thread of a kernel knows of itself. There is one device thread at a time in the process.
struct Self {
  uint3 thread, block;
  dim3 threads, blocks;
  int index;  // in the block
};
extern Self self;

enum class Collective { kShuffle, kBallot, kSyncWarp };

void barrier(const char* file, int line);
uint64_t collective(Collective kind, unsigned mask, uint64_t value, int source, const char* file, int line);
// Memory of the running block that belongs to `tag`: the same for all of its threads, with guarded ends.
void* shared(const void* tag, size_t bytes, size_t alignment);
void* dynamic_shared();
[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

// Puts a kernel into a stream. `run` is called once by each thread.
int launch(const void* kernel, dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
           std::function<void()> run);
// Puts other work of the device into a stream: libraries are made of it. Work that comes to the front of its stream
// stays there while `ready` says false.
void enqueue(cudaStream_t stream, std::function<void()> run, std::function<bool()> ready = nullptr);
// While f runs, the memory of all devices can be touched.
void with_all_memory(const std::function<void()>& f);
// f under the emulation's lock.
void with_lock(const std::function<void()>& f);
// Which device a stream is of.
int device_of(cudaStream_t stream);

template <class T>
uint64_t bits_of(T v) {
  static_assert(sizeof(T) <= 8);
  uint64_t u = 0;
  std::memcpy(&u, &v, sizeof v);
  return u;
}
template <class T>
T of_bits(uint64_t u) {
  T v;
  std::memcpy(&v, &u, sizeof v);
  return v;
}

}  // namespace cuda_emulated

#define threadIdx (::cuda_emulated::self.thread)
#define blockIdx (::cuda_emulated::self.block)
#define blockDim (::cuda_emulated::self.threads)
#define gridDim (::cuda_emulated::self.blocks)
constexpr int warpSize = 32;

#define HEARTH_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()
inline void __syncthreads(HEARTH_SITE) { cuda_emulated::barrier(file, line); }
inline void __syncwarp(unsigned mask = 0xffffffffu, HEARTH_SITE) {
  cuda_emulated::collective(cuda_emulated::Collective::kSyncWarp, mask, 0, 0, file, line);
}
namespace cuda_emulated {
inline int lane() { return self.index % 32; }
template <class T>
T shuffle(unsigned mask, T v, int source, bool inside, const char* file, int line) {
  return of_bits<T>(collective(Collective::kShuffle, mask, bits_of(v), inside ? source : lane(), file, line));
}
}  // namespace cuda_emulated
template <class T>
T __shfl_sync(unsigned mask, T v, int source, int width = 32, HEARTH_SITE) {
  const int base = cuda_emulated::lane() / width * width;
  return cuda_emulated::shuffle(mask, v, base + (source & (width - 1)), true, file, line);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int lanes, int width = 32, HEARTH_SITE) {
  const int own = cuda_emulated::lane(), source = own ^ lanes;
  return cuda_emulated::shuffle(mask, v, source, source < own / width * width + width, file, line);
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32, HEARTH_SITE) {
  const int own = cuda_emulated::lane(), source = own + static_cast<int>(by);
  return cuda_emulated::shuffle(mask, v, source, source < own / width * width + width, file, line);
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32, HEARTH_SITE) {
  const int own = cuda_emulated::lane(), source = own - static_cast<int>(by);
  return cuda_emulated::shuffle(mask, v, source, source >= own / width * width, file, line);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, HEARTH_SITE) {
  return static_cast<unsigned>(
      cuda_emulated::collective(cuda_emulated::Collective::kBallot, mask, predicate != 0, 0, file, line));
}
inline int __any_sync(unsigned mask, int p, HEARTH_SITE) { return __ballot_sync(mask, p, file, line) != 0; }
inline int __all_sync(unsigned mask, int p, HEARTH_SITE) { return __ballot_sync(mask, p, file, line) == mask; }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>((static_cast<unsigned __int128>(a) * b) >> 64);
}
inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline void __threadfence() {}
inline void __threadfence_system() {}
inline unsigned __activemask() { cuda_emulated::fail("__activemask() says nothing that a kernel may rely on"); }
#undef HEARTH_SITE

// Atomic operations order nothing else, as on the device.
template <class T>
T atomicCAS(T* p, T expected, T desired) {
  __atomic_compare_exchange(p, &expected, &desired, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
}
template <class T>
T atomicExch(T* p, T v) {
  T old;
  __atomic_exchange(p, &v, &old, __ATOMIC_RELAXED);
  return old;
}
namespace cuda_emulated {
template <class T, class F>
T atomic(T* p, F f) {
  T old, wanted;
  __atomic_load(p, &old, __ATOMIC_RELAXED);
  do {
    wanted = f(old);
  } while (!__atomic_compare_exchange(p, &old, &wanted, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return old;
}
}  // namespace cuda_emulated
template <class T>
T atomicAdd(T* p, T v) {
  return cuda_emulated::atomic(p, [v](T o) { return static_cast<T>(o + v); });
}
template <class T>
T atomicMax(T* p, T v) {
  return cuda_emulated::atomic(p, [v](T o) { return o > v ? o : v; });
}
template <class T>
T atomicMin(T* p, T v) {
  return cuda_emulated::atomic(p, [v](T o) { return o < v ? o : v; });
}
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
inline double rsqrt(double x) { return 1 / std::sqrt(x); }
template <class T>
T __ldg(const T* p) {
  return *p;
}

// ---- the runtime. Values are CUDA's.
enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorPeerAccessAlreadyEnabled = 704,
  cudaErrorStreamCaptureUnsupported = 900,
};
enum cudaMemcpyKind {
  cudaMemcpyHostToHost,
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice,
  cudaMemcpyDefault
};
enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal,
  cudaStreamCaptureModeThreadLocal,
  cudaStreamCaptureModeRelaxed
};
enum cudaMemPoolAttr { cudaMemPoolAttrReleaseThreshold = 4, cudaMemPoolAttrReservedMemCurrent = 5 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2;

struct cudaDeviceProp {
  char name[256];
  size_t totalGlobalMem, sharedMemPerBlock, sharedMemPerBlockOptin;
  int major, minor, multiProcessorCount, l2CacheSize, warpSize, maxThreadsPerBlock;
};

const char* cudaGetErrorName(cudaError_t e);
const char* cudaGetErrorString(cudaError_t e);
cudaError_t cudaGetLastError();
cudaError_t cudaGetDeviceCount(int* n);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaDeviceCanAccessPeer(int* can, int device, int peer);
cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned flags);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);

cudaError_t cudaMalloc(void** p, size_t bytes);
cudaError_t cudaFree(void* p);
cudaError_t cudaMallocAsync(void** p, size_t bytes, cudaStream_t stream);
cudaError_t cudaFreeAsync(void* p, cudaStream_t stream);
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device);
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t bytes);
cudaError_t cudaMallocHost(void** p, size_t bytes);
cudaError_t cudaFreeHost(void* p);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemcpyPeerAsync(void* to, int to_device, const void* from, int from_device, size_t bytes,
                                cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* p, int value, size_t bytes, cudaStream_t stream);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t begin, cudaEvent_t end);

enum cudaStreamCaptureStatus { cudaStreamCaptureStatusNone = 0, cudaStreamCaptureStatusActive = 1 };
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status);
cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags = 0);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);

namespace cuda_emulated {
cudaError_t allow_shared(const void* kernel, int bytes);
}
template <class F>
cudaError_t cudaFuncSetAttribute(F* kernel, cudaFuncAttribute, int bytes) {
  return cuda_emulated::allow_shared(reinterpret_cast<const void*>(kernel), bytes);
}
