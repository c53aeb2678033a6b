// Load on an HTTP server: many connections that send one request again and again, and the measured latencies.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace hearth::serve {

/// A histogram of latencies in nanoseconds, each within 1.6 % of its value.
class LatencyRecorder {
 public:
  void add(int64_t ns);
  void merge(const LatencyRecorder& other);
  int64_t count() const { return count_; }
  double mean_ns() const { return count_ ? static_cast<double>(sum_) / static_cast<double>(count_) : 0; }
  int64_t max_ns() const { return max_; }
  /// The q-quantile, q in [0, 1].
  int64_t quantile_ns(double q) const;

 private:
  static constexpr int kSub = 64;  // buckets for each power of two
  static size_t bucket_of(int64_t ns);
  std::array<int64_t, kSub * 42> buckets_{};
  int64_t count_ = 0, sum_ = 0, max_ = 0;
};

struct LoadOptions {
  std::string host = "127.0.0.1";  // an IP address or a name
  int port = 8000;
  std::string request;  // header and body, as they are sent
  int concurrency = 1;  // connections, each with one request at a time
  int threads = 1;
  // Requests a second over all connections, at random times (a Poisson process); latency counts from the scheduled
  // time, so that a slow server cannot hide its queue. 0: each connection sends its next request when it has its
  // answer.
  double rate = 0;
  std::chrono::milliseconds duration{5000}, warmup{500};
  int64_t requests = 0;  // in place of a duration if not 0
  // End without an error when the server stops accepting: for tests of shutdown.
  bool until_refused = false;
};

struct LoadResult {
  LatencyRecorder latency;  // of answers with status 200
  std::map<int, int64_t> statuses;
  int64_t lost = 0;     // sent, and the connection ended without an answer
  int64_t refused = 0;  // connections that failed
  int64_t bytes_in = 0;
  double seconds = 0;
  double cpu_seconds = 0;  // of this program
  std::string example;     // the body of the first answer with another status than 200, else of the first answer
  int64_t answers() const;
};

/// Sends the load and waits for its end. kUnavailable if the first connection fails.
absl::StatusOr<LoadResult> run_load(const LoadOptions& options);

struct HttpAnswer {
  int status = 0;
  std::string body;
};
/// Sends one request over a new connection.
absl::StatusOr<HttpAnswer> fetch(const std::string& host, int port, const std::string& request);

/// The text of an HTTP request; `headers` are lines that end in "\r\n".
std::string http_request(const std::string& method, const std::string& path, const std::string& host,
                         const std::string& headers, const std::string& body);

}  // namespace hearth::serve
