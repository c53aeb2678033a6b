// Files written so that a crash never leaves half of one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::io {

// Writes a file under a temporary name beside it (its name and ".tmp") and renames it when it is complete and on the
// disk. Whoever opens the path finds the old file or the whole new one, also after a crash or a power failure. Left
// without commit(), by an error or by the destructor, the temporary file is removed and the old file stands; the
// leftover of a killed process is overwritten by the next writer. Two processes that write the same path at once: the
// second is refused with kAborted. A symbolic link is followed; an existing file keeps its mode. Where the path or the
// temporary name is a FIFO, a device or anything else but a regular file: kFailedPrecondition.
class AtomicFile {
 public:
  static absl::StatusOr<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  // Appends. After an error, such as a full disk (kResourceExhausted), the temporary file is gone and every further
  // call gives the same error.
  absl::Status write(const void* data, size_t n);
  absl::Status write(std::string_view bytes) { return write(bytes.data(), bytes.size()); }
  // Makes the file durable and puts it in place. Nothing may be written afterwards.
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

// create, write and commit.
absl::Status write_file(const std::string& path, std::string_view bytes);

}  // namespace hearth::io
