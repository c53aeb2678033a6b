// CUDA as the backend uses it: devices, the current stream, errors, and complaints about data. Only this package and
// kernels include CUDA's headers.
#pragma once

#include <cuda_runtime.h>

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

/// What a kernel says of data that it cannot take, such as an index out of range. One for each device, in pinned host
/// memory: kernels write it, and the host reads it when it has waited.
struct Complaint {
  int state = 0;             ///< 0: none. 1: a thread is writing the rest. 2: complete.
  const char* op = nullptr;  ///< The op's name.
  long long value = 0;       ///< The value found.
  long long limit = 0;       ///< The value must lie in [0, limit) or, where the op says so, in [-limit, limit).
};

/// The device's complaint.
Complaint* complaint(int device);

/// Throws Error if a kernel of the device has complained, and takes the complaint back. For callers that have waited
/// for the device.
void throw_complaint(int device);

/// Waits for this thread's stream on the device, and throws Error if work in it has failed.
void wait(int device);

/// True while the stream is captured into a graph: nothing may wait then.
bool capturing(cudaStream_t stream);

}  // namespace hearth::cuda
