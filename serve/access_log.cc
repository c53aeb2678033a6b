#include "serve/access_log.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "serve/json_writer.h"

namespace hearth::serve {

absl::StatusOr<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path) {
  if (path == "-") return std::unique_ptr<AccessLog>(new AccessLog(stderr));
  const absl::StatusOr<int> fd = io::open_regular(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
  if (!fd.ok()) {
    return absl::Status(fd.status().code(),
                        concat("cannot write the access log: ", std::string(fd.status().message())));
  }
  std::FILE* file = ::fdopen(*fd, "a");
  if (!file) {
    const int error = errno;
    ::close(*fd);
    return absl::UnknownError(concat("cannot write the access log ", path, ": ", std::strerror(error)));
  }
  return std::unique_ptr<AccessLog>(new AccessLog(file));
}

AccessLog::~AccessLog() {
  if (file_ != stderr) std::fclose(file_);
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
  const std::lock_guard lock(mutex_);
  std::fwrite(line.data(), 1, line.size(), file_);
  std::fflush(file_);
}

}  // namespace hearth::serve
