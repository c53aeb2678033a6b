// Models as JSON: metadata, configuration, predictions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "serve/model/value.h"
#include "serve/repository/repository.h"

namespace hearth::serve {

/// The protocol's model metadata: name, all versions of this name in `models` that answer, platform, inputs and
/// outputs; also the description, the labels, and what files the model takes.
std::string metadata_json(const Repository& models, const Model& model);

/// The model configuration extension: batching, queue and instances of this version.
std::string config_json(const Model& model);

/// The `top` labels with the highest probabilities, from the outputs for one example. The first output is one row of
/// logits, or of probabilities if the signature's metadata "scores" says so. Of a model of CTC (is_ctc) the text, and
/// no labels. kFailedPrecondition if it is not floating-point scores of shape [1, n], kInternal if a score is NaN or
/// infinite.
absl::StatusOr<std::string> predictions_json(const Model& model, const std::vector<Value>& outputs, int64_t top);

}  // namespace hearth::serve
