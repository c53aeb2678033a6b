// Oniguruma's Ruby syntax written as PCRE2 understands it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "text/regex/regex.h"

namespace hearth::text {

// The same pattern for PCRE2 with UTF and multi-line mode. For kPerl only the classes (\s, \w, \d, \b) are made
// Unicode's.
absl::StatusOr<std::string> to_pcre2(std::string_view pattern, RegexSyntax syntax);

}  // namespace hearth::text
