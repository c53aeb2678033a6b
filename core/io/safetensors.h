// The safetensors format: tensors by name in one file, read by mapping it.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"

namespace hearth::io {

struct Safetensors {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

// The tensors look into the mapped file and are read-only (clone() one to write to it); one whose place in the file
// does not suit its dtype's alignment, or whose bools are not all 0 or 1, is copied. The file must not be shortened
// while they live; replacing it is safe. Every claim of the header is checked before it is used: kInvalidArgument names
// the file, the tensor and what is wrong; kUnimplemented a dtype that Hearth has not.
//
// Files that save_safetensors() has written hold checksums (CRC-32C), and every one is compared: kDataLoss names the
// file and the tensor, or the header, that is damaged. They stand in the file's metadata, which this leaves out, so
// that every reader of the format can read the file: "hearth.crc32c" is the header's, taken with zeros in the place of
// its eight digits, and "hearth.crc32c/<name>" a tensor's. Files without checksums are read as they are.
absl::StatusOr<Safetensors> load_safetensors(const std::string& path);
// The same of bytes in memory, which are copied. `name` stands for the path in messages.
absl::StatusOr<Safetensors> parse_safetensors(std::string_view bytes, const std::string& name);

// Atomically (see AtomicFile), with checksums. Tensors on other devices or with gaps are copied first. kInvalidArgument
// for an undefined tensor, the name "__metadata__", or metadata called "hearth.crc32c…".
absl::Status save_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                              const std::map<std::string, std::string>& metadata = {});

}  // namespace hearth::io
