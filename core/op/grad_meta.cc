#include "core/op/grad_meta.h"

namespace hearth {

GradMeta::~GradMeta() { delete hooks; }

}  // namespace hearth
