#include "serve/servable.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "core/base/error.h"

extern const hearth::serve::ServableKind* const __start_hearth_servables[] __attribute__((weak));
extern const hearth::serve::ServableKind* const __stop_hearth_servables[] __attribute__((weak));
extern const hearth::serve::Decoder* const __start_hearth_decoders[] __attribute__((weak));
extern const hearth::serve::Decoder* const __stop_hearth_decoders[] __attribute__((weak));

namespace hearth::serve {
namespace {

std::span<const Decoder* const> decoders() {
  if (!__start_hearth_decoders) return {};
  return {__start_hearth_decoders, __stop_hearth_decoders};
}

}  // namespace

std::span<const ServableKind* const> servable_kinds() {
  if (!__start_hearth_servables) return {};
  return {__start_hearth_servables, __stop_hearth_servables};
}

absl::StatusOr<std::vector<Tensor>> Servable::preprocess(std::span<const Tensor>) const {
  return absl::UnimplementedError("the model brings no preprocessing; send its inputs as tensors");
}

bool is_batched(const graph::Signature& s) {
  const auto counts = [](const graph::Signature::Port& p) {
    return !p.shape.empty() && p.shape[0].size < 0 && p.shape[0].name == "batch";
  };
  return !s.inputs.empty() && std::all_of(s.inputs.begin(), s.inputs.end(), counts) &&
         std::all_of(s.outputs.begin(), s.outputs.end(), counts);
}

int64_t largest_batch(const graph::Signature& s) {
  int64_t most = INT64_MAX;
  if (!is_batched(s)) return most;
  for (const graph::Signature::Port& p : s.inputs) most = std::min(most, p.shape[0].max.value_or(INT64_MAX));
  return most;
}

absl::StatusOr<std::unique_ptr<Servable>> load_servable(const std::string& directory) {
  const auto signature = graph::load_signature(directory);
  if (!signature.ok()) return signature.status();
  std::vector<std::string> names;
  for (const ServableKind* k : servable_kinds()) {
    if (signature->kind == k->name) return k->load(directory);
    names.emplace_back(k->name);
  }
  return absl::UnimplementedError(
      concat(directory, ": models of the kind \"", signature->kind,
             "\" are not linked into this program, which has: ", names.empty() ? "none" : absl::StrJoin(names, ", ")));
}

absl::StatusOr<std::vector<Tensor>> inputs_from_file(const Servable& model, std::string_view file) {
  const graph::Signature& s = model.signature();
  const auto type = s.preprocess_input.find("type");
  if (type == s.preprocess_input.end()) {
    return absl::UnimplementedError("the model does not say what files it takes; send its inputs as tensors");
  }
  for (const Decoder* d : decoders()) {
    if (type->second != d->type) continue;
    auto example = d->decode(file, s.preprocess_input);
    if (!example.ok()) return example.status();
    return model.preprocess(*example);
  }
  return absl::UnimplementedError(concat("the model takes files of the type \"", type->second,
                                         "\", for which no decoder is linked into this program"));
}

}  // namespace hearth::serve
