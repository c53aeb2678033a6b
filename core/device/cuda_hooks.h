// The functions of the CUDA backend that core/device calls. The backend's library defines them. They are weak symbols:
// null in a program that does not link that library.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "core/device/allocator.h"
#include "core/device/capture.h"
#include "core/device/stream.h"

namespace hearth::cuda {

/// The number of GPUs; 0 where there is none or no driver.
[[gnu::weak]] int device_count();
/// The allocator of the GPU with this index.
[[gnu::weak]] Allocator& allocator(int index);
/// The stream that this thread uses on the GPU with this index.
[[gnu::weak]] Stream current_stream(int index);
/// Makes a stream this thread's current one on its GPU.
[[gnu::weak]] void set_current_stream(const Stream& stream);
/// Waits until all work of the GPU with this index is done.
[[gnu::weak]] void synchronize(int index);
/// The allocator of CPU memory that GPUs read and write by themselves.
[[gnu::weak]] Allocator& pinned_allocator();
/// Copies `bytes` bytes between the host and a device, or between two devices. The copy begins after all earlier work
/// in the current streams of both. With `wait` the host's memory may be read or written when the call returns; without,
/// when the work in the device's current stream is done.
[[gnu::weak]] void copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes,
                              bool wait = true);
/// Records what f queues on the GPU with this index.
[[gnu::weak]] std::unique_ptr<Capture> capture(int index, const std::function<void()>& f);

}  // namespace hearth::cuda
