#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/io/pt.h"
#include "core/ops/create.h"

namespace {

// Every byte of every tensor can be read, and their storages take no more than is allowed.
unsigned char read_all(const hearth::Tensor& t) {
  unsigned char sum = 0;
  if (t.numel() == 0 || t.device().is_meta()) return sum;
  const auto* const p = static_cast<const unsigned char*>(t.impl()->storage->data());
  const auto end = static_cast<size_t>(t.layout().end()) * t.itemsize();
  if (end > t.impl()->storage->bytes() || t.impl()->storage->bytes() > (1U << 24U)) std::abort();
  for (size_t i = 0; i < end; ++i) sum = static_cast<unsigned char>(sum + p[i]);
  return sum;
}
unsigned char read_all(const hearth::io::PtValue& v) {
  using Kind = hearth::io::PtValue::Kind;
  unsigned char sum = 0;
  if (v.is_tensor()) {
    sum = read_all(v.tensor());
  } else if (v.is_dict()) {
    for (const auto& [key, value] : v.entries())
      sum = static_cast<unsigned char>(sum + read_all(key) + read_all(value));
  } else if (v.kind() == Kind::kList || v.kind() == Kind::kTuple || v.kind() == Kind::kSet) {
    for (const auto& item : v.items()) sum = static_cast<unsigned char>(sum + read_all(item));
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Without checksums: most of what a fuzzer changes would be refused for them.
  const auto v = hearth::io::parse_pt({reinterpret_cast<const char*>(data), size}, "file",
                                      {.max_bytes = 1 << 24, .checksums = false});
  if (!v.ok()) return 0;
  volatile unsigned char sum = read_all(*v);
  (void)sum;
  (void)hearth::io::pt_state_dict(*v);
  (void)to_string(*v);
  return 0;
}
