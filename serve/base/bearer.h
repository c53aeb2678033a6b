// Bearer tokens (RFC 6750) in an Authorization header.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hearth::serve {

/// Whether `header`, the value of an Authorization header, is "Bearer" (in any case), a space, and one of the tokens.
/// The time does not depend on how many characters of a wrong token are right, so that no client can guess one piece by
/// piece.
bool is_bearer(std::string_view header, const std::vector<std::string>& tokens);

}  // namespace hearth::serve
