// A record of the same name as another library's.
#include "tests/core/base/registry/fruit.h"

namespace hearth::fruit {
namespace {

constexpr Fruit kApple{"market apple", 150};
TEST_FRUIT(kApple);

}  // namespace
}  // namespace hearth::fruit
