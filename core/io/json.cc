#include "core/io/json_internal.h"

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace hearth::io {
namespace {

struct Refused {
  std::string why;
};

}  // namespace

absl::StatusOr<nlohmann::json> parse_json(std::string_view text, int max_depth, size_t max_values) {
  using Json = nlohmann::json;
  std::vector<std::set<std::string>> keys;
  size_t values = 0;
  const Json::parser_callback_t check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event != Json::parse_event_t::object_end && event != Json::parse_event_t::array_end && ++values > max_values)
      throw Refused{absl::StrCat("it has more than ", max_values, " values")};
    switch (event) {
      case Json::parse_event_t::object_start:
      case Json::parse_event_t::array_start:
        if (depth >= max_depth) throw Refused{absl::StrCat("it is nested more than ", max_depth, " deep")};
        keys.emplace_back();
        break;
      case Json::parse_event_t::object_end:
      case Json::parse_event_t::array_end:
        keys.pop_back();
        break;
      case Json::parse_event_t::key:
        if (!keys.back().insert(value.get_ref<const std::string&>()).second)
          throw Refused{
              absl::StrCat("the key \"", value.get_ref<const std::string&>(), "\" stands twice in one object")};
        break;
      default:
        break;
    }
    return true;
  };
  // The library takes a null character for the end and ignores what follows.
  if (text.find('\0') != std::string_view::npos)
    return absl::InvalidArgumentError("not valid JSON: it contains a null character");
  try {
    return Json::parse(text.begin(), text.end(), check);
  } catch (const Json::exception& e) {
    return absl::InvalidArgumentError(absl::StrCat("not valid JSON: ", e.what()));
  } catch (const Refused& r) {
    return absl::InvalidArgumentError(absl::StrCat("not valid JSON: ", r.why));
  }
}

}  // namespace hearth::io
