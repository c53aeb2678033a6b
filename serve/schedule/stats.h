// Statistics of models. All counters are atomic: any thread may add and read.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

namespace hearth::serve {

/// A histogram of durations. A sample belongs to the first bucket whose bound, in seconds, is not below it.
class Histogram {
 public:
  static constexpr std::array<double, 18> kBounds{25e-6,  50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 1e-2,
                                                  2.5e-2, 5e-2,  1e-1,   2.5e-1, 5e-1,   1,    2.5,    5,    10};
  /// Adds a sample, in nanoseconds.
  void add(int64_t ns);
  int64_t count() const;
  double sum_seconds() const { return static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) * 1e-9; }
  /// The number of samples at or below each bound; the last entry counts all.
  std::array<int64_t, kBounds.size() + 1> cumulative() const;
  /// The q-quantile, q in [0, 1], in seconds, interpolated within its bucket; 0 without samples.
  double quantile(double q) const;

 private:
  std::array<std::atomic<int64_t>, kBounds.size() + 1> buckets_{};
  std::atomic<int64_t> sum_ns_{0};
};

/// Why a request failed, as the statistics count it.
enum class Failure : uint8_t { kRejected, kCanceled, kBackend, kOther };
inline constexpr const char* kFailureNames[] = {"REJECTED", "CANCELED", "BACKEND", "OTHER"};

/// Count and total duration in nanoseconds, as Triton's statistics extension reports them.
struct Durations {
  std::atomic<int64_t> count{0}, ns{0};
  void add(int64_t t, int64_t n = 1) {
    count.fetch_add(n, std::memory_order_relaxed);
    ns.fetch_add(t, std::memory_order_relaxed);
  }
};

/// The statistics of one version of a model. They outlive the version: a version that is loaded again goes on counting.
struct ModelStats {
  static constexpr int64_t kBatchSizes = 1024;  // larger batches are counted as this size

  std::array<std::atomic<int64_t>, 4> failures{};  // by Failure
  std::atomic<int64_t> inferences{0};              // examples
  std::atomic<int64_t> executions{0};              // batches
  std::atomic<int64_t> pending{0};                 // requests in the queue
  std::atomic<int64_t> last_inference_ms{0};       // since 1970
  Durations success, fail, queue, compute_input, compute_infer, compute_output;
  Histogram request_time, queue_time, compute_time;
  struct Batch {
    std::atomic<int64_t> count{0}, input_ns{0}, infer_ns{0}, output_ns{0};
  };
  std::array<Batch, kBatchSizes + 1> batches{};

  Batch& batch(int64_t rows) { return batches[static_cast<size_t>(rows < kBatchSizes ? rows : kBatchSizes)]; }
  void failed(Failure why, int64_t ns) {
    failures[static_cast<size_t>(why)].fetch_add(1, std::memory_order_relaxed);
    fail.add(ns);
  }
};

}  // namespace hearth::serve
