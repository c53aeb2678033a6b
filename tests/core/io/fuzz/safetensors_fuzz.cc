// Safetensors, and the checkpoints made of them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/io/checkpoint.h"
#include "core/io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto t = hearth::io::parse_safetensors(bytes, "file");
  const auto c = hearth::io::Checkpoint::parse(bytes, "file");
  if (!t.ok()) {
    if (c.ok()) std::abort();
    return 0;
  }
  size_t total = 0;
  for (const auto& [name, tensor] : t->tensors) total += tensor.nbytes();
  if (total > size) std::abort();
  if (c.ok()) {
    for (const std::string& name : c->names()) {
      double number;
      std::string text;
      hearth::Generator generator;
      c->get(name, number).IgnoreError();
      c->get(name, text).IgnoreError();
      c->get(name, generator).IgnoreError();
    }
  }
  return 0;
}
