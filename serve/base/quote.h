// Quoting, in messages, the names that clients sent.
#pragma once

#include <string>
#include <string_view>

namespace hearth::serve {

/// The name in double quotes; one of more than 80 bytes is cut and ends in "...".
std::string quote(std::string_view name);

}  // namespace hearth::serve
