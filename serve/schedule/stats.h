// Statistics of models. All counters are atomic: any thread may add and read.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

namespace hearth::serve {

/// A histogram of durations. A sample belongs to the first bucket whose bound, in seconds, is not below it.
/// Thread-safe.
class Histogram {
 public:
  /// The upper bounds of the buckets in seconds, rising. One more bucket takes what is longer.
  static constexpr std::array<double, 18> kBounds{25e-6,  50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 1e-2,
                                                  2.5e-2, 5e-2,  1e-1,   2.5e-1, 5e-1,   1,    2.5,    5,    10};
  /// Adds a sample, in nanoseconds.
  void add(int64_t ns);
  /// The number of samples.
  int64_t count() const;
  /// The sum of all samples in seconds.
  double sum_seconds() const { return static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) * 1e-9; }
  /// The number of samples at or below each bound; the last entry counts all.
  std::array<int64_t, kBounds.size() + 1> cumulative() const;
  /// The q-quantile, q in [0, 1], in seconds, interpolated within its bucket. At most the last bound, 10 s; 0 without
  /// samples.
  double quantile(double q) const;

 private:
  std::array<std::atomic<int64_t>, kBounds.size() + 1> buckets_{};
  std::atomic<int64_t> sum_ns_{0};
};

/// Why a request failed, as the statistics count it.
enum class Failure : uint8_t {
  kRejected,  ///< The queue was full, the deadline had passed, or there was no memory for the request.
  kCanceled,  ///< The client had gone.
  kBackend,   ///< The model failed, or there was no memory for its outputs.
  kOther,     ///< The request was not valid, or its file could not be decoded.
};
/// The names that Triton's metrics have for the values of Failure, in the order of the enum.
inline constexpr const char* kFailureNames[] = {"REJECTED", "CANCELED", "BACKEND", "OTHER"};

/// A count and a total duration, as Triton's statistics extension reports them.
struct Durations {
  std::atomic<int64_t> count{0};  ///< How many durations were added.
  std::atomic<int64_t> ns{0};     ///< Their sum in nanoseconds.
  /// Adds `n` durations of together `t` nanoseconds.
  void add(int64_t t, int64_t n = 1) {
    count.fetch_add(n, std::memory_order_relaxed);
    ns.fetch_add(t, std::memory_order_relaxed);
  }
};

/// The statistics of one version of a model. They outlive the version: a version that is loaded again goes on counting.
struct ModelStats {
  /// The largest size of a batch that is counted by itself; larger ones are counted as this size.
  static constexpr int64_t kBatchSizes = 1024;

  std::array<std::atomic<int64_t>, 4> failures{};  ///< Failed requests, by Failure.
  std::atomic<int64_t> inferences{0};              ///< Examples of requests that succeeded.
  std::atomic<int64_t> executions{0};              ///< Batches that the model computed.
  std::atomic<int64_t> pending{0};                 ///< Requests in the queue now.
  std::atomic<int64_t> last_inference_ms{0};       ///< When the last batch ended, in milliseconds since 1970; 0: never.
  Durations success;                               ///< Requests that succeeded: from arrival to the model's result.
  Durations fail;            ///< Requests that failed: from arrival to the error; 0 where the queue was full.
  Durations queue;           ///< Requests that were queued: the time in the queue.
  Durations compute_input;   ///< Joining the inputs of a batch; its whole time counts for each of its requests.
  Durations compute_infer;   ///< Running the model; the batch's whole time counts for each of its requests.
  Durations compute_output;  ///< Writing an answer from the model's outputs.
  Histogram request_time;    ///< Queued requests, successful or not: from arrival to the result.
  Histogram queue_time;      ///< Queued requests, successful or not: the time in the queue.
  Histogram compute_time;    ///< Batches: the time that the model took.
  /// The batches of one size.
  struct Batch {
    std::atomic<int64_t> count{0};      ///< How many there were.
    std::atomic<int64_t> input_ns{0};   ///< Nanoseconds of joining the inputs.
    std::atomic<int64_t> infer_ns{0};   ///< Nanoseconds of running the model.
    std::atomic<int64_t> output_ns{0};  ///< Nanoseconds of handing out the outputs to several requests.
  };
  /// The batches by their number of examples.
  std::array<Batch, kBatchSizes + 1> batches{};

  /// The entry for batches of `rows` examples.
  Batch& batch(int64_t rows) { return batches[static_cast<size_t>(rows < kBatchSizes ? rows : kBatchSizes)]; }
  /// Counts a request that failed after `ns` nanoseconds.
  void failed(Failure why, int64_t ns) {
    failures[static_cast<size_t>(why)].fetch_add(1, std::memory_order_relaxed);
    fail.add(ns);
  }
};

}  // namespace hearth::serve
