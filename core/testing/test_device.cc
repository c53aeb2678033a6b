#include "core/testing/test_device.h"

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/device/cuda_hooks.h"
#include "core/tensor/storage.h"

namespace hearth::testing {
namespace {

std::set<std::string>& noted() {
  static std::set<std::string>& set = *new std::set<std::string>;
  return set;
}

}  // namespace

Device test_device() {
  static const Device device = [] {
    const char* name = std::getenv("HEARTH_TEST_DEVICE");
    return name ? Device::parse(name) : kCpu;
  }();
  return device;
}

Tensor placed(const Tensor& t, Device device) {
  if (!t.defined() || t.device() == device) return t;
  if (GradMode::enabled()) return t.to(device);
  const Storage& from = *t.impl()->storage;
  const Ref<TensorImpl> i = TensorImpl::make();
  i->dtype = t.dtype();
  i->layout = t.layout();
  i->storage = Storage::make(from.bytes(), device);
  cuda::copy_bytes(i->storage->data(), device, from.data(), t.device(), from.bytes());
  return Tensor(i);
}

bool lacks_kernel(const std::exception& e) {
  const std::string_view text = e.what();
  if (test_device().is_cpu() || (text.find("there is no kernel for device") == std::string_view::npos &&
                                 text.find("there is no CUDA kernel for") == std::string_view::npos))
    return false;
  noted().emplace(text);
  return true;
}

const std::set<std::string>& lacking() { return noted(); }

}  // namespace hearth::testing
