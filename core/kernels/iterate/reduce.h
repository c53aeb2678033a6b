// Drives reductions over any dimensions, strides and dtypes.
//
// Work is cut into blocks of elements that depend on the shape alone, and the blocks' results are combined in their
// order, so a result has the same bits for any number of threads. Floats accumulate over at most kReduceBlock elements
// in the compute type and beyond that in double.
#pragma once

#include <cstdint>

#include "core/op/op_call.h"

namespace hearth::cpu {

constexpr int64_t kReduceBlock = 1024;

// One kind of reduction for one compute type; A accumulates (double or int64_t).
template <class T, class A>
struct ReduceBody {
  A (*row)(const T* x, int64_t n) = nullptr;                // over n <= kReduceBlock elements
  void (*column)(T* acc, const T* x, int64_t n) = nullptr;  // acc[i] = acc[i] op x[i]
  A (*combine)(A a, A b) = nullptr;
  A init{};
  void (*first)(T* acc, const T* x, int64_t n) = nullptr;  // acc[i] of x[i] alone; null: x[i] itself
};

struct ReduceBodies {
  ReduceBody<float, double> f32;
  ReduceBody<double, double> f64;
  ReduceBody<int64_t, int64_t> i64;
};

// call.out[0], of call.input(0)'s rank with size 1 at each reduced dimension, from call.input(0). The value stored is
// the reduction times `factor`.
void run_reduce(OpCall& call, const Tensor& keepdim_out, const ReduceBodies& bodies, double factor = 1);

}  // namespace hearth::cpu
