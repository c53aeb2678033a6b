// Devices as a program's users name them.
#pragma once

#include <string>
#include <string_view>

#include "core/device/device.h"

namespace hearth {

/// The device of that name, which this program can use now. Throws Error for a name that Device::parse() does not know
/// and for meta; Error(kUnsupported) that says why there is no such GPU: the program is built without CUDA, the machine
/// has none or not so many, or its driver is missing or too old.
Device usable_device(std::string_view name);

namespace cuda {

/// Why device_count() is 0, in CUDA's words; empty if it is not. A weak symbol of the CUDA backend: null in a program
/// that does not link it.
[[gnu::weak]] std::string why_no_device();

}  // namespace cuda
}  // namespace hearth
