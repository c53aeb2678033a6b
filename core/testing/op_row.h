// One row of the op table: an op, and samples of calls of its public function. A function that is made of ops may have
// a row too.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/autograd/gradcheck.h"
#include "core/op/op_def.h"
#include "core/tensor/tensor.h"
#include "core/testing/tolerance.h"

namespace hearth::testing {

using In = std::span<const Tensor>;
using Out = std::vector<Tensor>;

// What one result must be.
struct Want {
  DType dtype;
  Shape shape;
  std::vector<long double> values;  // row-major
  // For Accuracy::kCancels and kSum: the sum of the sizes of the numbers that were added. Empty: the largest value's.
  std::vector<long double> size = {};
};

struct Sample {
  std::string name;
  // The operands, made in the dtype that is tested; operands that are no values (indices, masks) keep their own.
  std::function<std::vector<Tensor>(DType)> inputs;
  TensorFunction call;
  // The results, by an implementation that shares nothing with the op's. Left out, values are not compared.
  std::function<std::vector<Want>(std::span<const Tensor>, DType)> want = nullptr;
  DTypeSet dtypes = kAllTypes;  // of the row's, those that the sample makes sense for
  bool smooth = false;          // small and differentiable where it stands: gradients are checked
  unsigned batch = 0;           // bit i: dimension 0 of operand i is a batch that a graph takes in any size
  unsigned constants = 0;       // bit i: operand i takes no gradient
  bool large = false;           // only for values and threads: more elements than one thread takes
  bool rearranged = true;       // also with operands that lie otherwise in memory
  double terms = 1;             // how many terms were added, for Accuracy::kSum
};

struct OpRow {
  std::string op;  // the record's name, or a public function's that is made of ops
  Accuracy accuracy = Accuracy::kExact;
  std::vector<Sample> samples;
  // What the public function takes, if that is not what the record states: others must throw.
  std::optional<DTypeSet> takes = std::nullopt;
  bool gradient = true;            // one passes, and one passes through it
  bool second = true;              // a gradient passes through the gradient
  bool zero_sign = true;           // the sign of a zero counts (of sums it never does)
  const char* untraced = nullptr;  // why a graph cannot hold it
  bool composed = false;           // a function without a record of its own
  bool reads_values = false;       // so it needs data to know its result's shape
};

}  // namespace hearth::testing

// A call of a public function, of operands in[0], in[1], ...
#define HEARTH_CALL(...) [=]([[maybe_unused]] hearth::testing::In in) -> hearth::testing::Out { return {__VA_ARGS__}; }
