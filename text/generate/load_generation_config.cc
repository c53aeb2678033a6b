#include "text/generate/load_generation_config.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <variant>

#include "core/io/file.h"
#include "text/models/config.h"

namespace hearth::text {
namespace {

constexpr uint64_t kMostBytes = uint64_t{16} << 20;

}  // namespace

absl::StatusOr<GenerationConfigFile> load_generation_config(const std::string& directory) {
  std::error_code none;
  if (std::filesystem::exists(directory + "/generation_config.json", none)) return read_generation_config(directory);
  const std::string path = directory + "/config.json";
  const absl::StatusOr<std::string> text = io::read_file(path, kMostBytes);
  if (!text.ok()) return text.status();
  const absl::StatusOr<ConfigFile> model = parse_config(*text, path);
  if (!model.ok()) return model.status();
  // Older models have options of generation among their own.
  absl::StatusOr<GenerationConfigFile> file = parse_generation_config(*text, path);
  if (!file.ok()) return file.status();
  std::erase_if(file->unknown_keys, [&](const std::string& key) {
    return std::ranges::find(model->unknown_keys, key) == model->unknown_keys.end();
  });
  const auto special = std::visit([](const auto& c) { return c.special; }, model->config);
  const int64_t vocabulary = std::visit([](const auto& c) { return c.vocab_size; }, model->config);
  const auto token = [&](const std::optional<int64_t>& id) -> std::optional<int32_t> {
    if (!id || *id >= vocabulary) return std::nullopt;
    return static_cast<int32_t>(*id);
  };
  GenerationConfig& config = file->config;
  config.eos_token_id.clear();
  for (const int64_t id : special.eos) {
    if (const std::optional<int32_t> eos = token(id)) config.eos_token_id.push_back(*eos);
  }
  config.bos_token_id = token(special.bos);
  config.pad_token_id = token(special.pad);
  return file;
}

}  // namespace hearth::text
