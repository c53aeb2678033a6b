#include "text/json/fields_internal.h"

#include "core/base/error.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;
const Json& nothing(Json::value_t type) {
  static const Json null, array = Json::array(), object = Json::object();
  return type == Json::value_t::array ? array : type == Json::value_t::object ? object : null;
}

}  // namespace

std::string_view message_of(const absl::Status& status) {
  const absl::string_view why = status.message();
  return {why.data(), why.size()};
}

Fields::Fields(const Json& object, std::string place) : json_(object), place_(std::move(place)) {
  if (!json_.is_object()) {
    status_ = absl::InvalidArgumentError(concat(place_, ": an object is wanted, but it is ", json_.type_name()));
  }
}

void Fields::fail(std::string_view key, std::string_view what) {
  if (status_.ok()) status_ = absl::InvalidArgumentError(concat(place_, ".", key, ": ", what));
}

bool Fields::has(std::string_view key) const {
  read_.emplace(key);
  if (!json_.is_object()) return false;
  const auto it = json_.find(std::string(key));
  return it != json_.end() && !it->is_null();
}

bool Fields::is_null(std::string_view key) const {
  read_.emplace(key);
  if (!json_.is_object()) return false;
  const auto it = json_.find(std::string(key));
  return it != json_.end() && it->is_null();
}

std::vector<std::string> Fields::unread() const {
  std::vector<std::string> keys;
  if (!json_.is_object()) return keys;
  for (const auto& [key, value] : json_.items()) {
    if (!read_.contains(key)) keys.push_back(key);
  }
  return keys;
}

const Json& Fields::at(std::string_view key) {
  if (!has(key)) {
    fail(key, "it is missing");
    return nothing(Json::value_t::null);
  }
  return *json_.find(std::string(key));
}

bool Fields::boolean(std::string_view key) {
  const Json& v = at(key);
  if (v.is_boolean()) return v.get<bool>();
  fail(key, concat("true or false is wanted, but it is ", v.type_name()));
  return false;
}

std::string Fields::string(std::string_view key) {
  const Json& v = at(key);
  if (v.is_string()) return v.get<std::string>();
  fail(key, concat("a string is wanted, but it is ", v.type_name()));
  return {};
}

std::optional<std::string> Fields::optional_string(std::string_view key) {
  if (!has(key)) return std::nullopt;
  return string(key);
}

char32_t Fields::character(std::string_view key) {
  const std::string s = string(key);
  if (!s.empty() && s.size() == static_cast<size_t>(utf8_length(static_cast<unsigned char>(s[0])))) {
    const char* p = s.data();
    return next_char(p);
  }
  fail(key, concat("one character is wanted, but it is \"", s, "\""));
  return ' ';
}

uint64_t Fields::integer(std::string_view key, uint64_t most) {
  const Json& v = at(key);
  if (v.is_number_unsigned() && v.get<uint64_t>() <= most) return v.get<uint64_t>();
  fail(key, concat("a whole number from 0 to ", most, " is wanted, but it is ",
                   v.is_structured() ? v.type_name() : v.dump()));
  return 0;
}

double Fields::number(std::string_view key) {
  const Json& v = at(key);
  if (v.is_number()) return v.get<double>();
  fail(key, concat("a number is wanted, but it is ", v.type_name()));
  return 0;
}

const Json& Fields::array(std::string_view key) {
  const Json& v = at(key);
  if (v.is_array()) return v;
  fail(key, concat("a list is wanted, but it is ", v.type_name()));
  return nothing(Json::value_t::array);
}

const Json& Fields::object(std::string_view key) {
  const Json& v = at(key);
  if (v.is_object()) return v;
  fail(key, concat("an object is wanted, but it is ", v.type_name()));
  return nothing(Json::value_t::object);
}

}  // namespace hearth::text
