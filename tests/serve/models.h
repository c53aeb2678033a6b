// Models for the tests of serve: small, and odd where a test needs it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "serve/base/memory_budget.h"
#include "serve/model/servable.h"

namespace hearth::serve::testing {

// The bytes that requests still hold. An answer may arrive before its request gives its memory back: waits for that, at
// most half a minute.
inline int64_t bytes_kept(const MemoryBudget& memory) {
  for (int i = 0; i < 6000 && memory.in_use() > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return memory.in_use();
}

// y = factor * x for x f32 [batch, 2].
class Scale : public TensorServable {
 public:
  explicit Scale(double factor = 2) : factor_(factor) {
    signature_.inputs = {{"x", f32, {{-1, "batch"}, {2, ""}}}};
    signature_.outputs = {{"y", f32, {{-1, "batch"}, {2, ""}}}};
  }
  const graph::Signature& signature() const override { return signature_; }
  absl::StatusOr<std::vector<Tensor>> run_tensors(std::span<const Tensor> in) const override {
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

// Strings backwards, and how many bytes they have: text BYTES [batch] to reversed BYTES [batch] and length i64 [batch].
// "fail" is an error.
class Reverse : public Servable {
 public:
  Reverse() {
    signature_.inputs = {{.name = "text", .shape = {{-1, "batch", {}}}, .bytes = true}};
    signature_.outputs = {{.name = "reversed", .shape = {{-1, "batch", {}}}, .bytes = true},
                          {.name = "length", .dtype = i64, .shape = {{-1, "batch", {}}}}};
  }
  const graph::Signature& signature() const override { return signature_; }
  absl::StatusOr<std::vector<Value>> run(std::span<const Value> in) const override {
    const BytesTensor& text = in[0].bytes();
    {
      const std::lock_guard lock(mutex_);
      batches_.push_back(text.shape[0]);
    }
    while (held_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    BytesTensor reversed{.shape = text.shape, .elements = {}};
    std::vector<int64_t> lengths;
    for (const std::string& s : text.elements) {
      if (s == "fail") return absl::InvalidArgumentError("a text is \"fail\"");
      reversed.elements.emplace_back(s.rbegin(), s.rend());
      lengths.push_back(static_cast<int64_t>(s.size()));
    }
    return std::vector<Value>{std::move(reversed), from_values(lengths, text.shape)};
  }

  // Runs do not end while it is held.
  void hold(bool on) { held_ = on; }
  std::vector<int64_t> batches() const {
    const std::lock_guard lock(mutex_);
    return batches_;
  }

 private:
  graph::Signature signature_;
  std::atomic<bool> held_{false};
  mutable std::mutex mutex_;
  mutable std::vector<int64_t> batches_;
};

}  // namespace hearth::serve::testing
