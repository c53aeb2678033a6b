// Streams: the order in which a device works.
#pragma once

#include "core/device/device.h"

namespace hearth {

/// A queue of work on a device. What stands in one stream runs in its order; different streams run side by side. The
/// CPU and meta have one stream, whose work is done when the call that asked for it returns.
struct Stream {
  Device device;
  /// What the device's own library calls it (cudaStream_t). Null on the CPU and on meta.
  void* handle = nullptr;
  friend bool operator==(const Stream&, const Stream&) = default;
};

/// The stream in which this thread's calls on the device work. Throws Error(kUnsupported) where this program has no
/// code for the device.
Stream current_stream(Device device);

/// Makes a stream its device's current one in this thread while the guard lives.
class StreamGuard {
 public:
  explicit StreamGuard(const Stream& stream);
  ~StreamGuard();
  StreamGuard(const StreamGuard&) = delete;
  StreamGuard& operator=(const StreamGuard&) = delete;

 private:
  Stream previous_;
};

/// Waits until all work of the device is done, of every stream. Returns at once for the CPU and meta. Throws Error for
/// what went wrong in work that was queued before.
void synchronize(Device device);

}  // namespace hearth
