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

/// Opens a regular file, or makes one if `flags` has O_CREAT. All files of a given name are opened by this function. It
/// never waits: a FIFO, a device, a socket or a directory in the file's place is refused with kFailedPrecondition.
/// Symbolic links are followed unless `flags` has O_NOFOLLOW. Returns the descriptor, which the caller closes.
absl::StatusOr<int> open_regular(const std::string& path, int flags, mode_t mode = 0);

/// The bytes of a regular file. A file of more than `max_bytes` is refused with kResourceExhausted before it is read;
/// one that grows beyond that meanwhile is refused when it has. Anything but a regular file is refused with
/// kFailedPrecondition, without waiting. Other errors name the path and the system's cause: kNotFound,
/// kPermissionDenied, …
absl::StatusOr<std::string> read_file(const std::string& path, uint64_t max_bytes);

/// A file's bytes as read-only memory. The file must not be shortened while it is mapped: the system answers an access
/// beyond its end with SIGBUS. Replacing it with AtomicFile is safe, because the mapping keeps the old bytes.
class MappedFile {
 public:
  /// Maps a regular file. Errors as for read_file().
  static absl::StatusOr<std::shared_ptr<const MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /// The first byte, aligned to a page; null for an empty file.
  const std::byte* data() const { return data_; }
  /// The size in bytes.
  size_t size() const { return size_; }
  /// All bytes, valid as long as this object.
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  MappedFile(const std::byte* data, size_t size) : data_(data), size_(size) {}
  const std::byte* data_;
  size_t size_;
};

}  // namespace hearth::io
