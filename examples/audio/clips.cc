#include "examples/audio/clips.h"

#include <algorithm>
#include <compare>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <regex>
#include <set>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/io/file.h"

namespace hearth::audio {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 28;

// A file whose path has a label.
struct Found {
  std::string path, label, name;  // the name: the file's, without what the label is of it
};

// May throw std::regex_error.
absl::StatusOr<std::vector<Found>> search(const std::string& directory, const std::string& label) {
  const std::regex expression(label);
  if (expression.mark_count() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", label, "\" has ", expression.mark_count(), " groups; one is needed, the label"));
  }
  std::error_code error;
  std::vector<Found> found;
  for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    std::error_code of_file;
    const fs::file_type type = at->status(of_file).type();
    if (type == fs::file_type::none)
      return absl::UnknownError(absl::StrCat(at->path().string(), ": ", of_file.message()));
    if (type != fs::file_type::regular) continue;
    const std::string path = at->path().string(), below = path.substr(directory.size());
    std::smatch match;
    if (!std::regex_search(below, match, expression) || !match[1].matched) continue;
    const auto begin = static_cast<size_t>(match.position(1)), length = static_cast<size_t>(match.length(1));
    const std::string rest = absl::StrCat(below.substr(0, begin), "\n", below.substr(begin + length));
    found.push_back({path, match[1].str(), rest.substr(rest.rfind('/') + 1)});
  }
  if (error) return absl::NotFoundError(absl::StrCat(directory, ": ", error.message()));
  std::ranges::sort(found, {}, &Found::path);
  return found;
}

absl::StatusOr<std::vector<Found>> files_of(const std::string& directory, const std::string& label) {
  try {
    return search(directory, label);
  } catch (const std::regex_error& e) {
    return absl::InvalidArgumentError(absl::StrCat("the regular expression \"", label, "\": ", e.what()));
  }
}

// Sets that grow together.
class Union {
 public:
  explicit Union(size_t n) : parent_(n) { std::iota(parent_.begin(), parent_.end(), size_t{0}); }
  size_t find(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(size_t a, size_t b) { parent_[find(a)] = find(b); }

 private:
  std::vector<size_t> parent_;
};

// Files that are told apart by their bytes. No more than two of them are in memory at a time.
class ByBytes {
 public:
  // The number of the first file that was added with the same bytes, or none.
  absl::StatusOr<std::optional<size_t>> find(const std::string& path) const {
    auto bytes = io::read_file(path, kMaxFileBytes);
    if (!bytes.ok()) return bytes.status();
    return find(Key(*bytes), *bytes);
  }
  // The next file: the number, from 0 on, of the first that was added with the same bytes, or its own.
  absl::StatusOr<size_t> add(const std::string& path) {
    auto bytes = io::read_file(path, kMaxFileBytes);
    if (!bytes.ok()) return bytes.status();
    const Key key(*bytes);
    const auto first = find(key, *bytes);
    if (!first.ok()) return first.status();
    paths_.push_back(path);
    if (*first) return **first;
    by_key_[key].push_back(paths_.size() - 1);
    return paths_.size() - 1;
  }

 private:
  // What few files share.
  struct Key {
    size_t size, hash;
    explicit Key(const std::string& bytes) : size(bytes.size()), hash(std::hash<std::string>()(bytes)) {}
    auto operator<=>(const Key&) const = default;
  };

  absl::StatusOr<std::optional<size_t>> find(const Key& key, const std::string& bytes) const {
    const auto at = by_key_.find(key);
    if (at == by_key_.end()) return std::nullopt;
    for (const size_t i : at->second) {
      auto other = io::read_file(paths_[i], kMaxFileBytes);
      if (!other.ok()) return other.status();
      if (*other == bytes) return i;
    }
    return std::nullopt;
  }

  std::vector<std::string> paths_;
  std::map<Key, std::vector<size_t>> by_key_;
};

}  // namespace

absl::StatusOr<Clips> find_clips(const std::string& directory, const std::string& label, int64_t at_least) {
  auto found = files_of(directory, label);
  if (!found.ok()) return found.status();
  Clips out;
  for (const Found& f : *found) out.files.push_back(f.path);
  // Equal files tie groups together, whichever of them is kept.
  Union groups(found->size());
  ByBytes by_bytes;
  std::map<size_t, std::vector<size_t>> same_bytes;
  std::map<std::string, size_t> first_of;
  for (size_t i = 0; i < found->size(); ++i) {
    const auto same = by_bytes.add(found->at(i).path);
    if (!same.ok()) return same.status();
    same_bytes[*same].push_back(i);
    groups.join(i, first_of.emplace(found->at(i).name, i).first->second);
  }
  std::vector<size_t> kept;
  std::map<std::string, int64_t> counts;
  for (const auto& [first, files] : same_bytes) {
    std::set<std::string> labels;
    for (size_t i : files) {
      groups.join(i, first);
      labels.insert(found->at(i).label);
    }
    const auto n = static_cast<int64_t>(files.size());
    if (labels.size() > 1) {
      out.contradictory += n;
      continue;
    }
    out.copies += n - 1;
    kept.push_back(first);
    ++counts[*labels.begin()];
  }
  for (const auto& [name, count] : counts) {
    if (count >= at_least) out.labels.push_back(name);
  }
  std::ranges::sort(kept);
  for (size_t i : kept) {
    const auto at = std::ranges::lower_bound(out.labels, found->at(i).label);
    if (at == out.labels.end() || *at != found->at(i).label) continue;
    out.clips.push_back({found->at(i).path, at - out.labels.begin(), static_cast<int64_t>(groups.find(i))});
  }
  return out;
}

absl::StatusOr<std::vector<Clip>> without_copies(const std::vector<Clip>& clips,
                                                 const std::vector<std::string>& others) {
  ByBytes by_bytes;
  std::map<size_t, std::vector<size_t>> same_bytes;
  for (size_t i = 0; i < clips.size(); ++i) {
    const auto same = by_bytes.add(clips[i].path);
    if (!same.ok()) return same.status();
    same_bytes[*same].push_back(i);
  }
  for (const std::string& path : others) {
    const auto same = by_bytes.find(path);
    if (!same.ok()) return same.status();
    if (*same) same_bytes.erase(**same);
  }
  std::vector<size_t> left;
  for (const auto& [first, members] : same_bytes) left.insert(left.end(), members.begin(), members.end());
  std::ranges::sort(left);
  std::vector<Clip> out;
  for (size_t i : left) out.push_back(clips[i]);
  return out;
}

Parts split(const std::vector<Clip>& clips, uint64_t seed) {
  std::map<int64_t, std::vector<Clip>> by_group;
  for (const Clip& c : clips) by_group[c.group].push_back(c);
  std::vector<const std::vector<Clip>*> groups;
  for (const auto& [number, members] : by_group) groups.push_back(&members);
  // Of the engine alone: std::shuffle is another one with each library.
  std::mt19937_64 random(seed);
  const auto shuffle = [&](auto& v) {
    for (size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[random() % i]);
  };
  shuffle(groups);
  const size_t part = clips.size() / 10;
  Parts out;
  for (const std::vector<Clip>* g : groups) {
    std::vector<Clip>& to = out.test.size() + g->size() <= part       ? out.test
                            : out.held_out.size() + g->size() <= part ? out.held_out
                                                                      : out.training;
    to.insert(to.end(), g->begin(), g->end());
  }
  shuffle(out.training);
  shuffle(out.held_out);
  shuffle(out.test);
  return out;
}

}  // namespace hearth::audio
