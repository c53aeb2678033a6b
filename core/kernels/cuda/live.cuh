// Values of the host's that change from replay to replay of captured work (core/device/capture.h).
#pragma once

#include <optional>

#include "core/device/capture.h"
#include "core/device/cuda/launch.h"
#include "core/device/cuda/runtime.h"
#include "core/kernels/cuda/number.cuh"

namespace hearth::cuda {

// A kernel's argument: the value itself or, in captured work, where it lies.
template <class T>
struct Live {
  T value;
  const T* at = nullptr;
  HEARTH_DEVICE T now() const { return at ? *at : value; }
};

template <class T>
HEARTH_KERNEL void write_value(T* to, T value) {
  *to = value;
}

// The value for a kernel that is to be launched. Nothing where only values are to be written anew: then this one has
// been, and nothing is to be launched.
template <class T>
std::optional<Live<T>> live(int device, const char* name, const T& value) {
  Capture* const capture = Capture::current();
  if (!capture) return Live<T>{value};
  T* const at = static_cast<T*>(capture->place(sizeof(T)));
  if (!capture->rewriting()) return Live<T>{value, at};
  launch({.grid = 1, .block = 1, .stream = stream(device), .name = name}, write_value<T>, at, value);
  return std::nullopt;
}

}  // namespace hearth::cuda
