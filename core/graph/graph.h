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

/// A size with a name, which may differ from call to call. A name means the same size throughout a graph.
struct Dim {
  std::string name;            ///< The name that the trace was given.
  int64_t example;             ///< A size that the graph was traced with.
  std::optional<int64_t> max;  ///< The largest size that the dim may have.
};

/// A tensor that the graph takes.
struct Input {
  std::string name;             ///< The name that the trace was given.
  DType dtype;                  ///< The dtype, which a call must match.
  std::vector<SizeExpr> shape;  ///< The sizes: each a number, or one dim and nothing else.
};

/// A tensor that the traced function did not make from its inputs, such as a weight.
struct Constant {
  std::string name;  ///< The name of a parameter or buffer in the state_dict, or "constant.0" and so on.
  Tensor value;      ///< The tensor. A traced graph shares its memory with the program.
};

/// An operand of a node.
struct Argument {
  /// An optional operand that is left out.
  struct Absent {
    friend bool operator==(const Absent&, const Absent&) = default;
  };
  /// A number, fixed or computed from the sizes of a call.
  struct Number {
    Scalar value;                                  ///< The number, unless it is symbolic.
    SizeExpr size;                                 ///< The size that a symbolic number is made of.
    bool symbolic = false;                         ///< True if the number follows from a size.
    SizeFunction function = SizeFunction::kWhole;  ///< How a symbolic number follows from its size.
    /// The number for these sizes of Graph::dims.
    Scalar at(std::span<const int64_t> dim_values) const;
    friend bool operator==(const Number&, const Number&) = default;
  };
  std::variant<Absent, int, Number> is;  ///< The operand; an int is the number of a value.
  friend bool operator==(const Argument&, const Argument&) = default;
};

/// The new tensor that an op writes its result into, as in-place forms do.
struct Target {
  DType dtype;                                      ///< The tensor's dtype.
  MemoryFormat format = MemoryFormat::kContiguous;  ///< The order of its elements.
  std::vector<SizeExpr> shape;                      ///< Its sizes.
};

/// One call of an op.
struct Node {
  const OpDef* op;   ///< The op's record.
  OwnedAttrs attrs;  ///< The op's attributes.
  /// The whole numbers of attrs that depend on dims, by their place in wholes(attrs).
  std::vector<std::pair<int, SizeExpr>> sizes;
  std::vector<Argument> in;      ///< The operands.
  std::optional<Target> target;  ///< The tensor that the result is written into, if one is given.
  int first = 0;                 ///< The number of the first value that the node makes.
  int count = 1;                 ///< How many values it makes.
  std::string scope;             ///< The path of the module that called the op, for messages.
};

/// A tensor that the graph gives.
struct Output {
  std::string name;             ///< The name that the trace was given.
  int value;                    ///< The number of the value.
  DType dtype;                  ///< The dtype.
  std::vector<SizeExpr> shape;  ///< The sizes.
};

/// The new content of a buffer that the function writes to, such as batch norm's running mean in training.
struct Update {
  int constant;  ///< The buffer: an index into Graph::constants.
  int value;     ///< The number of the value that is its new content.
};

/// A function of tensors as data: what trace() has recorded, or load() has read.
class Graph {
 public:
  std::vector<Dim> dims;            ///< The named sizes.
  std::vector<Input> inputs;        ///< What the graph takes.
  std::vector<Constant> constants;  ///< Weights, buffers and other tensors that it uses.
  std::vector<Node> nodes;          ///< The calls of ops, in the order in which they run.
  std::vector<Output> outputs;      ///< What the graph gives.
  std::vector<Update> updates;      ///< New contents of buffers.

  /// The number of the first constant's value.
  int first_constant() const { return static_cast<int>(inputs.size()); }
  /// The number of the first value that a node makes.
  int first_made() const { return first_constant() + static_cast<int>(constants.size()); }

  /// Computes the outputs, and after them the values of the updates. Nothing is recorded for gradients, and constants
  /// are not changed. Thread-safe. Throws Error if the dtype or shape of an input does not fit, naming the input, or if
  /// an op refuses its operands, naming the module that called it.
  std::vector<Tensor> run(std::span<const Tensor> in) const;
  /// The first output of a graph with one input. Throws as run().
  Tensor operator()(const Tensor& in) const;

  /// The same graph for another device. Its constants lie there, and what it brings to some device goes there too; the
  /// inputs of run() must lie there.
  Graph to(Device device) const;

  /// Checks what run() relies on: numbers in range, counts of operands, and shapes, by a run without data. Throws
  /// Error.
  void validate() const;
};

/// The graph as text, one line for each value.
std::string to_string(const Graph& g);

}  // namespace hearth::graph
