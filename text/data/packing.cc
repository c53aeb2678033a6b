#include "text/data/packing.h"

#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/ops/view.h"

namespace hearth::text {

absl::StatusOr<std::vector<int32_t>> pack_documents(const Tokenizer& tokenizer, std::span<const std::string> documents,
                                                    int32_t separator) {
  if (!tokenizer.id_to_token(separator))
    return absl::InvalidArgumentError(concat("pack_documents: the tokenizer has no token of the id ", separator));
  // All tokens, and no others, whatever the tokenizer's file says.
  Tokenizer whole = tokenizer;
  absl::Status s = whole.set_truncation(std::nullopt);
  s.Update(whole.set_padding(std::nullopt));
  if (!s.ok()) return s;
  absl::StatusOr<std::vector<std::vector<int32_t>>> ids =
      whole.encode_ids_batch(documents, {.add_special_tokens = false, .encode_special_tokens = true});
  if (!ids.ok()) return ids.status();
  size_t count = ids->size();
  for (const std::vector<int32_t>& one : *ids) count += one.size();
  std::vector<int32_t> stream;
  stream.reserve(count);
  for (const std::vector<int32_t>& one : *ids) {
    stream.insert(stream.end(), one.begin(), one.end());
    stream.push_back(separator);
  }
  return stream;
}

data::TensorDataset packed_blocks(std::span<const int32_t> tokens, int64_t length) {
  HEARTH_CHECK(length >= 1, "packed_blocks: the length must be at least 1, but is ", length);
  const auto count = static_cast<int64_t>(tokens.size());
  HEARTH_CHECK(length < count, "packed_blocks: a block of ", length, " tokens and the one after them do not fit into ",
               count, " tokens");
  const int64_t blocks = (count - 1) / length;
  // Both are views of the same tokens.
  const Tensor stream = from_values(std::vector<int64_t>(tokens.begin(), tokens.begin() + blocks * length + 1),
                                    {blocks * length + 1}, {.device = kCpu});
  return data::TensorDataset(stream.narrow(0, 0, blocks * length).view({blocks, length}),
                             stream.narrow(0, 1, blocks * length).view({blocks, length}));
}

}  // namespace hearth::text
