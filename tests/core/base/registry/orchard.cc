// Two entries, and one of a registry that nobody reads.
#include "tests/core/base/registry/fruit.h"

namespace hearth::fruit {
namespace {

constexpr Fruit kApple{"apple", 180};
TEST_FRUIT(kApple);
constexpr Fruit kPear{"pear", 200};
TEST_FRUIT(kPear);
constexpr Fruit kQuince{"quince", 250};
TEST_UNREAD_FRUIT(kQuince);

}  // namespace
}  // namespace hearth::fruit
