#include "serve/base/access_log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/io/file.h"
#include "serve/base/clock.h"
#include "serve/base/json_writer.h"

namespace hearth::serve {
namespace {

constexpr std::chrono::milliseconds kLook{100};  // how often the writer of a full pipe checks whether the log closes
constexpr std::chrono::seconds kPatience{1};     // how long a closing log waits for a full pipe
constexpr size_t kPipePiece = 4096;              // PIPE_BUF: a writable pipe takes this much without blocking

absl::StatusOr<int> open_file(const std::string& path) {
  struct stat info {};
  if (path != "-" && stat(path.c_str(), &info) == 0 && S_ISCHR(info.st_mode)) {
    const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0) return absl::UnknownError(concat("cannot write the access log: ", path, ": ", std::strerror(errno)));
    return file;
  }
  if (path != "-") {
    const absl::StatusOr<int> file = io::open_regular(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
    if (file.ok()) return file;
    return absl::Status(file.status().code(),
                        concat("cannot write the access log: ", std::string(file.status().message())));
  }
  const int file = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  if (file < 0) return absl::UnknownError(concat("cannot log to standard error: ", std::strerror(errno)));
  return file;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path, size_t max_waiting) {
  const auto file = open_file(path);
  if (!file.ok()) return file.status();
  std::unique_ptr<AccessLog> log(new AccessLog(path, *file, max_waiting));
  try {
    log->writer_->start("the access log", 1, [log = log.get()](int) { log->serve(); });
  } catch (const Error& e) {
    return absl::ResourceExhaustedError(e.what());
  }
  return log;
}

AccessLog::AccessLog(std::string path, int file, size_t max_waiting)
    : path_(std::move(path)), max_waiting_(max_waiting), file_(file), writer_(std::make_unique<ThreadGroup>([this] {
        {
          const MutexLock lock(mutex_);
          stopping_ = true;
        }
        changed_.notify_all();
      })) {}

AccessLog::~AccessLog() {
  writer_.reset();
  ::close(file_);
  if (next_file_ >= 0) ::close(next_file_);
}

absl::Status AccessLog::reopen() {
  const auto file = open_file(path_);
  if (!file.ok()) return file.status();
  {
    const MutexLock lock(mutex_);
    if (next_file_ >= 0) ::close(next_file_);
    next_file_ = *file;
    next_at_ = waiting_.size();
  }
  changed_.notify_all();
  return absl::OkStatus();
}

void AccessLog::write(const AccessRecord& r) {
  std::string line;
  JsonWriter json(line);
  json.begin_object()
      .field("time", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()))
      .field("request_id", r.request_id)
      .field("peer", r.peer)
      .field("method", r.method)
      .field("path", r.path);
  if (r.code.empty()) json.field("status", r.status);
  else json.field("code", r.code);
  json.field("bytes_in", r.bytes_in).field("bytes_out", r.bytes_out).field("total_ms", r.total_ms);
  if (!r.model.empty()) {
    json.field("model", r.model)
        .field("version", r.version)
        .field("batch", r.batch)
        .field("queue_ms", r.queue_ms)
        .field("compute_ms", r.compute_ms);
  }
  if (!r.error.empty()) json.field("error", r.error);
  json.end_object();
  line += '\n';
  {
    const MutexLock lock(mutex_);
    if (waiting_.size() + line.size() > max_waiting_) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    waiting_ += line;
  }
  changed_.notify_one();
}

void AccessLog::serve() {
  MutexLock lock(mutex_);
  while (true) {
    lock.wait(changed_, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return stopping_ || !waiting_.empty() || next_file_ >= 0;
    });
    if (waiting_.empty() && next_file_ < 0) return;
    const std::string lines = std::exchange(waiting_, {});
    const int next = std::exchange(next_file_, -1);
    const size_t at = next >= 0 ? std::exchange(next_at_, 0) : lines.size();
    lock.unlock();
    put(file_, std::string_view(lines).substr(0, at));
    if (next >= 0) {
      ::close(std::exchange(file_, next));
      mid_line_ = false;
      put(file_, std::string_view(lines).substr(at));
    }
    lock.lock();
  }
}

void AccessLog::put(int file, std::string_view lines) {
  struct stat s {};
  const bool regular = fstat(file, &s) == 0 && S_ISREG(s.st_mode);
  auto give_up = Clock::time_point::max();
  bool ends_line = mid_line_;  // end the rest of an earlier line first
  while (!lines.empty()) {
    if (!regular) {
      pollfd p{file, POLLOUT, 0};
      if (poll(&p, 1, static_cast<int>(kLook.count())) == 0) {
        if (stopping_ && give_up == Clock::time_point::max()) give_up = Clock::now() + kPatience;
        if (Clock::now() < give_up) continue;
        break;
      }
    }
    const std::string_view text = ends_line ? "\n" : regular ? lines : lines.substr(0, kPipePiece);
    const ssize_t n = ::write(file, text.data(), text.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) break;  // a full disk, most likely
    mid_line_ = text[static_cast<size_t>(n) - 1] != '\n';
    if (!std::exchange(ends_line, false)) lines.remove_prefix(static_cast<size_t>(n));
  }
  dropped_.fetch_add(std::count(lines.begin(), lines.end(), '\n'), std::memory_order_relaxed);
}

}  // namespace hearth::serve
