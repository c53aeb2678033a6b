// The page at "/" (page.html) and the description of the interface (openapi.json). The build puts both files into the
// program.
#pragma once

#include <string_view>

namespace hearth::serve {

/// The files' text.
extern const std::string_view kPage, kOpenApi;

}  // namespace hearth::serve
