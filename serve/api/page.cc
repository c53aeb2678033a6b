#include "serve/api/page.h"

namespace hearth::serve {

const std::string_view kPage =
#include "serve/api/page.inc"
    ;

const std::string_view kOpenApi =
#include "serve/api/openapi.inc"
    ;

}  // namespace hearth::serve
