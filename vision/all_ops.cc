// Names one record of each family, so that the linker takes its object file and with it all of its records.
#include "vision/ops/geometry.h"
#include "vision/ops/resize.h"

namespace hearth::vision {

extern const OpDef* const all_op_families[];
[[gnu::used]] const OpDef* const all_op_families[] = {&kCrop, &kResize};

}  // namespace hearth::vision
