#include "core/device/cuda/runtime.h"

#include <array>
#include <atomic>
#include <cstdlib>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/device/cuda/launch.h"
#include "core/device/cuda_hooks.h"
#include "core/device/usable_device.h"

namespace hearth::cuda {
namespace {

thread_local std::array<cudaStream_t, kMaxDevices> streams = {};
thread_local int current = -1;

// A stream of a device that threads use that have set none.
cudaStream_t main_stream(int device) {
  struct All {
    Mutex mutex;
    std::array<cudaStream_t, kMaxDevices> made ABSL_GUARDED_BY(mutex) = {};
  };
  static All& all = *new All;
  const MutexLock lock(all.mutex);
  cudaStream_t& s = all.made[static_cast<size_t>(device)];
  if (!s) check(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), "stream");
  return s;
}

void make_current(int device) {
  if (current == device) return;
  if (device < 0 || device >= device_count()) {
    fail(ErrorKind::kUnsupported, "there is no device cuda:", device, "; this machine has ", device_count(),
         device_count() == 1 ? " CUDA device" : " CUDA devices");
  }
  check(cudaSetDevice(device), "device");
  current = device;
}

// Launches wait for their kernels: an error then comes from the op that made it.
bool launches_wait() {
  static const bool on = [] {
    const char* text = std::getenv("HEARTH_CUDA_SYNCHRONOUS");
    return text && *text && *text != '0';
  }();
  return on;
}

// What waits for captured work would wait for ever.
void expect_not_capturing() {
  if (capturing()) [[unlikely]]
    fail(
        "a capture: nothing may wait for a GPU while work is captured (item(), printing, synchronize(), results whose "
        "size depends on values); read values after replay()");
}

}  // namespace

void check(cudaError_t e, const char* what) {
  if (e == cudaSuccess) [[likely]]
    return;
  cudaGetLastError();
  fail(e == cudaErrorMemoryAllocation ? ErrorKind::kOutOfMemory : ErrorKind::kInternal, "CUDA: ", what, ": ",
       cudaGetErrorName(e), ": ", cudaGetErrorString(e));
}

void check_launch(cudaError_t e, const Launch& l) {
  if (e != cudaSuccess) [[unlikely]] {
    cudaGetLastError();
    fail(ErrorKind::kInternal, l.name, ": CUDA refuses to start a kernel of ", static_cast<int64_t>(l.grid.x), " x ",
         static_cast<int64_t>(l.block.x), " threads with ", l.shared, " bytes of shared memory: ", cudaGetErrorName(e),
         ": ", cudaGetErrorString(e));
  }
  if (launches_wait() && !capturing()) [[unlikely]] {
    const cudaError_t late = cudaStreamSynchronize(l.stream);
    if (late != cudaSuccess) {
      fail(ErrorKind::kInternal, l.name, ": its kernel has failed: ", cudaGetErrorName(late), ": ",
           cudaGetErrorString(late));
    }
    throw_complaint(current);
  }
}

int device_count() {
  static const int n = [] {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) {
      cudaGetLastError();
      return 0;
    }
    return count < kMaxDevices ? count : kMaxDevices;
  }();
  return n;
}

std::string why_no_device() {
  int count = 0;
  const cudaError_t e = cudaGetDeviceCount(&count);
  cudaGetLastError();
  switch (e) {
    case cudaSuccess:
      return count > 0 ? "" : "this machine has no CUDA device";
    case cudaErrorNoDevice:
      return "this machine has no CUDA device";
    case cudaErrorInsufficientDriver:
      return "this machine has no driver for CUDA, or one that is too old for this program";
    default:
      return concat("CUDA says ", cudaGetErrorName(e), ": ", cudaGetErrorString(e));
  }
}

cudaStream_t stream(int device) {
  make_current(device);
  cudaStream_t& s = streams[static_cast<size_t>(device)];
  if (!s) s = main_stream(device);
  return s;
}

Stream current_stream(int index) { return {{DeviceType::kCuda, static_cast<int8_t>(index)}, stream(index)}; }

void set_current_stream(const Stream& s) {
  make_current(s.device.index);
  streams[static_cast<size_t>(s.device.index)] = static_cast<cudaStream_t>(s.handle);
}

void wait(int device) {
  expect_not_capturing();
  check(cudaStreamSynchronize(stream(device)), "work of this stream");
  throw_complaint(device);
}

void synchronize(int index) {
  expect_not_capturing();
  make_current(index);
  check(cudaDeviceSynchronize(), "work of the device");
  throw_complaint(index);
}

bool capturing() {
  const Capture* const c = Capture::current();
  return c && !c->rewriting();
}

Complaint* complaint(int device) {
  struct All {
    Mutex mutex;
    std::array<std::atomic<Complaint*>, kMaxDevices> made = {};
  };
  static All& all = *new All;
  std::atomic<Complaint*>& c = all.made[static_cast<size_t>(device)];
  if (Complaint* p = c.load(std::memory_order_acquire)) return p;
  const MutexLock lock(all.mutex);
  if (Complaint* p = c.load(std::memory_order_acquire)) return p;
  make_current(device);
  void* p = nullptr;
  const Uncaptured uncaptured;
  check(cudaMallocHost(&p, sizeof(Complaint)), "pinned memory");
  c.store(new (p) Complaint, std::memory_order_release);
  return static_cast<Complaint*>(p);
}

void throw_complaint(int device) {
  Complaint* p = complaint(device);
  if (std::atomic_ref(p->state).load(std::memory_order_acquire) != 2) [[likely]]
    return;
  const Complaint c = *p;
  std::atomic_ref(p->state).store(0, std::memory_order_release);
  if (c.describe) fail(c.describe(c));
  fail(c.op, ": index ", static_cast<int64_t>(c.value), " is out of range for a dimension of size ",
       static_cast<int64_t>(c.limit));
}

}  // namespace hearth::cuda
