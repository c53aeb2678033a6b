// What is wrong between the names that a program expects and those it was given.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth {

/// Names that are on one side only.
struct NameDifferences {
  std::vector<std::string> missing;     ///< Those that are expected but not there.
  std::vector<std::string> unexpected;  ///< Those that are there but not expected.
};

/// Gathers all that is wrong with a set of named things into one text, so that an error tells everything at once:
/// "missing: a; b has shape [5], expected [2, 4]; unexpected: c".
class NameCheck {
 public:
  /// A name that is expected but not there.
  void missing(std::string_view name) { note(std::string("missing: ").append(name)); }
  /// A name that is there but not expected.
  void unexpected(std::string_view name) { note(std::string("unexpected: ").append(name)); }
  /// Anything else, in its own words.
  void note(std::string_view text) {
    if (!wrong_.empty()) wrong_ += "; ";
    wrong_ += text;
  }
  /// True if nothing is wrong.
  bool ok() const { return wrong_.empty(); }
  /// All that is wrong, separated by "; "; empty if nothing is.
  const std::string& wrong() const { return wrong_; }
  /// A name on one side only that is not wrong: it is in differences() alone.
  void allow_missing(std::string_view name) { differences_.missing.emplace_back(name); }
  /// As allow_missing().
  void allow_unexpected(std::string_view name) { differences_.unexpected.emplace_back(name); }
  /// The names that were allowed to be on one side only.
  const NameDifferences& differences() const { return differences_; }

 private:
  std::string wrong_;
  NameDifferences differences_;
};

/// Holds a map that was given against one of what is expected (std::map or another with find, of any value types).
/// fits(name, expected value, given value) says what is wrong with a value whose name is in both; an empty text: it is
/// right. Missing and unexpected names are wrong only if `strict`; else they are allowed.
template <class Expected, class Given, class Fits>
NameCheck check_names(const Expected& expected, const Given& given, Fits fits, bool strict = true) {
  NameCheck check;
  for (const auto& [name, value] : expected) {
    const auto found = given.find(name);
    if (found == given.end()) {
      strict ? check.missing(name) : check.allow_missing(name);
    } else if (const std::string wrong = fits(name, value, found->second); !wrong.empty()) {
      check.note(wrong);
    }
  }
  for (const auto& [name, value] : given) {
    if (expected.find(name) != expected.end()) continue;
    strict ? check.unexpected(name) : check.allow_unexpected(name);
  }
  return check;
}

}  // namespace hearth
