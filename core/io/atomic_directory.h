// Directories of a few files that belong together, replaced as a whole.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::io {

/// Writes a directory under a temporary name beside it (its name and ".tmp") and puts it in place when all files are on
/// the disk. A crash at any moment leaves the old directory or the new one.
///
/// The two are exchanged in one step if the file system supports that. If it does not (some network file systems), the
/// old directory has the name "path.old" for a moment, and with_directory() finds it there.
///
/// A directory is replaced only if it holds nothing but the named files, or nothing at all. Any other is refused with
/// kFailedPrecondition and not touched. If two processes write the same path at once, the second is refused with
/// kAborted. A symbolic link is followed. Missing parent directories are made.
class AtomicDirectory {
 public:
  /// Begins a new directory. `files` are the names that may be in it; the first is in every directory of this kind.
  static absl::StatusOr<AtomicDirectory> create(const std::string& path, std::vector<std::string> files);
  /// Takes over what `other` has begun.
  AtomicDirectory(AtomicDirectory&& other) noexcept;
  AtomicDirectory& operator=(AtomicDirectory&&) = delete;
  /// Without commit(): removes what was written; the old directory stays.
  ~AtomicDirectory();

  /// The path to write a file to. Write it durably, as AtomicFile does.
  std::string file(const std::string& name) const { return temporary_ + "/" + name; }
  /// Puts the directory in place. Call it once, after all files are written.
  absl::Status commit();

 private:
  friend struct AtomicDirectoryAccess;  // for tests: a file system that cannot exchange
  AtomicDirectory(std::string path, std::string temporary, std::vector<std::string> files, int fd);
  absl::Status replace();
  void placed();  // nothing is left for the destructor to remove

  std::string path_, temporary_;
  std::vector<std::string> files_;
  int fd_;
  bool can_exchange_ = true;
};

/// Calls `read` with the path where the directory's files are now. If the directory was replaced meanwhile, calls it
/// again, so the files that `read` has opened always belong together. Returns the status of `read`, or kNotFound if
/// there is no such directory.
absl::Status with_directory(const std::string& path,
                            const std::function<absl::Status(const std::string& directory)>& read);

}  // namespace hearth::io
