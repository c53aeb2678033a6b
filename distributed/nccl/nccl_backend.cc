#include "distributed/nccl/nccl_backend.h"

#include <nccl.h>

#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/device/cuda/runtime.h"
#include "core/device/cuda_hooks.h"

namespace hearth::distributed {
namespace {

void check(ncclResult_t r, const char* what) {
  // A communicator that does not block goes on in the background.
  if (r == ncclSuccess || r == ncclInProgress) return;
  throw BackendError(concat("NCCL: ", what, ": ", ncclGetErrorString(r), ": ", ncclGetLastError(nullptr)));
}

// Elements as NCCL knows them. What is only moved is bytes.
struct Elements {
  ncclDataType_t type = ncclInt8;
  size_t size = 1;  // bytes of one
};

Elements reduced_as(DType t) {
  switch (t) {
    case DType::kBool:
    case DType::kU8:
      return {ncclUint8, 1};
    case DType::kI8:
      return {ncclInt8, 1};
    case DType::kI32:
      return {ncclInt32, 4};
    case DType::kI64:
      return {ncclInt64, 8};
    case DType::kF16:
      return {ncclFloat16, 2};
    case DType::kBF16:
      return {ncclBfloat16, 2};
    case DType::kF32:
      return {ncclFloat32, 4};
    case DType::kF64:
      return {ncclFloat64, 8};
    default:
      throw BackendError(concat("NCCL has no reductions of ", t));
  }
}

ncclRedOp_t operation_of(const Call& c) {
  if (c.dtype == DType::kBool)  // or, and
    return c.reduce == ReduceOp::kSum || c.reduce == ReduceOp::kMax ? ncclMax : ncclMin;
  switch (c.reduce) {
    case ReduceOp::kSum:
      return ncclSum;
    case ReduceOp::kAvg:
      return ncclAvg;
    case ReduceOp::kMin:
      return ncclMin;
    case ReduceOp::kMax:
      return ncclMax;
    case ReduceOp::kProduct:
      return ncclProd;
  }
  return ncclSum;
}

// A message of a GPU's tensor on its way through CPU memory.
class Staged final : public PendingTransfer {
 public:
  Staged(Backend& cpu, const Transfer& t) : target_(t) {
    const size_t bytes = static_cast<size_t>(t.count) * size_of(t.call.dtype);
    memory_ = std::make_shared<std::vector<char>>(bytes);
    Transfer over = t;
    over.stream = {kCpu, nullptr};
    over.owner = memory_;
    if (t.in) {
      const StreamGuard guard(t.stream);
      cuda::copy_bytes(memory_->data(), kCpu, t.in, t.stream.device, bytes);
      over.in = memory_->data();
    } else {
      over.out = memory_->data();
    }
    pending_ = cpu.post(over);
  }
  bool wait(Clock::time_point until) override {
    if (!pending_->wait(until)) return false;
    if (target_.out) {
      const StreamGuard guard(target_.stream);
      cuda::copy_bytes(target_.out, target_.stream.device, memory_->data(), kCpu, memory_->size());
    }
    return true;
  }

 private:
  const Transfer target_;
  std::shared_ptr<std::vector<char>> memory_;
  std::unique_ptr<PendingTransfer> pending_;
};

class Nccl final : public Backend {
 public:
  Nccl(int device, int rank, int size, Store& store, std::unique_ptr<Backend> cpu, Clock::time_point deadline)
      : device_(device), rank_(rank), size_(size), cpu_(std::move(cpu)) {
    cuda::stream(device_);  // makes the device CUDA's current one
    cuda::check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    check(ncclCommInitRankConfig(&comm_, size_, exchange_id(store, deadline), rank_, &config), "communicator");
    wait_for_state(deadline, "making the communicator");
  }
  ~Nccl() override {
    try {
      cuda::stream(device_);
    } catch (const Error&) {
      return;
    }
    // Destroying one that other ranks have left may wait for them.
    const bool whole = [&] {
      const MutexLock lock(mutex_);
      return !broken_ && why_.empty();
    }();
    if (comm_) whole ? ncclCommDestroy(comm_) : ncclCommAbort(comm_);
    if (stream_) cudaStreamDestroy(stream_);
  }

  const char* name() const override { return "nccl"; }
  bool carries(Device device) const override { return device.is_cpu() || device == own_device(); }
  bool averages(Device device) const override { return device.is_cuda() || cpu_->averages(device); }

  // Buckets of gradients are called while backward goes on: each waits for its own gradients, not for those to come.
  std::shared_ptr<const void> mark(const Stream& stream) override {
    if (!stream.device.is_cuda()) return nullptr;
    cuda::stream(device_);
    auto made = std::make_shared<cuda::Event>();
    cuda::check(cudaEventRecord(made->get(), static_cast<cudaStream_t>(stream.handle)), "event");
    return made;
  }

  void run(const Transfer& t) override {
    if (!t.stream.device.is_cuda()) return cpu_->run(t);
    expect_whole();
    const std::shared_ptr<const void> mark = t.mark ? t.mark : this->mark(t.stream);
    cuda::stream(device_);
    const cuda::Event done;
    const auto* made = static_cast<const cuda::Event*>(mark.get());
    cuda::check(cudaStreamWaitEvent(stream_, made->get(), 0), "event");
    queue(t);
    wait_for_state(t.deadline, "queueing");
    cuda::check(cudaEventRecord(done.get(), stream_), "event");
    while (true) {
      const cudaError_t e = cudaEventQuery(done.get());
      if (e == cudaSuccess) return;
      if (e != cudaErrorNotReady) cuda::check(e, "collective");
      look(t.deadline, "timed out");
    }
  }

  std::unique_ptr<PendingTransfer> post(const Transfer& t) override {
    if (!t.stream.device.is_cuda()) return cpu_->post(t);
    return std::make_unique<Staged>(*cpu_, t);
  }

  void abort(const std::string& why) override {
    {
      const MutexLock lock(mutex_);
      if (why_.empty()) why_ = why;
    }
    cpu_->abort(why);
  }

 private:
  Device own_device() const { return {DeviceType::kCuda, static_cast<int8_t>(device_)}; }

  ncclUniqueId exchange_id(Store& store, Clock::time_point deadline) const {
    const auto expect = [](const absl::Status& s) {
      if (!s.ok()) throw BackendError(std::string(s.message()));
    };
    ncclUniqueId id;
    if (rank_ == 0) {
      check(ncclGetUniqueId(&id), "unique id");
      expect(store.set("nccl id", std::string(id.internal, sizeof id.internal)));
      return id;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const auto text = store.wait("nccl id", std::max(left, std::chrono::milliseconds(0)));
    expect(text.status());
    if (text->size() != sizeof id.internal) throw BackendError("the store has a malformed unique id of NCCL's");
    std::memcpy(id.internal, text->data(), sizeof id.internal);
    return id;
  }

  void expect_whole() {
    const MutexLock lock(mutex_);
    if (!why_.empty()) throw BackendError(why_);
  }

  // Between two looks at something that is not done: gives up where there is a reason to.
  void look(Clock::time_point deadline, const char* late) {
    std::string why;
    {
      const MutexLock lock(mutex_);
      why = why_;
    }
    ncclResult_t state = ncclSuccess;
    if (why.empty()) {
      check(ncclCommGetAsyncError(comm_, &state), "state");
      if (state != ncclSuccess && state != ncclInProgress)
        why = concat("NCCL: ", ncclGetErrorString(state), ": ", ncclGetLastError(comm_));
      else if (Clock::now() >= deadline) why = late;
    }
    if (why.empty()) {
      std::this_thread::sleep_for(std::chrono::microseconds(20));
      return;
    }
    // Ends the kernels that wait for other ranks.
    broken_ = true;
    ncclCommAbort(std::exchange(comm_, nullptr));
    {
      const MutexLock lock(mutex_);
      if (why_.empty()) why_ = why;
    }
    throw BackendError(why);
  }

  void wait_for_state(Clock::time_point deadline, const char* what) {
    while (true) {
      ncclResult_t state = ncclSuccess;
      check(ncclCommGetAsyncError(comm_, &state), "state");
      if (state == ncclSuccess) return;
      look(deadline, what);
    }
  }

  void queue(const Transfer& t) {
    const Call& c = t.call;
    const auto count = static_cast<size_t>(t.count);
    const size_t bytes = count * size_of(c.dtype);
    const auto* in = static_cast<const char*>(t.in);
    auto* out = static_cast<char*>(t.out);
    switch (c.type) {
      case OpType::kAllReduce:
        return check(ncclAllReduce(in, out, count, reduced_as(c.dtype).type, operation_of(c), comm_, stream_),
                     "all_reduce");
      case OpType::kReduce:
        return check(ncclReduce(in, out, count, reduced_as(c.dtype).type, operation_of(c), c.root, comm_, stream_),
                     "reduce");
      case OpType::kReduceScatter:
        return check(ncclReduceScatter(in, out, count, reduced_as(c.dtype).type, operation_of(c), comm_, stream_),
                     "reduce_scatter");
      case OpType::kBroadcast:
        return check(ncclBroadcast(rank_ == c.root ? in : out, rank_ == c.root ? const_cast<char*>(in) : out, bytes,
                                   ncclInt8, c.root, comm_, stream_),
                     "broadcast");
      case OpType::kAllGather:
        return check(ncclAllGather(in, out, bytes, ncclInt8, comm_, stream_), "all_gather");
      case OpType::kGather:
      case OpType::kScatter:
      case OpType::kAllToAll:
        return exchange(t, bytes);
      default:
        throw BackendError(concat("NCCL: ", to_string(c.type), " of tensors on a GPU is not supported"));
    }
  }

  // Sends and receives that are one call.
  void exchange(const Transfer& t, size_t bytes) {
    const Call& c = t.call;
    const auto* in = static_cast<const char*>(t.in);
    auto* out = static_cast<char*>(t.out);
    const auto own = [&](char* to, const char* from, size_t n) {
      if (n) cuda::check(cudaMemcpyAsync(to, from, n, cudaMemcpyDeviceToDevice, stream_), "copy");
    };
    const auto send = [&](const char* from, size_t n, int to) {
      if (n) check(ncclSend(from, n, ncclInt8, to, comm_, stream_), "send");
    };
    const auto receive = [&](char* to, size_t n, int from) {
      if (n) check(ncclRecv(to, n, ncclInt8, from, comm_, stream_), "receive");
    };
    check(ncclGroupStart(), "group");
    std::optional<BackendError> wrong;
    size_t in_at = 0, out_at = 0;
    for (int r = 0; r < size_ && !wrong; ++r) {
      const auto k = static_cast<size_t>(r);
      try {
        if (c.type == OpType::kGather) {
          if (rank_ == c.root && r != rank_) receive(out + k * bytes, bytes, r);
          if (rank_ != c.root && r == c.root) send(in, bytes, r);
        } else if (c.type == OpType::kScatter) {
          if (rank_ == c.root && r != rank_) send(in + k * bytes, bytes, r);
          if (rank_ != c.root && r == c.root) receive(out, bytes, r);
        } else {
          const size_t to = static_cast<size_t>(t.in_counts[k]) * size_of(c.dtype),
                       from = static_cast<size_t>(t.out_counts[k]) * size_of(c.dtype);
          if (r != rank_) send(in + in_at, to, r);
          if (r != rank_) receive(out + out_at, from, r);
          in_at += to;
          out_at += from;
        }
      } catch (const BackendError& e) {
        wrong = e;
      }
    }
    check(ncclGroupEnd(), "group");
    if (wrong) throw BackendError(*wrong);
    // What a rank gives itself.
    if (c.type == OpType::kGather) {
      if (rank_ == c.root) own(out + static_cast<size_t>(rank_) * bytes, in, bytes);
    } else if (c.type == OpType::kScatter) {
      if (rank_ == c.root) own(out, in + static_cast<size_t>(rank_) * bytes, bytes);
    } else {
      in_at = out_at = 0;
      for (size_t k = 0; k < static_cast<size_t>(rank_); ++k) {
        in_at += static_cast<size_t>(t.in_counts[k]) * size_of(c.dtype);
        out_at += static_cast<size_t>(t.out_counts[k]) * size_of(c.dtype);
      }
      own(out + out_at, in + in_at, static_cast<size_t>(t.in_counts[static_cast<size_t>(rank_)]) * size_of(c.dtype));
    }
  }

  const int device_, rank_, size_;
  const std::unique_ptr<Backend> cpu_;
  cudaStream_t stream_ = nullptr;
  ncclComm_t comm_ = nullptr;
  bool broken_ = false;
  Mutex mutex_;
  std::string why_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

BackendFactory nccl_backend(int device, BackendFactory cpu) {
  return [device, cpu = std::move(cpu)](const std::shared_ptr<Store>& store, const std::string& group, int rank,
                                        int size, std::chrono::milliseconds timeout) -> std::unique_ptr<Backend> {
    const Clock::time_point deadline = Clock::now() + timeout;
    return std::make_unique<Nccl>(device, rank, size, *store, cpu(store, group, rank, size, timeout), deadline);
  };
}

}  // namespace hearth::distributed
