#include "core/device/cuda_graph.h"

#include <utility>

#include "core/base/error.h"
#include "core/device/allocator.h"
#include "core/device/cuda_hooks.h"

namespace hearth {

CudaGraph::CudaGraph(Device device, std::function<void()> f) : f_(std::move(f)) {
  if (!device.is_cuda())
    fail(ErrorKind::kUnsupported, "CudaGraph: the device must be a GPU, but is ", to_string(device));
  allocator_for(device);  // throws where there is no code for the device, or no such device
  capture_ = cuda::capture(device.index, f_);
}
CudaGraph::~CudaGraph() = default;
CudaGraph::CudaGraph(CudaGraph&&) noexcept = default;
CudaGraph& CudaGraph::operator=(CudaGraph&&) noexcept = default;

void CudaGraph::replay() { capture_->replay(); }

}  // namespace hearth
