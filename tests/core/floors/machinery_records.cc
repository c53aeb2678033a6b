// Symbols in place of the records of core/op/machinery.h, so that the op floor links without the kernels. A
// variable's type is no part of its linker name.

namespace hearth {
#define STAND_IN(name)    \
  extern const char name; \
  const char name = 0
STAND_IN(kAdd);
STAND_IN(kAsStrided);
STAND_IN(kConj);
STAND_IN(kCopy);
STAND_IN(kDetach);
STAND_IN(kExpand);
STAND_IN(kFill);
STAND_IN(kMul);
STAND_IN(kSumTo);
STAND_IN(kTransfer);
STAND_IN(kViewAdd);
STAND_IN(kViewWrite);
#undef STAND_IN
}  // namespace hearth
