// Collate: how single examples become a batch.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/data/example.h"
#include "core/tensor/scalar.h"

namespace hearth::data {

/// Makes a batch of examples. A loader calls it from many threads at once.
using Collate = std::function<Example(std::vector<Example>)>;

/// Thrown for an example that does not go with the others of its batch.
class CollateError : public Error {
 public:
  /// `example`: its place in the batch, from 0.
  CollateError(std::string message, int64_t example)
      : Error(ErrorKind::kInvalidArgument, std::move(message)), example_(example) {}
  /// The example's place in the batch, from 0.
  int64_t example() const noexcept { return example_; }

 private:
  int64_t example_;
};

/// Stacks the tensors of each name: n tensors [...] become one of [n, ...], in the order of the first example's names.
/// A name whose tensors are undefined in all examples stays undefined. Throws CollateError, naming the example and what
/// differs, where an example lacks a name or has one more, and where shapes or dtypes differ. Throws Error where there
/// are no examples.
Example stack_examples(std::vector<Example> examples);

/// How the tensors of one name are padded to one shape.
struct PadOptions {
  /// What fills up.
  Scalar value = 0;
  /// The dimensions of a single example whose sizes may differ; negative ones count from the end. Each is padded at its
  /// end to the largest size in the batch. All other dimensions must agree.
  Dims dims = {0};
  /// The padded sizes are rounded up to a multiple of this.
  int64_t multiple_of = 1;
  /// Adds "<name>_mask", bool: true where the example's own elements are. Its shape is the batch's size and the padded
  /// sizes of `dims`, in rising order: [n, longest] for one dimension.
  bool mask = false;
  /// Adds "<name>_length", i64: the sizes before padding. [n] for one dimension, [n, k] for k of them, in rising order.
  bool length = false;
};

/// Stacks as stack_examples() does, but pads the tensors of some names first:
///
///   data::PaddingCollate({{"input_ids", {.mask = true}}, {"labels", {.value = -100}}})
///
/// "input_ids" of [5] and [3] become [2, 5] with two zeros at the end of the second, and "input_ids_mask" stands after
/// it. Tensors without elements are padded as any other.
class PaddingCollate {
 public:
  /// The options of one name.
  struct Entry {
    std::string name;         ///< The name of the tensors that are padded.
    PadOptions options = {};  ///< How they are padded.
  };
  /// Throws Error for a name that is empty or comes twice, for options without dims, and unless multiple_of is at least
  /// 1.
  PaddingCollate(std::initializer_list<Entry> pads) : PaddingCollate(std::vector<Entry>(pads)) {}
  /// The same of a list that the program makes.
  explicit PaddingCollate(std::vector<Entry> pads);
  /// Throws CollateError as stack_examples(), and where a dimension of `dims` does not exist. Throws Error for a name
  /// that the examples do not have, for a value that their dtype cannot hold, and where a mask's or length's name is
  /// taken.
  Example operator()(std::vector<Example> examples) const;

 private:
  std::vector<Entry> pads_;
};

}  // namespace hearth::data
