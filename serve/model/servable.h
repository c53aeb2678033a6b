// Servable: what a server runs. "kind" in signature.json names it; a program serves the kinds that are linked into it.
//
//   class Echo : public serve::TensorServable { ... };
//   constexpr serve::ServableKind kEcho{"echo", [](const std::string& directory) { ... }};
//   HEARTH_SERVABLE(kEcho);
//
// In a library with alwayslink = True, this makes a server load directories whose signature says "kind": "echo".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/registry.h"
#include "core/graph/save.h"
#include "core/tensor/tensor.h"
#include "serve/model/value.h"

namespace hearth::serve {

/// The limits of a model that makes vectors of texts (Servable::text_embedding).
struct TextEmbeddingLimits {
  int64_t max_tokens = 0;  ///< The most tokens of a text.
  int64_t vocabulary = 0;  ///< Token ids are from 0 up to but not including this.
};

/// A loaded model. Several threads may call its const functions at the same time. A server turns a
/// std::exception that escapes from run() or preprocess() into an error of the request.
class Servable {
 public:
  virtual ~Servable() = default;

  /// What the model takes and gives. The same for as long as the model lives.
  virtual const graph::Signature& signature() const = 0;

  /// The outputs for `inputs`, both in the signature's order. The caller has checked the inputs against the signature
  /// (check_inputs in serve/model/signature.h). A batched model (is_batched) gets the examples of one or more requests,
  /// joined along dimension 0, and dimension 0 of each output must have as many.
  virtual absl::StatusOr<std::vector<Value>> run(std::span<const Value> inputs) const = 0;

  /// Makes the model ready to run on these GPUs too. Called at most once, before run(), which then computes on
  /// default_device() where that is one of them; its inputs and outputs are in CPU memory all the same. kUnimplemented,
  /// as the default is, for a model that runs on the CPU only.
  virtual absl::Status place(std::span<const Device> devices);

  /// The inputs of run(), with a batch of 1, for one example of any size: `example` is what a Decoder made from a
  /// client's file. kUnimplemented if the model has no preprocessing.
  virtual absl::StatusOr<std::vector<Tensor>> preprocess(std::span<const Tensor> example) const;

  /// Inputs of `rows` examples, with which the server tries the model before it sends it requests (warm_up). Empty, as
  /// the default is: no trial.
  virtual std::vector<Value> example(int64_t rows) const { return {}; }

  /// The limits of a model that makes vectors of texts, for POST /v1/embeddings; nothing for any other. Such a model is
  /// batched, takes one input, BYTES [batch], and gives two outputs: the vectors, f32 [batch, n], and the number of
  /// tokens of each text, i64 [batch]. In place of the texts run() also takes token ids, i64 [batch, length], with -1
  /// behind the last id of each text.
  virtual std::optional<TextEmbeddingLimits> text_embedding() const { return {}; }
};

/// A model whose inputs and outputs are all tensors.
class TensorServable : public Servable {
 public:
  /// run_tensors(). Throws Error if an input holds strings, which check_inputs() refuses.
  absl::StatusOr<std::vector<Value>> run(std::span<const Value> inputs) const final;
  /// As Servable::run().
  virtual absl::StatusOr<std::vector<Tensor>> run_tensors(std::span<const Tensor> inputs) const = 0;
};

/// A way to load models of one kind.
struct ServableKind {
  /// The name of the kind: "kind" of signature.json.
  const char* name;
  /// Loads the model in `directory`. It reads all it needs before it returns: the directory may change afterwards.
  absl::StatusOr<std::unique_ptr<Servable>> (*load)(const std::string& directory);
};

/// All kinds that are linked into this program.
std::span<const ServableKind* const> servable_kinds();

/// Loads a model with the kind that its signature names. kUnimplemented if that kind is not linked into this program;
/// else the error of reading the signature, or of the kind.
absl::StatusOr<std::unique_ptr<Servable>> load_servable(const std::string& directory);

}  // namespace hearth::serve

/// Lists a constant ServableKind in servable_kinds().
#define HEARTH_SERVABLE(kind) HEARTH_REGISTER(hearth_servables, ::hearth::serve::ServableKind, kind)
