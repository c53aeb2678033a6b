#include "serve/model/decoder.h"

#include "core/base/error.h"
#include "core/base/registry.h"
#include "serve/model/signature.h"

namespace hearth::serve {

HEARTH_REGISTRY(hearth_decoders, Decoder, decoders)

absl::StatusOr<std::vector<Value>> inputs_from_file(const Servable& model, std::string_view file) {
  const graph::Signature& s = model.signature();
  const auto type = s.preprocess_input.find("type");
  if (type == s.preprocess_input.end()) {
    return absl::UnimplementedError("the model does not say what files it takes; send its inputs as tensors");
  }
  for (const Decoder* d : decoders()) {
    if (type->second != d->type) continue;
    auto example = d->decode(file, s.preprocess_input);
    if (!example.ok()) return example.status();
    auto preprocessed = model.preprocess(*example);
    if (!preprocessed.ok()) return preprocessed.status();
    std::vector<Value> inputs(preprocessed->begin(), preprocessed->end());
    if (const absl::Status fit = check_inputs(s, inputs); !fit.ok()) {
      return absl::InternalError(
          concat("the model's preprocessing does not match its inputs: ", std::string(fit.message())));
    }
    return inputs;
  }
  return absl::UnimplementedError(concat("the model takes files of the type \"", type->second,
                                         "\", for which no decoder is linked into this program"));
}

}  // namespace hearth::serve
