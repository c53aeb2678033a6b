#include "serve/base/bearer.h"

#include <algorithm>

namespace hearth::serve {

bool is_bearer(std::string_view header, const std::vector<std::string>& tokens) {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() < kScheme.size()) return false;
  for (size_t i = 0; i < kScheme.size(); ++i) {
    if ((header[i] | 0x20) != (kScheme[i] | 0x20)) return false;
  }
  header.remove_prefix(kScheme.size());
  bool found = false;
  for (const std::string& t : tokens) {
    unsigned char differ = t.size() == header.size() ? 0 : 1;
    for (size_t i = 0; i < std::min(t.size(), header.size()); ++i)
      differ = static_cast<unsigned char>(differ | (t[i] ^ header[i]));
    found |= differ == 0;
  }
  return found;
}

}  // namespace hearth::serve
