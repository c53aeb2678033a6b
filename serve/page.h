// The page at "/": serve/page.html, which the build puts into the program.
#pragma once

#include <string_view>

namespace hearth::serve {

extern const std::string_view kPage;

}  // namespace hearth::serve
