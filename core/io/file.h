// Files: opened without waiting, read within a limit, or mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <fcntl.h>

#include "absl/status/statusor.h"

namespace hearth::io {

// The one way to a file of a given name: opens a regular file, or makes one where flags has O_CREAT. Never waits: a
// FIFO, a device, a socket or a directory in its place is refused with kFailedPrecondition. Symbolic links are followed
// unless flags has O_NOFOLLOW. Gives the descriptor, which the caller closes.
absl::StatusOr<int> open_regular(const std::string& path, int flags, mode_t mode = 0);

// The bytes of a regular file. One of more than max_bytes is refused with kResourceExhausted before it is read; one
// that grows beyond it meanwhile is refused when it has. A FIFO, a device, a socket or a directory is refused with
// kFailedPrecondition and never waited for. Other errors name the path and the system's cause: kNotFound,
// kPermissionDenied, …
absl::StatusOr<std::string> read_file(const std::string& path, uint64_t max_bytes);

// A file's bytes as memory, read only. The file must not be shortened while it is mapped (the system would answer an
// access beyond its end with SIGBUS); replacing it by AtomicFile is safe, the mapping keeps the old bytes.
class MappedFile {
 public:
  // Errors as for read_file.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Page aligned; null for an empty file.
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  MappedFile(const std::byte* data, size_t size) : data_(data), size_(size) {}
  const std::byte* data_;
  size_t size_;
};

}  // namespace hearth::io
