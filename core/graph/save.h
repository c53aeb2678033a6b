// Exported models: a directory that holds a graph with its weights and says what it takes and gives.
//
//   graph.json            the graphs: ops by name with the version of each one's record, attributes, sizes
//   weights.safetensors   every constant of both graphs
//   signature.json        for whoever asks, without reading the graphs: inputs, outputs, labels
//
// A program that loads one needs no code of the model, only the ops: add //core/graph:all_ops to its deps, and
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
  // A size that is fixed, or one that may differ from call to call and then has a name, -1 and "batch", and may have a
  // largest value.
  struct Extent {
    int64_t size = -1;
    std::string name;
    std::optional<int64_t> max;
    friend bool operator==(const Extent&, const Extent&) = default;
  };
  struct Port {
    std::string name;
    DType dtype = DType::kF32;
    std::vector<Extent> shape;
    friend bool operator==(const Port&, const Port&) = default;
  };

  // What runs it: "graph" runs the graphs as they are. A server's own kinds do more with them (HEARTH_SERVABLE in
  // serve/model/servable.h).
  std::string kind = "graph";
  std::string description;
  // Of the classes that the first output's last dimension counts, whose scores are logits unless metadata "scores" says
  // "probabilities".
  std::vector<std::string> labels;
  std::map<std::string, std::string> metadata;  // anything else

  // Of what the preprocess graph's inputs are made: {{"type", "image"}, {"color", "gray"}}, for example.
  std::map<std::string, std::string> preprocess_input;

  // save() takes these from the graphs; preprocess is empty where there is no such graph.
  std::vector<Port> inputs, outputs, preprocess;

  /// The place of the input of this name in `inputs`; nothing if there is none.
  std::optional<size_t> input_index(std::string_view name) const;
  /// The place of the output of this name in `outputs`; nothing if there is none.
  std::optional<size_t> output_index(std::string_view name) const;
};

struct Exported {
  Graph main;  // of a batch
  // Of one example of any size: gives main's inputs without their first dimension.
  std::optional<Graph> preprocess;
  Signature signature;
};

// Writes the directory as a whole (see io::AtomicDirectory): a crash at any moment leaves the old model or the new one,
// and a directory that is no exported model is refused. Tensors that both graphs hold are written once.
// kInvalidArgument: a graph is not valid, uses an op that is not listed by HEARTH_OP, or the two do not fit together.
absl::Status save(const Exported& model, const std::string& directory);

// The weights look into the mapped file and are read-only. A graph runs in the same bits as the function it was traced
// from. Everything is checked before it is used, and both graphs are run once without data: kInvalidArgument names the
// file, the place in it and what is wrong; kUnimplemented an op, a version of an op, or a version of the format that
// this program does not know, and which target to link. A model of another kind than is asked for is refused: it means
// something else than its graphs alone.
absl::StatusOr<Exported> load(const std::string& directory, std::string_view kind = "graph");

// Only what the model takes and gives.
absl::StatusOr<Signature> load_signature(const std::string& directory);

// load() of files in memory; `name` stands for the directory in messages.
struct ExportedBytes {
  std::string_view graph, weights, signature;
};
absl::StatusOr<Exported> parse_exported(const ExportedBytes& bytes, const std::string& name,
                                        std::string_view kind = "graph");

}  // namespace hearth::graph
