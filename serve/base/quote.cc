#include "serve/base/quote.h"

#include "core/base/error.h"

namespace hearth::serve {

std::string quote(std::string_view s) {
  return s.size() <= 80 ? concat("\"", s, "\"") : concat("\"", s.substr(0, 77), "...\"");
}

}  // namespace hearth::serve
