#include "text/generate/load_generation_config.h"

#include <filesystem>
#include <system_error>
#include <variant>

#include "text/models/config.h"

namespace hearth::text {

absl::StatusOr<GenerationConfigFile> load_generation_config(const std::string& directory) {
  std::error_code none;
  if (std::filesystem::exists(directory + "/generation_config.json", none)) return read_generation_config(directory);
  const absl::StatusOr<ConfigFile> model = read_config(directory + "/config.json");
  if (!model.ok()) return model.status();
  const SpecialIds special = std::visit([](const auto& config) { return config.special; }, model->config);
  GenerationConfigFile file;
  for (const int64_t id : special.eos) file.config.eos_token_id.push_back(static_cast<int32_t>(id));
  if (special.bos) file.config.bos_token_id = static_cast<int32_t>(*special.bos);
  if (special.pad) file.config.pad_token_id = static_cast<int32_t>(*special.pad);
  return file;
}

}  // namespace hearth::text
