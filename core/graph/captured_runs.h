// CapturedRuns: a graph that is run again and again on a GPU, by CUDA graphs.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/device/cuda_graph.h"
#include "core/graph/graph.h"

namespace hearth::graph {

/// Runs a graph. On a GPU, inputs of shapes that have come before are run by one launch: the second call with the same
/// shapes captures a CUDA graph (core/device/cuda_graph.h), which the calls after it replay. The results are those of
/// Graph::run(), and no other call writes to them. On the CPU, under an Interposer such as Autocast, and for a graph
/// whose run cannot be captured because the size of a value depends on other values, run() is Graph::run().
///
/// A capture keeps what holds for the whole process when it is made, such as whether products may be TF32. Each
/// combination of shapes keeps memory for one whole run. An object belongs to one thread at a time, and to one stream
/// for all of its calls; while it captures, no other thread may synchronize() the device.
class CapturedRuns {
 public:
  /// Captures at most `most` combinations of shapes, those that come first; others are run without.
  explicit CapturedRuns(Graph graph, size_t most = 8) : graph_(std::move(graph)), most_(most) {}

  /// See Graph::run(). Throws Error as that does.
  std::vector<Tensor> run(std::span<const Tensor> in);
  /// run() of a graph of one input; its first output.
  Tensor operator()(const Tensor& in) { return run({&in, 1})[0]; }

  /// How many combinations of shapes are captured.
  size_t captured() const;

 private:
  struct Key {
    DType dtype;
    Device device;
    Shape shape;
    friend bool operator==(const Key&, const Key&) = default;
  };
  // Inputs of one combination of shapes.
  struct Runs {
    std::vector<Key> keys;
    std::vector<Tensor> in, out;  // in the memory that the captured run reads and writes
    std::optional<CudaGraph> replay;
    bool tried = false;
  };
  static std::vector<Key> keys_of(std::span<const Tensor> in);
  void capture(Runs& runs, std::span<const Tensor> in);

  const Graph graph_;
  const size_t most_;
  std::vector<std::unique_ptr<Runs>> runs_;
};

}  // namespace hearth::graph
