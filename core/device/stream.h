// Streams: the order in which a device does its work.
#pragma once

#include "core/device/device.h"

namespace hearth {

/// A queue of work on a device. Work in one stream runs in order. Work in different streams may run at the same time.
/// The CPU and meta have one stream each, and its work is done when the call that asked for it returns.
struct Stream {
  /// The device that does the work.
  Device device;
  /// The stream in the device's own library (cudaStream_t). Null on the CPU and on meta.
  void* handle = nullptr;
  friend bool operator==(const Stream&, const Stream&) = default;
};

/// The stream that this thread's calls use on the device. Throws Error(kUnsupported) if this program has no code for
/// the device.
Stream current_stream(Device device);

/// Makes a stream the current one of its device in this thread while the guard lives.
class StreamGuard {
 public:
  /// Makes `stream` current. Throws Error(kUnsupported) if this program has no code for its device.
  explicit StreamGuard(const Stream& stream);
  /// Makes the previous stream current again.
  ~StreamGuard();
  StreamGuard(const StreamGuard&) = delete;
  StreamGuard& operator=(const StreamGuard&) = delete;

 private:
  Stream previous_;
};

/// Waits until the work in all streams of the device is done. Returns at once for the CPU and meta. Throws Error if
/// queued work has failed, and Error(kUnsupported) if this program has no code for the device.
void synchronize(Device device);

}  // namespace hearth
