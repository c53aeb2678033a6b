/// Places of numbers among sorted ones, by binary search. Every real dtype but bool. No gradient passes.
#pragma once

#include <cstdint>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// How searchsorted() searches.
struct SearchsortedOptions {
  /// The result is i32, not i64.
  bool out_int32 = false;
  /// Gives the place behind numbers that are equal, not the first of them. PyTorch has side="right" too.
  bool right = false;
  /// The indices that sort `sorted` along its last dimension, in its shape, where it is not sorted itself.
  OptionalTensor sorter = std::nullopt;
};

/// For each value where it would stand in the last dimension of `sorted`, which rises: the first place i with
/// sorted[i] >= value, or with `right` sorted[i] > value; n if there is none, and for NaN. `sorted` is [n], or has the
/// shape of the values but for its last size; then each line is searched for its own values. Where `sorted` does not
/// rise the result is some place. Throws Error if dtypes differ or shapes do not fit.
Tensor searchsorted(const Tensor& sorted, const Tensor& values, const SearchsortedOptions& options = {});
/// The same for a number, as a 0-dim tensor. `sorted` is [n]; integers are compared with a floating-point number in
/// f64.
Tensor searchsorted(const Tensor& sorted, Scalar value, const SearchsortedOptions& options = {});

/// How bucketize() searches.
struct BucketizeOptions {
  /// The result is i32, not i64.
  bool out_int32 = false;
  /// Buckets hold their left bounds, not the right ones.
  bool right = false;
};

/// For each element of x the number of the bucket between rising bounds [n] that it falls into, from 0 to n:
/// searchsorted() with the operands exchanged.
Tensor bucketize(const Tensor& x, const Tensor& boundaries, const BucketizeOptions& options = {});
/// The same for a number.
Tensor bucketize(Scalar x, const Tensor& boundaries, const BucketizeOptions& options = {});

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.

/// (sorted, values) -> places, with SearchsortedAttrs.
extern constinit const OpDef kSearchsorted;

}  // namespace hearth
