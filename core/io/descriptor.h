// A file descriptor and the system's errors, for the files of this package only.
#pragma once

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace hearth::io {

/// The status for an errno: "cannot `what` `path`" and the system's text.
inline absl::Status system_error(const char* what, const std::string& path, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", what, " ", path));
}

/// A file descriptor that is closed at the end of its life.
struct Descriptor {
  /// The descriptor; negative: none.
  int fd;
  /// Takes over a descriptor.
  explicit Descriptor(int f) : fd(f) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

/// open() with O_CLOEXEC, called again after EINTR. Negative, with errno set, on failure.
inline int retry_open(const char* path, int flags, mode_t mode = 0) {
  int fd;
  do {
    fd = ::open(path, flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

}  // namespace hearth::io
