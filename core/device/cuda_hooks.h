// What the floors below know of the CUDA backend. Its library defines these functions; they are null in a program that
// does not link it.
#pragma once

#include <cstddef>

#include "core/device/allocator.h"
#include "core/device/stream.h"

namespace hearth::cuda {

[[gnu::weak]] Allocator& allocator(int index);
[[gnu::weak]] Stream current_stream(int index);
[[gnu::weak]] void set_current_stream(const Stream& stream);
[[gnu::weak]] void synchronize(int index);
// Copies between the host and a device, or between devices, behind all that stands in the current streams of both. The
// host's memory may be read or written when it returns.
[[gnu::weak]] void copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes);

}  // namespace hearth::cuda
