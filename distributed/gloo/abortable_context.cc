#include <utility>

#include "distributed/gloo/abortable_context_internal.h"

namespace hearth::distributed {
namespace {

using gloo::transport::UnboundBuffer;

class GuardedBuffer final : public UnboundBuffer {
 public:
  GuardedBuffer(std::unique_ptr<UnboundBuffer> real, std::shared_ptr<AbortFlag> abort_flag)
      : UnboundBuffer(real->ptr, real->size), real_(std::move(real)), abort_flag_(std::move(abort_flag)) {
    abort_flag_->add(real_.get());
  }
  ~GuardedBuffer() override { abort_flag_->remove(real_.get()); }

  // The algorithms look at no result: what was ended must throw.
  bool waitRecv(int* rank, std::chrono::milliseconds timeout) override {
    return whole(!abort_flag_->aborted() && real_->waitRecv(rank, abort_flag_->time_for(timeout)));
  }
  bool waitSend(int* rank, std::chrono::milliseconds timeout) override {
    return whole(!abort_flag_->aborted() && real_->waitSend(rank, abort_flag_->time_for(timeout)));
  }
  void abortWaitRecv() override { real_->abortWaitRecv(); }
  void abortWaitSend() override { real_->abortWaitSend(); }
  void send(int rank, uint64_t slot, size_t offset, size_t nbytes) override { real_->send(rank, slot, offset, nbytes); }
  void recv(int rank, uint64_t slot, size_t offset, size_t nbytes) override { real_->recv(rank, slot, offset, nbytes); }
  void recv(std::vector<int> ranks, uint64_t slot, size_t offset, size_t nbytes) override {
    real_->recv(std::move(ranks), slot, offset, nbytes);
  }

 private:
  static bool whole(bool done) {
    if (!done) throw gloo::IoException("the operation was ended");
    return true;
  }
  const std::unique_ptr<UnboundBuffer> real_;
  const std::shared_ptr<AbortFlag> abort_flag_;
};

class GuardedTransport final : public gloo::transport::Context {
 public:
  GuardedTransport(std::shared_ptr<gloo::transport::Context> real, std::shared_ptr<AbortFlag> abort_flag)
      : Context(real->rank, real->size), real_(std::move(real)), abort_flag_(std::move(abort_flag)) {}
  std::unique_ptr<gloo::transport::Pair>& getPair(int rank) override { return real_->getPair(rank); }
  std::unique_ptr<gloo::transport::Pair>& createPair(int rank) override { return real_->createPair(rank); }
  std::unique_ptr<UnboundBuffer> createUnboundBuffer(void* ptr, size_t size) override {
    return std::make_unique<GuardedBuffer>(real_->createUnboundBuffer(ptr, size), abort_flag_);
  }

 private:
  const std::shared_ptr<gloo::transport::Context> real_;
  const std::shared_ptr<AbortFlag> abort_flag_;
};

}  // namespace

void AbortFlag::abort() {
  const MutexLock lock(mutex_);
  aborted_ = true;
  for (UnboundBuffer* b : live_) {
    b->abortWaitRecv();
    b->abortWaitSend();
  }
}

void AbortableContext::guard(std::chrono::milliseconds timeout) {
  setTimeout(timeout);
  transportContext_->setTimeout(timeout);
  transportContext_ = std::make_shared<GuardedTransport>(transportContext_, abort_flag_);
  transportContext_->setTimeout(timeout);
}

void AbortableContext::abort() {
  abort_flag_->abort();
  closeConnections();
}

}  // namespace hearth::distributed
