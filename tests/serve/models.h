// Models for the tests of serve: small, and odd where a test needs it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "serve/model/servable.h"

namespace hearth::serve::testing {

// y = factor * x for x f32 [batch, 2].
class Scale : public Servable {
 public:
  explicit Scale(double factor = 2) : factor_(factor) {
    signature_.inputs = {{"x", f32, {{-1, "batch"}, {2, ""}}}};
    signature_.outputs = {{"y", f32, {{-1, "batch"}, {2, ""}}}};
  }
  const graph::Signature& signature() const override { return signature_; }
  absl::StatusOr<std::vector<Tensor>> run(std::span<const Tensor> in) const override {
    {
      const std::lock_guard lock(mutex_);
      batches_.push_back(in[0].size(0));
    }
    while (held_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (in[0].min().item<double>() < -100) return absl::InvalidArgumentError("a number below -100");
    return std::vector<Tensor>{in[0] * factor_};
  }

  // Runs do not end while it is held.
  void hold(bool on) { held_ = on; }
  std::vector<int64_t> batches() const {
    const std::lock_guard lock(mutex_);
    return batches_;
  }

 protected:
  graph::Signature signature_;

 private:
  const double factor_;
  std::atomic<bool> held_{false};
  mutable std::mutex mutex_;
  mutable std::vector<int64_t> batches_;
};

}  // namespace hearth::serve::testing
