#include "serve/model/raw_bytes.h"

#include "absl/status/status.h"
#include "core/base/error.h"
#include "serve/base/quote.h"

namespace hearth::serve {
namespace {

// The length at the beginning of `raw`, which has at least four bytes.
size_t length_of(std::string_view raw) {
  size_t n = 0;
  for (int i = 3; i >= 0; --i) n = n << 8 | static_cast<unsigned char>(raw[static_cast<size_t>(i)]);
  return n;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> read_raw_bytes(std::string_view raw, int64_t n, std::string_view input) {
  const auto bad = [&](const auto&... what) {
    return absl::InvalidArgumentError(concat("input ", quote(input), ": ", what...));
  };
  if (n > static_cast<int64_t>(raw.size()) / kBytesLength)
    return bad("the shape says ", n, " elements, but ", raw.size(), " bytes hold no more than ",
               raw.size() / kBytesLength, " BYTES elements");
  std::vector<std::string> elements;
  elements.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    if (raw.size() < kBytesLength) return bad("element ", i, " has no length: ", raw.size(), " bytes are left");
    const size_t length = length_of(raw);
    raw.remove_prefix(kBytesLength);
    if (length > raw.size())
      return bad("element ", i, " has ", length, " bytes by its length, but only ", raw.size(), " are left");
    elements.emplace_back(raw.substr(0, length));
    raw.remove_prefix(length);
  }
  if (!raw.empty()) return bad(raw.size(), " bytes are left behind its ", n, " elements");
  return elements;
}

std::optional<std::string_view> only_bytes_element(std::string_view raw) {
  if (raw.size() < kBytesLength || length_of(raw) != raw.size() - kBytesLength) return {};
  return raw.substr(kBytesLength);
}

void append_bytes_element(std::string_view element, std::string& out) {
  HEARTH_CHECK(element.size() <= UINT32_MAX, "a BYTES element of ", element.size(),
               " bytes cannot be sent: its length has four bytes");
  const auto n = static_cast<uint32_t>(element.size());
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(n >> shift & 0xff);
  out += element;
}

}  // namespace hearth::serve
