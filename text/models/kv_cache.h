// What attention keeps of the tokens that a decoder has read.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/device/device.h"
#include "core/tensor/tensor.h"

namespace hearth::text {

/// The size of a KvCache.
struct KvCacheOptions {
  int64_t batch = 1;     ///< The number of sequences.
  int64_t heads = 1;     ///< Key heads, which may be fewer than query heads.
  int64_t head_dim = 1;  ///< The size of a head.
  /// One entry for each layer: how many positions a query of it sees, itself included; all where there is none.
  std::vector<std::optional<int64_t>> windows;
  DType dtype = DType::kF32;  ///< Of keys and values.
  Device device = kCpu;       ///< Where keys and values are.
  int64_t capacity = 64;      ///< Positions for which memory is made at first.
};

/// Keys and values of every layer, [batch, heads, capacity, head_dim], written in place. The capacity doubles when it
/// is full. A layer with a sliding window keeps at least the positions that later queries may see, and drops older
/// ones, so that its memory does not grow with the text.
///
/// A model calls append() for each layer and then advance(). What is not advanced over counts as not written, so that a
/// forward which fails leaves the cache as it was. Needs exclusive use. Nothing is recorded for gradients.
class KvCache {
 public:
  /// Throws Error unless there is a layer, batch is at least 0, and the other sizes at least 1.
  explicit KvCache(const KvCacheOptions& options);

  /// The number of positions held, padding included.
  int64_t length() const { return length_; }
  /// The number of sequences.
  int64_t batch() const { return batch_; }
  /// The number of layers.
  int64_t layers() const { return static_cast<int64_t>(layers_.size()); }
  /// The positions for which layer `layer` has memory now.
  int64_t capacity(int64_t layer) const;

  /// Takes the sequences `rows` (i64 [new batch], each from 0 to batch - 1, any order, any number of times): sequence i
  /// is afterwards what rows[i] was. Throws Error for another dtype or shape, or a row that does not exist.
  void reorder(const Tensor& rows);
  /// Drops all positions, and the padding. The memory stays.
  void clear();

  /// What the queries of new positions attend to.
  struct Seen {
    Tensor keys;        ///< [batch, heads, positions, head_dim], a view of the cache's memory.
    Tensor values;      ///< The same of the values.
    int64_t first = 0;  ///< The position of the first of them.
  };
  /// Writes keys and values [batch, heads, tokens, head_dim] of the positions from length() into layer `layer`, and
  /// gives all positions from the first that one of the new queries may see. The views are valid until the next
  /// append() to this layer. Throws Error where shapes or dtypes do not fit.
  Seen append(int64_t layer, const Tensor& keys, const Tensor& values);
  /// After all layers: the positions of the last append() are held from now on.
  void advance(int64_t tokens);

  /// [batch, length] bool, false where there is padding; undefined where there is none.
  const Tensor& attention_mask() const { return mask_; }
  /// Remembers the padding of all positions that advance() will make the cache hold: [batch, positions] bool, or
  /// undefined for none.
  void set_attention_mask(const Tensor& mask) { mask_ = mask; }

 private:
  struct Layer {
    Tensor keys, values;
    int64_t first = 0;  // the position of entry 0
    std::optional<int64_t> window;
  };
  void make_room(Layer& layer, int64_t tokens);
  std::vector<Layer> layers_;
  Tensor mask_;
  int64_t batch_, length_ = 0;
};

}  // namespace hearth::text
