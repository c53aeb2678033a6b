// Servable: what a server runs. signature.json names its kind; a program serves the kinds that are linked into it.
//
//   class Echo : public serve::Servable { ... };
//   constexpr serve::ServableKind kEcho{"echo", [](const std::string& directory) { ... }};
//   HEARTH_SERVABLE(kEcho);
//
// in a library with alwayslink = True makes a server load directories whose signature says "kind": "echo".
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/graph/save.h"
#include "core/tensor/tensor.h"

namespace hearth::serve {

// A model that is loaded. const functions may be called from several threads at once.
class Servable {
 public:
  virtual ~Servable() = default;

  virtual const graph::Signature& signature() const = 0;

  // Outputs for inputs, both in the signature's order, which the caller has held against the signature.
  virtual absl::StatusOr<std::vector<Tensor>> run(std::span<const Tensor> inputs) const = 0;

  // The inputs of run(), with a batch of 1, for one example of any size: `example` is what a Decoder made of a client's
  // file. kUnimplemented unless the model brings its preprocessing.
  virtual absl::StatusOr<std::vector<Tensor>> preprocess(std::span<const Tensor> example) const;

  // Inputs of `rows` examples to try the model with before it gets requests. Empty: it is not tried.
  virtual std::vector<Tensor> example(int64_t rows) const { return {}; }
};

// Whether dimension 0 of every input and output is called "batch": it counts examples that have nothing to do with one
// another, so that requests may be joined along it.
bool is_batched(const graph::Signature& signature);
// The most examples that a batched model takes at once; INT64_MAX where it says nothing.
int64_t largest_batch(const graph::Signature& signature);

struct ServableKind {
  const char* name;
  // Everything that it needs is read before it returns; the directory may change afterwards.
  absl::StatusOr<std::unique_ptr<Servable>> (*load)(const std::string& directory);
};

// Makes the inputs of a preprocess graph from a file as clients have it. `type` is what the signature's
// preprocess_input says, whose other entries are handed on.
struct Decoder {
  const char* type;
  absl::StatusOr<std::vector<Tensor>> (*decode)(std::string_view file, const std::map<std::string, std::string>& input);
};

// Lists a kind or a decoder. There is no other registry: the linker collects them.
#define HEARTH_SERVABLE(kind)                                                                                     \
  [[gnu::used,                                                                                                    \
    gnu::section("hearth_servables")]] static const ::hearth::serve::ServableKind* const hearth_servable_##kind = \
      &kind
#define HEARTH_DECODER(decoder) \
  [[gnu::used,                  \
    gnu::section("hearth_decoders")]] static const ::hearth::serve::Decoder* const hearth_decoder_##decoder = &decoder

std::span<const ServableKind* const> servable_kinds();

// By the kind that the directory's signature names; kUnimplemented if none of that name is linked into this program.
absl::StatusOr<std::unique_ptr<Servable>> load_servable(const std::string& directory);

// One example's file through the decoder and the model's own preprocessing.
absl::StatusOr<std::vector<Tensor>> inputs_from_file(const Servable& model, std::string_view file);

}  // namespace hearth::serve
