#include "core/data/random.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace hearth::data {

double uniform(Generator& random) { return static_cast<double>(random.next_u64() >> 11) * 0x1p-53; }

double uniform(Generator& random, Range r) {
  HEARTH_CHECK(std::isfinite(r.low) && std::isfinite(r.high) && r.low <= r.high, "uniform: [", r.low, ", ", r.high,
               "] is not a range of finite numbers");
  HEARTH_CHECK(std::isfinite(r.high - r.low), "uniform: [", r.low, ", ", r.high, "] is wider than the largest number");
  return r.low + (r.high - r.low) * uniform(random);
}

double log_uniform(Generator& random, Range r) {
  HEARTH_CHECK(r.low > 0 && r.low <= r.high && std::isfinite(r.high), "log_uniform: [", r.low, ", ", r.high,
               "] is not a range of finite numbers above 0");
  // The logarithm and its inverse round.
  return std::clamp(std::exp(uniform(random, {std::log(r.low), std::log(r.high)})), r.low, r.high);
}

int64_t randint(Generator& random, int64_t low, int64_t high) {
  HEARTH_CHECK(low < high, "randint: there is no integer from ", low, " up to but not ", high);
  const uint64_t n = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  const auto below = static_cast<uint64_t>((static_cast<unsigned __int128>(random.next_u64()) * n) >> 64);
  return static_cast<int64_t>(static_cast<uint64_t>(low) + below);
}

bool bernoulli(Generator& random, double p) {
  HEARTH_CHECK(p >= 0 && p <= 1, "bernoulli: the probability must lie in [0, 1], but is ", p);
  return uniform(random) < p;
}

}  // namespace hearth::data
