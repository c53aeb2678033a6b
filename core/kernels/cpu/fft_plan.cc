#include "core/kernels/cpu/fft_plan.h"

#include <cmath>
#include <complex>
#include <list>
#include <numbers>
#include <unordered_map>
#include <utility>

#include "core/base/mutex.h"

namespace hearth::cpu {
namespace {

constexpr int64_t kCachedBytes = 64 << 20;  // of all plans of a type together; the one last made stays in any case
constexpr int64_t kAlone = 256;             // a single transform from this length on is cut in two

// exp(-2 pi i k / n), exact in double: the angle is brought into the first octant.
std::complex<double> root(__int128 k, int64_t n) {
  const auto r = static_cast<int64_t>(((k % n) + n) % n);
  // exp(-i a): octants of n / 8, in units of an eighth of r.
  const __int128 eight = static_cast<__int128>(r) * 8;
  const auto octant = static_cast<int>(eight / n);
  const auto cos_sin = [n](int64_t num, int64_t scale) {
    const double a =
        2 * std::numbers::pi * static_cast<double>(num) / (static_cast<double>(n) * static_cast<double>(scale));
    return std::pair(std::cos(a), std::sin(a));
  };
  // Distances to the nearest multiple of a quarter turn, in quarters of a step, so that they stay integers.
  const auto from = [&](int quarter) { return 4 * r - quarter * n; };  // 4r/(4n) - quarter/4 turns
  double c, s;                                                         // of the angle 2 pi r / n
  switch (octant) {
    case 0: {
      const auto [x, y] = cos_sin(from(0), 4);
      c = x, s = y;
      break;
    }
    case 1:
    case 2: {
      const auto [x, y] = cos_sin(from(1), 4);
      c = -y, s = x;
      break;
    }
    case 3:
    case 4: {
      const auto [x, y] = cos_sin(from(2), 4);
      c = -x, s = -y;
      break;
    }
    case 5:
    case 6: {
      const auto [x, y] = cos_sin(from(3), 4);
      c = y, s = -x;
      break;
    }
    default: {
      const auto [x, y] = cos_sin(from(4), 4);
      c = x, s = y;
      break;
    }
  }
  return {c, -s};
}

template <class T>
void push(std::vector<T>& to, std::complex<double> v) {
  to.push_back(static_cast<T>(v.real()));
  to.push_back(static_cast<T>(v.imag()));
}

// The radices of n, largest butterflies first; empty if a prime is too large.
std::vector<int> factors(int64_t n, bool& fits) {
  std::vector<int> out;
  int64_t rest = n;
  for (int prime : {7, 5, 3, 11, 13, 17, 19, 23, 29, 31}) {
    while (rest % prime == 0) {
      out.push_back(prime);
      rest /= prime;
    }
  }
  int twos = 0;
  while (rest % 2 == 0) {
    ++twos;
    rest /= 2;
  }
  fits = rest == 1;
  while (twos >= 5 || twos == 3) {
    out.push_back(8);
    twos -= 3;
  }
  for (; twos >= 2; twos -= 2) out.push_back(4);
  if (twos) out.push_back(2);
  return out;
}

// Plain recursion in double, for chirps. The length is a power of 2.
void transform(std::vector<std::complex<double>>& x) {
  const size_t n = x.size();
  for (size_t i = 1, j = 0; i < n; ++i) {
    size_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (size_t length = 2; length <= n; length *= 2) {
    std::vector<std::complex<double>> w(length / 2);
    for (size_t k = 0; k < w.size(); ++k) w[k] = root(static_cast<int64_t>(k), static_cast<int64_t>(length));
    for (size_t at = 0; at < n; at += length) {
      for (size_t k = 0; k < length / 2; ++k) {
        const auto a = x[at + k], b = x[at + k + length / 2] * w[k];
        x[at + k] = a + b;
        x[at + k + length / 2] = a - b;
      }
    }
  }
}

template <class T>
FftPlan<T> make(int64_t n) {
  FftPlan<T> p;
  p.n = n;
  bool fits = true;
  const std::vector<int> radices = factors(n, fits);
  if (!fits) {
    p.padded = 1;
    while (p.padded < 2 * n - 1) p.padded *= 2;
    p.convolution = fft_plan<T>(p.padded);
    std::vector<std::complex<double>> b(static_cast<size_t>(p.padded));
    for (int64_t k = 0; k < n; ++k) {
      const std::complex<double> c = root(static_cast<__int128>(k) * k, 2 * n);
      push(p.chirp, c);
      b[static_cast<size_t>(k)] = std::conj(c);
      if (k > 0) b[static_cast<size_t>(p.padded - k)] = std::conj(c);
    }
    transform(b);
    for (const auto& v : b) push(p.spectrum, v / static_cast<double>(p.padded));
    return p;
  }
  int64_t left = n;
  for (int r : radices) {
    typename FftPlan<T>::Stage s{r, {}, {}};
    const int64_t m = left / r;
    for (int64_t q = 0; q < m; ++q) {
      for (int k = 1; k < r; ++k) push(s.twiddles, root(static_cast<__int128>(q) * k, left));
    }
    if (r > 8) {
      for (int j = 0; j < r; ++j) push(s.roots, root(j, r));
    }
    p.stages.push_back(std::move(s));
    left = m;
  }
  if (n < kAlone) return p;
  // n1 is the factor next to the square root, a multiple of a register's lanes if there is one.
  const auto side = static_cast<int64_t>(std::sqrt(static_cast<double>(n)));
  for (int64_t f = side; f >= 8; --f) {
    if (n % f != 0) continue;
    p.n1 = f;
    break;
  }
  if (p.n1 == 0) return p;
  p.n2 = n / p.n1;
  p.first = fft_plan<T>(p.n1);
  p.second = fft_plan<T>(p.n2);
  // Exponents are k1 times (a multiple of the tile plus less): below n after the first is reduced.
  for (int64_t j = 0; j * kFftTile < n + kFftTile; ++j) push(p.coarse, root(static_cast<__int128>(j) * kFftTile, n));
  p.fine.resize(static_cast<size_t>(2 * p.n1 * kFftTile));
  for (int64_t k = 0; k < p.n1; ++k) {
    for (int64_t j = 0; j < kFftTile; ++j) {
      const std::complex<double> w = root(static_cast<__int128>(k) * j, n);
      p.fine[static_cast<size_t>(k * kFftTile + j)] = static_cast<T>(w.real());
      p.fine[static_cast<size_t>((p.n1 + k) * kFftTile + j)] = static_cast<T>(w.imag());
    }
  }
  return p;
}

template <class T>
int64_t bytes_of(const FftPlan<T>& p) {
  size_t n = p.chirp.size() + p.spectrum.size() + p.coarse.size() + p.fine.size();
  for (const auto& s : p.stages) n += s.twiddles.size() + s.roots.size();
  return static_cast<int64_t>(n * sizeof(T) + sizeof p);
}
template <class T>
int64_t bytes_of(const std::vector<T>& v) {
  return static_cast<int64_t>(v.size() * sizeof(T));
}

// What was used last is kept; the rest up to kCachedBytes.
template <class V>
class Cache {
 public:
  template <class F>
  std::shared_ptr<const V> get(int64_t n, F make) {
    {
      const MutexLock lock(mutex_);
      if (const auto it = found_.find(n); it != found_.end()) {
        order_.splice(order_.begin(), order_, it->second);
        return it->second->value;
      }
    }
    // Made without the lock: a plan needs others. Two threads may make the same.
    auto value = std::make_shared<const V>(make(n));
    const MutexLock lock(mutex_);
    if (const auto it = found_.find(n); it != found_.end()) return it->second->value;
    order_.push_front({n, value, bytes_of(*value)});
    found_[n] = order_.begin();
    bytes_ += order_.front().bytes;
    while (bytes_ > kCachedBytes && order_.size() > 1) {
      bytes_ -= order_.back().bytes;
      found_.erase(order_.back().n);
      order_.pop_back();
    }
    return value;
  }

 private:
  struct Entry {
    int64_t n;
    std::shared_ptr<const V> value;
    int64_t bytes;
  };
  Mutex mutex_;
  std::list<Entry> order_ ABSL_GUARDED_BY(mutex_);  // what was used last comes first
  std::unordered_map<int64_t, typename std::list<Entry>::iterator> found_ ABSL_GUARDED_BY(mutex_);
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

template <class T>
std::shared_ptr<const FftPlan<T>> fft_plan(int64_t n) {
  static auto& cache = *new Cache<FftPlan<T>>;
  return cache.get(n, make<T>);
}

template <class T>
std::shared_ptr<const std::vector<T>> fft_real_twiddles(int64_t n) {
  static auto& cache = *new Cache<std::vector<T>>;
  return cache.get(n, [](int64_t length) {
    std::vector<T> w;
    for (int64_t k = 0; k <= length / 2; ++k) push(w, root(k, length));
    return w;
  });
}

template std::shared_ptr<const FftPlan<float>> fft_plan(int64_t);
template std::shared_ptr<const FftPlan<double>> fft_plan(int64_t);
template std::shared_ptr<const std::vector<float>> fft_real_twiddles(int64_t);
template std::shared_ptr<const std::vector<double>> fft_real_twiddles(int64_t);

}  // namespace hearth::cpu
