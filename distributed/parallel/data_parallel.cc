#include "distributed/parallel/data_parallel.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/autograd/guards.h"
#include "core/autograd/hooks.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "distributed/parallel/same_model_internal.h"

namespace hearth::distributed {
namespace {

// Elements; each parameter in a bucket begins on a cache line.
constexpr int64_t kAlign = 16;
// Bytes that are not parted for the sake of an early exchange: each has its own cost.
constexpr int64_t kSmallBucket = 32 << 10;

int64_t bytes_of(const Tensor& t) { return static_cast<int64_t>(t.nbytes()); }

// Whether others hold the tensor or a part of it, beside so many handles and so many tensors of its memory.
bool held_beside(const Tensor& t, uint32_t handles, uint32_t tensors) {
  return t.impl()->use_count() > handles || t.impl()->storage->use_count() > tensors;
}

// All memory of a dense tensor in one dimension, in the order in which it lies.
Tensor flat_view(const Tensor& t) {
  return hearth::detail::alias(t, Layout({t.numel()}, {1}, t.storage_offset()), true);
}

}  // namespace

CommHook compress_hook(DType dtype) {
  HEARTH_CHECK(dtype == DType::kF16 || dtype == DType::kBF16, "compress_hook: dtype ", dtype,
               " is not supported; it takes f16, bf16");
  return {.begin =
              [dtype](ProcessGroup& group, GradBucket& bucket) {
                bucket.wire = (bucket.flat / group.size()).to(dtype);
                return group.all_reduce_async(bucket.wire);
              },
          .finish = [](ProcessGroup&, GradBucket& bucket) { bucket.flat.copy_(bucket.wire); }};
}

class DistributedDataParallel::Impl {
 public:
  Impl(nn::ModuleBase& module, ProcessGroup& group, const DataParallelOptions& options)
      : module_(module), group_(group), options_(options) {
    if (!options_.hook.begin) {
      options_.hook.begin = [](ProcessGroup& g, GradBucket& b) { return g.all_reduce_async(b.flat, ReduceOp::kAvg); };
    }
    if (group.size() == 1) return;
    expect_same_model("DistributedDataParallel", module, group);
    own_ = group.duplicate();
    std::vector<Tensor> all = buffers();
    for (const Tensor& p : module.parameters()) all.push_back(p.detach());
    broadcast_all(*own_, all, 0);
    make_buckets();
    for (size_t k = 0; k < places_.size(); ++k) {
      hooks_.push_back(
          places_[k].parameter.register_post_accumulate_grad_hook([this, k](const Tensor&) { arrived(k); }));
    }
    if (options_.broadcast_buffers && !buffers().empty()) {
      hooks_.push_back(module.register_forward_pre_hook([this](nn::ModuleBase& m, nn::HookTensors&) {
        // A copy of the module has the hook too, but buffers of its own.
        if (&m == &module_ && m.training() && sync_) send_buffers();
      }));
    }
  }
  ~Impl() {
    for (HookHandle& h : hooks_) h.remove();
  }

  // As if a backward had run on no data.
  void shadow() {
    module_.zero_grad();
    if (options_.broadcast_buffers && module_.training() && !buffers().empty()) send_buffers();
    finish(true);
  }
  // Ranks without a batch give nothing to the averages from now on, and no buffers. False: no rank has one.
  bool begin_uneven(bool has_batch) {
    const auto has = own_->all_gather(full({}, has_batch, {.dtype = boolean, .device = kCpu})).to_vector<int>();
    const auto count = std::count(has.begin(), has.end(), 1);
    if (count == 0) return false;
    scale_ = static_cast<double>(has.size()) / static_cast<double>(count);
    source_ = static_cast<int>(std::find(has.begin(), has.end(), 1) - has.begin());
    return true;
  }
  void end_uneven() {
    scale_ = 1;
    source_ = 0;
  }

  nn::ModuleBase& module_;
  ProcessGroup& group_;
  DataParallelOptions options_;
  DataParallelStats stats_;
  bool sync_ = true;

  size_t buckets() const { return buckets_.size(); }
  std::vector<Recorded> record() const { return own_ ? own_->record() : std::vector<Recorded>(); }

 private:
  struct Bucket {
    GradBucket grads;
    size_t first = 0, parameters = 0, ready = 0;  // places: the first, their number, those that have arrived
    bool alone = false;                           // a parameter whose gradient is reduced where it lies
    Work work;
  };
  struct Place {
    Tensor parameter, view;  // the gradient's place in the bucket
    int64_t offset = 0;      // its first element there
    size_t bucket = 0;
    bool here = false;  // in this backward
    bool used = false;  // on this rank, since zero_grad()
  };

  std::vector<Tensor> buffers() const {
    std::vector<Tensor> out;
    for (const auto& [name, b] : module_.named_buffers()) out.push_back(b);
    return out;
  }

  // Once for each exchanged backward: what a first forward has saved for it may not be written to by a second one.
  void send_buffers() {
    if (!std::exchange(buffers_sent_, true)) broadcast_all(*own_, buffers(), source_);
  }

  // Parameters in reverse order: about that in which their gradients arrive.
  void make_buckets() {
    std::vector<Tensor> parameters = module_.parameters();
    std::erase_if(parameters, [](const Tensor& p) { return !p.requires_grad(); });
    std::reverse(parameters.begin(), parameters.end());
    if (parameters.empty()) return;
    const auto large = [&](const Tensor& p) { return bytes_of(p) >= options_.alone_bytes && p.layout().dense; };
    // Several buckets in small models too: the exchange of one alone would begin when backward ends.
    int64_t most = 0;
    for (const Tensor& p : parameters) most += bytes_of(p);
    most = std::max(most / 8, kSmallBucket);
    for (size_t i = 0; i < parameters.size();) {
      const Tensor& first = parameters[i];
      const int64_t limit = std::min(most, buckets_.empty() ? options_.first_bucket_bytes : options_.bucket_bytes);
      Bucket b{.alone = large(first)};
      b.grads.index = buckets_.size();
      int64_t elements = 0;
      size_t end = i;
      std::vector<int64_t> offsets;
      do {
        offsets.push_back(elements);
        elements += (parameters[end].numel() + kAlign - 1) / kAlign * kAlign;
        ++end;
      } while (!b.alone && end < parameters.size() && parameters[end].dtype() == first.dtype() &&
               !large(parameters[end]) &&
               elements * static_cast<int64_t>(first.itemsize()) + bytes_of(parameters[end]) <= limit);
      b.first = i;
      b.parameters = end - i;
      for (size_t k = i; k < end; ++k)
        places_.push_back({.parameter = parameters[k], .offset = offsets[k - i], .bucket = buckets_.size()});
      if (!b.alone) set_flat(b, zeros({elements}, {.dtype = first.dtype(), .device = first.device()}));
      buckets_.push_back(std::move(b));
      i = end;
    }
  }
  // Lays the bucket's places in this memory.
  void set_flat(Bucket& b, const Tensor& flat) {
    b.grads.flat = flat;
    for (size_t k = b.first; k < b.first + b.parameters; ++k) {
      // Laid out as the parameter, so that the optimizer needs no copy.
      const Tensor& p = places_[k].parameter;
      const Strides strides = p.layout().dense ? p.strides() : contiguous_strides(p.shape());
      places_[k].view = hearth::detail::alias(flat, Layout(p.shape(), strides, places_[k].offset), true);
    }
  }
  // The gradient's place, which may be written to: if the user holds a gradient that was there, it stays his, and the
  // bucket takes other memory.
  Tensor& free_view(Place& p, Bucket& b) {
    if (!held_beside(p.view, 1, static_cast<uint32_t>(b.parameters) + 1)) return p.view;
    std::vector<bool> in_use;
    for (size_t k = b.first; k < b.first + b.parameters; ++k)
      in_use.push_back(places_[k].parameter.grad().is(places_[k].view));
    set_flat(b, b.grads.flat.clone());
    for (size_t k = 0; k < b.parameters; ++k) {
      if (in_use[k]) places_[b.first + k].parameter.set_grad(places_[b.first + k].view);
    }
    return p.view;
  }

  void arrived(size_t i) {
    const NoGrad off;
    if (!running_) {
      running_ = true;
      autograd::on_backward_end([this](bool complete) { finish(complete); });
    }
    Place& p = places_[i];
    Bucket& b = buckets_[p.bucket];
    place(p, b);
    p.used = true;
    if (!sync_ || p.here) return;
    p.here = true;
    ++b.ready;
    send_full();
  }

  // Brings a gradient to where it is reduced.
  void place(Place& p, Bucket& b) {
    const Tensor g = p.parameter.grad();
    if (b.alone) {
      // In the parameter's order: other ranks' gradients may lie otherwise. In memory of its own: while backward makes
      // a graph, other nodes may still read the gradient. Without a history, as in the other buckets.
      const bool ours = !held_beside(g, 2, b.grads.flat.defined() ? 2 : 1) && !g.requires_grad();
      if (!ours || g.strides() != p.parameter.strides() || !g.layout().dense) {
        Tensor own = empty_like(p.parameter.detach());
        own.copy_(g);
        p.parameter.set_grad(own);
      }
      b.grads.flat = flat_view(p.parameter.grad());
    } else if (!g.is(p.view)) {
      // After zero_grad() the engine gives a tensor of its own; what it adds later is added in the bucket.
      free_view(p, b).copy_(g);
      p.parameter.set_grad(p.view);
    }
  }

  void send_full() {
    for (; next_ < buckets_.size() && buckets_[next_].ready == buckets_[next_].parameters; ++next_) {
      Bucket& b = buckets_[next_];
      if (next_ + 1 == buckets_.size()) send_flags();
      b.work = options_.hook.begin(*own_, b.grads);
    }
  }
  // All parameters are here, or backward is over.
  void send_flags() {
    flags_ = empty({static_cast<int64_t>(places_.size())}, {.dtype = boolean, .device = kCpu});
    bool* flag = flags_.mutable_data<bool>();
    for (const Place& p : places_) *flag++ = p.used;
    flags_work_ = own_->all_reduce_async(flags_);
  }

  void finish(bool complete) {
    const NoGrad off;
    running_ = false;
    if (complete && sync_ && !buckets_.empty()) {
      add_unused();
      const auto begin = Clock::now();
      send_full();
      flags_work_.wait();
      stats_.communication += flags_work_.seconds();
      for (Bucket& b : buckets_) {
        b.work.wait();
        if (options_.hook.finish) options_.hook.finish(*own_, b.grads);
        stats_.communication += b.work.seconds();
        if (scale_ != 1) b.grads.flat.mul_(scale_);
      }
      stats_.blocked += seconds_since(begin);
      ++stats_.steps;
      drop_unused();
    }
    for (Place& p : places_) p.here = false;
    buffers_sent_ = false;
    flags_work_ = {};
    for (Bucket& b : buckets_) {
      if (!complete) {
        try {
          b.work.wait();  // it still writes to the bucket
        } catch (const Error&) {
          // Backward throws another one; the group says this one again.
        }
      }
      b.work = {};
      b.grads.wire = {};
      b.ready = 0;
      if (b.alone) b.grads.flat = {};
    }
    next_ = 0;
  }
  // What this rank has not used counts as zero; another may have used it.
  void add_unused() {
    for (Place& p : places_) {
      if (p.here) continue;
      Bucket& b = buckets_[p.bucket];
      const bool has = p.parameter.grad().defined();
      p.used = has;
      if (!has) p.parameter.set_grad(b.alone ? zeros_like(p.parameter.detach()) : zeroed(free_view(p, b)));
      place(p, b);
      ++b.ready;
    }
  }
  static Tensor zeroed(Tensor t) {
    t.zero_();
    return t;
  }
  // A parameter that no rank has used has no gradient, as in one process.
  void drop_unused() {
    const bool* used = flags_.data<bool>();
    for (size_t i = 0; i < places_.size(); ++i) {
      if (!used[i]) places_[i].parameter.set_grad({});
    }
  }

  std::vector<Bucket> buckets_;
  std::vector<Place> places_;
  // Its operations do not mix with the user's, such as those that batch norm calls in the middle of backward.
  std::unique_ptr<ProcessGroup> own_;
  Tensor flags_;  // for each place: whether this rank, then whether any rank has used it
  Work flags_work_;
  size_t next_ = 0;   // the bucket to be sent next: the order is the same on all ranks
  double scale_ = 1;  // of averages, where only some ranks have a batch
  int source_ = 0;    // of buffers
  bool running_ = false;
  bool buffers_sent_ = false;  // since the last backward
  std::vector<HookHandle> hooks_;
};

DistributedDataParallel::DistributedDataParallel(nn::ModuleBase& module, ProcessGroup& group,
                                                 const DataParallelOptions& options)
    : impl_(std::make_unique<Impl>(module, group, options)) {}
DistributedDataParallel::~DistributedDataParallel() = default;
size_t DistributedDataParallel::buckets() const { return impl_->buckets(); }
const DataParallelStats& DistributedDataParallel::stats() const { return impl_->stats_; }
std::vector<Recorded> DistributedDataParallel::record() const { return impl_->record(); }
ProcessGroup& DistributedDataParallel::group() const { return impl_->group_; }

DistributedDataParallel::NoSync::NoSync(DistributedDataParallel& parallel)
    : parallel_(parallel), previous_(std::exchange(parallel.impl_->sync_, false)) {}
DistributedDataParallel::NoSync::~NoSync() { parallel_.impl_->sync_ = previous_; }

nn::ModuleBase& DistributedDataParallel::module() const { return impl_->module_; }
bool DistributedDataParallel::begin_uneven(bool has_batch) { return impl_->begin_uneven(has_batch); }
void DistributedDataParallel::shadow() { impl_->shadow(); }
void DistributedDataParallel::end_uneven() { impl_->end_uneven(); }

}  // namespace hearth::distributed
