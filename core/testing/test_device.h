// The device that the op table's calls run on: the CPU, or what HEARTH_TEST_DEVICE names. Samples and what is expected
// of them are always made on the CPU.
#pragma once

#include <set>
#include <string>

#include "core/tensor/tensor.h"

namespace hearth::testing {

// The device of the calls.
Device test_device();

// The tensor on another device, with the same layout: the whole memory, also what lies between elements. Where
// gradients are recorded, by Tensor::to(), through which they pass.
Tensor placed(const Tensor& t, Device device);

// If the error says that the device has no kernel, notes what it lacks and returns true.
bool lacks_kernel(const std::exception& e);
// What the device lacked so far, as the errors said it.
const std::set<std::string>& lacking();

}  // namespace hearth::testing
