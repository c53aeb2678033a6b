// What a decoder offers to generation.
#pragma once

#include <cstdint>
#include <memory>

#include "core/nn/module.h"
#include "core/tensor/tensor.h"
#include "text/models/kv_cache.h"

namespace hearth::text {

/// What a decoder reads.
struct CausalLmInput {
  /// [batch, tokens] i64: the tokens after those that the cache holds. At least one.
  Tensor ids;
  /// [batch, past + tokens] bool (or integers, 0: false): false where there is padding, on either side. `past` is what
  /// the cache holds. Positions are counted without padding. Without one no token is padding, but a cache remembers
  /// the padding that it was given.
  Tensor attention_mask;
  /// Appended to where given. The call is then made in InferenceMode: no gradient is recorded.
  KvCache* cache = nullptr;
  /// Logits of the last position alone: [batch, 1, vocabulary].
  bool last_only = false;
};

/// A model that gives the logits of the next token. Const calls may run concurrently, each with a cache of its own.
class CausalLm {
 public:
  virtual ~CausalLm() = default;
  /// [batch, tokens, vocabulary], or [batch, 1, vocabulary]: for each position the logits of the token after it, in the
  /// dtype of the weights. Those of padding have no meaning. Throws Error where shapes do not fit, for an id outside of
  /// the vocabulary, and for a sequence that is longer than max_positions(); the cache is as before then.
  virtual Tensor logits(const CausalLmInput& input) const = 0;
  /// The number of ids.
  virtual int64_t vocabulary() const = 0;
  /// The longest sequence that the model can take, padding not counted.
  virtual int64_t max_positions() const = 0;
  /// An empty cache for this model.
  virtual std::unique_ptr<KvCache> make_cache(int64_t batch) const = 0;
  /// The model as a module: its parameters, train(), to().
  virtual nn::ModuleBase& module() = 0;
  /// The same of a model that is not changed.
  virtual const nn::ModuleBase& module() const = 0;
};

}  // namespace hearth::text
