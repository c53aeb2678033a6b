#include "core/io/file.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "core/io/descriptor.h"

namespace hearth::io {
namespace {

absl::Status too_large(const std::string& path, uint64_t size, uint64_t limit) {
  return absl::ResourceExhaustedError(
      absl::StrCat(path, " is too large: ", size, " bytes or more, where at most ", limit, " are allowed"));
}

}  // namespace

absl::StatusOr<std::string> read_file(const std::string& path, uint64_t max_bytes) {
  Descriptor file(retry_open(path.c_str(), O_RDONLY));
  struct stat info;
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0) return system_error("open", path, errno);
  if (S_ISDIR(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is a directory"));
  const auto known = static_cast<uint64_t>(S_ISREG(info.st_mode) ? info.st_size : 0);
  if (known > max_bytes) return too_large(path, known, max_bytes);
  // One byte more than expected, so that the end is met without growing.
  std::string out(known + 1, '\0');
  size_t used = 0;
  for (;;) {
    if (used == out.size()) out.resize(out.size() * 2);
    const ssize_t n = ::read(file.fd, out.data() + used, out.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", path, errno);
    if (n == 0) break;
    used += static_cast<size_t>(n);
    if (used > max_bytes) return too_large(path, used, max_bytes);
  }
  out.resize(used);
  return out;
}

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  Descriptor file(retry_open(path.c_str(), O_RDONLY | O_NONBLOCK));
  struct stat info;
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0) return system_error("open", path, errno);
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
  const auto size = static_cast<size_t>(info.st_size);
  void* data = nullptr;
  if (size != 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
    if (data == MAP_FAILED) return system_error("map", path, errno);
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(static_cast<const std::byte*>(data), size));
}

MappedFile::~MappedFile() {
  if (size_ != 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace hearth::io
