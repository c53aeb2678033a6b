// AccessLog: one JSON object on a line for each request that was answered.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::serve {

struct AccessRecord {
  std::string request_id, method, path, peer, model, error;
  std::string code;  // of gRPC: the status's name, instead of a status
  int64_t version = 0, bytes_in = 0, bytes_out = 0, batch = 0;
  int status = 0;
  double total_ms = 0, queue_ms = 0, compute_ms = 0;
};

// Thread-safe. A thread of its own writes; whoever has a record never waits for the disk, or for whoever reads a pipe.
class AccessLog {
 public:
  // "-" is standard error. Keeps at most `max_waiting` bytes of lines that are not written yet.
  static absl::StatusOr<std::unique_ptr<AccessLog>> open(const std::string& path, size_t max_waiting = 4 << 20);
  // Writes what waits, unless the file takes nothing for a second.
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void write(const AccessRecord& record);
  // Lines that were lost, because too many waited or the file could not be written.
  int64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  // Opens the path anew, for when the file has been moved away. Lines that were written before go into the old one.
  // If that fails, the old one stays.
  absl::Status reopen();

 private:
  AccessLog(std::string path, int file, size_t max_waiting);
  void serve();
  void put(int file, std::string_view lines);

  const std::string path_;
  const size_t max_waiting_;
  std::atomic<int64_t> dropped_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;    // guarded by mutex_
  int next_file_ = -1;     // guarded by mutex_; to be written to behind what stands in waiting_ before next_at_
  size_t next_at_ = 0;     // guarded by mutex_
  int file_;               // of the writer's thread
  bool mid_line_ = false;  // of the writer's thread: the last line could not be written whole
  std::thread writer_;
};

}  // namespace hearth::serve
