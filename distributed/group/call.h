// Call: what a collective is, as every rank must call it.
#pragma once

#include <cstdint>
#include <string>

#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

namespace hearth::distributed {

/// What ranks do together.
enum class OpType : uint8_t {
  kAllReduce,
  kReduce,
  kBroadcast,
  kAllGather,
  kReduceScatter,
  kGather,
  kScatter,
  kAllToAll,
  kBarrier,
  kSend,
  kReceive,
};

/// How values of several ranks become one.
enum class ReduceOp : uint8_t {
  kSum,  ///< The sum; of bools: or.
  kAvg,  ///< The sum divided by the number of ranks; floating-point only. f16 is divided before the sum, which may be
         ///< too large for it, and rounded twice.
  kMin,  ///< The smallest; NaN if one is NaN.
  kMax,  ///< The largest; NaN if one is NaN.
  kProduct,  ///< The product; of bools: and.
};

/// The name as it stands in errors: "all_reduce".
std::string to_string(OpType t);
/// The name as it stands in errors: "sum".
std::string to_string(ReduceOp r);

/// One call of a collective.
struct Call {
  /// What is called.
  OpType type = OpType::kBarrier;
  /// The number of the call in its group, from 1. Sends and receives of two ranks have numbers of their own.
  uint64_t sequence = 0;
  /// The elements' type.
  DType dtype = DType::kF32;
  /// The shape that all ranks must agree on: of what each puts in, or gets in a scatter.
  Shape shape = {};
  /// Of all_reduce, reduce and reduce_scatter.
  ReduceOp reduce = ReduceOp::kSum;
  /// Of reduce, broadcast, gather and scatter: the rank that has it or gets it.
  int root = 0;
  /// Of a send or receive: the other rank.
  int peer = -1;
  /// Of a send or receive: the caller's own number, which both must name.
  uint32_t tag = 0;
  /// How many tensors are carried together.
  int tensors = 1;
  /// Of the shapes of several tensors: a hash.
  uint64_t shapes = 0;

  /// The same on all ranks that call the same, another one otherwise, but for one chance in 2^32. All messages of a
  /// call carry it, so those of different calls never meet.
  uint32_t fingerprint() const;
  /// "all_reduce #17 of f32 [1024], sum".
  std::string text() const;
};

}  // namespace hearth::distributed
