#include <utility>

#include "audio/models/wav2vec2.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/io/safetensors.h"
#include "core/io/with_path.h"
#include "core/nn/assign.h"
#include "core/ops/create.h"

namespace hearth::audio {
namespace {

constexpr uint64_t kMostText = 64 << 20;

// PyTorch writes the parts of weight norm under these names since 2.0.
constexpr std::pair<std::string_view, std::string_view> kRenamed[] = {
    {"parametrizations.weight.original0", "weight_g"}, {"parametrizations.weight.original1", "weight_v"}};

std::string name_of(std::string name) {
  for (const auto& [written, own] : kRenamed) {
    if (const size_t at = name.find(written); at != std::string::npos) name.replace(at, written.size(), own);
  }
  return name;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Wav2Vec2ForCtc>> load_wav2vec2(const std::string& directory) {
  const std::string config_path = directory + "/config.json", path = directory + "/model.safetensors";
  const auto text = io::read_file(config_path, kMostText);
  if (!text.ok()) return text.status();
  const auto config = parse_wav2vec2_config(*text);
  if (!config.ok()) return io::with_path(config_path, config.status());
  auto file = io::load_safetensors(path);
  if (!file.ok()) return file.status();
  nn::StateDict state;
  for (auto& [name, tensor] : file->tensors) {
    // What covers parts of the sound in training.
    if (name == "wav2vec2.masked_spec_embed") continue;
    if (!state.emplace(name_of(name), std::move(tensor)).second)
      return absl::InvalidArgumentError(concat(path, ": \"", name, "\" is there under two names"));
  }
  try {
    std::unique_ptr<Wav2Vec2ForCtc> model;
    {
      const DefaultDevice meta(kMeta);
      model = std::make_unique<Wav2Vec2ForCtc>(*config);
    }
    nn::assign_state_dict(*model, state);
    model->eval();
    return model;
  } catch (const Error& e) {
    return io::with_path(path, absl::InvalidArgumentError(e.message()));
  }
}

absl::StatusOr<std::vector<std::string>> load_ctc_labels(const std::string& directory) {
  const std::string path = directory + "/vocab.json";
  const auto text = io::read_file(path, kMostText);
  if (!text.ok()) return text.status();
  const auto json = io::parse_json(*text);
  if (!json.ok()) return io::with_path(path, json.status());
  const auto error = [&] {
    return io::with_path(path, absl::InvalidArgumentError("it must map names to each number from 0 on, once"));
  };
  if (!json->is_object()) return error();
  std::vector<std::optional<std::string>> names(json->size());
  for (const auto& [name, number] : json->items()) {
    if (!number.is_number_unsigned() || number.get<uint64_t>() >= names.size()) return error();
    auto& place = names[number.get<size_t>()];
    if (place) return error();
    place = name;
  }
  std::vector<std::string> labels;
  for (auto& n : names) labels.push_back(std::move(n).value_or(""));
  return labels;
}

}  // namespace hearth::audio
