// Whole files: read within a limit, or mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace hearth::io {

// The bytes of a file. A file of more than max_bytes is refused with kResourceExhausted before it is read; one that
// grows beyond it meanwhile (or a pipe) is refused when it has. Other errors name the path and the system's cause:
// kNotFound, kPermissionDenied, kFailedPrecondition for a directory, …
absl::StatusOr<std::string> read_file(const std::string& path, uint64_t max_bytes);

// A file's bytes as memory, read only. The file must not be shortened while it is mapped (the system would answer an
// access beyond its end with SIGBUS); replacing it by AtomicFile is safe, the mapping keeps the old bytes.
class MappedFile {
 public:
  // Errors as for read_file; kFailedPrecondition for anything but a regular file.
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
