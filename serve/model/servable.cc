#include "serve/model/servable.h"

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "core/base/error.h"

namespace hearth::serve {
HEARTH_REGISTRY(hearth_servables, ServableKind, servable_kinds)

absl::Status Servable::place(std::span<const Device>) {
  return absl::UnimplementedError(concat("models of the kind \"", signature().kind, "\" run on the CPU only"));
}

absl::StatusOr<std::vector<Tensor>> Servable::preprocess(std::span<const Tensor>) const {
  return absl::UnimplementedError("the model has no preprocessing; send its inputs as tensors");
}

absl::StatusOr<std::vector<Value>> TensorServable::run(std::span<const Value> inputs) const {
  const std::vector<Tensor> in = tensors_of(inputs);
  auto out = run_tensors(in);
  if (!out.ok()) return out.status();
  return std::vector<Value>(out->begin(), out->end());
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

}  // namespace hearth::serve
