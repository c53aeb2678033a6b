// CudaGraph: work of a GPU that is recorded once and replayed by one launch.
#pragma once

#include <functional>
#include <memory>

#include "core/device/capture.h"
#include "core/device/device.h"

namespace hearth {

/// A CUDA graph: the kernels that a function queues on a GPU, to be queued again and again without running the
/// function.
///
///   Tensor x = zeros({32, 784}, {.device = kCuda}), y;
///   y = net(x);                                  // once as usual: what is made at first use is made now
///   CudaGraph graph(kCuda, [&] { y = net(x); });
///   x.copy_(batch);                              // new values in the same memory
///   graph.replay();                              // y has its new values, in the same memory
///
/// A whole training step can be captured: forward, backward, and the step of an optimizer that has made a step before.
/// Each replay is a step with the optimizer's present learning rate; steps are counted and random numbers drawn as they
/// would be without a graph. The gradients lie in the graph's memory: call zero_grad() before the capture and in it.
///
/// Tensors that the function makes live in memory of the graph's own, which stays as long as the graph or one of them.
/// Tensors that it uses and that were made before, the optimizer and the generators it draws from must outlive the
/// graph.
///
/// While work is captured nothing may wait for it: item(), to_vector(), printing, synchronize() and copies between the
/// CPU and the GPU throw Error, and so does everything whose result has a size that depends on values. Work on the CPU
/// and on other devices is not captured: it is done once. A graph belongs to one thread at a time.
class CudaGraph {
 public:
  /// Captures the work that f queues on `device`. It is not done before replay(). Rethrows what f throws. Throws Error
  /// for work that cannot be captured, and Error(kUnsupported) for a device that is no GPU or that is not there.
  CudaGraph(Device device, std::function<void()> f);
  ~CudaGraph();
  /// Takes the graph; the other one may only be destroyed or assigned to.
  CudaGraph(CudaGraph&&) noexcept;
  /// Drops this graph and takes the other one.
  CudaGraph& operator=(CudaGraph&&) noexcept;

  /// Queues the captured work in the device's current stream.
  void replay();

 private:
  std::function<void()> f_;  // it holds tensors that the work reads
  std::unique_ptr<Capture> capture_;
};

}  // namespace hearth
