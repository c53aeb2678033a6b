#include "core/io/file.h"

#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>

#include "core/io/descriptor.h"

namespace hearth::io {
namespace {

absl::Status too_large(const std::string& path, uint64_t size, uint64_t limit) {
  return absl::ResourceExhaustedError(
      absl::StrCat(path, " is too large: ", size, " bytes or more, where at most ", limit, " are allowed"));
}

const char* kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a directory";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    case S_IFLNK:
      return "a symbolic link";
    default:
      return "a device";
  }
}

absl::Status not_regular(const std::string& path, mode_t mode) {
  return absl::FailedPreconditionError(absl::StrCat(path, " is ", kind_of(mode), ", not a regular file"));
}

}  // namespace

absl::StatusOr<int> open_regular(const std::string& path, int flags, mode_t mode) {
  struct stat info;
  // Before it is opened, which alone may do something: a tape is wound back, the other end of a FIFO goes on.
  const bool exists = (flags & O_NOFOLLOW ? ::lstat(path.c_str(), &info) : ::stat(path.c_str(), &info)) == 0;
  if (exists && !S_ISREG(info.st_mode)) return not_regular(path, info.st_mode);
  // What somebody puts there meanwhile is not waited for either.
  Descriptor file(retry_open(path.c_str(), flags | O_NONBLOCK | O_NOCTTY, mode));
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0)
    return system_error(flags & O_CREAT ? "create" : "open", path, errno);
  if (!S_ISREG(info.st_mode)) return not_regular(path, info.st_mode);
  return std::exchange(file.fd, -1);
}

absl::StatusOr<std::string> read_file(const std::string& path, uint64_t max_bytes) {
  const absl::StatusOr<int> fd = open_regular(path, O_RDONLY);
  if (!fd.ok()) return fd.status();
  const Descriptor file(*fd);
  struct stat info;
  if (::fstat(file.fd, &info) != 0) return system_error("open", path, errno);
  const auto known = static_cast<uint64_t>(info.st_size);
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
  const absl::StatusOr<int> fd = open_regular(path, O_RDONLY);
  if (!fd.ok()) return fd.status();
  const Descriptor file(*fd);
  struct stat info;
  if (::fstat(file.fd, &info) != 0) return system_error("open", path, errno);
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
