// A model.safetensors.index.json: what is taken names files of the directory itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/models/weight_files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto files = hearth::text::parse_weight_index({reinterpret_cast<const char*>(data), size}, "index.json");
  if (!files.ok()) {
    if (files.status().message().empty()) std::abort();
    return 0;
  }
  for (const auto& [name, file] : *files) {
    if (file.empty() || file == ".." || file.find('/') != std::string::npos) std::abort();
  }
  return 0;
}
