// How exact a result must be: the one table of tolerances.
#pragma once

#include "core/tensor/dtype.h"

namespace hearth::testing {

enum class Accuracy : uint8_t {
  kExact,     // the exact result, rounded once
  kMath,      // one function, within 2 ULP
  kLibrary,   // one function as the C library has it, whose manual allows 5 ULP
  kSteps,     // a few of them, none of which cancels another
  kCancels,   // differences of larger numbers: measured against those
  kSum,       // sums and products of many terms, relative to the sum of their sizes, times the root of their number
  kGradient,  // as kSum, through several of them
};

// What an element may be off: ulps units in the last place of the result's dtype, and `parts` units of rounding of the
// computing dtype (f32 for f16 and bf16) times sqrt(terms) times the size of what was added.
struct Tolerance {
  double ulps, parts;
};
Tolerance tolerance_of(Accuracy a);

// The distance of neighbours of v in a floating-point dtype; of the smallest normal number's below it.
long double ulp(long double v, DType t);

// How far `got`, a value of dtype t, is beyond what it may be off; at most 0 if it is right. A NaN is right only where
// a NaN is wanted, an infinity where the exact value rounds to one. Integers must be equal. computed: the dtype of the
// results in between.
long double excess(long double got, long double want, DType t, Accuracy accuracy, long double size, double terms,
                   DType computed);

}  // namespace hearth::testing
