// ShardIndex: which file of a sharded checkpoint holds which elements of which tensor. Its JSON is index.json.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

namespace hearth::distributed {

/// A run of a tensor's elements, in row-major order, that one file holds.
struct ShardPiece {
  /// The file's name in the checkpoint's directory.
  std::string file;
  /// The tensor's name in the file.
  std::string key;
  /// The first element.
  int64_t begin = 0;
  /// The number of elements.
  int64_t count = 0;
};

/// A whole tensor, and where its elements are.
struct ShardedEntry {
  /// The dtype of the tensor.
  DType dtype = DType::kF32;
  /// The shape of the whole tensor.
  Shape shape;
  /// In the order of elements, without gaps or overlaps.
  std::vector<ShardPiece> pieces;
};

/// What a sharded checkpoint holds.
struct ShardIndex {
  /// The training's step.
  int64_t step = 0;
  /// Tensors by name.
  std::map<std::string, ShardedEntry> tensors;

  /// As index.json has it. Names must be UTF-8.
  std::string to_json() const;
  /// Reads index.json. kInvalidArgument names what is wrong: an element of a tensor in no piece or in two, a tensor
  /// of a file that two pieces name, a file's name that leads out of the directory, a shape that is too large;
  /// kUnimplemented for a newer version. `whole` = false: of one rank's part, whose pieces need not be all.
  static absl::StatusOr<ShardIndex> parse(const std::string& json, bool whole = true);
  /// The names of all files, each once.
  std::vector<std::string> files() const;
};

}  // namespace hearth::distributed
