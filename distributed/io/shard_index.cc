#include "distributed/io/shard_index.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/io/json_internal.h"

namespace hearth::distributed {
namespace {

constexpr int64_t kVersion = 1;
constexpr int64_t kMostElements = int64_t{1} << 56;
using nlohmann::json;

absl::Status bad(const std::string& what) { return absl::InvalidArgumentError(absl::StrCat("shard index: ", what)); }

const json* member(const json& j, const char* name) {
  const auto it = j.find(name);
  return it == j.end() ? nullptr : &*it;
}

absl::StatusOr<int64_t> number(const json& j, const char* name, const std::string& where) {
  const json* v = member(j, name);
  if (!v || !v->is_number_integer() || (v->is_number_unsigned() && v->get<uint64_t>() > uint64_t{INT64_MAX}) ||
      v->get<int64_t>() < 0)
    return bad(absl::StrCat(where, ": \"", name, "\" must be a whole number"));
  return v->get<int64_t>();
}

absl::StatusOr<std::string> text(const json& j, const char* name, const std::string& where) {
  const json* v = member(j, name);
  if (!v || !v->is_string()) return bad(absl::StrCat(where, ": \"", name, "\" must be a text"));
  return v->get<std::string>();
}

// A name in the directory itself.
bool is_plain(const std::string& file) {
  return !file.empty() && file.size() <= 255 && file.find('/') == std::string::npos &&
         file.find('\0') == std::string::npos && file != "." && file != "..";
}

absl::StatusOr<ShardedEntry> entry(const json& j, const std::string& where, bool whole) {
  if (!j.is_object()) return bad(where + " must be an object");
  ShardedEntry e;
  const auto dtype = text(j, "dtype", where);
  if (!dtype.ok()) return dtype.status();
  const auto known = std::ranges::find_if(kDTypeTraits, [&](const DTypeTraits& t) { return *dtype == t.name; });
  if (known == kDTypeTraits.end()) return bad(absl::StrCat(where, ": unknown dtype"));
  e.dtype = static_cast<DType>(known - kDTypeTraits.begin());
  const json* shape = member(j, "shape");
  if (!shape || !shape->is_array() || shape->size() > static_cast<size_t>(kMaxRank))
    return bad(absl::StrCat(where, ": \"shape\" must be a list of at most ", kMaxRank, " sizes"));
  int64_t elements = 1;
  for (const json& n : *shape) {
    if (!n.is_number_integer() || (n.is_number_unsigned() && n.get<uint64_t>() > uint64_t{kMostElements}) ||
        n.get<int64_t>() < 0 || n.get<int64_t>() > kMostElements)
      return bad(absl::StrCat(where, ": a size is out of range"));
    const auto size = n.get<int64_t>();
    if (size > 0 && elements > kMostElements / size) return bad(absl::StrCat(where, ": the shape is too large"));
    elements *= size;
    e.shape.push_back(size);
  }
  const json* pieces = member(j, "pieces");
  if (!pieces || !pieces->is_array()) return bad(absl::StrCat(where, ": \"pieces\" must be a list"));
  int64_t next = 0;
  for (const json& p : *pieces) {
    if (!p.is_object()) return bad(absl::StrCat(where, ": a piece must be an object"));
    const auto file = text(p, "file", where), key = text(p, "key", where);
    const auto begin = number(p, "begin", where), count = number(p, "count", where);
    if (!file.ok()) return file.status();
    if (!key.ok()) return key.status();
    if (!begin.ok()) return begin.status();
    if (!count.ok()) return count.status();
    if (!is_plain(*file)) return bad(absl::StrCat(where, ": a file's name must be that of a file in the directory"));
    if (whole ? *begin != next || *count > elements - next : *begin > elements || *count > elements - *begin)
      return bad(absl::StrCat(where, ": its pieces must follow one another and have ", elements,
                              " elements together, but one has ", *count, " from ", *begin, " on"));
    next += *count;
    e.pieces.push_back({*file, *key, *begin, *count});
  }
  if (whole && next != elements)
    return bad(absl::StrCat(where, ": its pieces have ", next, " of ", elements, " elements"));
  return e;
}

}  // namespace

std::string ShardIndex::to_json() const {
  json j = {{"format", "hearth sharded checkpoint"}, {"version", kVersion}, {"step", step}};
  j["tensors"] = json::object();
  for (const auto& [name, e] : tensors) {
    json pieces = json::array();
    for (const ShardPiece& p : e.pieces)
      pieces.push_back({{"file", p.file}, {"key", p.key}, {"begin", p.begin}, {"count", p.count}});
    j["tensors"][name] = {{"dtype", traits(e.dtype).name},
                          {"shape", std::vector<int64_t>(e.shape.begin(), e.shape.end())},
                          {"pieces", pieces}};
  }
  return j.dump(1, ' ', false, json::error_handler_t::replace);
}

absl::StatusOr<ShardIndex> ShardIndex::parse(const std::string& bytes, bool whole) {
  const auto j = io::parse_json(bytes, 8);
  if (!j.ok()) return j.status();
  if (!j->is_object()) return bad("it must be an object");
  const auto format = text(*j, "format", "it");
  if (!format.ok() || *format != "hearth sharded checkpoint") return bad("it is none of a sharded checkpoint");
  const auto version = number(*j, "version", "it");
  if (!version.ok()) return version.status();
  if (*version > kVersion)
    return absl::UnimplementedError(
        absl::StrCat("shard index: version ", *version, " is newer than this program's, ", kVersion));
  ShardIndex out;
  const auto step = number(*j, "step", "it");
  if (!step.ok()) return step.status();
  out.step = *step;
  const json* tensors = member(*j, "tensors");
  if (!tensors || !tensors->is_object()) return bad("\"tensors\" must be an object");
  // So that a small file cannot claim to be a large tensor.
  std::set<std::pair<std::string, std::string>> taken;
  for (const auto& [name, value] : tensors->items()) {
    const std::string where = absl::StrCat("\"", name, "\"");
    auto e = entry(value, where, whole);
    if (!e.ok()) return e.status();
    for (const ShardPiece& p : e->pieces) {
      if (!taken.emplace(p.file, p.key).second)
        return bad(absl::StrCat(where, ": two pieces are \"", p.key, "\" of ", p.file));
    }
    out.tensors[name] = *std::move(e);
  }
  return out;
}

std::vector<std::string> ShardIndex::files() const {
  std::set<std::string> out;
  for (const auto& [name, e] : tensors) {
    for (const ShardPiece& p : e.pieces) out.insert(p.file);
  }
  return {out.begin(), out.end()};
}

}  // namespace hearth::distributed
