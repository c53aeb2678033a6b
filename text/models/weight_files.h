// The weights of a Hugging Face directory: one file, or several with an index.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/nn/module.h"

namespace hearth::text {

/// Maps the tensors of `model.safetensors`, or else of the files that `model.safetensors.index.json` names, or else
/// those of `pytorch_model.bin` or its index. An index may name files of either kind: .bin, .pt and .pth are PyTorch's.
/// Nothing of a safetensors file is copied; io::load_pt(), which executes nothing, says what of PyTorch's is. kNotFound
/// if there is none of them, kInvalidArgument naming the file or the tensor: an index that is malformed or names a file
/// outside of the directory, a file without a tensor that the index has in it, a tensor that is in two files or in no
/// index. The names of the files that were read, an index among them, are added to `files` where given.
absl::StatusOr<nn::StateDict> read_weight_files(const std::string& directory,
                                                std::vector<std::string>* files = nullptr);

/// Where each tensor is, by the text of an index; `place` stands for the path in messages. Errors as above.
absl::StatusOr<std::map<std::string, std::string>> parse_weight_index(std::string_view json, const std::string& place);

}  // namespace hearth::text
