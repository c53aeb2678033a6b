#include "serve/repository/model_config.h"

#include <algorithm>
#include <chrono>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"

namespace hearth::serve {

absl::StatusOr<ModelConfig> read_model_config(const std::string& model_directory, const ModelConfig& defaults) {
  ModelConfig c = defaults;
  const std::string path = model_directory + "/config.json";
  const auto text = io::read_file(path, 1 << 20);
  if (absl::IsNotFound(text.status())) return c;
  if (!text.ok()) return text.status();
  const auto json = io::parse_json(*text);
  if (!json.ok()) return absl::InvalidArgumentError(concat(path, ": ", std::string(json.status().message())));
  if (!json->is_object()) return absl::InvalidArgumentError(concat(path, ": expected an object"));
  for (const auto& [key, value] : json->items()) {
    if (key == "warmup") {
      if (!value.is_boolean()) return absl::InvalidArgumentError(concat(path, ": \"warmup\" must be true or false"));
      c.warmup = value.get<bool>();
      continue;
    }
    if (!value.is_number_integer()) {
      return absl::InvalidArgumentError(concat(path, ": \"", key, "\" must be a whole number"));
    }
    const auto n = value.get<int64_t>();
    if (key == "max_batch_size") c.scheduler.max_batch_size = n;
    else if (key == "max_queue_delay_microseconds") c.scheduler.max_queue_delay = std::chrono::microseconds(n);
    else if (key == "instances") c.scheduler.instances = static_cast<int>(std::clamp<int64_t>(n, -1, 1 << 20));
    else if (key == "threads_per_instance")
      c.scheduler.threads_per_instance = static_cast<int>(std::clamp<int64_t>(n, -1, 1 << 20));
    else if (key == "max_queue_size") c.scheduler.max_queue_size = n;
    else if (key == "versions" && n >= 1 && n <= 1000) c.versions = static_cast<int>(n);
    else return absl::InvalidArgumentError(concat(path, ": \"", key, "\": ", n, " is not an option, or out of range"));
  }
  return c;
}

}  // namespace hearth::serve
