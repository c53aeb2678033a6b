// Sizes and strides: up to eight integers, inline, no heap.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <type_traits>

namespace hearth {

constexpr int kMaxRank = 8;

// A list of at most kMaxRank integers. A longer one throws Error naming its length. Where a function takes Dims, one
// integer stands for a list of one: zeros(3), x.sum(1), x.reshape(-1).
class Dims {
 public:
  Dims() : rank_(0) {}
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) Dims(T v) : rank_(1) { d_[0] = static_cast<int64_t>(v); }
  // Dims(2, 3) is [2, 3].
  template <class... T>
  requires(sizeof...(T) >= 2 && (std::is_integral_v<T> && ...)) explicit Dims(T... v)
      : Dims({static_cast<int64_t>(v)...}) {}
  Dims(std::initializer_list<int64_t> v) { assign(v.begin(), v.size()); }
  Dims(std::span<const int64_t> v) { assign(v.data(), v.size()); }
  // `rank` entries of one value.
  static Dims filled(int rank, int64_t value) {
    Dims d;
    d.rank_ = checked(static_cast<size_t>(rank));
    for (int i = 0; i < rank; ++i) d.d_[i] = value;
    return d;
  }
  Dims(const Dims& o) : rank_(o.rank_) { copy(o.d_); }
  Dims& operator=(const Dims& o) {
    rank_ = o.rank_;
    copy(o.d_);
    return *this;
  }

  int rank() const { return rank_; }
  size_t size() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  int64_t operator[](int i) const { return d_[i]; }
  int64_t& operator[](int i) { return d_[i]; }
  const int64_t* begin() const { return d_; }
  const int64_t* end() const { return d_ + rank_; }
  int64_t* begin() { return d_; }
  int64_t* end() { return d_ + rank_; }
  int64_t back() const { return d_[rank_ - 1]; }
  const int64_t* data() const { return d_; }
  operator std::span<const int64_t>() const { return {d_, rank_}; }

  void push_back(int64_t v) {
    checked(size_t{rank_} + 1u);
    d_[rank_++] = v;
  }
  void insert(int at, int64_t v);
  void erase(int at);
  // Product of all entries, without overflow checks (it wraps around); 1 for rank 0.
  int64_t numel() const {
    uint64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= static_cast<uint64_t>(d_[i]);
    return static_cast<int64_t>(n);
  }
  friend bool operator==(const Dims& a, const Dims& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i) {
      if (a.d_[i] != b.d_[i]) return false;
    }
    return true;
  }

 private:
  static uint8_t checked(size_t rank);
  void assign(const int64_t* v, size_t n) {
    rank_ = checked(n);
    copy(v);
  }
  void copy(const int64_t* v) {
    for (int i = 0; i < rank_; ++i) d_[i] = v[i];
  }
  int64_t d_[kMaxRank];
  uint8_t rank_;
};

using Shape = Dims;
using Strides = Dims;

// "[2, 3]"
std::string to_string(const Dims& d);

// Row-major strides of a shape. Those of a shape that is too large wrap around: checked_numel() refuses it.
Strides contiguous_strides(const Shape& shape);
// Strides of a rank-4 shape (N, C, H, W) laid out N, H, W, C in memory.
Strides channels_last_strides(const Shape& shape);

// A dimension index in [-rank, rank) made non-negative; rank 0 is treated as rank 1. Throws Error naming `op`.
int wrap_dim(int64_t dim, int rank, const char* op);

// The shape that both broadcast to (trailing dimensions are matched; a size 1 stretches). Throws Error naming `op`.
Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op);
bool broadcastable_to(const Shape& from, const Shape& to);

// Checks that sizes are not negative and that numel * itemsize fits in 63 bits; gives numel. Throws Error naming `op`.
int64_t checked_numel(const Shape& shape, size_t itemsize, const char* op);

}  // namespace hearth
