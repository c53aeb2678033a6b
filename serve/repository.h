// Repository: the models of a directory, `<directory>/<model>/<version>/` each an exported model, and which of their
// versions answer requests.
//
// A new version is loaded and tried before it takes over; the old one answers what it has accepted and is freed after
// that. A version that cannot be loaded is listed with the reason, and what served before goes on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "serve/scheduler.h"
#include "serve/servable.h"
#include "serve/stats.h"

namespace hearth::serve {

// A version that answers requests.
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
  // What <directory>/<model>/config.json does not say otherwise: an object with any of "max_batch_size",
  // "max_queue_delay_microseconds", "instances", "threads_per_instance", "max_queue_size", "versions" and "warmup".
  SchedulerOptions scheduler;
  int versions = 1;    // how many of the newest versions answer
  bool warmup = true;  // try a version with a batch of one and a full one before it takes over
  // Look every so often for models and versions that came, changed or went. 0: only when load() asks.
  std::chrono::milliseconds poll{0};
};

enum class VersionState : uint8_t { kReady, kUnavailable, kLoading, kUnloading };
inline constexpr const char* kVersionStateNames[] = {"READY", "UNAVAILABLE", "LOADING", "UNLOADING"};

struct IndexEntry {
  std::string name;
  int64_t version = 0;  // 0: the model has no version
  VersionState state = VersionState::kUnavailable;
  std::string reason;
};

// Thread-safe.
class Repository {
 public:
  // Loads what is there. An error if the directory cannot be read or an option is out of range; a model that cannot be
  // loaded is none.
  static absl::StatusOr<std::unique_ptr<Repository>> open(const RepositoryOptions& options);
  // A repository of one model that lives in this program.
  static std::unique_ptr<Repository> of(const std::string& name, std::shared_ptr<const Servable> servable,
                                        const SchedulerOptions& options = {});
  // Ends when all accepted requests are answered.
  ~Repository();

  // version 0: the newest that answers. kNotFound names what is missing.
  absl::StatusOr<ModelPtr> find(std::string_view name, int64_t version = 0) const;
  // All that answer, by name and version.
  std::vector<ModelPtr> models() const;
  std::vector<IndexEntry> index() const;
  // The statistics of every version that was ever loaded.
  std::vector<std::pair<std::pair<std::string, int64_t>, std::shared_ptr<const ModelStats>>> stats() const;
  // Whether a model answers, and all do that ever did and were not unloaded. One that is new, or broken from the start,
  // does not take a server out of service.
  bool ready() const;

  // Looks at the model's directory anew: loads new and changed versions, lets go of those that are gone. An error if
  // there is none that answers, or the newest could not be loaded (then the others go on).
  absl::Status load(const std::string& name);
  // Its requests get kNotFound from now on. kNotFound if no version is loaded.
  absl::Status unload(const std::string& name);

 private:
  struct Version {
    VersionState state = VersionState::kLoading;
    std::string reason, fingerprint;
    ModelPtr model;
  };
  struct Entry {
    std::map<int64_t, Version> versions;
    bool unloaded = false;  // by request: polling leaves it alone
    bool answered = false;  // some version did
  };

  explicit Repository(const RepositoryOptions& options);
  absl::Status refresh(const std::string& name);
  absl::Status refresh_locked(const std::string& name);
  absl::StatusOr<ModelPtr> make(const std::string& name, int64_t version, const std::string& directory);
  void retire(Version& version);
  void begin();
  void expire();
  void watch();
  void poll();
  void sweep();
  std::shared_ptr<ModelStats> stats_of(const std::string& name, int64_t version);

  const RepositoryOptions options_;
  std::mutex loading_;  // one at a time loads or unloads
  mutable std::mutex mutex_;
  std::condition_variable changed_, stop_;
  std::map<std::string, Entry, std::less<>> entries_;                             // guarded by mutex_
  std::map<std::pair<std::string, int64_t>, std::shared_ptr<ModelStats>> stats_;  // guarded by mutex_
  std::vector<ModelPtr> retired_;                                                 // guarded by mutex_
  bool stopping_ = false;                                                         // guarded by mutex_
  std::thread expirer_;  // answers late requests, and does nothing else: they never wait for a model that is loaded
  std::thread watcher_;  // looks for new versions and frees old ones
};

// Whether a model may have this name: letters, digits, '.', '_' and '-', at most 128, not beginning with '.'.
bool is_model_name(std::string_view name);
// A version's number: decimal digits without leading zeros, 1 to 2^63 - 1.
std::optional<int64_t> parse_version(std::string_view text);

}  // namespace hearth::serve
