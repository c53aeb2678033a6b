// A directory that one process writes to for a long time, such as a training's.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::io {

/// Keeps other processes from taking the same directory, from acquire() to the end of its life. The system releases the
/// lock when the process ends, for whatever reason. The file "lock" in the directory holds the process's number and
/// stays.
///
///   auto lock = io::DirectoryLock::acquire("runs/1");
///   if (!lock.ok()) return lock.status();  // runs/1 is in use by process 4711 …
///
/// Only processes that call acquire() are kept out: reading a locked directory needs no lock. A child made by fork()
/// shares the lock.
class DirectoryLock {
 public:
  /// Takes the directory. Makes it and its parents if they are missing. kAborted, naming the directory and the process
  /// that holds it, if it is taken. kFailedPrecondition if "lock" is anything but a regular file that is empty or holds
  /// the number of a process; a symbolic link is not followed.
  static absl::StatusOr<DirectoryLock> acquire(const std::string& directory);
  /// Takes over the lock.
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace hearth::io
