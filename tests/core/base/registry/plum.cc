#include "tests/core/base/registry/fruit.h"

namespace hearth::fruit {

constexpr Fruit kPlum{"plum", 40};
TEST_FRUIT(kPlum);

int grams_of_a_plum() { return kPlum.grams; }

}  // namespace hearth::fruit
