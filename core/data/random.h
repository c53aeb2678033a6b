// Single random numbers, for what a program decides about one example: a flip, a gain, the place of a crop. All come
// from the generator that a Dataset is handed, so an example looks the same for any number of loader threads.
#pragma once

#include <cstdint>
#include <iterator>
#include <ranges>

#include "core/tensor/generator.h"

namespace hearth::data {

/// The numbers from low to high.
struct Range {
  double low;   ///< The smallest number.
  double high;  ///< The greatest number.
};

/// A number of [0, 1), uniformly: a multiple of 2^-53.
double uniform(Generator& random);
/// A number of the range, uniformly; high itself only by rounding. Throws Error unless low <= high and both and
/// their difference are finite.
double uniform(Generator& random, Range range);
/// A number of the range whose logarithm is uniform, so that halving is as likely as doubling. Throws Error unless
/// 0 < low <= high and both are finite.
double log_uniform(Generator& random, Range range);
/// An integer of low, low + 1, …, high - 1, each alike (their chances differ by less than 2^-64). Throws Error unless
/// low < high.
int64_t randint(Generator& random, int64_t low, int64_t high);
/// True with probability p. Throws Error unless p lies in [0, 1].
bool bernoulli(Generator& random, double p);

/// Puts the items into an order of which each is alike (Fisher and Yates; Knuth, TAOCP 2, algorithm 3.4.2P).
template <std::ranges::random_access_range R>
void shuffle(Generator& random, R&& items) {
  const auto first = std::ranges::begin(items);
  for (auto i = std::ranges::ssize(items); i > 1; --i)
    std::ranges::iter_swap(first + (i - 1), first + randint(random, 0, i));
}

}  // namespace hearth::data
