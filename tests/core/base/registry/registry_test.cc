#include "core/base/registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tests/core/base/registry/fruit.h"

namespace hearth::fruit {
namespace {

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const Fruit* f : fruits()) all.emplace_back(f->name);
  std::sort(all.begin(), all.end());
  return all;
}

TEST(Registry, IsEmptyWhereNothingIsListed) {
  EXPECT_TRUE(none().empty());
  EXPECT_EQ(none().data(), nullptr);
}

// "cherry" stands in a library that is a dependency, but no code of it is called.
TEST(Registry, HoldsTheEntriesOfEveryLinkedLibrary) {
  EXPECT_EQ(grams_of_a_plum(), 40);
  EXPECT_EQ(names(), (std::vector<std::string>{"apple", "market apple", "pear", "plum"}));
}

TEST(Registry, EntriesPointToTheRecords) {
  int grams = 0;
  for (const Fruit* f : fruits()) grams += f->grams;
  EXPECT_EQ(grams, 180 + 150 + 200 + 40);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// The linker drops the section of a registry that the program never reads. Section names are in the program's file.
TEST(Registry, IsDroppedWhereNobodyReadsIt) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string program{std::istreambuf_iterator<char>(file), {}};
  const auto has_section = [&](std::string_view name) {
    return program.find(std::string("test_").append(name)) != std::string::npos;
  };
  EXPECT_TRUE(has_section("fruits"));
  EXPECT_FALSE(has_section("unread_fruits"));
}
#endif

}  // namespace
}  // namespace hearth::fruit
