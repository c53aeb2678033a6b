// The bytes of a sound file, in memory or in a file, read at any place.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include "absl/status/statusor.h"
#include "core/base/error.h"
#include "core/io/file.h"

namespace hearth::audio {

class ByteSource {
 public:
  // Memory that outlives the object.
  static std::unique_ptr<ByteSource> memory(std::span<const std::byte> bytes) {
    return std::unique_ptr<ByteSource>(new ByteSource(bytes, -1, static_cast<int64_t>(bytes.size())));
  }
  // A regular file.
  static absl::StatusOr<std::unique_ptr<ByteSource>> file(const std::string& path) {
    const auto fd = io::open_regular(path, O_RDONLY);
    if (!fd.ok()) return fd.status();
    struct stat s;
    if (fstat(*fd, &s) != 0) {
      const int error = errno;
      close(*fd);
      return absl::ErrnoToStatus(error, concat(path, ": its size cannot be read"));
    }
    return std::unique_ptr<ByteSource>(new ByteSource({}, *fd, s.st_size));
  }
  ~ByteSource() {
    if (fd_ >= 0) close(fd_);
  }
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  int64_t size() const { return size_; }
  // Reads up to n bytes at `at`; fewer at the end, and where the system fails. Returns their number.
  int64_t read(int64_t at, void* to, int64_t n) const {
    if (at < 0 || at >= size_ || n <= 0) return 0;
    n = std::min(n, size_ - at);
    if (fd_ < 0) {
      std::memcpy(to, bytes_.data() + at, static_cast<size_t>(n));
      return n;
    }
    int64_t done = 0;
    while (done < n) {
      const ssize_t got = pread(fd_, static_cast<char*>(to) + done, static_cast<size_t>(n - done), at + done);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      done += got;
    }
    return done;
  }

 private:
  ByteSource(std::span<const std::byte> bytes, int fd, int64_t size) : bytes_(bytes), fd_(fd), size_(size) {}

  std::span<const std::byte> bytes_;
  int fd_;
  int64_t size_;
};

}  // namespace hearth::audio
