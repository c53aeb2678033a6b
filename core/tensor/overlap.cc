#include "core/tensor/overlap.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace hearth {
namespace {

// Whether numbers 0 <= x[k] <= most[k] exist with step[0] x[0] + ... = target. Steps fall; all of them are above 0.
struct Steps {
  int64_t step[2 * kMaxRank], most[2 * kMaxRank];
  int64_t reach[2 * kMaxRank + 1];   // what the steps from k on add up to at most
  int64_t common[2 * kMaxRank + 1];  // their greatest common divisor
  int n = 0;
  int tries = 1000;

  void add(int64_t s, int64_t m) {
    int at = 0;
    while (at < n && step[at] > s) ++at;
    if (at < n && step[at] == s) {
      most[at] += m;
      return;
    }
    for (int k = n++; k > at; --k) step[k] = step[k - 1], most[k] = most[k - 1];
    step[at] = s, most[at] = m;
  }
  void prepare() {
    reach[n] = common[n] = 0;
    for (int k = n; k-- > 0;) {
      reach[k] = reach[k + 1] + step[k] * most[k];
      common[k] = std::gcd(common[k + 1], step[k]);
    }
  }
  // True also where it takes too many tries to tell.
  bool meet(int k, int64_t target) {
    if (target == 0) return true;
    if (target < 0 || k == n || target > reach[k] || target % common[k] != 0) return false;
    const int64_t first = std::max<int64_t>(0, (target - reach[k + 1] + step[k] - 1) / step[k]),
                  last = std::min(most[k], target / step[k]);
    for (int64_t x = last; x >= first; --x) {
      if (--tries < 0 || meet(k + 1, target - x * step[k])) return true;
    }
    return false;
  }
};

}  // namespace

bool lie_alike(const Layout& a, const Layout& b) {
  if (a.numel != b.numel) return false;
  int i = 0, k = 0;
  while (true) {
    while (i < a.rank() && a.shape[i] == 1) ++i;
    while (k < b.rank() && b.shape[k] == 1) ++k;
    if (i == a.rank() || k == b.rank()) return i == a.rank() && k == b.rank();
    if (a.shape[i] != b.shape[k] || a.strides[i] != b.strides[k]) return false;
    ++i, ++k;
  }
}

bool overlap(const Layout& a, const Layout& b) {
  if (a.numel == 0 || b.numel == 0 || a.end() <= b.offset || b.end() <= a.offset) return false;
  if (a.dense && b.dense) return true;
  // a.offset + sum of i * stride = b.offset + sum of j * stride, with the j counted from their ends.
  Steps s;
  int64_t target = b.offset - a.offset;
  for (int d = 0; d < a.rank(); ++d) {
    if (a.shape[d] > 1 && a.strides[d] > 0) s.add(a.strides[d], a.shape[d] - 1);
  }
  for (int d = 0; d < b.rank(); ++d) {
    if (b.shape[d] <= 1 || b.strides[d] <= 0) continue;
    s.add(b.strides[d], b.shape[d] - 1);
    target += b.strides[d] * (b.shape[d] - 1);
  }
  s.prepare();
  return s.meet(0, target);
}

}  // namespace hearth
