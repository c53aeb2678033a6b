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
  const absl::StatusOr<int> fd = open_regular(path, O_RDWR | O_CREAT, 0666);
  if (!fd.ok()) return fd.status();
  DirectoryLock lock(*fd);
  int locked;
  do {
    locked = ::flock(lock.fd_, LOCK_EX | LOCK_NB);
  } while (locked != 0 && errno == EINTR);
  if (locked != 0 && errno != EWOULDBLOCK) return system_error("lock", path, errno);
  char text[32] = {};
  if (locked != 0) {
    // Empty for the moment between its lock and its number.
    const ssize_t n = ::pread(lock.fd_, text, sizeof text - 1, 0);
    int64_t pid = 0;
    const bool known = n > 0 && absl::SimpleAtoi(absl::string_view(text, static_cast<size_t>(n)), &pid);
    return absl::AbortedError(absl::StrCat(directory, " is in use by ",
                                           known ? absl::StrCat("process ", pid) : std::string("another process"),
                                           ", which holds ", path));
  }
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
