#include "core/tensor/default_dtype.h"

#include "core/base/error.h"

namespace hearth {

DefaultDType::DefaultDType(DType dtype) : previous_(default_dtype()) {
  HEARTH_CHECK(is_floating_point(dtype), "DefaultDType: ", dtype, " is not a floating-point dtype");
  thread_state.float_dtype = static_cast<uint8_t>(dtype);
}

}  // namespace hearth
