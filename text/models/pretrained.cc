#include "text/models/pretrained.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "core/autograd/guards.h"
#include "core/autograd/swap_memory.h"
#include "core/base/error.h"
#include "core/base/name_check.h"
#include "core/device/default_device.h"
#include "core/io/atomic_file.h"
#include "core/io/safetensors.h"
#include "core/io/with_path.h"
#include "core/nn/assign.h"
#include "core/nn/init.h"
#include "core/ops/compare.h"
#include "text/models/status_of_internal.h"
#include "text/models/weight_files.h"

namespace hearth::text {
namespace {

using Names = std::vector<std::string>;

// The names of a module's tensors. Of tied ones the first is the name, the others its aliases.
struct OwnNames {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> alias;  // to the name
};
OwnNames names_of(const nn::ModuleBase& module) {
  OwnNames out;
  std::map<TensorImpl*, std::string> first;
  for (const auto& [name, t] : module.named_parameters()) {
    const auto [at, fresh] = first.emplace(t.impl(), name);
    if (fresh) out.tensors.emplace(name, t);
    else out.alias.emplace(name, at->second);
  }
  return out;
}

// What the files' names have in common, and what of them may be left out.
struct Naming {
  std::string prefix;  // of the model without a head, with its dot
  Names spare_parts;   // beginnings of names of what this model may not have
};

bool ends_with_any(const std::string& name, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(), [&](std::string_view e) { return name.ends_with(e); });
}

// Tables that follow from the configuration, which older files hold.
bool is_table(const std::string& name) {
  return ends_with_any(name, {"position_ids", ".attn.bias", ".attn.masked_bias", "rotary_emb.inv_freq"});
}

// As the module calls a tensor of a file; the name itself if it has no such tensor.
std::string own_name(const OwnNames& own, const Naming& naming, const std::string& given) {
  std::string name = given;
  // TensorFlow's names in old files.
  for (const auto& [old, now] : {std::pair{".gamma", ".weight"}, {".beta", ".bias"}}) {
    if (name.ends_with(old)) name.replace(name.size() - std::strlen(old), std::string::npos, now);
  }
  const auto has = [&](const std::string& n) { return own.tensors.contains(n) || own.alias.contains(n); };
  if (has(name)) return name;
  if (has(naming.prefix + name)) return naming.prefix + name;
  return given;
}

bool same_values(const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape()) || a.dtype() != b.dtype()) return false;
  // Two names of one place in a file.
  if (a.raw_data() == b.raw_data() && a.strides() == b.strides()) return true;
  return a.equal(b);
}

// Layers compute in one dtype, but norms take weights of any.
absl::Status check_one_dtype(const std::string& directory, const nn::StateDict& state) {
  const auto of_norm = [&](const std::string& name, const Tensor& t) {
    if (t.dim() != 1) return false;
    if (!name.ends_with(".bias")) return true;
    const auto weight = state.find(name.substr(0, name.size() - 4) + "weight");
    return weight != state.end() && weight->second.dim() == 1;
  };
  const std::string* first = nullptr;
  for (const auto& [name, t] : state) {
    if (of_norm(name, t)) continue;
    if (!first) first = &name;
    const DType wanted = state.at(*first).dtype();
    if (t.dtype() != wanted)
      return absl::InvalidArgumentError(concat(directory, ": ", *first, " is ", wanted, ", but ", name, " is ",
                                               t.dtype(), ": choose one with LoadOptions::dtype"));
  }
  return absl::OkStatus();
}

void fill_new(const std::string& name, Tensor t, const Tensor& like, double std) {
  const NoGrad off;
  Tensor values = like.defined() ? like.new_empty(t.shape()) : Tensor();
  swap_memory(t, values);
  const bool norm =
      name.find("LayerNorm.weight") != std::string::npos || name.find("layer_norm.weight") != std::string::npos;
  if (norm) nn::init::ones_(t);
  else if (t.dim() >= 2) nn::init::normal_(t, 0, std);
  else nn::init::zeros_(t);
}

// Gives a module that was built on meta its weights.
absl::Status fill(nn::ModuleBase& module, const Naming& naming, const std::string& directory,
                  const nn::StateDict& files, double std, const LoadOptions& options) {
  const OwnNames own = names_of(module);
  nn::StateDict state;
  std::map<std::string, std::string> given_as;  // own names to the files'
  NameCheck check;
  Names ignored;
  const auto of_head = [&](const std::string& name) {
    return !name.starts_with(naming.prefix) || name.starts_with(naming.prefix + "pooler.");
  };
  for (const auto& [given, tensor] : files) {
    const std::string name = own_name(own, naming, given);
    const auto alias = own.alias.find(name);
    const std::string& first = alias == own.alias.end() ? name : alias->second;
    const auto mine = own.tensors.find(first);
    if (mine == own.tensors.end()) {
      const auto spare = [&](const std::string& part) {
        return given.starts_with(part) || given.starts_with(naming.prefix + part);
      };
      if (is_table(given) || std::any_of(naming.spare_parts.begin(), naming.spare_parts.end(), spare))
        ignored.push_back(given);
      else check.unexpected(given);
      continue;
    }
    // A head of other classes.
    if (options.new_head && of_head(first) && !(tensor.shape() == mine->second.shape())) {
      ignored.push_back(given);
      continue;
    }
    const auto [before, is_first] = given_as.emplace(first, given);
    if (!(tensor.shape() == mine->second.shape())) {
      check.note(concat(given, " has shape ", tensor.shape(), ", expected ", mine->second.shape()));
    } else if (!tensor.is_floating_point()) {
      check.note(concat(given, " is ", tensor.dtype(), ", but weights are floating-point"));
    } else if (is_first) {
      state.emplace(first, tensor);
    } else if (const auto at = state.find(first); at != state.end() && !same_values(at->second, tensor)) {
      check.note(concat(given, " differs from ", before->second, ", but both are ", first));
    }
  }
  Names fresh;
  for (const auto& [name, tensor] : own.tensors) {
    if (given_as.contains(name)) continue;
    if (options.new_head && of_head(name)) fresh.push_back(name);
    else check.missing(name);
  }
  if (!check.ok()) return absl::InvalidArgumentError(concat(directory, ": ", check.wrong()));
  if (!options.dtype) {
    if (absl::Status s = check_one_dtype(directory, state); !s.ok()) return s;
  }
  const NoGrad off;
  for (auto& [name, tensor] : state) {
    if (options.dtype && tensor.dtype() != *options.dtype) tensor = tensor.to(*options.dtype);
    else if (options.writable) tensor = tensor.clone();
  }
  nn::assign_state_dict(module, state, false);
  const Tensor like = state.empty() ? Tensor() : state.begin()->second;
  for (const std::string& name : fresh) fill_new(name, own.tensors.at(name), like, std);
  if (options.report) {
    options.report->ignored_tensors = std::move(ignored);
    options.report->new_tensors = std::move(fresh);
  }
  return absl::OkStatus();
}

template <class M, class Config>
absl::StatusOr<std::unique_ptr<M>> built(const Config& config, const Naming& naming, const std::string& directory,
                                         const nn::StateDict& files, const LoadOptions& options, auto&&... more) {
  try {
    std::unique_ptr<M> model;
    {
      const DefaultDevice meta(kMeta);
      model = std::make_unique<M>(config, more...);
    }
    const absl::Status filled = fill(*model, naming, directory, files, config.initializer_range, options);
    if (!filled.ok()) return filled;
    model->eval();
    return model;
  } catch (const Error& e) {
    return io::with_path(directory, status_of(e));
  }
}

absl::StatusOr<ConfigFile> config_of(const std::string& directory, const LoadOptions& options) {
  absl::StatusOr<ConfigFile> file = read_config(directory + "/config.json");
  if (file.ok() && options.report) {
    options.report->unknown_config_keys = file->unknown_keys;
    options.report->files = {"config.json"};
  }
  if (options.dtype && !is_floating_point(*options.dtype))
    return absl::InvalidArgumentError(
        concat("load_pretrained: weights are floating-point, but the dtype is ", *options.dtype));
  return file;
}

absl::StatusOr<nn::StateDict> weights_of(const std::string& directory, const LoadOptions& options) {
  return read_weight_files(directory, options.report ? &options.report->files : nullptr);
}

absl::Status wrong_family(const std::string& directory, std::string_view wanted) {
  return absl::InvalidArgumentError(concat(directory, "/config.json: it is not the configuration of ", wanted));
}

template <class M, class Config>
absl::StatusOr<std::unique_ptr<M>> load_decoder(const ConfigFile& file, const std::string& prefix,
                                                const std::string& directory, const LoadOptions& options) {
  const absl::StatusOr<nn::StateDict> files = weights_of(directory, options);
  if (!files.ok()) return files.status();
  return built<M>(std::get<Config>(file.config), {prefix, {}}, directory, *files, options);
}

absl::Status save(const nn::ModuleBase& module, const ModelConfig& config, const std::string& strip,
                  const std::string& directory) {
  const std::string text = config_to_json(config);
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return absl::UnknownError(concat(directory, ": ", error.message()));
  std::map<std::string, Tensor> tensors;
  for (auto& [name, t] : names_of(module).tensors)
    tensors.emplace(name.starts_with(strip) ? name.substr(strip.size()) : name, t.detach());
  const absl::Status weights = io::save_safetensors(directory + "/model.safetensors", tensors, {{"format", "pt"}});
  if (!weights.ok()) return weights;
  return io::write_file(directory + "/config.json", text);
}

}  // namespace

template <>
absl::StatusOr<std::unique_ptr<Gpt2LmHead>> load_pretrained(const std::string& directory, const LoadOptions& options) {
  const absl::StatusOr<ConfigFile> file = config_of(directory, options);
  if (!file.ok()) return file.status();
  if (!std::holds_alternative<Gpt2Config>(file->config)) return wrong_family(directory, "GPT-2");
  return load_decoder<Gpt2LmHead, Gpt2Config>(*file, "transformer.", directory, options);
}

template <>
absl::StatusOr<std::unique_ptr<LlamaForCausalLm>> load_pretrained(const std::string& directory,
                                                                  const LoadOptions& options) {
  const absl::StatusOr<ConfigFile> file = config_of(directory, options);
  if (!file.ok()) return file.status();
  if (!std::holds_alternative<LlamaConfig>(file->config)) return wrong_family(directory, "Llama or its kin");
  return load_decoder<LlamaForCausalLm, LlamaConfig>(*file, "model.", directory, options);
}

template <>
absl::StatusOr<std::unique_ptr<CausalLm>> load_pretrained(const std::string& directory, const LoadOptions& options) {
  const absl::StatusOr<ConfigFile> file = config_of(directory, options);
  if (!file.ok()) return file.status();
  const auto as_decoder = [](auto model) -> absl::StatusOr<std::unique_ptr<CausalLm>> {
    if (!model.ok()) return model.status();
    return std::unique_ptr<CausalLm>(std::move(*model));
  };
  if (std::holds_alternative<Gpt2Config>(file->config))
    return as_decoder(load_decoder<Gpt2LmHead, Gpt2Config>(*file, "transformer.", directory, options));
  if (std::holds_alternative<LlamaConfig>(file->config))
    return as_decoder(load_decoder<LlamaForCausalLm, LlamaConfig>(*file, "model.", directory, options));
  return wrong_family(directory, "a decoder");
}

template <>
absl::StatusOr<std::unique_ptr<BertModel>> load_pretrained(const std::string& directory, const LoadOptions& options) {
  const absl::StatusOr<ConfigFile> file = config_of(directory, options);
  if (!file.ok()) return file.status();
  if (!std::holds_alternative<BertConfig>(file->config)) return wrong_family(directory, "BERT, RoBERTa or DistilBERT");
  BertConfig config = std::get<BertConfig>(file->config);
  if (options.head) config.head = *options.head;
  if (!options.labels.empty()) {
    config.labels = options.labels;
    config.problem_type.reset();
  }
  const absl::StatusOr<nn::StateDict> files = weights_of(directory, options);
  if (!files.ok()) return files.status();
  // Without a head there is a pooler where the files have one.
  const bool pooler = std::any_of(files->begin(), files->end(), [](const auto& entry) {
    return entry.first == "pooler.dense.weight" || entry.first.ends_with(".pooler.dense.weight");
  });
  const Naming naming{concat(bert::base_name_of(config.family), "."),
                      {"pooler.", "cls.", "lm_head.", "classifier.", "pre_classifier.", "qa_outputs.",
                       "vocab_transform.", "vocab_layer_norm.", "vocab_projector."}};
  return built<BertModel>(config, naming, directory, *files, options, pooler);
}

absl::Status save_pretrained(const CausalLm& model, const std::string& directory) {
  if (const auto* gpt2 = dynamic_cast<const Gpt2LmHead*>(&model)) return save(*gpt2, gpt2->config(), "-", directory);
  if (const auto* llama = dynamic_cast<const LlamaForCausalLm*>(&model))
    return save(*llama, llama->config(), "-", directory);
  return absl::UnimplementedError("save_pretrained: the model is of a type that has no config.json");
}

absl::Status save_pretrained(const BertModel& model, const std::string& directory) {
  const bool headless = model.config().head == BertHead::kNone;
  return save(model, model.config(), headless ? model.base_name() + "." : "-", directory);
}

}  // namespace hearth::text
