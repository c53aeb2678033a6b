// FileStore: the store of processes that share a directory.
#pragma once

#include "distributed/store/store.h"

namespace hearth::distributed {

/// A file for each key, in a directory that all ranks see; it may lie on a network file system that has locks. Nobody
/// removes the files: give each job a directory of its own.
class FileStore final : public Store {
 public:
  /// Makes the directory and its parents if they are missing, for this user only.
  static absl::StatusOr<std::unique_ptr<FileStore>> open(const std::string& directory);

  absl::Status set(const std::string& key, const std::string& value) override;
  absl::StatusOr<std::string> wait(const std::string& key, std::chrono::milliseconds timeout,
                                   const std::stop_token& stop = {}) override;
  absl::StatusOr<std::string> get(const std::string& key) override;
  absl::StatusOr<std::string> set_if_absent(const std::string& key, const std::string& value) override;
  absl::StatusOr<int64_t> add(const std::string& key, int64_t amount) override;
  absl::Status erase(const std::string& key) override;

 private:
  explicit FileStore(std::string directory) : directory_(std::move(directory)) {}
  std::string path_of(const std::string& key) const;
  absl::Status write(const std::string& key, const std::string& value);

  std::string directory_;
};

}  // namespace hearth::distributed
