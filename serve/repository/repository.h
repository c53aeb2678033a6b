// Repository: the exported models in `<directory>/<model>/<version>/`, and which of their versions answer requests.
//
// A new version is loaded and tried before it takes over. The old one answers the requests that it has accepted and is
// then freed. A version that cannot be loaded is listed with the reason, and the version from before keeps answering.
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
  std::string name;                          ///< The model's name.
  int64_t version = 0;                       ///< The version's number.
  std::shared_ptr<const Servable> servable;  ///< What runs.
  std::shared_ptr<ModelStats> stats;         ///< Its statistics, which outlive it.
  std::unique_ptr<Scheduler> scheduler;      ///< Its queue, to which requests are submitted.
};
/// A version that answers requests. Whoever holds it may use it, even after the repository has dropped the version.
using ModelPtr = std::shared_ptr<Model>;

/// Options of Repository::open(). Those from `scheduler` to `warmup` are for models whose config.json does not say
/// otherwise (serve/repository/model_config.h).
struct RepositoryOptions {
  /// The directory of the models, `<directory>/<model>/<version>/`.
  std::string directory;
  /// Batching, instances and queues.
  SchedulerOptions scheduler;
  /// How many of the newest versions of a model answer, 1 to 1000.
  int versions = 1;
  /// Whether to try a version before it answers requests (warm_up).
  bool warmup = true;
  /// How often to look for new, changed and removed models and versions. 0: only load() does.
  std::chrono::milliseconds poll{0};
};

/// The states of a version in Triton's repository extension.
enum class VersionState : uint8_t {
  kReady,        ///< It answers requests.
  kUnavailable,  ///< It does not.
  kLoading,      ///< It is being loaded and does not answer yet.
};
/// The names that Triton's extension has for the values of VersionState, in the order of the enum.
inline constexpr const char* kVersionStateNames[] = {"READY", "UNAVAILABLE", "LOADING"};

/// A version in the repository, whether it answers or not.
struct IndexEntry {
  std::string name;                                 ///< The model's name.
  int64_t version = 0;                              ///< The version's number; 0 if the model has no version.
  VersionState state = VersionState::kUnavailable;  ///< What it does.
  /// Why it does not answer, or why its changed files could not be loaded while it still answers as before; else empty.
  std::string reason;
};

/// The models of a directory, or one model of this program. Thread-safe.
class Repository {
 public:
  /// Loads the models in the directory. kNotFound if it cannot be read, kInvalidArgument if an option is out of range,
  /// kResourceExhausted if the system refuses a thread. A model that cannot be loaded is not an error: index() gives
  /// the reason. Names that are not model names (is_model_name) or version numbers (parse_version) are ignored.
  static absl::StatusOr<std::unique_ptr<Repository>> open(const RepositoryOptions& options);
  /// A repository of one model of this program, as version 1. Throws Error if an option or the name is not valid, or
  /// the system refuses a thread.
  static std::unique_ptr<Repository> of(const std::string& name, std::shared_ptr<const Servable> servable,
                                        const SchedulerOptions& options = {});
  /// Runs and answers the requests that were queued.
  ~Repository();

  /// A version that answers, by its number; 0 means the newest that answers. kNotFound names what is missing.
  absl::StatusOr<ModelPtr> find(std::string_view name, int64_t version = 0) const;
  /// All versions that answer, sorted by name and version.
  std::vector<ModelPtr> models() const;
  /// All models and versions, also those that do not answer, sorted by name and version.
  std::vector<IndexEntry> index() const;
  /// The statistics of every version that was ever loaded, by name and version.
  std::vector<std::pair<std::pair<std::string, int64_t>, std::shared_ptr<const ModelStats>>> stats() const;
  /// Whether at least one model answers, and every model that ever answered and was not unloaded still does. A new
  /// model, or one that could never be loaded, does not make a server unready.
  bool ready() const;

  /// Reads the model's directory again: loads new, changed and failed versions and drops those that were removed or are
  /// too old. Returns when that is done; one thread at a time loads or unloads. The error of the newest version if that
  /// could not be loaded (older ones keep answering); kNotFound if there is no directory or no version in it,
  /// kInvalidArgument if the name is not one of a model, kFailedPrecondition if the repository has no directory.
  absl::Status load(const std::string& name);
  /// Drops the model: find() says kNotFound from now on, and requests that were accepted are still answered. It stays
  /// unloaded until load(). kNotFound if index() lists no version of it.
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
