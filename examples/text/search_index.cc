#include "examples/text/search_index.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/io/atomic_directory.h"
#include "core/io/atomic_file.h"
#include "core/io/crc32c.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/io/safetensors.h"
#include "core/io/with_path.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "text/unicode/utf8.h"

namespace hearth::examples {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVectors = "vectors.safetensors";
constexpr const char* kIndex = "index.json";
constexpr uint64_t kMaxFile = uint64_t{64} << 20;
constexpr uint64_t kMaxIndex = uint64_t{1} << 30;  // bytes of index.json
constexpr size_t kMaxValues = 16'000'000;          // keys and values in it
constexpr size_t kAtOnce = 256;                    // passages that are encoded
constexpr int64_t kSaved = 4096;                   // passages after which the index is saved, and an eighth of all

struct Stat {
  int64_t size, changed;
};

absl::StatusOr<Stat> stat_of(const std::string& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0) return absl::NotFoundError(path + ": it cannot be looked at");
  return Stat{s.st_size, s.st_mtim.tv_sec * int64_t{1000000000} + s.st_mtim.tv_nsec};
}

bool hidden(const fs::path& path) { return path.filename().string().starts_with("."); }

// Regular files by their path in the folder.
absl::StatusOr<std::set<std::string>> files_in(const std::string& folder, const std::string& except) {
  std::error_code error;
  std::set<std::string> files;
  if (!fs::is_directory(folder, error)) return absl::NotFoundError(folder + " is not a folder");
  const fs::path left_out = fs::weakly_canonical(except, error);
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code none;
    if (hidden(at->path()) || (!except.empty() && fs::weakly_canonical(at->path(), none) == left_out)) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file(none)) {
      files.insert(at->path().lexically_relative(folder).string());
    }
  }
  if (error) return absl::UnknownError(folder + ": " + error.message());
  return files;
}

bool is_text(const std::string& bytes) {
  return bytes.find('\0') == std::string::npos && text::find_invalid_utf8(bytes) == std::string::npos;
}

// Rows of length 1, whatever the encoder's directory says; one of zeros stays.
Tensor of_length_one(const Tensor& rows) {
  const Tensor length = (rows * rows).sum(-1, true).sqrt();
  return rows / length.clamp(1e-12);
}

absl::StatusOr<Tensor> encode(const text::SentenceEncoder& encoder, std::span<const std::string> texts,
                              text::TextName name) {
  absl::StatusOr<Tensor> rows = encoder.encode(texts, {.name = std::move(name)});
  if (!rows.ok()) return rows;
  return of_length_one(*rows);
}

}  // namespace

absl::Status SearchIndex::load(const std::string& directory) {
  std::map<std::string, File> files;
  const absl::Status status = io::with_directory(directory, [&](const std::string& at) -> absl::Status {
    files.clear();
    const std::string path = at + "/" + kIndex;
    const auto bytes = io::read_file(path, kMaxIndex);
    if (!bytes.ok()) return bytes.status();
    const auto json = io::parse_json(*bytes, 8, kMaxValues);
    if (!json.ok()) return io::with_path(path, json.status());
    const auto vectors = io::load_safetensors(at + "/" + kVectors);
    if (!vectors.ok()) return vectors.status();
    const auto wrong = [&](const std::string& what) { return absl::InvalidArgumentError(path + ": " + what); };
    try {
      if (json->at("version") != 1) return wrong("it is of another version");
      if (json->at("model") != model_) return absl::OkStatus();  // all is encoded anew
      const auto all = vectors->tensors.find("vectors");
      if (all == vectors->tensors.end() || all->second.dim() != 2 || all->second.dtype() != f32)
        return wrong("vectors.safetensors has no vectors");
      int64_t row = 0;
      for (const auto& [name, f] : json->at("files").items()) {
        File file{.size = f.at("size"), .changed = f.at("changed"), .checksum = f.at("checksum")};
        for (const auto& p : f.at("passages")) {
          file.passages.push_back({p.at(0), p.at(1), p.at(2)});
          const Passage& now = file.passages.back();
          if (now.begin < 0 || now.end <= now.begin || now.end > file.size)
            return wrong("a passage of " + name + " is nowhere");
        }
        const auto count = static_cast<int64_t>(file.passages.size());
        if (row + count > all->second.size(0)) return wrong("there are more passages than vectors");
        file.vectors = all->second.narrow(0, row, count);
        row += count;
        files.emplace(name, std::move(file));
      }
      if (row != all->second.size(0)) return wrong("there are more vectors than passages");
    } catch (const nlohmann::json::exception&) {
      return wrong("it is no index of this program");
    }
    return absl::OkStatus();
  });
  if (absl::IsNotFound(status)) {
    std::error_code none;
    // An empty directory, or none.
    if (!fs::exists(directory, none) || fs::is_empty(directory, none)) return absl::OkStatus();
  }
  if (status.ok()) files_ = std::move(files);
  return status;
}

absl::Status SearchIndex::save(const std::string& directory) const {
  size_t values = 16;
  for (const auto& [name, file] : files_) values += 12 + 4 * file.passages.size();
  const auto too_many = [&] {
    return absl::ResourceExhaustedError(absl::StrCat(directory, ": an index cannot hold so many passages"));
  };
  if (values > kMaxValues) return too_many();
  auto out = io::AtomicDirectory::create(directory, {kIndex, kVectors});
  if (!out.ok()) return out.status();
  nlohmann::json json = {{"version", 1}, {"model", model_}, {"files", nlohmann::json::object()}};
  std::vector<Tensor> vectors;
  // In the order in which JSON has the names.
  for (const auto& [name, file] : files_) {
    nlohmann::json passages = nlohmann::json::array();
    for (const Passage& p : file.passages) passages.push_back({p.begin, p.end, p.line});
    json["files"][name] = {
        {"size", file.size}, {"changed", file.changed}, {"checksum", file.checksum}, {"passages", passages}};
    if (!file.passages.empty()) vectors.push_back(file.vectors);
  }
  const std::string bytes = json.dump(1) + "\n";
  if (bytes.size() > kMaxIndex) return too_many();
  absl::Status s = io::write_file(out->file(kIndex), bytes);
  s.Update(io::save_safetensors(out->file(kVectors), {{"vectors", vectors.empty() ? zeros({0, 0}) : cat(vectors, 0)}}));
  if (!s.ok()) return s;
  return out->commit();
}

// Encodes the group's files and puts them into the index.
absl::Status SearchIndex::add(Group group, const std::string& folder, const text::SentenceEncoder& encoder) {
  std::vector<std::pair<const std::string*, int64_t>> places;
  for (const auto& [name, file] : group.files) {
    for (const Passage& p : file.passages) places.emplace_back(&name, p.line);
  }
  std::vector<Tensor> parts = {zeros({0, encoder.dimension()})};
  for (size_t at = 0; at < group.texts.size(); at += kAtOnce) {
    const auto name = [&](size_t i) {
      const auto& [file, line] = places[at + i];
      return absl::StrCat((fs::path(folder) / *file).string(), ":", line);
    };
    const absl::StatusOr<Tensor> rows =
        encode(encoder, std::span(group.texts).subspan(at, std::min(kAtOnce, group.texts.size() - at)), name);
    if (!rows.ok()) return rows.status();
    parts.push_back(*rows);
  }
  const Tensor vectors = cat(parts, 0);
  int64_t row = 0;
  for (auto& [name, file] : group.files) {
    const auto count = static_cast<int64_t>(file.passages.size());
    file.vectors = vectors.narrow(0, row, count);
    row += count;
    files_.insert_or_assign(name, std::move(file));
  }
  return absl::OkStatus();
}

void SearchIndex::drop(const std::string& name, IndexChanges& changes) {
  if (files_.erase(name) > 0) changes.altered = true;
}

absl::StatusOr<IndexChanges> SearchIndex::update(const std::string& folder, const std::string& except,
                                                 const text::SentenceEncoder& encoder,
                                                 const std::function<void(int64_t, int64_t)>& progress,
                                                 const std::function<absl::Status()>& save) {
  const absl::StatusOr<std::set<std::string>> present = files_in(folder, except);
  if (!present.ok()) return present.status();
  IndexChanges changes;
  changes.gone =
      static_cast<int64_t>(std::erase_if(files_, [&](const auto& f) { return !present->contains(f.first); }));
  changes.altered = changes.gone > 0;
  std::vector<std::pair<std::string, Stat>> changed;
  int64_t bytes_done = 0, bytes_all = 0;
  for (const std::string& name : *present) {
    const absl::StatusOr<Stat> now = stat_of((fs::path(folder) / name).string());
    if (!now.ok()) {
      changes.unreadable.push_back(name);
      drop(name, changes);
      continue;
    }
    const auto known = files_.find(name);
    if (known != files_.end() && known->second.size == now->size && known->second.changed == now->changed) {
      ++changes.kept;
      continue;
    }
    changed.emplace_back(name, *now);
    bytes_all += now->size;
  }
  Group group;
  int64_t unsaved = 0, passages = 0;
  for (const auto& [name, file] : files_) passages += static_cast<int64_t>(file.passages.size());
  const auto finish = [&]() -> absl::Status {
    const auto count = static_cast<int64_t>(group.texts.size());
    changes.altered |= !group.files.empty();
    if (absl::Status s = add(std::exchange(group, {}), folder, encoder); !s.ok()) return s;
    unsaved += count;
    passages += count;
    progress(bytes_done, bytes_all);
    if (unsaved < std::max(kSaved, passages / 8)) return absl::OkStatus();
    unsaved = 0;
    changes.altered = false;
    return save();
  };
  for (const auto& [name, now] : changed) {
    const absl::StatusOr<std::string> bytes = io::read_file((fs::path(folder) / name).string(), kMaxFile);
    bytes_done += now.size;
    if (!bytes.ok() && !absl::IsResourceExhausted(bytes.status())) {
      changes.unreadable.push_back(name);
      drop(name, changes);
      continue;
    }
    // A name that is not UTF-8 could not be written into the index.
    if (!bytes.ok() || !is_text(*bytes) || !is_text(name)) {
      changes.not_text.push_back(name);
      drop(name, changes);
      continue;
    }
    // The content as it was read counts, should it change meanwhile.
    File file{.size = static_cast<int64_t>(bytes->size()), .changed = now.changed, .checksum = io::crc32c(*bytes)};
    const auto known = files_.find(name);
    if (known != files_.end() && known->second.size == file.size && known->second.checksum == file.checksum) {
      known->second.changed = file.changed;
      changes.altered = true;
      ++changes.kept;
      continue;
    }
    file.passages = passages_of(*bytes);
    for (const Passage& p : file.passages)
      group.texts.push_back(bytes->substr(static_cast<size_t>(p.begin), static_cast<size_t>(p.end - p.begin)));
    group.files.emplace_back(name, std::move(file));
    ++changes.read;
    if (group.texts.size() < kAtOnce) continue;
    if (absl::Status s = finish(); !s.ok()) return s;
  }
  if (absl::Status s = finish(); !s.ok()) return s;
  changes.files = static_cast<int64_t>(files_.size());
  for (const auto& [name, file] : files_) changes.passages += static_cast<int64_t>(file.passages.size());
  return changes;
}

absl::StatusOr<Answer> SearchIndex::search(const std::string& folder, const std::string& question, int64_t count,
                                           const text::SentenceEncoder& encoder) const {
  const absl::StatusOr<Tensor> wanted =
      encode(encoder, std::span(&question, 1), [](size_t) { return std::string("the question"); });
  if (!wanted.ok()) return wanted.status();
  std::vector<std::pair<const std::string*, const Passage*>> places;
  std::vector<Tensor> vectors;
  for (const auto& [name, file] : files_) {
    if (file.passages.empty()) continue;
    if (file.vectors.size(1) != wanted->size(1))
      return absl::InvalidArgumentError("the index has vectors of another size than the model");
    for (const Passage& p : file.passages) places.emplace_back(&name, &p);
    vectors.push_back(file.vectors);
  }
  Answer out;
  if (places.empty()) return out;
  const std::vector<float> scores = matmul(cat(vectors, 0), (*wanted)[0]).to_vector<float>();
  std::vector<size_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto best = static_cast<size_t>(std::min<int64_t>(count, static_cast<int64_t>(order.size())));
  // Of equal scores the first.
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(best), order.end(),
                    [&](size_t a, size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  for (size_t i = 0; i < best; ++i) {
    const auto& [name, passage] = places[order[i]];
    const auto bytes = io::read_file((fs::path(folder) / *name).string(), kMaxFile);
    if (!bytes.ok()) {
      if (std::ranges::find(out.unreadable, *name) == out.unreadable.end()) out.unreadable.push_back(*name);
      continue;
    }
    // Where the file was changed a moment ago, what is left of the passage.
    const std::string text =
        static_cast<size_t>(passage->begin) < bytes->size()
            ? bytes->substr(static_cast<size_t>(passage->begin), static_cast<size_t>(passage->end - passage->begin))
            : std::string();
    out.found.push_back({scores[order[i]], *name, passage->line, text});
  }
  return out;
}

}  // namespace hearth::examples
