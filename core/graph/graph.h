// Graph: a function of tensors as data. trace() makes it, run() computes it, save() writes it.
//
// Values are numbered: first the inputs, then the constants, then what each node makes. A node only reads values with
// smaller numbers. const calls may be concurrent.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/graph/attrs.h"
#include "core/graph/size.h"
#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth::graph {

// A size given by name may differ from call to call; one name means one size throughout a graph.
struct Dim {
  std::string name;
  int64_t example;             // a size it was traced with
  std::optional<int64_t> max;  // the largest size that it may have
};

struct Input {
  std::string name;
  DType dtype;
  std::vector<SizeExpr> shape;  // numbers, or one dim and nothing else
};

// A tensor that was there before: a parameter or buffer under its state_dict name, or "constant.0".
struct Constant {
  std::string name;
  Tensor value;
};

struct Argument {
  struct Absent {
    friend bool operator==(const Absent&, const Absent&) = default;
  };
  struct Number {
    Scalar value;
    SizeExpr size;  // what it is made of, if it depends on a dim
    bool symbolic = false;
    SizeFunction function = SizeFunction::kWhole;
    Scalar at(std::span<const int64_t> dim_values) const;
    friend bool operator==(const Number&, const Number&) = default;
  };
  std::variant<Absent, int, Number> is;  // int: a value
  friend bool operator==(const Argument&, const Argument&) = default;
};

// What an op that writes in place is given to write to.
struct Target {
  DType dtype;
  MemoryFormat format = MemoryFormat::kContiguous;
  std::vector<SizeExpr> shape;
};

struct Node {
  const OpDef* op;
  OwnedAttrs attrs;
  // Whole numbers of attrs that depend on dims, by their place in wholes(attrs).
  std::vector<std::pair<int, SizeExpr>> sizes;
  std::vector<Argument> in;
  std::optional<Target> target;
  int first = 0;      // number of the first value it makes
  int count = 1;      // how many
  std::string scope;  // path of the module it stood in
};

struct Output {
  std::string name;
  int value;
  DType dtype;
  std::vector<SizeExpr> shape;
};

// A buffer that the function writes to (batch norm's running mean in training): its new content.
struct Update {
  int constant;  // index into constants
  int value;
};

class Graph {
 public:
  std::vector<Dim> dims;
  std::vector<Input> inputs;
  std::vector<Constant> constants;
  std::vector<Node> nodes;
  std::vector<Output> outputs;
  std::vector<Update> updates;

  int first_constant() const { return static_cast<int>(inputs.size()); }
  int first_made() const { return first_constant() + static_cast<int>(constants.size()); }

  // Computes the outputs, and after them the updates' values. Nothing is recorded for gradients and constants are not
  // changed. Throws Error if an input's
  // dtype or shape does not fit, naming it, or where an op refuses, naming the module it came from.
  std::vector<Tensor> run(std::span<const Tensor> in) const;
  // The first output of a graph with one input.
  Tensor operator()(const Tensor& in) const;

  // The same graph for another device: its constants lie there, and what it brings to some device goes there too. The
  // inputs of its run() must.
  Graph to(Device device) const;

  // Checks what run() relies on: numbers in range, operand counts, shapes (by a run without data). Throws Error.
  void validate() const;
};

// One line for each value, to be read.
std::string to_string(const Graph& g);

}  // namespace hearth::graph
