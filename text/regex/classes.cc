#include "text/regex/classes.h"

#include <pcre2.h>

#include <array>
#include <utility>

namespace hearth::text {
namespace {

struct Named {
  std::string_view name;
  std::string_view members;
  bool complement = false;
};

// In brackets and in \p{} alike, but for punct.
constexpr std::array<Named, 13> kClasses = {{
    {"alnum", "\\p{Alphabetic}\\p{Nd}"},
    {"alpha", "\\p{Alphabetic}"},
    {"ascii", "\\x{0}-\\x{7f}"},
    {"blank", "\\p{Zs}\\t"},
    {"cntrl", "\\p{Cc}"},
    {"digit", "\\p{Nd}"},
    {"graph", "\\p{White_Space}\\p{Cc}\\p{Cs}\\p{Cn}", true},
    {"lower", "\\p{Lowercase}"},
    {"print", "\\p{Cc}\\p{Cs}\\p{Cn}\\p{Zl}\\p{Zp}", true},
    {"space", "\\p{White_Space}"},
    {"upper", "\\p{Uppercase}"},
    {"word", kWordMembers},
    {"xdigit", kHexMembers},
}};

// The long names of general categories, which PCRE2 knows by their short ones alone.
constexpr std::array<std::pair<std::string_view, std::string_view>, 38> kCategories = {{
    {"casedletter", "L&"},
    {"closepunctuation", "Pe"},
    {"combiningmark", "M"},
    {"connectorpunctuation", "Pc"},
    {"control", "Cc"},
    {"currencysymbol", "Sc"},
    {"dashpunctuation", "Pd"},
    {"decimalnumber", "Nd"},
    {"enclosingmark", "Me"},
    {"finalpunctuation", "Pf"},
    {"format", "Cf"},
    {"initialpunctuation", "Pi"},
    {"letter", "L"},
    {"letternumber", "Nl"},
    {"lineseparator", "Zl"},
    {"lowercaseletter", "Ll"},
    {"mark", "M"},
    {"mathsymbol", "Sm"},
    {"modifierletter", "Lm"},
    {"modifiersymbol", "Sk"},
    {"nonspacingmark", "Mn"},
    {"number", "N"},
    {"openpunctuation", "Ps"},
    {"other", "C"},
    {"otherletter", "Lo"},
    {"othernumber", "No"},
    {"otherpunctuation", "Po"},
    {"othersymbol", "So"},
    {"paragraphseparator", "Zp"},
    {"privateuse", "Co"},
    {"punct", "P"},
    {"punctuation", "P"},
    {"separator", "Z"},
    {"spaceseparator", "Zs"},
    {"spacingmark", "Mc"},
    {"symbol", "S"},
    {"titlecaseletter", "Lt"},
    {"uppercaseletter", "Lu"},
}};

// Whether the name is that of a script.
bool is_script(std::string_view name) {
  if (name.size() < 3) return false;
  const std::string pattern = "\\p{sc:" + std::string(name) + "}";
  int error = 0;
  size_t where = 0;
  pcre2_code* const code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF, &error, &where, nullptr);
  pcre2_code_free(code);
  return code != nullptr;
}

std::optional<CharClass> find_class(std::string_view name) {
  for (const Named& one : kClasses) {
    if (one.name == name) return CharClass{std::string(one.members), one.complement};
  }
  return std::nullopt;
}

}  // namespace

std::optional<CharClass> posix_class(std::string_view name) {
  if (name == "punct") return CharClass{"\\p{P}\\p{S}"};
  return find_class(name);
}

std::optional<CharClass> named_property(std::string_view name) {
  // Case, spaces, hyphens and underscores do not count.
  std::string plain;
  for (const char c : name) {
    if (c == ' ' || c == '-' || c == '_') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  if (plain == "assigned") return CharClass{"\\p{Cn}", true};
  for (const auto& [known, category] : kCategories) {
    if (plain == known) return CharClass{"\\p{" + std::string(category) + "}"};
  }
  return find_class(plain);
}

std::string pcre2_property(std::string_view name, bool negated) {
  std::string out = negated ? "\\P{" : "\\p{";
  // To PCRE2 \p{Han} is all that Han text may contain (Script_Extensions), to others only what is Han.
  if (is_script(name)) out += "sc:";
  out += name;
  out += "}";
  return out;
}

}  // namespace hearth::text
