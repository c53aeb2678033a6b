#include "serve/page.h"

namespace hearth::serve {

const std::string_view kPage =
#include "serve/page.inc"
    ;

}  // namespace hearth::serve
