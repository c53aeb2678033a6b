// What all layers of a decoder share in one call: positions, masks, the cache.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "core/tensor/tensor.h"
#include "text/models/causal_lm.h"

namespace hearth::text {

class DecoderStep {
 public:
  // Checks the input. Throws Error as CausalLm::logits() says; `model` begins the message.
  DecoderStep(const char* model, const CausalLmInput& input, int64_t max_positions);

  int64_t batch() const { return batch_; }
  int64_t tokens() const { return tokens_; }
  // [batch or 1, tokens] i64, padding not counted; 0 for padding before the text.
  const Tensor& positions() const { return positions_; }

  // Attention of a layer: q [batch, heads, tokens, head_dim], k and v with their own heads. With a cache they are
  // written to it, and what it holds is attended to. The result has q's shape and layout.
  struct Layer {
    int64_t index = 0;
    std::optional<int64_t> window = {};  // positions that a query sees, itself included
    std::optional<double> scale = {};
    double dropout = 0;
  };
  Tensor attend(const Layer& layer, const Tensor& q, const Tensor& k, const Tensor& v);
  // After all layers: the cache holds the tokens.
  void finish();

 private:
  const std::optional<Tensor>& mask(const std::optional<int64_t>& window, int64_t first, int64_t keys);

  KvCache* cache_;
  int64_t batch_, tokens_, past_;
  Tensor positions_;
  Tensor padding_;  // [batch, past + tokens] bool, false where there is padding; undefined where there is none
  std::map<std::optional<int64_t>, std::optional<Tensor>> masks_;  // one for each window
};

}  // namespace hearth::text
