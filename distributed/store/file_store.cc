#include "distributed/store/file_store.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <filesystem>

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "core/base/mutex.h"
#include "core/io/file.h"
#include "distributed/store/hash.h"
#include "distributed/store/table.h"

namespace hearth::distributed {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kFirstPause{1}, kLastPause{20};

absl::Status cannot(const char* what, const std::string& path, int error) {
  return absl::UnavailableError(
      absl::StrCat("store: cannot ", what, " ", path, ": ", std::generic_category().message(error)));
}

// One process at a time, while it lives.
class Lock {
 public:
  static absl::StatusOr<Lock> take(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return cannot("open", path, errno);
    while (::flock(fd, LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      const int error = errno;
      ::close(fd);
      return cannot("lock", path, error);
    }
    return Lock(fd);
  }
  Lock(Lock&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  Lock& operator=(Lock&&) = delete;
  ~Lock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit Lock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FileStore>> FileStore::open(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::path(directory).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error) return cannot("make the directory", parent.string(), error.value());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return cannot("make the directory", directory, errno);
  struct stat info;
  if (::stat(directory.c_str(), &info) != 0) return cannot("open", directory, errno);
  if (!S_ISDIR(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat("store: ", directory, " is no directory"));
  return std::unique_ptr<FileStore>(new FileStore(directory));
}

// Bytes other than letters, digits, '-' and '.' as _xx. A long key's file name is its first part and a hash.
std::string FileStore::path_of(const std::string& key) const {
  std::string name = "k";
  for (const char c : key) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.') name += c;
    else name += absl::StrCat("_", absl::Hex(static_cast<uint8_t>(c), absl::kZeroPad2));
  }
  constexpr size_t kLongest = 200;
  if (name.size() > kLongest) {
    name = absl::StrCat(name.substr(0, kLongest), "__", absl::Hex(hash_of(key), absl::kZeroPad16));
  }
  return directory_ + "/" + name;
}

absl::Status FileStore::write(const std::string& key, const std::string& value) {
  static std::atomic<uint64_t> count{0};
  const std::string path = path_of(key);
  // Renamed into place, so that a reader finds the whole value. Another process, host or thread has another name.
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  const std::string temporary = absl::StrCat(directory_, "/tmp.", host, ".", ::getpid(), ".", ++count);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return cannot("write", temporary, errno);
  size_t done = 0;
  int error = 0;
  while (done < value.size() && error == 0) {
    const ssize_t n = ::write(fd, value.data() + done, value.size() - done);
    if (n > 0) done += static_cast<size_t>(n);
    else if (errno != EINTR) error = errno;
  }
  if (::close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return absl::OkStatus();
  ::unlink(temporary.c_str());
  return cannot("write", path, error);
}

absl::Status FileStore::set(const std::string& key, const std::string& value) {
  if (absl::Status s = check_entry(key, value); !s.ok()) return s;
  const auto lock = Lock::take(directory_ + "/lock");
  if (!lock.ok()) return lock.status();
  return write(key, value);
}

absl::StatusOr<std::string> FileStore::get(const std::string& key) {
  if (absl::Status s = check_entry(key, ""); !s.ok()) return s;
  absl::StatusOr<std::string> value = io::read_file(path_of(key), kMaxStoreValue);
  if (!value.ok() && !absl::IsNotFound(value.status()))
    return absl::UnavailableError(absl::StrCat("store: ", value.status().message()));
  return value;
}

absl::StatusOr<std::string> FileStore::wait(const std::string& key, std::chrono::milliseconds timeout,
                                            const std::stop_token& stop) {
  const auto end = Clock::now() + timeout;
  Mutex mutex;
  std::condition_variable_any stopped;
  auto pause = kFirstPause;
  while (true) {
    absl::StatusOr<std::string> value = get(key);
    if (value.ok() || !absl::IsNotFound(value.status())) return value;
    if (stop.stop_requested()) return absl::CancelledError("store: the wait was ended");
    const auto now = Clock::now();
    if (now >= end)
      return absl::DeadlineExceededError(absl::StrCat("store: no \"", key, "\" within ", timeout.count(), " ms"));
    MutexLock lock(mutex);
    stopped.wait_until(lock, stop, std::min(end, now + pause), [] { return false; });
    pause = std::min(pause * 2, kLastPause);
  }
}

absl::StatusOr<std::string> FileStore::set_if_absent(const std::string& key, const std::string& value) {
  if (absl::Status s = check_entry(key, value); !s.ok()) return s;
  const auto lock = Lock::take(directory_ + "/lock");
  if (!lock.ok()) return lock.status();
  absl::StatusOr<std::string> old = get(key);
  if (old.ok() || !absl::IsNotFound(old.status())) return old;
  if (absl::Status s = write(key, value); !s.ok()) return s;
  return value;
}

absl::StatusOr<int64_t> FileStore::add(const std::string& key, int64_t amount) {
  if (absl::Status s = check_entry(key, ""); !s.ok()) return s;
  const auto lock = Lock::take(directory_ + "/lock");
  if (!lock.ok()) return lock.status();
  int64_t before = 0;
  if (const absl::StatusOr<std::string> old = get(key); old.ok()) {
    const auto n = parse_number(key, *old);
    if (!n.ok()) return n.status();
    before = *n;
  } else if (!absl::IsNotFound(old.status())) {
    return old.status();
  }
  const auto sum = checked_sum(key, before, amount);
  if (!sum.ok()) return sum;
  if (absl::Status s = write(key, std::to_string(*sum)); !s.ok()) return s;
  return sum;
}

absl::Status FileStore::erase(const std::string& key) {
  if (absl::Status s = check_entry(key, ""); !s.ok()) return s;
  const auto lock = Lock::take(directory_ + "/lock");
  if (!lock.ok()) return lock.status();
  if (::unlink(path_of(key).c_str()) != 0 && errno != ENOENT) return cannot("remove", path_of(key), errno);
  return absl::OkStatus();
}

}  // namespace hearth::distributed
