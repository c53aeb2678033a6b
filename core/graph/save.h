// Exported models: a directory that holds a graph with its weights and says what it takes and gives.
//
//   graph.json            the graphs: ops by name with the version of each one's record, attributes, sizes
//   weights.safetensors   every constant of both graphs
//   signature.json        for whoever asks, without reading the graphs: inputs, outputs, labels
//
// A program that loads one needs no code of the model, only the ops: add //core/ops:all_ops to its deps, and
// //vision:all_ops and the like for the ops of other rooms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/graph/graph.h"

namespace hearth::graph {

/// What a model takes and gives, and what its numbers mean.
struct Signature {
  /// A dimension of a port: a fixed size, or one that may differ from call to call. The latter has size -1 and a name
  /// ("batch"), and may have a largest value.
  struct Extent {
    int64_t size = -1;           ///< The size; -1 if it may differ from call to call.
    std::string name;            ///< The name of a size that may differ; otherwise empty.
    std::optional<int64_t> max;  ///< The largest value of a size that may differ.
    friend bool operator==(const Extent&, const Extent&) = default;
  };
  /// A tensor that the model takes or gives, or strings in the shape of one.
  struct Port {
    std::string name;           ///< The name of the graph's input or output.
    DType dtype = DType::kF32;  ///< The dtype. It means nothing where `bytes` is set.
    std::vector<Extent> shape;  ///< The dimensions.
    /// Whether the elements are strings of bytes, such as texts; signature.json then has the dtype "bytes". No graph
    /// takes or gives them, but models of other kinds may.
    bool bytes = false;
    friend bool operator==(const Port&, const Port&) = default;
  };

  /// How the model is run: "graph" runs the graphs as they are. A server's own kinds do more with them (HEARTH_SERVABLE
  /// in serve/model/servable.h).
  std::string kind = "graph";
  /// A text for people.
  std::string description;
  /// The names of the classes, in the order of the first output's last dimension. The scores of that output are logits
  /// unless metadata "scores" is "probabilities".
  std::vector<std::string> labels;
  /// Anything else.
  std::map<std::string, std::string> metadata;

  /// What the inputs of the preprocess graph are made of: {{"type", "image"}, {"color", "gray"}}, for example.
  std::map<std::string, std::string> preprocess_input;

  /// The inputs of the main graph. save() takes them, and the next two, from the graphs.
  std::vector<Port> inputs;
  /// The outputs of the main graph.
  std::vector<Port> outputs;
  /// The inputs of the preprocess graph; empty if there is none.
  std::vector<Port> preprocess;

  /// The place in `inputs` of the input with this name; nothing if there is none.
  std::optional<size_t> input_index(std::string_view name) const;
  /// The place in `outputs` of the output with this name; nothing if there is none.
  std::optional<size_t> output_index(std::string_view name) const;
};

/// A model as an exported directory holds it.
struct Exported {
  /// The model itself, which takes a batch.
  Graph main;
  /// What is done to one example before it joins a batch. It gives main's inputs without their first dimension.
  std::optional<Graph> preprocess;
  /// What the model takes and gives.
  Signature signature;
};

/// Writes an exported model as a whole (see io::AtomicDirectory): a crash at any moment leaves the old model or the new
/// one, and a directory that is not an exported model is refused. Tensors that both graphs hold are written once.
/// kInvalidArgument: a graph is not valid, it uses an op that HEARTH_OP does not list or that is internal, or the two
/// graphs do not fit together.
absl::Status save(const Exported& model, const std::string& directory);

/// Reads an exported model. The weights lie in the mapped file and are read-only. A graph gives the same bits as the
/// function that it was traced from.
///
/// Everything is checked before it is used, and both graphs are run once without data. kInvalidArgument names the file,
/// the place in it and what is wrong. kUnimplemented names an op, a version of an op or a version of the format that
/// this program does not know, and the target to link. A model of another kind than `kind` is refused, because its
/// meaning is more than that of its graphs.
absl::StatusOr<Exported> load(const std::string& directory, std::string_view kind = "graph");

/// Reads only the signature of an exported model. Of a model of another kind than "graph", which may find out by itself
/// what it takes and gives, signature.json needs no more than "format", "version" and "kind".
absl::StatusOr<Signature> load_signature(const std::string& directory);

/// The files of an exported model, in memory.
struct ExportedBytes {
  std::string_view graph;      ///< graph.json
  std::string_view weights;    ///< weights.safetensors
  std::string_view signature;  ///< signature.json
};
/// As load(), from files in memory. `name` stands for the directory in messages.
absl::StatusOr<Exported> parse_exported(const ExportedBytes& bytes, const std::string& name,
                                        std::string_view kind = "graph");

}  // namespace hearth::graph
