// Plans of Fourier transforms of one length: factors, twiddles, and for lengths with a large prime factor Bluestein's
// chirps. Made once for each length and kept in a bounded cache.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace hearth::cpu {

// The largest prime that is a factor of its own; transforms of lengths with a larger one are convolutions.
constexpr int kMaxRadix = 31;

template <class T>
struct FftPlan {
  int64_t n = 1;
  // Stockham's algorithm: radix r takes x[p + m j], j < r, where the length left is r m. Complex numbers are pairs.
  struct Stage {
    int radix;
    std::vector<T> twiddles;  // for p < m and 0 < k < r: exp(-2 pi i p k / (r m))
    std::vector<T> roots;     // of a radix without a butterfly of its own, j < r: exp(-2 pi i j / r)
  };
  std::vector<Stage> stages;

  // Bluestein (1970): a transform is a convolution with a chirp, of length `padded`, a power of 2.
  int64_t padded = 0;
  std::shared_ptr<const FftPlan> convolution;
  std::vector<T> chirp;     // n pairs: exp(-pi i k^2 / n)
  std::vector<T> spectrum;  // `padded` pairs: the transform of the chirp's conjugate, over `padded`

  // Where n = n1 n2: a transform that is too long for the caches, or comes alone, is n2 of length n1 and n1 of length
  // n2.
  int64_t n1 = 0, n2 = 0;
  std::shared_ptr<const FftPlan> first, second;
  std::vector<T> coarse;  // n pairs over kTile: exp(-2 pi i kTile j / n)
  std::vector<T> fine;    // [n1][kTile] as real parts, then imaginary parts: exp(-2 pi i k1 j / n), j < kTile

  bool convolves() const { return padded != 0; }
};
// Columns that a long transform takes at once, at most a register of them.
constexpr int64_t kFftTile = 16;

// The plan of length n, from the cache. Thread-safe. n > 0.
template <class T>
std::shared_ptr<const FftPlan<T>> fft_plan(int64_t n);

// exp(-2 pi i k / n) for k <= n / 2, as pairs: what splits the transform of n real numbers. From the cache.
template <class T>
std::shared_ptr<const std::vector<T>> fft_real_twiddles(int64_t n);

}  // namespace hearth::cpu
