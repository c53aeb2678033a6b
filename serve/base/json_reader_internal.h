// JSON that clients send, with the parser's memory counted.
#pragma once

#include <simdjson.h>

#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/error.h"
#include "serve/base/memory_budget.h"

namespace hearth::serve {

/// A parsed request, whose text must be a JSON object. The thread that parsed it must destroy it before it parses the
/// next one.
class JsonRequest {
 public:
  /// Parses `json`, which must outlive the result. Adds the parser's memory to `memory`, which may be null, until the
  /// result is destroyed. kInvalidArgument for malformed or deeply nested JSON, and for what is not an object;
  /// kResourceExhausted if the budget has too little left.
  static absl::StatusOr<JsonRequest> parse(std::string_view json, Reservation* memory);
  JsonRequest(JsonRequest&& other) noexcept;
  JsonRequest& operator=(JsonRequest&&) = delete;
  ~JsonRequest();

  /// The object.
  const simdjson::dom::object& object() const { return object_; }

 private:
  JsonRequest() = default;
  std::unique_ptr<simdjson::dom::parser> own_;  // of a large text
  simdjson::dom::object object_;
  Reservation* memory_ = nullptr;
  int64_t bytes_ = 0;
};

/// kInvalidArgument if a key is given twice; `of` is the object's name in the message.
absl::Status unique_keys(const simdjson::dom::object& object, std::string_view of);

}  // namespace hearth::serve
