#include "serve/page.h"

namespace hearth::serve {

const std::string_view kPage =
#include "serve/page.inc"
    ;

const std::string_view kOpenApi =
#include "serve/openapi.inc"
    ;

}  // namespace hearth::serve
