// Captures: a stream of their own records, the graph is launched in the stream of the thread that replays.
#include <exception>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/device/capture.h"
#include "core/device/cuda/capture_memory.h"
#include "core/device/cuda/runtime.h"
#include "core/device/cuda_hooks.h"

namespace hearth::cuda {
namespace {

class CudaCapture final : public Capture {
 public:
  CudaCapture(int device, const std::function<void()>& f)
      : device_(device), memory_(std::make_shared<CaptureMemory>(device)) {
    HEARTH_CHECK(!Capture::current(), "CudaGraph: this thread is capturing or replaying a graph already");
    stream(device_);
    complaint(device_);
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
    try {
      done_.emplace();
      record(f);
    } catch (...) {
      release();
      throw;
    }
  }
  ~CudaCapture() override { release(); }

  void* memory(size_t bytes) override {
    void* p = nullptr;
    // Written before the graph runs: what runs earlier in it must not use the same memory.
    check(memory_->take_new(&p, bytes), "memory of a graph");
    return p;
  }

  void replay() override {
    HEARTH_CHECK(!Capture::current(), "replay: this thread is capturing or replaying a graph already");
    rewrite();
    const cudaStream_t s = stream(device_);
    check(cudaGraphLaunch(run_, s), "replay");
    check(cudaEventRecord(done_->get(), s), "event");
    replayed_ = true;
  }

 private:
  void record(const std::function<void()>& f) {
    const StreamGuard guard(Stream{{DeviceType::kCuda, static_cast<int8_t>(device_)}, stream_});
    cudaGraph_t graph = nullptr;
    std::exception_ptr error;
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "capture");
    {
      const Active active(*this);
      const CaptureMemory::Scope scope(memory_);
      try {
        f();
      } catch (...) {
        error = std::current_exception();
      }
    }
    stream(device_);
    const cudaError_t e = cudaStreamEndCapture(stream_, &graph);
    if (error) {
      cudaGetLastError();
      if (graph) cudaGraphDestroy(graph);
      std::rethrow_exception(error);
    }
    check(e, "capture");
    const cudaError_t made = cudaGraphInstantiate(&run_, graph, 0);
    cudaGraphDestroy(graph);
    check(made, "graph");
  }

  void release() noexcept {
    const Uncaptured uncaptured;
    // Replays may still run. An error here has no caller; CUDA gives it again to the next call.
    if (replayed_) cudaEventSynchronize(done_->get());
    if (run_) cudaGraphExecDestroy(run_);
    memory_->drop_kept();
    if (stream_) cudaStreamDestroy(stream_);
  }

  const int device_;
  const std::shared_ptr<CaptureMemory> memory_;
  cudaStream_t stream_ = nullptr;
  cudaGraphExec_t run_ = nullptr;
  std::optional<Event> done_;  // the last replay
  bool replayed_ = false;
};

}  // namespace

std::unique_ptr<Capture> capture(int index, const std::function<void()>& f) {
  return std::make_unique<CudaCapture>(index, f);
}

}  // namespace hearth::cuda
