#include "serve/repository/repository.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/device/default_device.h"
#include "serve/base/clock.h"
#include "serve/repository/model_config.h"
#include "serve/repository/warm_up.h"

namespace hearth::serve {
namespace {

namespace fs = std::filesystem;

// A text that changes when a file of the version, or the model's config.json, is written.
std::string fingerprint_of(const std::string& directory) {
  std::string print = "files:";  // never empty: an empty fingerprint stands for "not loaded"
  std::error_code error;
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    files.push_back(it->path().string());
  files.push_back((fs::path(directory).parent_path() / "config.json").string());
  std::sort(files.begin(), files.end());
  for (const std::string& f : files) {
    struct stat s {};
    if (stat(f.c_str(), &s) != 0) continue;
    print += concat(fs::path(f).lexically_relative(directory).string(), ":", s.st_ino, ":", s.st_size, ":",
                    s.st_mtim.tv_sec, ".", s.st_mtim.tv_nsec, ";");
  }
  return print;
}

constexpr int kReadAgain = 3;
constexpr std::chrono::milliseconds kLook{100};  // how often late requests are looked for

// False if it cannot be read, as a symbolic link to itself.
bool is_directory_at(const fs::directory_entry& e) {
  std::error_code error;
  return e.is_directory(error) && !error;
}

ModelConfig defaults(const RepositoryOptions& o) { return {o.scheduler, o.versions, o.warmup}; }

// An exception (out of memory, most likely) must not end the thread.
template <class Work>
void guarded(const char* what, const Work& work) {
  try {
    work();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "hearth: %s: %s\n", what, e.what());
  }
}

}  // namespace

bool is_model_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

std::optional<int64_t> parse_version(std::string_view text) {
  int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size() || v < 1 || text[0] == '0' || text[0] == '+') return {};
  return v;
}

Repository::Repository(const RepositoryOptions& options) : options_(options), threads_([this] { stop(); }) {}

absl::StatusOr<std::unique_ptr<Repository>> Repository::open(const RepositoryOptions& options) {
  if (options.versions < 1 || options.versions > 1000) {
    return absl::InvalidArgumentError(
        concat("the number of versions that answer must be from 1 to 1000, but is ", options.versions));
  }
  try {
    Scheduler::checked(options.scheduler);
  } catch (const Error& e) {
    return absl::InvalidArgumentError(e.what());
  }
  std::unique_ptr<Repository> r(new Repository(options));
  std::error_code error;
  fs::directory_iterator it(options.directory, error);
  if (error) {
    return absl::NotFoundError(
        concat("the model repository ", options.directory, " cannot be read: ", error.message()));
  }
  std::vector<std::string> names;
  for (const fs::directory_iterator end; !error && it != end; it.increment(error)) {
    if (is_model_name(it->path().filename().string()) && is_directory_at(*it))
      names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  for (const std::string& n : names) r->refresh(n).IgnoreError();
  try {
    r->begin();
  } catch (const Error& e) {
    return absl::ResourceExhaustedError(e.what());
  }
  return r;
}

std::unique_ptr<Repository> Repository::of(const std::string& name, std::shared_ptr<const Servable> servable,
                                           const SchedulerOptions& options) {
  HEARTH_CHECK(is_model_name(name), "\"", name, "\" is not a valid name of a model");
  std::unique_ptr<Repository> r(new Repository({}));
  auto model = std::make_shared<Model>();
  model->name = name;
  model->version = 1;
  model->servable = std::move(servable);
  model->stats = r->stats_of(name, 1);
  model->scheduler = std::make_unique<Scheduler>(model->servable, options, model->stats);
  {
    const MutexLock lock(r->mutex_);
    Entry& entry = r->entries_[name];
    entry.answered = true;
    entry.versions[1] = {VersionState::kReady, "", "", std::move(model)};
  }
  r->begin();
  return r;
}

void Repository::begin() {
  threads_.start("the model repository", 2, [this](int i) { i == 0 ? expire() : watch(); });
}

void Repository::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  stop_.notify_all();
}

// The threads end first; then the schedulers' destructors answer the jobs that wait.
Repository::~Repository() = default;

std::shared_ptr<ModelStats> Repository::stats_of(const std::string& name, int64_t version) {
  const MutexLock lock(mutex_);
  auto& s = stats_[{name, version}];
  if (!s) s = std::make_shared<ModelStats>();
  return s;
}

absl::StatusOr<ModelPtr> Repository::find(std::string_view name, int64_t version) const {
  const MutexLock lock(mutex_);
  const auto at = entries_.find(name);
  if (at == entries_.end()) return absl::NotFoundError(concat("there is no model \"", name, "\""));
  const auto& versions = at->second.versions;
  if (version > 0) {
    const auto v = versions.find(version);
    if (v == versions.end() || !v->second.model) {
      return absl::NotFoundError(concat("version ", version, " of the model \"", name, "\" is not loaded",
                                        v != versions.end() && !v->second.reason.empty() ? ": " : "",
                                        v != versions.end() ? v->second.reason : ""));
    }
    return v->second.model;
  }
  for (auto v = versions.rbegin(); v != versions.rend(); ++v) {
    if (v->second.model) return v->second.model;
  }
  return absl::NotFoundError(concat("no version of the model \"", name, "\" is loaded"));
}

std::vector<ModelPtr> Repository::models() const {
  const MutexLock lock(mutex_);
  std::vector<ModelPtr> all;
  for (const auto& [name, entry] : entries_) {
    for (const auto& [number, version] : entry.versions) {
      if (version.model) all.push_back(version.model);
    }
  }
  return all;
}

std::vector<IndexEntry> Repository::index() const {
  const MutexLock lock(mutex_);
  std::vector<IndexEntry> all;
  for (const auto& [name, entry] : entries_) {
    for (const auto& [number, v] : entry.versions) all.push_back({name, number, v.state, v.reason});
    if (entry.versions.empty())
      all.push_back(
          {name, 0, VersionState::kUnavailable, entry.unloaded ? "unloaded" : "its directory has no version"});
  }
  return all;
}

std::vector<std::pair<std::pair<std::string, int64_t>, std::shared_ptr<const ModelStats>>> Repository::stats() const {
  const MutexLock lock(mutex_);
  return {stats_.begin(), stats_.end()};
}

bool Repository::ready() const {
  const MutexLock lock(mutex_);
  bool any = false, all = true;
  for (const auto& [name, entry] : entries_) {
    const bool answers = std::any_of(entry.versions.begin(), entry.versions.end(),
                                     [](const auto& v) { return v.second.model != nullptr; });
    any |= answers || entry.unloaded;
    all &= answers || entry.unloaded || !entry.answered;
  }
  return all && (any || entries_.empty());
}

absl::StatusOr<ModelPtr> Repository::make(const std::string& name, int64_t version, const std::string& directory) {
  const auto config = read_model_config(fs::path(directory).parent_path().string(), defaults(options_));
  if (!config.ok()) return config.status();
  try {
    auto servable = load_servable(directory);
    if (!servable.ok()) return servable.status();
    const std::vector<Device>& devices = config->scheduler.devices;
    if (!devices.empty()) {
      if (absl::Status s = (*servable)->place(devices); !s.ok()) return s;
    }
    auto model = std::make_shared<Model>();
    model->name = name;
    model->version = version;
    model->servable = *std::move(servable);
    SchedulerOptions scheduler = Scheduler::checked(config->scheduler);
    if (config->warmup) {
      // The first device says which batch is best; the others are tried with it.
      for (size_t i = 0; i < std::max<size_t>(devices.size(), 1); ++i) {
        const DefaultDevice here(devices.empty() ? kCpu : devices[i]);
        const auto batch = warm_up(*model->servable, scheduler.max_batch_size, scheduler.threads_per_instance);
        if (!batch.ok()) return batch.status();
        scheduler.max_batch_size = *batch;
      }
    }
    model->stats = stats_of(name, version);
    model->scheduler = std::make_unique<Scheduler>(model->servable, scheduler, model->stats);
    return model;
  } catch (const std::exception& e) {
    return absl::InternalError(e.what());
  }
}

// Requests that found the model before may still submit jobs: sweep() frees it when nobody else holds it.
void Repository::retire(Version& v) {
  if (v.model) retired_.push_back(std::exchange(v.model, nullptr));
}

absl::Status Repository::refresh(const std::string& name) {
  const MutexLock one(loading_);
  try {
    return refresh_locked(name);
  } catch (const std::exception& e) {
    return absl::InternalError(concat(name, ": ", e.what()));
  }
}

absl::Status Repository::refresh_locked(const std::string& name) {
  const std::string directory = options_.directory + "/" + name;
  std::map<int64_t, std::string> present;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (const auto v = parse_version(it->path().filename().string()); v && is_directory_at(*it))
      present[*v] = it->path().string();
  }
  if (error) {
    const MutexLock lock(mutex_);
    if (const auto at = entries_.find(name); at != entries_.end()) {
      for (auto& [number, v] : at->second.versions) retire(v);
      entries_.erase(at);
    }
    changed_.notify_all();
    return absl::NotFoundError(concat(directory, ": ", error.message()));
  }
  const auto config = read_model_config(directory, defaults(options_));
  const int keep = config.ok() ? config->versions : options_.versions;
  {
    const MutexLock lock(mutex_);
    entries_[name].unloaded = false;
  }
  // The newest first; an older version answers in place of one that cannot be loaded.
  absl::Status newest = absl::OkStatus();
  int serving = 0;
  std::vector<int64_t> kept;
  for (auto it = present.rbegin(); it != present.rend() && serving < keep; ++it) {
    const auto& [number, path] = *it;
    std::string print = fingerprint_of(path);
    kept.push_back(number);
    {
      const MutexLock lock(mutex_);
      Version& v = entries_[name].versions[number];
      if (v.fingerprint == print) {
        if (v.model) ++serving;
        else if (it == present.rbegin()) newest = absl::FailedPreconditionError(v.reason);
        continue;
      }
      v.state = v.model ? v.state : VersionState::kLoading;
    }
    absl::StatusOr<ModelPtr> model = make(name, number, path);
    // Files that changed during loading may be a mixture of two versions.
    std::string after = fingerprint_of(path);
    for (int again = 0; after != print && again < kReadAgain; ++again) {
      print = after;
      model = make(name, number, path);
      after = fingerprint_of(path);
    }
    if (after != print) model = absl::AbortedError(concat(path, ": its files change while they are loaded"));
    const MutexLock lock(mutex_);
    Version& v = entries_[name].versions[number];
    v.fingerprint = after == print ? print : "";
    if (model.ok()) {
      retire(v);
      v.model = *std::move(model);
      v.state = VersionState::kReady;
      entries_[name].answered = true;
      v.reason.clear();
      ++serving;
    } else {
      v.reason = std::string(model.status().message());
      if (v.model) {
        ++serving;  // the model from before the files changed
      } else {
        v.state = VersionState::kUnavailable;
      }
      if (it == present.rbegin()) newest = model.status();
    }
  }
  const MutexLock lock(mutex_);
  Entry& entry = entries_[name];
  for (auto it = entry.versions.begin(); it != entry.versions.end();) {
    if (std::find(kept.begin(), kept.end(), it->first) != kept.end()) {
      ++it;
    } else {
      retire(it->second);
      it = entry.versions.erase(it);
    }
  }
  changed_.notify_all();
  if (serving == 0 && newest.ok()) return absl::NotFoundError(concat(directory, " has no version"));
  return newest;
}

absl::Status Repository::load(const std::string& name) {
  if (!is_model_name(name)) return absl::InvalidArgumentError(concat("\"", name, "\" is not a valid name of a model"));
  if (options_.directory.empty()) return absl::FailedPreconditionError("this server has no model repository");
  {
    // Try again what failed before.
    const MutexLock lock(mutex_);
    if (const auto at = entries_.find(name); at != entries_.end()) {
      for (auto& [number, v] : at->second.versions) {
        if (!v.reason.empty()) v.fingerprint.clear();
      }
    }
  }
  return refresh(name);
}

absl::Status Repository::unload(const std::string& name) {
  const MutexLock one(loading_);
  const MutexLock lock(mutex_);
  const auto at = entries_.find(name);
  if (at == entries_.end() || at->second.versions.empty())
    return absl::NotFoundError(concat("no version of the model \"", name, "\" is loaded"));
  for (auto& [number, v] : at->second.versions) retire(v);
  at->second.versions.clear();
  at->second.unloaded = true;
  changed_.notify_all();
  return absl::OkStatus();
}

// Frees the retired models that nobody uses any more.
void Repository::sweep() {
  std::vector<ModelPtr> free;
  {
    const MutexLock lock(mutex_);
    std::erase_if(retired_, [&](ModelPtr& m) {
      if (m.use_count() > 1) return false;
      free.push_back(std::move(m));
      return true;
    });
  }
  // `free` is destroyed here, without the lock: a scheduler's destructor waits for the batch that it runs.
}

void Repository::expire() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    lock.wait_for(stop_, kLook);
    if (stopping_) return;
    std::vector<ModelPtr> all = retired_;
    lock.unlock();
    guarded("late requests were not answered", [&] {
      for (const ModelPtr& m : models()) all.push_back(m);
      for (const ModelPtr& m : all) m->scheduler->expire();
    });
    all.clear();
    lock.lock();
  }
}

void Repository::watch() {
  Clock::time_point next = Clock::now() + options_.poll;
  MutexLock lock(mutex_);
  while (!stopping_) {
    lock.wait_for(changed_, retired_.empty() ? kLook : kLook / 5);
    if (stopping_) return;
    lock.unlock();
    guarded("the model repository was not read", [&] {
      sweep();
      if (options_.poll.count() > 0 && Clock::now() >= next) {
        poll();
        next = Clock::now() + options_.poll;
      }
    });
    lock.lock();
  }
}

// Refreshes every model that is in the directory or was.
void Repository::poll() {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(options_.directory, error), end; !error && it != end; it.increment(error)) {
    const std::string n = it->path().filename().string();
    if (is_model_name(n) && is_directory_at(*it)) names.push_back(n);
  }
  for (const IndexEntry& e : index()) names.push_back(e.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& n : names) {
    {
      const MutexLock guard(mutex_);
      const auto at = entries_.find(n);
      if (stopping_) return;
      if (at != entries_.end() && at->second.unloaded) continue;
    }
    refresh(n).IgnoreError();
  }
}

}  // namespace hearth::serve
