#include "distributed/io/sharded_checkpoint.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/io/atomic_directory.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/io/with_path.h"
#include "core/ops/create.h"
#include "core/ops/view.h"
#include "distributed/group/objects.h"
#include "distributed/store/hash.h"

namespace hearth::distributed {
namespace {

constexpr const char *kIndex = "index.json", *kRest = "state.safetensors", *kLatest = "latest";
constexpr uint64_t kMaxIndex = uint64_t{256} << 20;
// A tensor that all ranks have is split among them if it is not smaller.
constexpr size_t kSplit = 64 << 10;

std::string file_of(int rank, int size) {
  char name[64];
  std::snprintf(name, sizeof name, "rank-%05d-of-%05d.safetensors", rank, size);
  return name;
}

// Whether it is the name of a rank's file, of any number of ranks.
bool is_ranks_file(const std::string& name) {
  int rank = 0, size = 0;
  return std::sscanf(name.c_str(), "rank-%d-of-%d", &rank, &size) == 2 && name == file_of(rank, size);
}

// What may lie in a checkpoint's directory, and in what an interrupted save has left beside it: the index, the rest and
// this save's files, and those of saves by another number of ranks.
std::vector<std::string> files_of(const std::string& path, int size) {
  std::set<std::string> found;
  for (int r = 0; r < size; ++r) found.insert(file_of(r, size));
  for (const char* place : {"", ".tmp", ".old"}) {
    std::error_code error;
    for (std::filesystem::directory_iterator it(path + place, error), end; !error && it != end; it.increment(error)) {
      std::string name = it->path().filename().string();
      if (name.ends_with(".tmp")) name.resize(name.size() - 4);
      if (is_ranks_file(name)) found.insert(name);
    }
  }
  std::vector<std::string> out = {kIndex, kRest};
  out.insert(out.end(), found.begin(), found.end());
  return out;
}

// Which rank writes a small tensor that all have.
int writer_of(const std::string& key, int size) { return static_cast<int>(hash_of(key) % static_cast<uint64_t>(size)); }

// What differs between what this rank and rank 0 save of what all ranks have.
absl::Status difference(const std::string& mine, const std::string& firsts) {
  if (mine == firsts) return absl::OkStatus();
  const auto own = io::parse_json(mine, 4), first = io::parse_json(firsts, 4);
  if (!own.ok()) return own.status();
  if (!first.ok()) return first.status();
  if (own->at("step") != first->at("step"))
    return absl::InvalidArgumentError(
        absl::StrCat("it saves step ", own->at("step").dump(), ", but rank 0 step ", first->at("step").dump()));
  const nlohmann::json &a = first->at("tensors"), &b = own->at("tensors");
  for (const auto& [key, what] : a.items()) {
    const auto it = b.find(key);
    if (it != b.end() && *it == what) continue;
    return absl::InvalidArgumentError(absl::StrCat("rank 0 puts \"", key, "\", ", what.get<std::string>(),
                                                   ", as a tensor that all ranks have, but this rank ",
                                                   it == b.end() ? "does not" : "one of " + it->get<std::string>()));
  }
  for (const auto& [key, what] : b.items()) {
    if (!a.contains(key))
      return absl::InvalidArgumentError(absl::StrCat("it puts \"", key, "\", ", what.get<std::string>(),
                                                     ", as a tensor that all ranks have, but rank 0 does not"));
  }
  return absl::OkStatus();
}

absl::Status at_rank(int rank, const std::string& text) {
  return absl::UnavailableError(absl::StrCat("sharded checkpoint: rank ", rank, ": ", text));
}

std::string message(const absl::Status& s) { return std::string(s.message()); }

}  // namespace

void ShardedCheckpoint::add(const std::string& name, Part part) {
  HEARTH_CHECK(!name.empty() && !parts_.contains(name), "ShardedCheckpoint: the name \"", name,
               "\" is empty or taken already");
  HEARTH_CHECK(is_utf8(name), "ShardedCheckpoint: the name \"", name, "\" is not UTF-8");
  HEARTH_CHECK(part.tensor.values.defined(), "ShardedCheckpoint: \"", name, "\" is undefined");
  const NoGrad off;
  part.tensor.values = part.tensor.values.detach().clone(MemoryFormat::kContiguous);
  parts_[name] = std::move(part);
}

void ShardedCheckpoint::put(const std::string& name, const Tensor& tensor) {
  HEARTH_CHECK(tensor.defined(), "ShardedCheckpoint: \"", name, "\" is undefined");
  add(name, {{tensor.detach().reshape({tensor.numel()}), tensor.shape(), 0}, true});
}
void ShardedCheckpoint::put(const std::string& name, const ShardedTensor& part) {
  HEARTH_CHECK(part.values.defined() && part.values.dim() == 1 && part.begin >= 0 &&
                   part.begin + part.values.numel() <= part.shape.numel(),
               "ShardedCheckpoint: the part of \"", name, "\" is not within its shape, ", part.shape);
  add(name, {part, false});
}
void ShardedCheckpoint::put(const std::string& name, const nn::ModuleBase& module) {
  for (const auto& [key, t] : module.state_dict()) put(absl::StrCat(name, "/", key), t);
}
void ShardedCheckpoint::put(const std::string& name, ZeroOptimizer& optimizer) {
  // Not all ranks have a part of a small parameter, or its number of steps; those that have are asked.
  for (const auto& [key, part] : optimizer.shards()) put(absl::StrCat(name, "/", key), part);
}
void ShardedCheckpoint::put(const std::string& name, const FullyShard& module) {
  const auto parts = module.shards();
  for (const auto& [key, t] : module.module().state_dict()) {
    const auto it = parts.find(key);
    if (it == parts.end()) put(absl::StrCat(name, "/", key), t);
    else put(absl::StrCat(name, "/", key), it->second);
  }
}
void ShardedCheckpoint::put(const std::string& name, const FullyShard& module, optim::Optimizer& optimizer) {
  for (const auto& [key, part] : module.shards(optimizer)) put(absl::StrCat(name, "/", key), part);
}

// What this rank saves of what all ranks have, as JSON.
std::string ShardedCheckpoint::everywhere(int64_t step) const {
  nlohmann::json tensors = nlohmann::json::object();
  for (const auto& [key, part] : parts_) {
    if (part.everywhere) tensors[key] = concat(part.tensor.values.dtype(), " ", part.tensor.shape);
  }
  return nlohmann::json{{"step", step}, {"tensors", std::move(tensors)}}.dump();
}

absl::Status ShardedCheckpoint::save(ProcessGroup& group, const std::string& directory, int64_t step,
                                     const io::Checkpoint& rest) const {
  if (step < 0) return absl::InvalidArgumentError(absl::StrCat("sharded checkpoint: the step is ", step));
  const int rank = group.rank(), size = group.size();
  const std::string name = absl::StrCat("step-", step);

  // The first rank owns the directory; the others write into it.
  std::unique_ptr<io::AtomicDirectory> place;
  std::string opened;
  if (rank == 0) {
    const std::string path = absl::StrCat(directory, "/", name);
    auto made = io::AtomicDirectory::create(path, files_of(path, size));
    if (made.ok()) {
      place = std::make_unique<io::AtomicDirectory>(*std::move(made));
      opened = "1" + place->file("");
    } else {
      opened = "0" + message(made.status());
    }
  }
  opened = broadcast_bytes(group, opened, 0);
  if (opened.empty() || opened[0] != '1') return at_rank(0, opened.substr(opened.empty() ? 0 : 1));
  const std::string temporary = opened.substr(1);

  // What all ranks have, each of them must have put: only one writes it.
  const std::string had = everywhere(step), firsts = broadcast_bytes(group, had, 0);

  // What this rank writes.
  ShardIndex mine;
  mine.step = step;
  std::map<std::string, Tensor> tensors;
  for (const auto& [key, part] : parts_) {
    const ShardedTensor& t = part.tensor;
    int64_t begin = t.begin, count = t.values.numel();
    if (part.everywhere) {
      const bool split = t.values.nbytes() >= kSplit;
      const int64_t chunk = split ? (count + size - 1) / size : count;
      const int64_t first = split ? std::min(count, chunk * rank) : 0;
      if (!split && writer_of(key, size) != rank) continue;
      count = std::min(chunk, count - first);
      begin = first;
    }
    // The whole of an empty tensor must be told by somebody.
    if (count == 0 && (t.shape.numel() != 0 || (!part.everywhere && rank != 0))) continue;
    tensors[key] = t.values.narrow(0, begin - t.begin, count);
    mine.tensors[key] = {t.values.dtype(), t.shape, {{file_of(rank, size), key, begin, count}}};
  }
  absl::Status own = difference(had, firsts);
  if (own.ok()) own = io::save_safetensors(temporary + file_of(rank, size), tensors);
  const std::vector<std::string> all = all_gather_bytes(group, own.ok() ? "1" + mine.to_json() : "0" + message(own));
  for (int r = 0; r < size; ++r) {
    const std::string& word = all[static_cast<size_t>(r)];
    if (word.empty() || word[0] != '1') return at_rank(r, word.substr(word.empty() ? 0 : 1));
  }

  std::string done;
  if (rank == 0) {
    const absl::Status s = [&]() -> absl::Status {
      ShardIndex whole;
      whole.step = step;
      for (int r = 0; r < size; ++r) {
        auto index = ShardIndex::parse(all[static_cast<size_t>(r)].substr(1), false);
        if (!index.ok()) return index.status();
        for (auto& [key, e] : index->tensors) {
          auto& to = whole.tensors[key];
          if (to.pieces.empty()) to = {e.dtype, e.shape, {}};
          if (to.dtype != e.dtype || to.shape != e.shape)
            return absl::InvalidArgumentError(absl::StrCat("ranks have \"", key, "\" of different dtypes or shapes"));
          for (ShardPiece& p : e.pieces) {
            // What a rank calls whole, and other ranks have too, is taken once.
            const bool again = std::ranges::any_of(
                to.pieces, [&](const ShardPiece& q) { return q.begin == p.begin && q.count == p.count; });
            if (!again) to.pieces.push_back(std::move(p));
          }
        }
      }
      for (auto& [key, e] : whole.tensors)
        std::ranges::sort(e.pieces, [](const ShardPiece& a, const ShardPiece& b) { return a.begin < b.begin; });
      const std::string json = whole.to_json();
      if (const auto checked = ShardIndex::parse(json); !checked.ok()) return checked.status();
      if (absl::Status w = io::write_file(place->file(kIndex), json); !w.ok()) return w;
      if (absl::Status w = rest.save(place->file(kRest)); !w.ok()) return w;
      if (absl::Status w = place->commit(); !w.ok()) return w;
      return io::write_file(absl::StrCat(directory, "/", kLatest), name + "\n");
    }();
    done = s.ok() ? "1" : "0" + message(s);
  }
  done = broadcast_bytes(group, done, 0);
  return done == "1" ? absl::OkStatus() : at_rank(0, done.substr(done.empty() ? 0 : 1));
}

BackgroundSaver::BackgroundSaver(ProcessGroup& group) : group_(group.duplicate()) {}
BackgroundSaver::~BackgroundSaver() = default;

absl::Status BackgroundSaver::save(ShardedCheckpoint checkpoint, const std::string& directory, int64_t step,
                                   io::Checkpoint rest) {
  absl::Status before = wait();
  thread_ = std::make_unique<ThreadGroup>([] {});
  thread_->start("BackgroundSaver", 1, [this, c = std::move(checkpoint), directory, step, r = std::move(rest)](int) {
    try {
      status_ = c.save(*group_, directory, step, r);
    } catch (const std::exception& e) {
      status_ = absl::UnavailableError(e.what());
    }
  });
  return before;
}

absl::Status BackgroundSaver::wait() {
  if (!thread_) return absl::OkStatus();
  thread_->join();
  thread_.reset();
  return std::exchange(status_, absl::OkStatus());
}

absl::StatusOr<ShardedReader> ShardedReader::open(const std::string& directory) {
  std::string path = directory;
  bool named = false;
  if (const auto latest = io::read_file(absl::StrCat(directory, "/", kLatest), 256); latest.ok()) {
    std::string name = *latest;
    while (!name.empty() && name.back() == '\n') name.pop_back();
    if (name.rfind("step-", 0) != 0 || name.find('/') != std::string::npos)
      return absl::InvalidArgumentError(absl::StrCat(directory, "/", kLatest, " names no checkpoint"));
    path = absl::StrCat(directory, "/", name);
    named = true;
  } else if (!absl::IsNotFound(latest.status())) {
    return latest.status();
  }
  // Another process may replace the directory meanwhile, or may have been killed while it did.
  ShardedReader out;
  bool indexed = false;
  const absl::Status s = io::with_directory(path, [&](const std::string& at) {
    out = ShardedReader();
    out.path_ = path;
    return out.read(at, indexed);
  });
  // There is a checkpoint, and a part of it is missing.
  if (absl::IsNotFound(s) && (named || indexed)) return absl::DataLossError(s.message());
  if (!s.ok()) return s;
  return out;
}

absl::Status ShardedReader::read(const std::string& directory, bool& indexed) {
  const auto json = io::read_file(absl::StrCat(directory, "/", kIndex), kMaxIndex);
  indexed = json.ok();
  if (!json.ok()) return json.status();
  auto index = ShardIndex::parse(*json);
  if (!index.ok()) return io::with_path(absl::StrCat(path_, "/", kIndex), index.status());
  index_ = *std::move(index);
  for (const std::string& f : index_.files()) {
    auto file = io::load_safetensors(absl::StrCat(directory, "/", f));
    if (!file.ok()) return file.status();
    files_[f] = *std::move(file);
  }
  for (const auto& [name, e] : index_.tensors) {
    for (const ShardPiece& p : e.pieces) {
      const auto& tensors = files_[p.file].tensors;
      const auto t = tensors.find(p.key);
      if (t == tensors.end() || t->second.dtype() != e.dtype || t->second.dim() != 1 || t->second.numel() != p.count)
        return absl::InvalidArgumentError(absl::StrCat(path_, "/", p.file, ": expected ", traits(e.dtype).name, " [",
                                                       p.count, "] as \"", p.key, "\""));
    }
  }
  auto rest = io::Checkpoint::load(absl::StrCat(directory, "/", kRest));
  if (!rest.ok()) return rest.status();
  rest_ = *std::move(rest);
  return absl::OkStatus();
}

absl::StatusOr<Tensor> ShardedReader::elements(const std::string& name, int64_t begin, int64_t count) const {
  const auto it = index_.tensors.find(name);
  if (it == index_.tensors.end()) return absl::NotFoundError(absl::StrCat(path_, ": there is no \"", name, "\""));
  const ShardedEntry& e = it->second;
  const int64_t n = e.shape.numel();
  if (begin < 0 || count < 0 || begin > n || count > n - begin)
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": \"", name, "\" has ", n, " elements, not ", count, " from ", begin, " on"));
  Tensor out = empty({count}, {.dtype = e.dtype, .device = kCpu});
  for (const ShardPiece& p : e.pieces) {
    const int64_t from = std::max(begin, p.begin), to = std::min(begin + count, p.begin + p.count);
    if (from >= to) continue;
    const Tensor& t = files_.at(p.file).tensors.at(p.key);
    out.narrow(0, from - begin, to - from) = t.narrow(0, from - p.begin, to - from);
  }
  return out;
}

absl::StatusOr<Tensor> ShardedReader::tensor(const std::string& name) const {
  const auto it = index_.tensors.find(name);
  if (it == index_.tensors.end()) return absl::NotFoundError(absl::StrCat(path_, ": there is no \"", name, "\""));
  const auto flat = elements(name, 0, it->second.shape.numel());
  if (!flat.ok()) return flat;
  return flat->reshape(it->second.shape);
}

// The names below "name/", and their whole names.
std::map<std::string, std::string> ShardedReader::named(const std::string& name) const {
  std::map<std::string, std::string> out;
  const std::string prefix = name + "/";
  for (auto it = index_.tensors.lower_bound(prefix); it != index_.tensors.end() && it->first.rfind(prefix, 0) == 0;
       ++it)
    out[it->first.substr(prefix.size())] = it->first;
  return out;
}

absl::Status ShardedReader::get(const std::string& name, nn::ModuleBase& module) const {
  const auto names = named(name);
  if (names.empty()) return absl::NotFoundError(absl::StrCat(path_, ": there is no \"", name, "\""));
  nn::StateDict state;
  for (const auto& [key, whole] : names) {
    auto t = tensor(whole);
    if (!t.ok()) return t.status();
    state[key] = *std::move(t);
  }
  try {
    module.load_state_dict(state);
  } catch (const Error& e) {
    return absl::InvalidArgumentError(absl::StrCat(path_, ": \"", name, "\": ", e.what()));
  }
  return absl::OkStatus();
}

absl::Status ShardedReader::get_elements(const std::string& name, const Load& load) const {
  const auto names = named(name);
  if (names.empty()) return absl::NotFoundError(absl::StrCat(path_, ": there is no \"", name, "\""));
  std::map<std::string, Shape> shapes;
  for (const auto& [key, whole] : names) shapes[key] = index_.tensors.at(whole).shape;
  try {
    load(shapes, [&](const std::string& key, int64_t begin, int64_t count) {
      auto t = elements(names.at(key), begin, count);
      if (!t.ok()) fail(ErrorKind::kIo, message(t.status()));
      return *std::move(t);
    });
  } catch (const Error& e) {
    return absl::InvalidArgumentError(absl::StrCat(path_, ": \"", name, "\": ", e.what()));
  }
  return absl::OkStatus();
}

absl::Status ShardedReader::get(const std::string& name, ZeroOptimizer& optimizer) const {
  return get_elements(name, [&](const auto& shapes, const auto& read) { optimizer.load(shapes, read); });
}
absl::Status ShardedReader::get(const std::string& name, FullyShard& module) const {
  return get_elements(name, [&](const auto& shapes, const auto& read) { module.load(shapes, read); });
}
absl::Status ShardedReader::get(const std::string& name, const FullyShard& module, optim::Optimizer& optimizer) const {
  return get_elements(name, [&](const auto& shapes, const auto& read) { module.load(optimizer, shapes, read); });
}

}  // namespace hearth::distributed
