// The page at "/" (serve/page.html) and the description of the interface (serve/openapi.json), which the build puts
// into the program.
#pragma once

#include <string_view>

namespace hearth::serve {

extern const std::string_view kPage, kOpenApi;

}  // namespace hearth::serve
