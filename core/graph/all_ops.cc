// Brings every file of ops into a program, by one record of each.
#include "core/op/op_def.h"

namespace hearth {

#define HEARTH_FAMILY(record) extern const OpDef record;
#define HEARTH_FAMILIES(F) \
  F(kAttention)            \
  F(kAdd)                  \
  F(kConv2d)               \
  F(kCat)                  \
  F(kMatmul)               \
  F(kSoftmax)              \
  F(kLayerNorm)            \
  F(kCrossEntropy)         \
  F(kCumsum)               \
  F(kDropout)              \
  F(kEmbedding)            \
  F(kComplex)              \
  F(kFftC2C)               \
  F(kFlip)                 \
  F(kLstm) F(kMaxPool2d) F(kMedian) F(kRandom) F(kReshapeView) F(kSum) F(kArange) F(kRelu) F(kSub) F(kEq) F(kExp)
HEARTH_FAMILIES(HEARTH_FAMILY)
#undef HEARTH_FAMILY

namespace graph::detail {

#define HEARTH_FAMILY(record) &record,
[[gnu::used]] const OpDef* const kFamilies[] = {HEARTH_FAMILIES(HEARTH_FAMILY)};
#undef HEARTH_FAMILY
#undef HEARTH_FAMILIES

}  // namespace graph::detail
}  // namespace hearth
