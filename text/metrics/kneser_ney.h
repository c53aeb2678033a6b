// N-gram models with Kneser-Ney smoothing: what a neural language model has to beat.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "text/metrics/perplexity.h"

namespace hearth::text {

/// An interpolated n-gram model with modified Kneser-Ney smoothing (Chen and Goodman, "An Empirical Study of Smoothing
/// Techniques for Language Modeling", 1998). For a token w after the history h,
///
///   p(w | h) = (c(h w) - D(c(h w))) / sum_v c(h v) + gamma(h) p(w | h without its first token)
///
/// where c counts in the highest order how often, and below how many different tokens stand before an n-gram. D takes a
/// discount off counts of 1, of 2, and of 3 or more, which gamma(h) gives to the shorter history; below the unigrams
/// every token of the vocabulary is equally likely. Const calls may be concurrent.
class KneserNeyModel {
 public:
  /// Counts the n-grams of a stream of tokens up to those of `order` tokens, and takes the discounts from how many of
  /// them were seen once to four times. An order in which one of these numbers is 0, or a discount not above 0,
  /// has the discounts 0.5, 1 and 1.5. Throws Error unless order is from 1 to 16, the vocabulary is positive, and all
  /// tokens are from 0 to vocabulary - 1.
  KneserNeyModel(std::span<const int32_t> tokens, int64_t vocabulary, int order = 5);
  ~KneserNeyModel();
  /// Takes the other model, which is then empty.
  KneserNeyModel(KneserNeyModel&&) noexcept;
  /// Takes the other model, which is then empty.
  KneserNeyModel& operator=(KneserNeyModel&&) noexcept;

  /// ln p(token | history). Of a history longer than order - 1 tokens only the last count. Throws Error for a token
  /// outside of the vocabulary; one in the history has never been seen.
  double log_probability(std::span<const int32_t> history, int32_t token) const;
  /// Of a stream of tokens: all but the first are foretold, from those before them.
  Perplexity perplexity(std::span<const int32_t> tokens) const;

  /// The most tokens of an n-gram.
  int order() const { return static_cast<int>(orders_.size()); }
  /// What is taken off counts of 1, 2, and 3 or more in n-grams of `n` tokens. Throws Error unless n is from 1 to
  /// order().
  const std::array<double, 3>& discounts(int n) const;
  /// How many different n-grams of `n` tokens there are. Throws Error unless n is from 1 to order().
  int64_t count(int n) const;

 private:
  struct Order;
  std::vector<std::unique_ptr<Order>> orders_;  // of 1, 2, ... tokens
  int64_t vocabulary_;
};

}  // namespace hearth::text
