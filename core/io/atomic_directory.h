// Directories of a few files that belong together, replaced as a whole.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::io {

// Writes a directory under a temporary name beside it (its name and ".tmp") and puts it in place when all files are on
// the disk. A crash at any moment leaves the old directory or the new one. The two are exchanged in one step where the
// file system can do that; where it cannot (some network file systems), the old one is "<path>.old" for a moment, and
// with_directory() finds it there.
//
// Only directories that hold nothing but the named files, or nothing at all, are replaced: any other is refused with
// kFailedPrecondition, and never touched. Two processes that write the same path at once: the second is refused with
// kAborted. A symbolic link is followed. Directories above it that are missing are made.
class AtomicDirectory {
 public:
  // files: the names that may be in it; the first is in every such directory.
  static absl::StatusOr<AtomicDirectory> create(const std::string& path, std::vector<std::string> files);
  AtomicDirectory(AtomicDirectory&& other) noexcept;
  AtomicDirectory& operator=(AtomicDirectory&&) = delete;
  // Without commit(): removes what was written; the old directory stands.
  ~AtomicDirectory();

  // Where to write a file to, durably (AtomicFile does).
  std::string file(const std::string& name) const { return temporary_ + "/" + name; }
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

// Calls read with where the directory's files are now, again if the directory was replaced meanwhile: what read has
// opened always belongs together. Gives read's status; kNotFound if there is no such directory.
absl::Status with_directory(const std::string& path,
                            const std::function<absl::Status(const std::string& directory)>& read);

}  // namespace hearth::io
