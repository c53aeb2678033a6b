// A directory that one process writes to for a long time, such as a training's.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::io {

// Keeps other processes from taking the same directory, from acquire() to the end of its life. The system gives the
// lock back when the process ends, however it ends. The file "lock" in the directory holds the process's number and
// stays.
//
//   auto lock = io::DirectoryLock::acquire("runs/1");
//   if (!lock.ok()) return lock.status();  // runs/1 is in use by process 4711 …
//
// It keeps out only who asks for it: reading a locked directory needs no lock. A child made by fork() shares the lock.
class DirectoryLock {
 public:
  // Makes the directory and those above it where they are missing. kAborted, naming the directory and the process that
  // has it, where it is taken; kFailedPrecondition where "lock" is anything but a regular file that is empty or
  // holds the number of a process; a symbolic link is not followed.
  static absl::StatusOr<DirectoryLock> acquire(const std::string& directory);
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace hearth::io
