// Fields: a JSON object read with checks. The first thing that is wrong is kept, with its place; reading goes on with
// defaults.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace hearth::text {

// The status's message as a string_view of the standard library.
std::string_view message_of(const absl::Status& status);

class Fields {
 public:
  // `place` names the object in messages: "tokenizer.json: normalizer".
  Fields(const nlohmann::json& object, std::string place);

  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }
  const std::string& place() const { return place_; }
  // Keeps an error about the field `key`.
  void fail(std::string_view key, std::string_view what);

  bool has(std::string_view key) const;      // there and not null
  bool is_null(std::string_view key) const;  // there and null
  const nlohmann::json& at(std::string_view key);
  bool boolean(std::string_view key);
  bool boolean(std::string_view key, bool missing) { return has(key) ? boolean(key) : missing; }
  std::string string(std::string_view key);
  std::string string(std::string_view key, std::string missing) { return has(key) ? string(key) : missing; }
  std::optional<std::string> optional_string(std::string_view key);
  char32_t character(std::string_view key);
  uint64_t integer(std::string_view key, uint64_t most = 0x7FFFFFFF);
  uint64_t integer_or(std::string_view key, uint64_t missing) { return has(key) ? integer(key) : missing; }
  double number(std::string_view key);
  const nlohmann::json& array(std::string_view key);
  const nlohmann::json& object(std::string_view key);
  // The keys that nobody has asked for.
  std::vector<std::string> unread() const;

 private:
  const nlohmann::json& json_;
  std::string place_;
  absl::Status status_;
  mutable std::set<std::string, std::less<>> read_;
};

}  // namespace hearth::text
