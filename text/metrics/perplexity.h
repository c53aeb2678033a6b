// Perplexity: how well a language model foretells a text.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "text/models/causal_lm.h"

namespace hearth::text {

/// What a model made of a text: the sum of -ln p(token | tokens before it), and how many tokens that is.
struct Perplexity {
  double nll = 0;      ///< In nats.
  int64_t tokens = 0;  ///< Tokens that were foretold.

  /// The mean of -ln p, in nats; NaN of no tokens.
  double mean() const { return nll / static_cast<double>(tokens); }
  /// e^mean(): among how many equally likely tokens the model would be as unsure. NaN of no tokens.
  double value() const { return std::exp(mean()); }
  /// The same for a text of that many bytes, whatever its tokens: bits for a byte.
  double bits_per_byte(int64_t bytes) const { return nll / std::log(2.0) / static_cast<double>(bytes); }
  /// Of two texts together.
  Perplexity& operator+=(const Perplexity& other) {
    nll += other.nll;
    tokens += other.tokens;
    return *this;
  }
};

/// Options of perplexity().
struct PerplexityOptions {
  /// The most tokens that the model sees at once; 0: its max_positions().
  int64_t context = 0;
  /// How many tokens of a window are counted, if all that came before them have been: each but the first window's sees
  /// at least context - stride tokens before it. At least 1, at most the context; 0: half of it, rounded up.
  int64_t stride = 0;
  /// Tokens that are computed at once: as many windows as fit, but at least one.
  int64_t batch_tokens = 4096;
};

/// The perplexity of a stream of tokens. Windows of `context` tokens move on by `stride`; every token but the first is
/// foretold once, from at most `context` tokens before it. The model must be in eval mode; no gradient is recorded.
/// Throws Error if it is not, for options that are out of range, and as CausalLm::logits(). Fewer than two tokens give
/// no value.
Perplexity perplexity(const CausalLm& model, std::span<const int32_t> tokens, const PerplexityOptions& options = {});

}  // namespace hearth::text
