// Of a library whose code nobody calls.
#include "tests/core/base/registry/fruit.h"

namespace hearth::fruit {

constexpr Fruit kCherry{"cherry", 8};
TEST_FRUIT(kCherry);

}  // namespace hearth::fruit
