// A config.json: what is taken is written and reads the same again, and gives frequencies that are numbers.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

#include "text/models/config.h"
#include "text/models/rope.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth::text;
  const auto file = parse_config({reinterpret_cast<const char*>(data), size});
  if (!file.ok()) {
    if (file.status().message().empty()) std::abort();
    return 0;
  }
  const std::string written = config_to_json(file->config);
  const auto again = parse_config(written);
  if (!again.ok() || config_to_json(again->config) != written) std::abort();
  check_config(file->config);
  if (const auto* llama = std::get_if<LlamaConfig>(&file->config)) {
    if (llama->max_positions() < 1) std::abort();
    for (int64_t i = 0; i < llama->num_hidden_layers; ++i) (void)llama->window(i);
    const Rope rope(llama->rope, llama->head_dim, llama->max_position_embeddings);
    if (!std::isfinite(rope.attention_factor())) std::abort();
    for (const float f : rope.frequencies(100)) {
      if (std::isnan(f)) std::abort();
    }
  }
  return 0;
}
