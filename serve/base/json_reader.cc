#include <algorithm>
#include <utility>
#include <vector>

#include "serve/base/json_reader_internal.h"
#include "serve/base/quote.h"

namespace hearth::serve {
namespace {

namespace dom = simdjson::dom;

constexpr int kMaxDepth = 32;
constexpr size_t kKeptText = 256 << 10;
// The parser's bytes for each byte of text: a copy, 4 bytes of index, and up to 8 bytes of document.
constexpr int64_t kParserBytes = 13;

}  // namespace

JsonRequest::JsonRequest(JsonRequest&& other) noexcept
    : own_(std::move(other.own_)),
      object_(other.object_),
      memory_(std::exchange(other.memory_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

JsonRequest::~JsonRequest() {
  if (memory_) memory_->resize(memory_->bytes() - bytes_).IgnoreError();  // shrinking succeeds
}

absl::StatusOr<JsonRequest> JsonRequest::parse(std::string_view json, Reservation* memory) {
  JsonRequest r;
  if (memory) {
    const auto bytes = static_cast<int64_t>(json.size()) * kParserBytes;
    if (absl::Status s = memory->resize(memory->bytes() + bytes); !s.ok()) return s;
    r.memory_ = memory;
    r.bytes_ = bytes;
  }
  // A parser's memory is many times its text: that of small requests is kept for the next one, that of large ones is
  // not.
  thread_local dom::parser kept;
  if (json.size() > kKeptText) r.own_ = std::make_unique<dom::parser>();
  dom::parser& parser = r.own_ ? *r.own_ : kept;
  if (parser.capacity() == 0 && parser.allocate(4096, kMaxDepth)) return absl::ResourceExhaustedError("out of memory");
  dom::element document;
  // An empty text may lie nowhere, and the parser copies from wherever it lies.
  if (const auto error = parser.parse(json.empty() ? "" : json.data(), json.size()).get(document))
    return absl::InvalidArgumentError(concat("the request is not JSON: ", simdjson::error_message(error)));
  if (document.get(r.object_)) return absl::InvalidArgumentError("the request is not a JSON object");
  return r;
}

absl::Status unique_keys(const dom::object& object, std::string_view of) {
  std::vector<std::string_view> keys;
  for (const dom::key_value_pair field : object) keys.push_back(field.key);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(concat(of, ": the key ", quote(*twice), " is given twice"));
}

}  // namespace hearth::serve
