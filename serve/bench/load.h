// Load on an HTTP server: many connections that send one request again and again, and the measured latencies.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace hearth::serve {

/// A histogram of latencies in nanoseconds, each within 1.6 % of its value. Not thread-safe.
class LatencyRecorder {
 public:
  /// Adds a latency.
  void add(int64_t ns);
  /// Adds the latencies of another recorder.
  void merge(const LatencyRecorder& other);
  /// The number of latencies.
  int64_t count() const { return count_; }
  /// The exact mean; 0 without latencies.
  double mean_ns() const { return count_ ? static_cast<double>(sum_) / static_cast<double>(count_) : 0; }
  /// The longest latency, exactly; 0 without latencies.
  int64_t max_ns() const { return max_; }
  /// The q-quantile, q in [0, 1]: at least its true value, and within 1.6 % of it. 0 without latencies.
  int64_t quantile_ns(double q) const;

 private:
  static constexpr int kSub = 64;  // buckets for each power of two
  static size_t bucket_of(int64_t ns);
  std::array<int64_t, kSub * 42> buckets_{};
  int64_t count_ = 0, sum_ = 0, max_ = 0;
};

/// The load to send.
struct LoadOptions {
  /// The server's IP address or name.
  std::string host = "127.0.0.1";
  /// The server's port.
  int port = 8000;
  /// The request, header and body, as it is sent. http_request() makes one.
  std::string request;
  /// The number of connections, each with one request at a time.
  int concurrency = 1;
  /// The threads that share the connections; at most one for each connection is used.
  int threads = 1;
  /// Requests a second over all connections, at random times (a Poisson process); latency counts from the scheduled
  /// time, so that a slow server cannot hide its queue. 0: each connection sends its next request when it has its
  /// answer.
  double rate = 0;
  /// How long to measure. Not used if `requests` is not 0.
  std::chrono::milliseconds duration{5000};
  /// How long to send before measuring. Not used if `requests` is not 0.
  std::chrono::milliseconds warmup{500};
  /// How many requests to send in place of a duration; 0: send for a duration.
  int64_t requests = 0;
  /// Ends without an error when the server stops accepting connections: for tests of shutdown.
  bool until_refused = false;
};

/// What run_load() has measured.
struct LoadResult {
  LatencyRecorder latency;          ///< Latencies of the measured answers with status 200.
  std::map<int, int64_t> statuses;  ///< How many measured answers had each HTTP status.
  int64_t lost = 0;                 ///< Requests whose connection ended without an answer, warm-up included.
  int64_t refused = 0;              ///< Connections that failed, warm-up included.
  int64_t bytes_in = 0;             ///< Bytes that were received, warm-up included.
  double seconds = 0;               ///< How long the measurement took.
  double cpu_seconds = 0;           ///< Processor time of this program, warm-up included.
  std::string example;  ///< The body of one answer, for messages; one with a status other than 200 is preferred.
  /// The number of measured answers, whatever their status.
  int64_t answers() const;
};

/// Sends the load and waits for its end. kUnavailable if the host is not found, if the first connection fails, or if
/// there was no answer and a later connection failed. Throws Error if the system refuses a thread.
/// kInvalidArgument unless there is at least one thread and one connection.
absl::StatusOr<LoadResult> run_load(const LoadOptions& options);

/// An answer to fetch().
struct HttpAnswer {
  int status = 0;    ///< The HTTP status.
  std::string body;  ///< The body.
};
/// Sends one request over a new connection and reads the answer, whose body must have a Content-Length. kUnavailable if
/// the host is not found, if the connection fails or ends early, or if nothing comes for 30 seconds.
absl::StatusOr<HttpAnswer> fetch(const std::string& host, int port, const std::string& request);

/// The text of an HTTP/1.1 request. Host and Content-Length are added; `headers` are further lines, each of which ends
/// in
/// "\r\n".
std::string http_request(const std::string& method, const std::string& path, const std::string& host,
                         const std::string& headers, const std::string& body);

}  // namespace hearth::serve
