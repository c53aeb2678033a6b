#include "core/io/atomic_directory.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/descriptor.h"

namespace hearth::io {
namespace {

absl::StatusOr<std::string> real_path(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return system_error("open", path, errno);
  std::string out = real;
  std::free(real);
  return out;
}

// The path without symbolic links; its last part need not exist.
absl::StatusOr<std::string> resolve(std::string path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) == 0) return real_path(path);
  if (errno != ENOENT) return system_error("open", path, errno);
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..")
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\" is not a name for a new directory"));
  const std::string above = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  std::error_code error;
  std::filesystem::create_directories(above, error);
  if (error) return system_error("make the directory", above, error.value());
  const absl::StatusOr<std::string> parent = real_path(above);
  if (!parent.ok()) return parent.status();
  return *parent == "/" ? absl::StrCat("/", name) : absl::StrCat(*parent, "/", name);
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

absl::StatusOr<std::vector<std::string>> list(int fd, const std::string& path) {
  // A descriptor of its own: the stream takes it, and its position with it.
  const int own = ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, int (*)(DIR*)> dir(own < 0 ? nullptr : ::fdopendir(own), ::closedir);
  if (!dir) {
    const int error = errno;
    if (own >= 0) ::close(own);
    return system_error("list", path, error);
  }
  std::vector<std::string> out;
  for (;;) {
    errno = 0;
    const dirent* e = ::readdir(dir.get());
    if (e == nullptr) break;
    const std::string name = e->d_name;
    if (name != "." && name != "..") out.push_back(name);
  }
  if (errno != 0) return system_error("list", path, errno);
  return out;
}

// Whether there is nothing in it that could be lost.
absl::Status check_content(int fd, const std::string& path, const std::vector<std::string>& files, bool leftover) {
  const absl::StatusOr<std::vector<std::string>> names = list(fd, path);
  if (!names.ok()) return names.status();
  const auto refuse = [&](const std::string& why) {
    return absl::FailedPreconditionError(absl::StrCat("cannot replace the directory ", path, ": ", why));
  };
  for (const std::string& name : *names) {
    struct stat info;
    const bool known =
        std::ranges::any_of(files, [&](const std::string& f) { return name == f || (leftover && name == f + ".tmp"); });
    if (!known || ::fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
      return refuse(absl::StrCat("it holds ", name, ", which is not part of what is written"));
  }
  if (!leftover && !names->empty() && std::ranges::find(*names, files[0]) == names->end())
    return refuse(absl::StrCat("it has no ", files[0]));
  return absl::OkStatus();
}

// Removes a directory whose content check_content() has passed.
absl::Status remove(int fd, const std::string& path, const std::vector<std::string>& files) {
  for (const std::string& f : files) {
    for (const std::string& name : {f, f + ".tmp"}) {
      if (::unlinkat(fd, name.c_str(), 0) != 0 && errno != ENOENT)
        return system_error("remove", path + "/" + name, errno);
    }
  }
  if (::rmdir(path.c_str()) != 0) return system_error("remove", path, errno);
  return absl::OkStatus();
}

absl::Status remove_if_ours(const std::string& path, const std::vector<std::string>& files) {
  Descriptor dir(retry_open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (dir.fd < 0) return errno == ENOENT ? absl::OkStatus() : system_error("open", path, errno);
  if (absl::Status s = check_content(dir.fd, path, files, true); !s.ok()) return s;
  return remove(dir.fd, path, files);
}

bool same(int fd, const std::string& path) {
  struct stat opened, named;
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

}  // namespace

absl::StatusOr<AtomicDirectory> AtomicDirectory::create(const std::string& path, std::vector<std::string> files) {
  absl::StatusOr<std::string> real = resolve(path);
  if (!real.ok()) return real.status();
  struct stat old;
  const bool replaces = ::stat(real->c_str(), &old) == 0;
  if (replaces) {
    if (!S_ISDIR(old.st_mode))
      return absl::FailedPreconditionError(absl::StrCat("cannot replace ", path, ": it is not a directory"));
    Descriptor dir(retry_open(real->c_str(), O_RDONLY | O_DIRECTORY));
    if (dir.fd < 0) return system_error("open", path, errno);
    if (absl::Status s = check_content(dir.fd, path, files, false); !s.ok()) return s;
  }
  const std::string temporary = absl::StrCat(*real, ".tmp");
  for (;;) {
    if (::mkdir(temporary.c_str(), 0777) != 0 && errno != EEXIST) return system_error("create", temporary, errno);
    Descriptor dir(retry_open(temporary.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (dir.fd < 0 && errno == ENOENT) continue;
    if (dir.fd < 0) return system_error("open", temporary, errno);
    if (::flock(dir.fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK)
        return absl::AbortedError(absl::StrCat("cannot write ", path, ": another process is writing it"));
      return system_error("lock", temporary, errno);
    }
    if (!same(dir.fd, temporary)) continue;
    // What a killed process left.
    if (absl::Status s = check_content(dir.fd, temporary, files, true); !s.ok()) return s;
    for (const std::string& f : files) {
      ::unlinkat(dir.fd, f.c_str(), 0);
      ::unlinkat(dir.fd, (f + ".tmp").c_str(), 0);
    }
    AtomicDirectory out(*std::move(real), temporary, std::move(files), std::exchange(dir.fd, -1));
    if (replaces && ::fchmod(out.fd_, old.st_mode & 07777) != 0)
      return system_error("set the mode of", temporary, errno);
    return out;
  }
}

AtomicDirectory::AtomicDirectory(std::string path, std::string temporary, std::vector<std::string> files, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), files_(std::move(files)), fd_(fd) {}

AtomicDirectory::AtomicDirectory(AtomicDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      files_(std::move(other.files_)),
      fd_(std::exchange(other.fd_, -1)),
      can_exchange_(other.can_exchange_) {}

AtomicDirectory::~AtomicDirectory() {
  if (fd_ < 0) return;
  remove(fd_, temporary_, files_).IgnoreError();
  ::close(fd_);
}

// Puts the temporary directory in the place of the one that is there, and removes that.
absl::Status AtomicDirectory::replace() {
  Descriptor old(retry_open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (old.fd < 0) return system_error("open", path_, errno);
  // Held while it is removed under the temporary name: the next writer waits for that.
  if (::flock(old.fd, LOCK_EX | LOCK_NB) != 0) return system_error("lock", path_, errno);
  if (absl::Status s = check_content(old.fd, path_, files_, false); !s.ok()) return s;
  if (can_exchange_ && ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) {
    placed();
    remove(old.fd, temporary_, files_).IgnoreError();  // what stays behind, the next writer removes
    return absl::OkStatus();
  }
  if (can_exchange_ && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
    return system_error("replace", path_, errno);
  const std::string aside = path_ + ".old";
  if (absl::Status s = remove_if_ours(aside, files_); !s.ok()) return s;
  if (::rename(path_.c_str(), aside.c_str()) != 0) return system_error("replace", path_, errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::rename(aside.c_str(), path_.c_str());
    return system_error("replace", path_, error);
  }
  placed();
  remove(old.fd, aside, files_).IgnoreError();
  return absl::OkStatus();
}

void AtomicDirectory::placed() { ::close(std::exchange(fd_, -1)); }

absl::Status AtomicDirectory::commit() {
  if (fd_ < 0) return absl::FailedPreconditionError(absl::StrCat(path_, " has been committed"));
  if (absl::Status s = check_content(fd_, temporary_, files_, false); !s.ok()) return s;
  // Some file systems cannot fsync a directory (EINVAL): there is no more to be done on those.
  if (::fsync(fd_) != 0 && errno != EINVAL) return system_error("make durable", temporary_, errno);
  Descriptor parent(retry_open(parent_of(path_).c_str(), O_RDONLY | O_DIRECTORY));
  if (parent.fd < 0) return system_error("open", parent_of(path_), errno);
  // A directory that is empty or absent needs no exchange.
  if (::rename(temporary_.c_str(), path_.c_str()) == 0) {
    placed();
  } else if (errno != ENOTEMPTY && errno != EEXIST) {
    return system_error("replace", path_, errno);
  } else if (absl::Status s = replace(); !s.ok()) {
    return s;
  }
  // Of a process that was killed while it replaced.
  remove_if_ours(path_ + ".old", files_).IgnoreError();
  if (::fsync(parent.fd) != 0 && errno != EINVAL) return system_error("make durable", parent_of(path_), errno);
  return absl::OkStatus();
}

absl::Status with_directory(const std::string& path,
                            const std::function<absl::Status(const std::string& directory)>& read) {
  constexpr int kTries = 100;
  int absent = 0;
  std::string name = path;
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  for (int i = 0; i < kTries; ++i) {
    std::string directory = name;
    // While it is open, no other directory can get its number.
    Descriptor dir(retry_open(directory.c_str(), O_RDONLY | O_DIRECTORY));
    const int error = errno;
    if (dir.fd < 0 && error == ENOENT) {
      directory += ".old";
      dir.fd = retry_open(directory.c_str(), O_RDONLY | O_DIRECTORY);
      // A writer may have put the new one in place, and removed the old one, between the two looks.
      if (dir.fd < 0 && ++absent < kTries) continue;
    }
    if (dir.fd < 0) return system_error("open", path, error);
    absl::Status s = read(directory);
    // What stands aside is whole as long as nothing is in its place; then its writer removes it.
    const bool replaced = directory != name && ::access(name.c_str(), F_OK) == 0;
    if (!replaced && same(dir.fd, directory)) return s;
  }
  return absl::AbortedError(absl::StrCat("cannot read ", path, ": it is replaced all the time"));
}

}  // namespace hearth::io
