#include "core/io/atomic_file.h"

#include <cstdlib>
#include <utility>

#include <sys/file.h>
#include <sys/stat.h>

#include "core/io/descriptor.h"
#include "core/io/file.h"

namespace hearth::io {
namespace {

constexpr size_t kBuffer = 1 << 16;

// Where a new file really goes: the end of a chain of symbolic links.
absl::StatusOr<std::string> resolve(const std::string& path) {
  struct stat link;
  if (::lstat(path.c_str(), &link) != 0 || !S_ISLNK(link.st_mode)) return path;
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return system_error("follow the symbolic link", path, errno);
  std::string out = real;
  std::free(real);
  return out;
}

}  // namespace

absl::StatusOr<AtomicFile> AtomicFile::create(const std::string& path) {
  auto real = resolve(path);
  if (!real.ok()) return real.status();
  struct stat old;
  const bool replaces = ::stat(real->c_str(), &old) == 0;
  // A rename over a device would replace the device.
  if (replaces && !S_ISREG(old.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("cannot write ", path, ": it is not a regular file"));
  }
  const std::string temporary = absl::StrCat(*real, ".tmp");
  for (;;) {
    const absl::StatusOr<int> fd = open_regular(temporary, O_WRONLY | O_CREAT | O_NOFOLLOW, 0666);
    if (!fd.ok()) return fd.status();
    Descriptor file(*fd);
    if (::flock(file.fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) {
        return absl::AbortedError(absl::StrCat("cannot write ", path, ": another process is writing it"));
      }
      if (errno == EINTR) continue;
      return system_error("lock", temporary, errno);
    }
    // Between open and lock another writer may have renamed what was opened.
    struct stat locked, named;
    if (::fstat(file.fd, &locked) != 0) return system_error("open", temporary, errno);
    if (::stat(temporary.c_str(), &named) != 0 || locked.st_ino != named.st_ino || locked.st_dev != named.st_dev) {
      continue;
    }
    if (::ftruncate(file.fd, 0) != 0) return system_error("empty", temporary, errno);
    if (replaces && ::fchmod(file.fd, old.st_mode & 07777) != 0) {
      const int error = errno;
      ::unlink(temporary.c_str());
      return system_error("set the mode of", temporary, error);
    }
    return AtomicFile(*std::move(real), temporary, std::exchange(file.fd, -1));
  }
}

AtomicFile::AtomicFile(std::string path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      buffer_(std::move(other.buffer_)),
      fd_(std::exchange(other.fd_, -1)),
      status_(std::move(other.status_)) {}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) fail("finish", ECANCELED).IgnoreError();
}

absl::Status AtomicFile::fail(const char* what, int error) {
  // Removed while the lock is held: afterwards the name may be another writer's.
  ::unlink(temporary_.c_str());
  ::close(std::exchange(fd_, -1));
  return status_ = system_error(what, path_, error);
}

absl::Status AtomicFile::write_through(const char* data, size_t n) {
  while (n > 0) {
    const ssize_t done = ::write(fd_, data, n);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail("write", errno);
    data += done;
    n -= static_cast<size_t>(done);
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::flush() {
  absl::Status s = write_through(buffer_.data(), buffer_.size());
  buffer_.clear();
  return s;
}

absl::Status AtomicFile::write(const void* data, size_t n) {
  if (!status_.ok()) return status_;
  if (fd_ < 0) return absl::FailedPreconditionError(absl::StrCat(path_, " has been committed"));
  if (buffer_.size() + n < kBuffer) {
    buffer_.append(static_cast<const char*>(data), n);
    return absl::OkStatus();
  }
  if (absl::Status s = flush(); !s.ok()) return s;
  return write_through(static_cast<const char*>(data), n);
}

absl::Status AtomicFile::commit() {
  if (!status_.ok()) return status_;
  if (fd_ < 0) return absl::FailedPreconditionError(absl::StrCat(path_, " has been committed"));
  if (absl::Status s = flush(); !s.ok()) return s;
  if (::fsync(fd_) != 0) return fail("write", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return fail("replace", errno);
  ::close(std::exchange(fd_, -1));
  // The rename itself is durable once the directory is.
  const size_t slash = path_.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  Descriptor dir(retry_open(directory.c_str(), O_RDONLY | O_DIRECTORY));
  // Some file systems cannot fsync a directory (EINVAL): there is no more to be done on those.
  if (dir.fd < 0 || (::fsync(dir.fd) != 0 && errno != EINVAL)) return system_error("make durable", directory, errno);
  return absl::OkStatus();
}

absl::Status write_file(const std::string& path, std::string_view bytes) {
  auto file = AtomicFile::create(path);
  if (!file.ok()) return file.status();
  if (absl::Status s = file->write(bytes); !s.ok()) return s;
  return file->commit();
}

}  // namespace hearth::io
