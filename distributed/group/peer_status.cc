#include "distributed/group/peer_status.h"

#include "core/base/utf8.h"
#include "core/io/json_internal.h"

namespace hearth::distributed {
namespace {

constexpr size_t kLongest = 500, kMost = 32;

std::string clean(const std::string& text) { return printable(text, kLongest); }

}  // namespace

std::string PeerStatus::to_json() const {
  return nlohmann::json{{"doing", doing}, {"last", last}}.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<PeerStatus> PeerStatus::parse(const std::string& json) {
  const auto j = io::parse_json(json, 4, 1000);
  if (!j.ok()) return j.status();
  const auto bad = [] { return absl::InvalidArgumentError("not a rank's status"); };
  if (!j->is_object() || !j->contains("doing") || !j->contains("last")) return bad();
  const auto &doing = (*j)["doing"], &last = (*j)["last"];
  if (!doing.is_string() || !last.is_array() || last.size() > kMost) return bad();
  PeerStatus out{.doing = clean(doing.get<std::string>())};
  for (const auto& line : last) {
    if (!line.is_string()) return bad();
    out.last.push_back(clean(line.get<std::string>()));
  }
  return out;
}

}  // namespace hearth::distributed
