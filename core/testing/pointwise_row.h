// Rows of elementwise ops: samples of all kinds from one exact formula.
#pragma once

#include <array>

#include "core/testing/op_row.h"

namespace hearth::testing {

constexpr int kMaxOperands = 4;
struct Interval {
  double low, high;
};

struct PointwiseRow {
  const char* op;
  int operands = 1;
  TensorFunction call;
  // Of the operands' values: floats in long double, integers and bool as whole numbers (the result wraps around).
  long double (*real)(const long double*) = nullptr;
  __int128 (*whole)(const __int128*) = nullptr;
  Accuracy accuracy = Accuracy::kExact;
  // What the result's error is measured against (see Want::size).
  long double (*size)(const long double*) = nullptr;
  // Ordinary floats, those at which gradients are checked (none of which may be a kink or tie), and integers.
  std::array<Interval, kMaxOperands> domain = {{{-4, 4}, {-4, 4}, {-4, 4}, {-4, 4}}};
  std::array<Interval, kMaxOperands> smooth = {{{-2, 2}, {-2, 2}, {-2, 2}, {-2, 2}}};
  std::array<Interval, kMaxOperands> integers = {{{-9, 9}, {-9, 9}, {-9, 9}, {-9, 9}}};
  unsigned nonzero = 0;  // bit i: as an integer operand i must not be 0
  unsigned keeps = 0;    // bit i: operand i is bool whatever the dtype (a condition)
  bool extremes = true;  // the ends of the dtypes too
  bool gradient = true;
  bool zero_sign = true;
  bool composed = false;
  std::optional<DTypeSet> takes = std::nullopt;
};
OpRow pointwise(PointwiseRow row);

// Further calls of the op with numbers in the place of tensors, `number` given as the last or first operand.
void add_number_samples(OpRow& row, const PointwiseRow& of, Tensor (*last)(const Tensor&, Scalar),
                        Tensor (*first)(Scalar, const Tensor&));

}  // namespace hearth::testing
