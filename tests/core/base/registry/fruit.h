// Registries for registry_test: one that several libraries fill, one that nobody fills, one that nobody reads.
#pragma once

#include <span>

#include "core/base/registry.h"

namespace hearth::fruit {

struct Fruit {
  const char* name;
  int grams;
};

std::span<const Fruit* const> fruits();
std::span<const Fruit* const> none();

// Of a library that is linked because this is called.
int grams_of_a_plum();

}  // namespace hearth::fruit

#define TEST_FRUIT(record) HEARTH_REGISTER(test_fruits, ::hearth::fruit::Fruit, record)
#define TEST_UNREAD_FRUIT(record) HEARTH_REGISTER(test_unread_fruits, ::hearth::fruit::Fruit, record)
