#include <algorithm>
#include <utility>

#include "core/base/error.h"
#include "core/ops/create.h"
#include "serve/text/text_model_internal.h"

namespace hearth::serve {

absl::StatusOr<TextModelSignature> read_text_signature(const std::string& directory,
                                                       std::vector<graph::Signature::Port> outputs,
                                                       std::vector<std::string> labels) {
  auto file = graph::load_signature(directory);
  if (!file.ok()) return file.status();
  const auto wrong = [&](const auto&... what) {
    return absl::InvalidArgumentError(concat(directory, "/signature.json: ", what...));
  };
  TextModelSignature out{.signature = *std::move(file)};
  graph::Signature& s = out.signature;
  const std::vector<graph::Signature::Port> inputs = {{.name = "text", .shape = {{-1, "batch", {}}}, .bytes = true}};
  if (!s.inputs.empty() && s.inputs != inputs)
    return wrong("the model takes \"text\", bytes [batch]; leave out \"inputs\" or write that");
  if (!s.outputs.empty() && s.outputs != outputs)
    return wrong("it names other outputs than the model has; leave out \"outputs\"");
  if (!s.preprocess.empty() || !s.preprocess_input.empty()) return wrong("a text model has no preprocessing");
  if (!s.labels.empty() && s.labels.size() != labels.size())
    return wrong("it has ", s.labels.size(), " labels, but the model ", labels.size());
  if (s.labels.empty()) s.labels = std::move(labels);
  s.inputs = inputs;
  s.outputs = std::move(outputs);
  if (const auto truncate = s.metadata.find("truncate"); truncate != s.metadata.end()) {
    if (truncate->second != "true" && truncate->second != "false")
      return wrong("metadata \"truncate\" must be \"true\" or \"false\", but is \"", truncate->second, "\"");
    if (truncate->second == "true") out.too_long = text::TooLong::kCut;
  }
  return out;
}

absl::StatusOr<TokenLists> tokens_of(
    const Value& input, absl::FunctionRef<absl::StatusOr<TokenLists>(const std::vector<std::string>&)> tokenize) {
  if (input.is_bytes()) return tokenize(input.bytes().elements);
  const Tensor& ids = input.tensor();
  HEARTH_CHECK(ids.dim() == 2 && ids.dtype() == DType::kI64, "token ids must be i64 [batch, length], but are ",
               ids.dtype(), " ", ids.shape());
  const std::vector<int64_t> flat = ids.to_vector<int64_t>();
  TokenLists lists(static_cast<size_t>(ids.size(0)));
  for (size_t row = 0; row < lists.size(); ++row) {
    bool ended = false;
    for (int64_t i = 0; i < ids.size(1); ++i) {
      const int64_t id = flat[row * static_cast<size_t>(ids.size(1)) + static_cast<size_t>(i)];
      if (id < -1 || id > INT32_MAX || (ended && id != -1))
        return absl::InvalidArgumentError(concat("text ", row, ": ", id, " is not a token id"));
      ended = id == -1;
      if (!ended) lists[row].push_back(static_cast<int32_t>(id));
    }
  }
  return lists;
}

Tensor token_counts(const TokenLists& tokens) {
  std::vector<int64_t> counts;
  counts.reserve(tokens.size());
  for (const auto& list : tokens) counts.push_back(static_cast<int64_t>(list.size()));
  return from_values(counts, {static_cast<int64_t>(counts.size())});
}

Value example_tokens(int64_t rows, int64_t max_tokens, int64_t vocabulary, int64_t padding) {
  const int64_t id = padding == 0 && vocabulary > 1 ? 1 : 0;
  return full({rows, std::min<int64_t>(32, max_tokens)}, id, {.dtype = i64});
}

}  // namespace hearth::serve
