// The classes of characters that Oniguruma knows by name, as members of PCRE2's brackets.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hearth::text {

// What stands between PCRE2's brackets, "[members]"; or all but that, "[^members]".
struct CharClass {
  std::string members;
  bool complement = false;
};

// \w inside of brackets, and outside, where Oniguruma also counts superscripts and fractions of Latin-1.
// PCRE2 10.42 knows other sets by \s and \w: its \s has U+180E, its \w lacks marks.
constexpr std::string_view kWordMembers = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
constexpr std::string_view kLatinWordMembers = "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";
constexpr std::string_view kHexMembers = "0-9a-fA-F";

// The class that [:name:] is inside of brackets; nothing if the name is not known.
std::optional<CharClass> posix_class(std::string_view name);
// The class that \p{name} is; the name without a ^. Nothing if PCRE2 may know it better: it is a script, or no
// property.
std::optional<CharClass> named_property(std::string_view name);
// \p{name} or \P{name} for PCRE2, of a name that named_property() does not know.
std::string pcre2_property(std::string_view name, bool negated);

}  // namespace hearth::text
