// Sizes and strides: up to eight integers, inline, no heap.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <type_traits>

namespace hearth {

/// The largest number of dimensions of a tensor.
constexpr int kMaxRank = 8;

/// A list of at most kMaxRank integers: a shape, strides or a list of dimensions. It lies inline and takes no memory
/// from the heap. A longer list throws Error naming its length. A function that takes Dims also takes one integer,
/// which is a list of one: `zeros(3)`, `x.sum(1)`, `x.reshape(-1)`.
class Dims {
 public:
  /// The empty list, [].
  Dims() : rank_(0) {}
  /// The list of one integer, [v].
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) Dims(T v) : rank_(1) { d_[0] = static_cast<int64_t>(v); }
  /// The list of two or more integers: Dims(2, 3) is [2, 3].
  template <class... T>
  requires(sizeof...(T) >= 2 && (std::is_integral_v<T> && ...)) explicit Dims(T... v)
      : Dims({static_cast<int64_t>(v)...}) {}
  /// The list {a, b, …}.
  Dims(std::initializer_list<int64_t> v) { assign(v.begin(), v.size()); }
  /// A copy of a list.
  Dims(std::span<const int64_t> v) { assign(v.data(), v.size()); }
  /// A list of `rank` entries that all have one value.
  static Dims filled(int rank, int64_t value) {
    Dims d;
    d.rank_ = checked(static_cast<size_t>(rank));
    for (int i = 0; i < rank; ++i) d.d_[i] = value;
    return d;
  }
  /// Copies the entries that are in use.
  Dims(const Dims& o) : rank_(o.rank_) { copy(o.d_); }
  /// Copies the entries that are in use.
  Dims& operator=(const Dims& o) {
    rank_ = o.rank_;
    copy(o.d_);
    return *this;
  }

  /// The number of entries.
  int rank() const { return rank_; }
  /// The number of entries.
  size_t size() const { return rank_; }
  /// True if the list has no entries.
  bool empty() const { return rank_ == 0; }
  /// Entry i, from 0. The index is not checked.
  int64_t operator[](int i) const { return d_[i]; }
  /// Entry i, from 0, to be changed. The index is not checked.
  int64_t& operator[](int i) { return d_[i]; }
  /// The first entry.
  const int64_t* begin() const { return d_; }
  /// One past the last entry.
  const int64_t* end() const { return d_ + rank_; }
  /// The first entry, to be changed.
  int64_t* begin() { return d_; }
  /// One past the last entry, to be changed.
  int64_t* end() { return d_ + rank_; }
  /// The last entry. The list must not be empty.
  int64_t back() const { return d_[rank_ - 1]; }
  /// The first entry.
  const int64_t* data() const { return d_; }
  /// The entries as a span, valid as long as the list.
  operator std::span<const int64_t>() const { return {d_, rank_}; }

  /// Appends an entry. Throws Error if the list is full.
  void push_back(int64_t v) {
    checked(size_t{rank_} + 1u);
    d_[rank_++] = v;
  }
  /// Inserts an entry in front of entry `at`, or at the end for `at` = rank(). Throws Error if the list is full.
  void insert(int at, int64_t v);
  /// Removes entry `at`.
  void erase(int at);
  /// The product of all entries; 1 for an empty list. Overflow wraps around: checked_numel() finds it.
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

/// The sizes of a tensor's dimensions.
using Shape = Dims;
/// For each dimension, how many elements lie between neighbours in memory.
using Strides = Dims;

/// The list as text: "[2, 3]".
std::string to_string(const Dims& d);

/// The row-major strides of a shape. Those of a shape that is too large wrap around: checked_numel() refuses it.
Strides contiguous_strides(const Shape& shape);
/// The strides of a shape (N, C, H, W) whose elements lie in the order N, H, W, C. Throws Error unless the shape has 4
/// dimensions.
Strides channels_last_strides(const Shape& shape);

/// Makes a dimension index in [-rank, rank) non-negative. Rank 0 counts as rank 1. Throws Error naming `op` for an
/// index outside of that range.
int wrap_dim(int64_t dim, int rank, const char* op);

/// The shape that two shapes broadcast to, by NumPy's rules: dimensions are matched from the last one on, and a size of
/// 1 stretches. Throws Error naming `op`, the shapes and the dimension if they do not broadcast.
Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op);
/// True if a tensor of shape `from` can be expanded to shape `to`.
bool broadcastable_to(const Shape& from, const Shape& to);

/// The number of elements of a shape. Throws Error naming `op` if a size is negative or the size in bytes, with
/// `itemsize` bytes per element, does not fit in 63 bits.
int64_t checked_numel(const Shape& shape, size_t itemsize, const char* op);

}  // namespace hearth
