#include "core/io/directory_lock.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include <sys/file.h>

#include "absl/strings/numbers.h"
#include "core/io/descriptor.h"
#include "core/io/file.h"

namespace hearth::io {

absl::StatusOr<DirectoryLock> DirectoryLock::acquire(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return system_error("make the directory", directory, error.value());
  const std::string path = absl::StrCat(directory, "/lock");
  const absl::StatusOr<int> fd = open_regular(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0666);
  if (!fd.ok()) return fd.status();
  DirectoryLock lock(*fd);
  int locked;
  do {
    locked = ::flock(lock.fd_, LOCK_EX | LOCK_NB);
  } while (locked != 0 && errno == EINTR);
  if (locked != 0 && errno != EWOULDBLOCK) return system_error("lock", path, errno);
  // Empty for the moment between its lock and its number.
  char text[32];
  const ssize_t n = ::pread(lock.fd_, text, sizeof text, 0);
  if (n < 0) return system_error("read", path, errno);
  int64_t old = 0;
  const bool known = n < std::ssize(text) && absl::SimpleAtoi(absl::string_view(text, static_cast<size_t>(n)), &old);
  if (locked != 0) {
    return absl::AbortedError(absl::StrCat(directory, " is in use by ",
                                           known ? absl::StrCat("process ", old) : std::string("another process"),
                                           ", which holds ", path));
  }
  // Somebody's file of the same name is not overwritten.
  if (n > 0 && !known)
    return absl::FailedPreconditionError(absl::StrCat(path, " is no lock: it does not hold the number of a process"));
  const std::string pid = absl::StrCat(::getpid(), "\n");
  if (::ftruncate(lock.fd_, 0) != 0 || ::pwrite(lock.fd_, pid.data(), pid.size(), 0) != std::ssize(pid))
    return system_error("write", path, errno);
  return lock;
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace hearth::io
