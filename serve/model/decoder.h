// Decoder: makes tensors from a client's file, for a model that contains its own preprocessing.
//
//   absl::StatusOr<std::vector<Tensor>> decode(std::string_view file, const std::map<std::string, std::string>& input);
//   constexpr serve::Decoder kWave{"wave", decode};
//   HEARTH_DECODER(kWave);
//
// In a library with alwayslink = True, this lets a server take files for models whose signature says
// "preprocess_input": {"type": "wave"}.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/registry.h"
#include "core/tensor/tensor.h"
#include "serve/model/servable.h"
#include "serve/model/value.h"

namespace hearth::serve {

/// Brings samples of one sound, which arrive in parts, to another rate.
class Resampler {
 public:
  virtual ~Resampler() = default;
  /// The samples that are certain after these, f32 [1, n] both. `last`: no more come, and what was held back is given.
  virtual absl::StatusOr<Tensor> feed(const Tensor& samples, bool last) = 0;
  /// The memory that it holds, in bytes.
  virtual int64_t bytes() const = 0;
};

/// Decodes files of one type.
struct Decoder {
  /// The type of file: "type" of the signature's preprocess_input names it.
  const char* type;
  /// The inputs of the model's preprocess graph, without a batch dimension. `file` is what the client sent; `input` is
  /// the signature's preprocess_input, whose other entries are options. kInvalidArgument for a damaged file,
  /// kUnimplemented for a format that the decoder does not know, kResourceExhausted for one that is too large. Several
  /// threads may call it at the same time.
  absl::StatusOr<std::vector<Tensor>> (*decode)(std::string_view file, const std::map<std::string, std::string>& input);
  /// Of a type whose examples are samples: makes a Resampler, for streams (serve/model/sample_stream.h).
  /// kInvalidArgument for rates between which it cannot, or only with much memory.
  absl::StatusOr<std::unique_ptr<Resampler>> (*resampler)(int64_t from, int64_t to) = nullptr;
};

/// All decoders that are linked into this program.
std::span<const Decoder* const> decoders();

/// The model's inputs, with a batch of 1, from one example's file: the decoder, then the model's own preprocessing.
/// kUnimplemented if the model takes no files, or no decoder of its type is linked; kInternal if what
/// preprocessing gives does not match the signature; else an error of either step.
absl::StatusOr<std::vector<Value>> inputs_from_file(const Servable& model, std::string_view file);

}  // namespace hearth::serve

/// Lists a constant Decoder in decoders().
#define HEARTH_DECODER(decoder) HEARTH_REGISTER(hearth_decoders, ::hearth::serve::Decoder, decoder)
