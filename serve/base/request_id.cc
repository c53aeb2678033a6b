#include "serve/base/request_id.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_format.h"

namespace hearth::serve {

RequestIds::RequestIds() : prefix_(absl::StrFormat("%08x", std::random_device()())) {}

std::string RequestIds::id(std::string_view given) {
  const bool usable = !given.empty() && given.size() <= 128 &&
                      std::all_of(given.begin(), given.end(), [](char c) { return c > ' ' && c < 127; });
  return usable ? std::string(given) : absl::StrFormat("%s-%x", prefix_, next_.fetch_add(1));
}

}  // namespace hearth::serve
