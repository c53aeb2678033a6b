#include "core/base/name_check.h"

#include <gtest/gtest.h>

#include <map>

namespace hearth {
namespace {

using Numbers = std::map<std::string, int>;

std::string wrong(const Numbers& expected, const Numbers& given, bool strict = true) {
  return check_names(
             expected, given,
             [](const std::string& name, int want, int got) {
               return want == got ? "" : name + " is " + std::to_string(got) + ", expected " + std::to_string(want);
             },
             strict)
      .wrong();
}

TEST(NameCheck, TellsAllAtOnce) {
  EXPECT_EQ(wrong({{"a", 1}, {"b", 2}}, {{"a", 1}, {"b", 2}}), "");
  EXPECT_EQ(wrong({{"a", 1}, {"b", 2}, {"c", 3}}, {{"b", 5}, {"d", 4}, {"e", 4}}),
            "missing: a; b is 5, expected 2; missing: c; unexpected: d; unexpected: e");
  EXPECT_EQ(wrong({{"a", 1}, {"b", 2}}, {{"b", 5}, {"d", 4}}, false), "b is 5, expected 2");
  const NameDifferences differences =
      check_names(
          Numbers{{"a", 1}, {"b", 2}}, Numbers{{"b", 5}, {"d", 4}}, [](auto&&...) { return ""; }, false)
          .differences();
  EXPECT_EQ(differences.missing, (std::vector<std::string>{"a"}));
  EXPECT_EQ(differences.unexpected, (std::vector<std::string>{"d"}));
  EXPECT_EQ(wrong({}, {}), "");
  NameCheck check;
  EXPECT_TRUE(check.ok());
  check.note("x");
  EXPECT_FALSE(check.ok());
}

}  // namespace
}  // namespace hearth
