// AccessLog: one JSON object on a line for each request that was answered.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

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

// Thread-safe.
class AccessLog {
 public:
  // "-" is standard error.
  static absl::StatusOr<std::unique_ptr<AccessLog>> open(const std::string& path);
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void write(const AccessRecord& record);

 private:
  explicit AccessLog(std::FILE* file) : file_(file) {}
  std::FILE* file_;
  std::mutex mutex_;
};

}  // namespace hearth::serve
