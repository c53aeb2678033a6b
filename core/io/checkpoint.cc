#include "core/io/checkpoint.h"

#include <algorithm>
#include <bit>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "core/ops/create.h"

namespace hearth::io {
namespace {

constexpr const char* kVersionKey = "hearth.checkpoint";
constexpr const char* kVersion = "1";
constexpr const char* kEntryPrefix = "entry/";

constexpr const char* kModule = "module";
constexpr const char* kOptimizer = "optimizer";
constexpr const char* kScheduler = "scheduler";
constexpr const char* kAverages = "averages";
constexpr const char* kLoader = "data_loader";  // epoch, sample, examples of the dataset
constexpr const char* kBatchLoader = "loader";  // epoch, batch, batches: as files had it before samples were counted
constexpr const char* kGenerator = "generator";
constexpr const char* kTensors = "tensors";
constexpr const char* kTensor = "tensor";
constexpr const char* kInteger = "integer";
constexpr const char* kNumber = "number";
constexpr const char* kText = "text";
constexpr const char* kNumbers = "numbers";

// What a kind's tensors must be; kinds with tensors of any number and name have rank -1.
struct Kind {
  const char* name;
  DType dtype = DType::kF32;
  int rank = -1;
  int64_t size = -1;  // of rank 1; -1: any
};
constexpr Kind kKinds[] = {
    {kModule},
    {kOptimizer},
    {kAverages},
    {kTensors},
    {kTensor, DType::kF32, -2},
    {kScheduler, DType::kI64, 0},
    {kLoader, DType::kI64, 1, 3},
    {kBatchLoader, DType::kI64, 1, 3},
    {kGenerator, DType::kI64, 1, 2},
    {kInteger, DType::kI64, 0},
    {kNumber, DType::kF64, 0},
    {kText, DType::kU8, 1},
    {kNumbers, DType::kF64, 1},
};

// Whatever the default device is.
const TensorOptions kHere{.device = kCpu};

Tensor integers(const std::vector<int64_t>& v) { return from_values(v, {static_cast<int64_t>(v.size())}, kHere); }

}  // namespace

void Checkpoint::add(const std::string& name, const char* kind, const Tensors& tensors) {
  HEARTH_CHECK(!name.empty() && name.find('/') == std::string::npos,
               "checkpoint: a name must not be empty or contain '/', but is '", name, "'");
  Entry e{kind, {}};
  for (const auto& [n, t] : tensors) {
    HEARTH_CHECK(t.defined(), "checkpoint: '", name, "' has an undefined tensor '", n, "'");
    const Tensor own = t.detach().to(kCpu);
    e.tensors[n] = own.is(t) || own.impl()->storage.get() == t.impl()->storage.get() ? own.clone() : own;
  }
  entries_[name] = std::move(e);
}

void Checkpoint::put(const std::string& name, nn::ModuleBase& module) { add(name, kModule, module.state_dict()); }
void Checkpoint::put(const std::string& name, optim::Optimizer& o) { add(name, kOptimizer, o.state_dict()); }
void Checkpoint::put(const std::string& name, const optim::Scheduler& s) {
  add(name, kScheduler, {{"", from_values(std::vector<int64_t>{s.current_step()}, {}, kHere)}});
}
void Checkpoint::put(const std::string& name, const optim::EMA& a) { add(name, kAverages, a.state_dict()); }
void Checkpoint::put(const std::string& name, const data::DataLoader& l) {
  const data::LoaderState s = l.state();
  add(name, kLoader, {{"", integers({s.epoch, s.sample, l.dataset()->size()})}});
}
void Checkpoint::put(const std::string& name, const Generator& g) {
  const GeneratorState s = g.state();
  add(name, kGenerator, {{"", integers({std::bit_cast<int64_t>(s.seed), std::bit_cast<int64_t>(s.offset)})}});
}
void Checkpoint::put(const std::string& name, const Tensors& tensors) { add(name, kTensors, tensors); }
void Checkpoint::put(const std::string& name, const Tensor& tensor) { add(name, kTensor, {{"", tensor}}); }

void Checkpoint::set_integer(const std::string& name, int64_t v) {
  add(name, kInteger, {{"", from_values(std::vector<int64_t>{v}, {}, kHere)}});
}
void Checkpoint::set_number(const std::string& name, double v) {
  add(name, kNumber, {{"", from_values(std::vector<double>{v}, {}, kHere)}});
}
void Checkpoint::set(const std::string& name, const std::string& v) {
  add(name, kText,
      {{"", from_values(std::vector<uint8_t>(v.begin(), v.end()), {static_cast<int64_t>(v.size())}, kHere)}});
}
void Checkpoint::set(const std::string& name, const std::vector<double>& v) {
  add(name, kNumbers, {{"", from_values(v, {static_cast<int64_t>(v.size())}, kHere)}});
}

absl::StatusOr<const Checkpoint::Tensors*> Checkpoint::find(const std::string& name, const char* kind) const {
  const auto it = entries_.find(name);
  if (it == entries_.end()) return absl::NotFoundError(absl::StrCat(path_, " has no entry '", name, "'"));
  if (it->second.kind != kind)
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": '", name, "' is of the kind ", it->second.kind, ", not ", kind));
  return &it->second.tensors;
}

template <class F>
absl::Status Checkpoint::restore(const std::string& name, const char* kind, F f) const {
  const absl::StatusOr<const Tensors*> tensors = find(name, kind);
  if (!tensors.ok()) return tensors.status();
  try {
    f(**tensors);
  } catch (const Error& e) {
    return absl::InvalidArgumentError(absl::StrCat(path_, ": '", name, "': ", e.what()));
  }
  return absl::OkStatus();
}

absl::Status Checkpoint::get(const std::string& name, nn::ModuleBase& module) const {
  return restore(name, kModule, [&](const Tensors& t) {
    // A module takes weights of any dtype; going on in the same bits needs its own.
    std::string wrong;
    for (const auto& [n, own] : module.state_dict()) {
      const auto it = t.find(n);
      if (it != t.end() && it->second.dtype() != own.dtype())
        wrong += concat(wrong.empty() ? "" : "; ", n, " is ", it->second.dtype(), ", expected ", own.dtype());
    }
    HEARTH_CHECK(wrong.empty(), "the state does not fit: ", wrong);
    module.load_state_dict(t);
  });
}
absl::Status Checkpoint::get(const std::string& name, optim::Optimizer& o) const {
  return restore(name, kOptimizer, [&](const Tensors& t) { o.load_state_dict(t); });
}
absl::Status Checkpoint::get(const std::string& name, optim::Scheduler& s) const {
  return restore(name, kScheduler, [&](const Tensors& t) { s.set_step(t.at("").item<int64_t>()); });
}
absl::Status Checkpoint::get(const std::string& name, optim::EMA& a) const {
  return restore(name, kAverages, [&](const Tensors& t) { a.load_state_dict(t); });
}
absl::Status Checkpoint::get(const std::string& name, data::DataLoader& l) const {
  const auto it = entries_.find(name);
  if (it != entries_.end() && it->second.kind == kBatchLoader) {
    return restore(name, kBatchLoader, [&](const Tensors& t) {
      const std::vector<int64_t> v = t.at("").to_vector<int64_t>();
      HEARTH_CHECK(v[2] == l.batches(), "the state counts batches and is of a loader of ", v[2],
                   " batches, but this one has ", l.batches(), "; restore it into a loader of the same batch size");
      l.set_state(l.state_at(v[0], v[1]));
    });
  }
  return restore(name, kLoader, [&](const Tensors& t) {
    const std::vector<int64_t> v = t.at("").to_vector<int64_t>();
    HEARTH_CHECK(v[2] == l.dataset()->size(), "the state is of a loader of ", v[2], " examples, but this one has ",
                 l.dataset()->size());
    l.set_state({v[0], v[1]});
  });
}
absl::Status Checkpoint::get(const std::string& name, Generator& g) const {
  return restore(name, kGenerator, [&](const Tensors& t) {
    const std::vector<int64_t> v = t.at("").to_vector<int64_t>();
    g.set_state({std::bit_cast<uint64_t>(v[0]), std::bit_cast<uint64_t>(v[1])});
  });
}
absl::Status Checkpoint::get(const std::string& name, Tensors& tensors) const {
  return restore(name, kTensors, [&](const Tensors& t) { tensors = t; });
}
absl::Status Checkpoint::get(const std::string& name, Tensor& tensor) const {
  return restore(name, kTensor, [&](const Tensors& t) { tensor = t.at(""); });
}
absl::Status Checkpoint::get(const std::string& name, int64_t& value) const {
  return restore(name, kInteger, [&](const Tensors& t) { value = t.at("").item<int64_t>(); });
}
absl::Status Checkpoint::get(const std::string& name, double& value) const {
  return restore(name, kNumber, [&](const Tensors& t) { value = t.at("").item<double>(); });
}
absl::Status Checkpoint::get(const std::string& name, std::string& value) const {
  return restore(name, kText, [&](const Tensors& t) {
    const std::vector<uint8_t> bytes = t.at("").to_vector<uint8_t>();
    value.assign(bytes.begin(), bytes.end());
  });
}
absl::Status Checkpoint::get(const std::string& name, std::vector<double>& values) const {
  return restore(name, kNumbers, [&](const Tensors& t) { values = t.at("").to_vector<double>(); });
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> out;
  out.reserve(entries_.size());
  for (const auto& [name, e] : entries_) out.push_back(name);
  return out;
}

absl::Status Checkpoint::save(const std::string& path) const {
  Tensors tensors;
  std::map<std::string, std::string> metadata{{kVersionKey, kVersion}};
  for (const auto& [name, e] : entries_) {
    metadata[kEntryPrefix + name] = e.kind;
    for (const auto& [n, t] : e.tensors) tensors[n.empty() ? name : name + "/" + n] = t;
  }
  return save_safetensors(path, tensors, metadata);
}

absl::StatusOr<Checkpoint> Checkpoint::from(Tensors tensors, const std::map<std::string, std::string>& metadata,
                                            const std::string& path) {
  const auto bad = [&](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a checkpoint: ", what));
  };
  const auto version = metadata.find(kVersionKey);
  if (version == metadata.end()) return bad(absl::StrCat("its metadata has no ", kVersionKey));
  if (version->second != kVersion)
    return absl::UnimplementedError(absl::StrCat(path, ": the checkpoint has the version ", version->second,
                                                 "; this program reads version ", kVersion));
  Checkpoint out;
  out.path_ = path;
  for (const auto& [key, kind] : metadata) {
    if (!key.starts_with(kEntryPrefix)) continue;
    out.entries_[key.substr(std::string_view(kEntryPrefix).size())].kind = kind;
  }
  for (auto& [full, t] : tensors) {
    const size_t slash = full.find('/');
    const std::string name = full.substr(0, slash), part = slash == std::string::npos ? "" : full.substr(slash + 1);
    const auto it = out.entries_.find(name);
    if (it == out.entries_.end()) return bad(absl::StrCat("tensor \"", full, "\" belongs to no entry"));
    it->second.tensors[part] = std::move(t);
  }
  for (const auto& entry : out.entries_) {
    const Entry& e = entry.second;
    const auto wrong = [&](const char* what) {
      return bad(absl::StrCat("entry '", entry.first, "' of the kind ", e.kind, " ", what));
    };
    const auto kind = std::ranges::find(kKinds, e.kind, [](const Kind& k) { return std::string_view(k.name); });
    if (kind == std::end(kKinds)) return wrong("is unknown");
    if (kind->rank == -1) continue;
    if (e.tensors.size() != 1 || !e.tensors.begin()->first.empty())
      return wrong("needs exactly one tensor of its name");
    const Tensor& t = e.tensors.begin()->second;
    if (kind->rank == -2) continue;
    if (t.dtype() != kind->dtype || t.dim() != kind->rank || (kind->size >= 0 && t.size(0) != kind->size))
      return wrong("has a tensor of another dtype or shape");
  }
  return out;
}

absl::StatusOr<Checkpoint> Checkpoint::load(const std::string& path) {
  absl::StatusOr<Safetensors> file = load_safetensors(path);
  if (!file.ok()) return file.status();
  return from(std::move(file->tensors), file->metadata, path);
}

absl::StatusOr<Checkpoint> Checkpoint::parse(std::string_view bytes, const std::string& name) {
  absl::StatusOr<Safetensors> file = parse_safetensors(bytes, name);
  if (!file.ok()) return file.status();
  return from(std::move(file->tensors), file->metadata, name);
}

}  // namespace hearth::io
