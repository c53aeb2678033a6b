// The safetensors format: tensors by name in one file, read by mapping it.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"

namespace hearth::io {

/// What a safetensors file holds.
struct Safetensors {
  std::map<std::string, Tensor> tensors;        ///< The tensors by name.
  std::map<std::string, std::string> metadata;  ///< The texts of the file's `__metadata__`, without Hearth's checksums.
};

/// Reads a file by mapping it. The tensors lie in the mapped file and are read-only; clone() one to write to it. A
/// tensor is copied if its place in the file is not aligned for its dtype, or if its bools are not all 0 or 1. The file
/// must not be shortened while the tensors live; replacing it is safe.
///
/// Every claim of the header is checked before it is used. kInvalidArgument names the file, the tensor and what is
/// wrong; kUnimplemented a dtype that Hearth does not have.
///
/// Files written by save_safetensors() hold checksums (CRC-32C), and every one is compared: kDataLoss names the file
/// and the tensor, or the header, that is damaged. Files without checksums are read as they are. The checksums lie in
/// the file's metadata, so every reader of the format can read the file: "hearth.crc32c" is that of the header, taken
/// with zeros in place of its eight digits, and "hearth.crc32c/" with a tensor's name is that of the tensor.
absl::StatusOr<Safetensors> load_safetensors(const std::string& path);
/// As load_safetensors(), from bytes in memory, which are copied. `name` stands for the path in messages.
absl::StatusOr<Safetensors> parse_safetensors(std::string_view bytes, const std::string& name);

/// Writes tensors atomically (see AtomicFile), with checksums. Tensors on other devices or with gaps are copied first.
/// kInvalidArgument for an undefined tensor, a tensor called "__metadata__", or metadata whose key begins with
/// "hearth.crc32c".
absl::Status save_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                              const std::map<std::string, std::string>& metadata = {});

}  // namespace hearth::io
