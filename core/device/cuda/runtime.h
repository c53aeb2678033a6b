// CUDA as the backend uses it: devices, the current stream, errors, and complaints about data. Only this package and
// kernels include CUDA's headers.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "core/device/cuda_hooks.h"
#include "core/device/device.h"

namespace hearth::cuda {

/// The largest number of devices that a program uses.
constexpr int kMaxDevices = 16;

/// Throws Error that names `what` if a call of CUDA's has failed.
void check(cudaError_t e, const char* what);

/// The stream that this thread's work goes to on the GPU with this index, which becomes CUDA's current device. Throws
/// Error(kUnsupported) if there is no such GPU.
cudaStream_t stream(int device);

struct Complaint;
/// What an error says of a complaint. The host calls it.
using Describe = std::string (*)(const Complaint&);

/// What a kernel says of data that it cannot take, such as an index out of range. One for each device, in pinned host
/// memory: kernels write it, and the host reads it when it has waited.
struct Complaint {
  int state = 0;                ///< 0: none. 1: a thread is writing the rest. 2: complete.
  const char* op = nullptr;     ///< The op's name.
  long long value = 0;          ///< The value found.
  long long limit = 0;          ///< The value must lie in [0, limit) or, where the op says so, in [-limit, limit).
  Describe describe = nullptr;  ///< Where it is not of an index: what `value` and `limit` mean.
};

/// The device's complaint.
Complaint* complaint(int device);

/// Throws Error if a kernel of the device has complained, and takes the complaint back. For callers that have waited
/// for the device.
void throw_complaint(int device);

/// Waits for this thread's stream on the device, and throws Error if work in it has failed, or if this thread captures
/// work: nothing may wait then.
void wait(int device);

/// True while this thread captures work of a device into a graph.
bool capturing();

/// While one lives, this thread may call what CUDA refuses during a capture because it might concern captured work,
/// such as allocations.
class Uncaptured {
 public:
  Uncaptured() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  ~Uncaptured() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  Uncaptured(const Uncaptured&) = delete;
  Uncaptured& operator=(const Uncaptured&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

/// An event that orders work: it keeps no time.
class Event {
 public:
  /// Of CUDA's current device.
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "event"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  /// CUDA's event.
  cudaEvent_t get() const { return event_; }
  /// What is put into `after` from now on runs after what is in `before`.
  void order(cudaStream_t before, cudaStream_t after) const {
    check(cudaEventRecord(event_, before), "event");
    check(cudaStreamWaitEvent(after, event_, 0), "event");
  }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Memory for work that is queued in this thread's stream while it lives.
class Workspace {
 public:
  /// Null for 0 bytes.
  Workspace(int device, size_t bytes)
      : stream_(current_stream(device)), bytes_(bytes), at_(allocator(device).allocate(bytes, stream_)) {}
  ~Workspace() { allocator(stream_.device.index).deallocate(at_, bytes_, stream_); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  /// The memory.
  void* get() const { return at_; }

 private:
  Stream stream_;
  size_t bytes_;
  void* at_;
};

}  // namespace hearth::cuda
