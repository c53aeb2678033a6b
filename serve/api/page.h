// The page at "/" (page.html) and the description of the interface (openapi.json). The build puts both files into the
// program.
#pragma once

#include <string_view>

namespace hearth::serve {

/// The text of page.html.
extern const std::string_view kPage;
/// The text of openapi.json.
extern const std::string_view kOpenApi;

}  // namespace hearth::serve
