#include "tests/core/base/registry/fruit.h"

namespace hearth::fruit {

HEARTH_REGISTRY(test_fruits, Fruit, fruits)
HEARTH_REGISTRY(test_no_fruits, Fruit, none)

}  // namespace hearth::fruit
