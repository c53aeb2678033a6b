// Files written so that a crash never leaves half of one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::io {

/// Writes a file under a temporary name beside it (its name and ".tmp") and renames it when it is complete and on the
/// disk. Whoever opens the path finds the old file or the whole new one, also after a crash or a power failure. Without
/// commit(), after an error or in the destructor, the temporary file is removed and the old file stays. The next writer
/// overwrites what a killed process has left.
///
/// If two processes write the same path at once, the second is refused with kAborted. A symbolic link is followed; an
/// existing file keeps its mode. If the path or the temporary name is a FIFO, a device or anything else but a regular
/// file, the answer is kFailedPrecondition.
class AtomicFile {
 public:
  /// Begins a new file.
  static absl::StatusOr<AtomicFile> create(const std::string& path);
  /// Takes over the file that `other` writes.
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  /// Appends n bytes. After an error, such as kResourceExhausted for a full disk, the temporary file is removed and
  /// every further call returns the same error.
  absl::Status write(const void* data, size_t n);
  /// Appends bytes; errors as above.
  absl::Status write(std::string_view bytes) { return write(bytes.data(), bytes.size()); }
  /// Makes the file durable and puts it in place. Nothing may be written afterwards.
  absl::Status commit();

 private:
  AtomicFile(std::string path, std::string temporary, int fd);
  absl::Status fail(const char* what, int error);
  absl::Status flush();
  absl::Status write_through(const char* data, size_t n);

  std::string path_, temporary_, buffer_;
  int fd_;
  absl::Status status_;
};

/// Writes a whole file atomically: create(), write() and commit() of an AtomicFile.
absl::Status write_file(const std::string& path, std::string_view bytes);

}  // namespace hearth::io
