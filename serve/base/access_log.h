// AccessLog: one line with a JSON object for each answered request.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/mutex.h"
#include "core/base/threads.h"

namespace hearth::serve {

/// What the log says about a request. Without `error` that field is left out, and without `model` the fields model,
/// version, batch, queue_ms and compute_ms are. `code` is written in place of `status` if it is not empty.
struct AccessRecord {
  std::string request_id;  ///< The request's id.
  std::string method;      ///< The HTTP method; "GRPC" for a call.
  std::string path;        ///< The path without its query; of a call the path of its method.
  std::string peer;        ///< The client's IP address.
  std::string model;       ///< The model's name; empty for a request to no model.
  std::string error;       ///< The body or message of an error.
  std::string code;        ///< gRPC's name of the status, in place of `status`.
  int64_t version = 0;     ///< The model's version.
  int64_t bytes_in = 0;    ///< Bytes of the request's body or message, as the client sent it.
  int64_t bytes_out = 0;   ///< Bytes of the response's body or message.
  int64_t batch = 0;       ///< Examples in the batch that the request was part of.
  int status = 0;          ///< The HTTP status.
  double total_ms = 0;     ///< Milliseconds from the request's arrival until its answer was made.
  double queue_ms = 0;     ///< Milliseconds in the model's queue.
  double compute_ms = 0;   ///< Milliseconds that the model took for the batch.
};

/// The access log. A thread of its own writes the lines, so write() never waits for a disk or for the reader of a pipe.
/// Thread-safe.
class AccessLog {
 public:
  /// Appends to the file at `path`, which may be a device; "-" is standard error. Keeps at most `max_waiting` bytes of
  /// lines that are not written yet. An error names what could not be opened, or says that no thread could be started.
  static absl::StatusOr<std::unique_ptr<AccessLog>> open(const std::string& path, size_t max_waiting = 4 << 20);
  /// Writes the lines that wait. Gives up when the file accepts nothing for one second.
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  /// Queues one line. Drops it if `max_waiting` bytes already wait.
  void write(const AccessRecord& record);
  /// The number of lines that were lost: too many waited, or the file could not be written.
  int64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  /// Opens the path again, for a file that was renamed (log rotation). Lines of earlier write() calls go to the old
  /// file. On an error the old file stays in use.
  absl::Status reopen();

 private:
  AccessLog(std::string path, int file, size_t max_waiting);
  void serve();
  void put(int file, std::string_view lines);

  const std::string path_;
  const size_t max_waiting_;
  std::atomic<int64_t> dropped_{0};
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_ ABSL_GUARDED_BY(mutex_);
  // The reopened file, or -1. It takes the lines of waiting_ from the byte next_at_ on.
  int next_file_ ABSL_GUARDED_BY(mutex_) = -1;
  size_t next_at_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of the writer's thread alone. mid_line_: the last line could not be written whole.
  int file_;
  bool mid_line_ = false;
  std::unique_ptr<ThreadGroup> writer_;
};

}  // namespace hearth::serve
