// Models from Hugging Face directories, and back:
//
//   auto model = load_pretrained<CausalLm>("gpt2");
//   Tensor logits = (*model)->logits({.ids = ids});
//   save_pretrained(**model, "copy");
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "text/models/bert.h"
#include "text/models/causal_lm.h"
#include "text/models/config.h"
#include "text/models/gpt2.h"
#include "text/models/llama.h"

namespace hearth::text {

/// What a user may want to know about what was loaded.
struct LoadReport {
  std::vector<std::string> unknown_config_keys;  ///< Keys of config.json that are not known.
  std::vector<std::string> ignored_tensors;      ///< Tensors of the files that were left aside.
  std::vector<std::string> new_tensors;          ///< Tensors of a new head; they have first values.
  std::vector<std::string> files;                ///< The files of the directory that were read.
};

/// Options of load_pretrained().
struct LoadOptions {
  /// Weights are converted to this floating-point dtype; without one they stay as in the files, where all but those of
  /// norms must have the same.
  std::optional<DType> dtype = std::nullopt;
  /// Weights are copied to memory that can be written to, for training. Otherwise they lie in the mapped files, which
  /// must not be shortened meanwhile.
  bool writable = false;
  /// The head of an encoder, in place of the one that config.json names.
  std::optional<BertHead> head = std::nullopt;
  /// The classes of an encoder's head, in place of those that config.json has.
  std::vector<std::string> labels = {};
  /// Tensors of a head, BERT's pooler among them, get first values for training where no file has them in this shape.
  /// Otherwise they are an error.
  bool new_head = false;
  /// Filled where given.
  LoadReport* report = nullptr;
};

/// The model of a directory with config.json and model.safetensors, or several files and an index, in eval mode. M is
/// CausalLm for any decoder; Gpt2LmHead, LlamaForCausalLm or BertModel for one family.
///
/// The files' names may have or lack the prefix of the model without a head (bert., transformer., ...). Tied weights
/// may be in the files once or twice. Masks and tables of positions that older files hold are left out, as are the
/// heads of an encoder that are not wanted; LoadOptions::report names them. Every other tensor must be in both, in the
/// right shape: kInvalidArgument names all that is missing, unexpected or wrong. Errors of config.json as of
/// read_config(), of the files as of read_weight_files().
template <class M>
absl::StatusOr<std::unique_ptr<M>> load_pretrained(const std::string& directory, const LoadOptions& options = {});
/// Any decoder.
template <>
absl::StatusOr<std::unique_ptr<CausalLm>> load_pretrained(const std::string& directory, const LoadOptions& options);
/// GPT-2.
template <>
absl::StatusOr<std::unique_ptr<Gpt2LmHead>> load_pretrained(const std::string& directory, const LoadOptions& options);
/// Llama, Mistral, Qwen2 or Qwen3.
template <>
absl::StatusOr<std::unique_ptr<LlamaForCausalLm>> load_pretrained(const std::string& directory,
                                                                  const LoadOptions& options);
/// BERT, RoBERTa or DistilBERT.
template <>
absl::StatusOr<std::unique_ptr<BertModel>> load_pretrained(const std::string& directory, const LoadOptions& options);

/// Writes config.json and model.safetensors, which transformers loads, into a directory, which is made if it is not
/// there. Tied weights are written once.
absl::Status save_pretrained(const CausalLm& model, const std::string& directory);
/// The same of an encoder. One without a head is written without the prefix, as transformers does.
absl::Status save_pretrained(const BertModel& model, const std::string& directory);

}  // namespace hearth::text
