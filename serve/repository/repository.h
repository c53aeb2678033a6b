// Repository: the exported models in `<directory>/<model>/<version>/`, and which of their versions answer requests.
//
// A new version is loaded and tried before it takes over. The old one answers the requests that it has accepted and is
// then freed. A version that cannot be loaded is listed with the reason, and the version from before goes on answering.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/mutex.h"
#include "core/base/threads.h"
#include "serve/model/servable.h"
#include "serve/schedule/scheduler.h"
#include "serve/schedule/stats.h"

namespace hearth::serve {

/// A version that answers requests.
struct Model {
  std::string name;
  int64_t version = 0;
  std::shared_ptr<const Servable> servable;
  std::shared_ptr<ModelStats> stats;
  std::unique_ptr<Scheduler> scheduler;
};
using ModelPtr = std::shared_ptr<Model>;

struct RepositoryOptions {
  std::string directory;
  // Of models whose config.json does not say otherwise (serve/repository/model_config.h).
  SchedulerOptions scheduler;
  int versions = 1;    // how many of the newest versions answer, 1 to 1000
  bool warmup = true;  // try a version before it answers requests
  // How often to look for new, changed and removed models and versions. 0: only load() does.
  std::chrono::milliseconds poll{0};
};

/// States of Triton's repository extension.
enum class VersionState : uint8_t { kReady, kUnavailable, kLoading, kUnloading };
inline constexpr const char* kVersionStateNames[] = {"READY", "UNAVAILABLE", "LOADING", "UNLOADING"};

/// A version in the repository, whether it answers or not.
struct IndexEntry {
  std::string name;
  int64_t version = 0;  // 0: the model has no version
  VersionState state = VersionState::kUnavailable;
  std::string reason;
};

/// Thread-safe.
class Repository {
 public:
  /// Loads the models in the directory. kNotFound if it cannot be read, kInvalidArgument if an option is out of range,
  /// kResourceExhausted if the system refuses a thread. A model that cannot be loaded is no error: see index().
  static absl::StatusOr<std::unique_ptr<Repository>> open(const RepositoryOptions& options);
  /// A repository of one model of this program, as version 1. Throws Error if an option or the name is not valid, or
  /// the system refuses a thread.
  static std::unique_ptr<Repository> of(const std::string& name, std::shared_ptr<const Servable> servable,
                                        const SchedulerOptions& options = {});
  /// Answers the requests that were accepted.
  ~Repository();

  /// The model's version; 0: the newest that answers. kNotFound names what is missing.
  absl::StatusOr<ModelPtr> find(std::string_view name, int64_t version = 0) const;
  /// All versions that answer, sorted by name and version.
  std::vector<ModelPtr> models() const;
  /// All models and versions, sorted by name and version.
  std::vector<IndexEntry> index() const;
  /// The statistics of every version that was ever loaded, by name and version.
  std::vector<std::pair<std::pair<std::string, int64_t>, std::shared_ptr<const ModelStats>>> stats() const;
  /// Whether at least one model answers, and every model that ever answered and was not unloaded still does. A new
  /// model, or one that could never be loaded, does not make a server unready.
  bool ready() const;

  /// Reads the model's directory again: loads new and changed versions and drops the removed ones. An error if no
  /// version answers then, or if the newest could not be loaded (older ones go on answering).
  absl::Status load(const std::string& name);
  /// Drops the model: find() says kNotFound from now on. kNotFound if no version is loaded.
  absl::Status unload(const std::string& name);

 private:
  struct Version {
    VersionState state = VersionState::kLoading;
    std::string reason, fingerprint;
    ModelPtr model;
  };
  struct Entry {
    std::map<int64_t, Version> versions;
    bool unloaded = false;  // by request: polling does not load it again
    bool answered = false;  // some version was ready once
  };

  explicit Repository(const RepositoryOptions& options);
  absl::Status refresh(const std::string& name);
  absl::Status refresh_locked(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(loading_);
  absl::StatusOr<ModelPtr> make(const std::string& name, int64_t version, const std::string& directory);
  void retire(Version& version) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void begin();
  void stop();
  void expire();
  void watch();
  void poll();
  void sweep();
  std::shared_ptr<ModelStats> stats_of(const std::string& name, int64_t version);

  const RepositoryOptions options_;
  Mutex loading_;  // one at a time loads or unloads
  mutable Mutex mutex_;
  std::condition_variable changed_, stop_;
  std::map<std::pair<std::string, int64_t>, std::shared_ptr<ModelStats>> stats_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Entry, std::less<>> entries_ ABSL_GUARDED_BY(mutex_);
  std::vector<ModelPtr> retired_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // One answers late requests and does nothing else, so that they never wait while a model is loaded. The other looks
  // for new versions and frees old ones.
  ThreadGroup threads_;
};

/// Whether a model may have this name: letters, digits, '.', '_' and '-', at most 128, not beginning with '.'.
bool is_model_name(std::string_view name);
/// A version's number; nothing if the text is not one: decimal digits without leading zeros, 1 to 2^63 - 1.
std::optional<int64_t> parse_version(std::string_view text);

}  // namespace hearth::serve
