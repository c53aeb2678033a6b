#include "distributed/parallel/data_parallel.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "core/autograd/guards.h"
#include "core/autograd/hooks.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "distributed/group/objects.h"

namespace hearth::distributed {
namespace {

// Elements; each parameter in a bucket begins on a cache line.
constexpr int64_t kAlign = 16;

double since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

int64_t bytes_of(const Tensor& t) { return static_cast<int64_t>(t.nbytes()); }

// All memory of a dense tensor in one dimension, in the order in which it lies.
Tensor flat_view(const Tensor& t) {
  return hearth::detail::alias(t, Layout({t.numel()}, {1}, t.storage_offset()), true);
}

// In one exchange for each dtype.
void broadcast_all(ProcessGroup& group, const std::vector<Tensor>& tensors, int root) {
  std::map<DType, std::vector<Tensor>> by_dtype;
  for (const Tensor& t : tensors) by_dtype[t.dtype()].push_back(t);
  const NoGrad off;
  for (const auto& [dtype, list] : by_dtype) group.broadcast(list, root);
}

// Throws on all ranks if one has other parameters than the first.
void expect_same(const nn::ModuleBase& module, ProcessGroup& group) {
  std::string mine;
  for (const auto& [name, p] : module.named_parameters())
    mine += concat(name, " ", p.dtype(), " ", p.shape(), " ", p.strides(), p.requires_grad() ? " trained\n" : "\n");
  for (const auto& [name, b] : module.named_buffers())
    mine += concat(name, " ", b.dtype(), " ", b.shape(), " buffer\n");
  const std::vector<std::string> all = all_gather_bytes(group, mine);
  for (size_t r = 1; r < all.size(); ++r) {
    if (all[r] == all[0]) continue;
    const auto [a, b] = std::ranges::mismatch(all[0], all[r]);
    const auto line = [](const std::string& s, std::string::const_iterator at) {
      const auto pos = static_cast<size_t>(at - s.begin());
      const size_t begin = pos == 0 ? 0 : s.rfind('\n', pos - 1) + 1;
      const std::string l = s.substr(begin, s.find('\n', begin) - begin);
      return l.empty() ? std::string("nothing") : l;
    };
    fail("DistributedDataParallel: ranks have different models: rank 0 has ", line(all[0], a), ", rank ", r, " has ",
         line(all[r], b));
  }
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
    expect_same(module, group);
    std::vector<Tensor> all = buffers();
    for (const Tensor& p : module.parameters()) all.push_back(p.detach());
    broadcast_all(group, all, 0);
    make_buckets();
    for (size_t k = 0; k < places_.size(); ++k) {
      hooks_.push_back(
          places_[k].parameter.register_post_accumulate_grad_hook([this, k](const Tensor&) { arrived(k); }));
    }
    if (options_.broadcast_buffers && !buffers().empty()) {
      hooks_.push_back(module.register_forward_pre_hook([this](nn::ModuleBase& m, nn::HookTensors&) {
        // A copy of the module has the hook too, but buffers of its own.
        if (&m == &module_ && m.training() && sync_) broadcast_all(group_, buffers(), source_);
      }));
    }
  }
  ~Impl() {
    for (HookHandle& h : hooks_) h.remove();
  }

  // As if a backward had run on no data.
  void shadow() {
    module_.zero_grad();
    if (options_.broadcast_buffers && module_.training() && !buffers().empty())
      broadcast_all(group_, buffers(), source_);
    finish(true);
  }
  std::vector<Tensor> state() const {
    std::vector<Tensor> out = buffers();
    for (const Tensor& p : module_.parameters()) out.push_back(p.detach());
    return out;
  }

  nn::ModuleBase& module_;
  ProcessGroup& group_;
  DataParallelOptions options_;
  DataParallelStats stats_;
  bool sync_ = true;
  double scale_ = 1;  // of averages, where only some ranks have a batch
  int source_ = 0;    // of buffers

  size_t buckets() const { return buckets_.size(); }

 private:
  struct Bucket {
    GradBucket grads;
    size_t parameters = 0, ready = 0;
    bool alone = false;  // a parameter whose gradient is reduced where it lies
    Work work;
  };
  struct Place {
    Tensor parameter, view;  // the gradient's place in the bucket
    size_t bucket = 0;
    bool here = false;  // in this backward
    bool used = false;  // on this rank, since zero_grad()
  };

  std::vector<Tensor> buffers() const {
    std::vector<Tensor> out;
    for (const auto& [name, b] : module_.named_buffers()) out.push_back(b);
    return out;
  }

  // Parameters in reverse order: about that in which their gradients arrive. The last bucket also has a number for each
  // parameter: whether a rank has used it. It is sent when all that is known.
  void make_buckets() {
    std::vector<Tensor> parameters = module_.parameters();
    std::erase_if(parameters, [](const Tensor& p) { return !p.requires_grad(); });
    std::reverse(parameters.begin(), parameters.end());
    if (parameters.empty()) return;
    const auto large = [&](const Tensor& p) { return bytes_of(p) >= options_.alone_bytes && p.layout().dense; };
    for (size_t i = 0; i < parameters.size();) {
      const Tensor& first = parameters[i];
      const int64_t limit = buckets_.empty() ? options_.first_bucket_bytes : options_.bucket_bytes;
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
      b.parameters = end - i;
      const bool last = end == parameters.size() && !b.alone;
      if (!b.alone) make_flat(b, first, elements, last ? parameters.size() : 0);
      for (size_t k = i; k < end; ++k) {
        const Tensor& p = parameters[k];
        Tensor view;
        // Laid out as the parameter, so that the optimizer needs no copy.
        if (!b.alone) {
          const Strides strides = p.layout().dense ? p.strides() : contiguous_strides(p.shape());
          view = hearth::detail::alias(b.grads.flat, Layout(p.shape(), strides, offsets[k - i]), true);
        }
        places_.push_back({p, view, buckets_.size()});
      }
      buckets_.push_back(std::move(b));
      i = end;
    }
    if (buckets_.back().alone) {
      Bucket b;
      b.grads.index = buckets_.size();
      make_flat(b, ones({1}), 0, parameters.size());
      buckets_.push_back(std::move(b));
    }
  }
  void make_flat(Bucket& b, const Tensor& like, int64_t elements, size_t flags) {
    const auto n = static_cast<int64_t>(flags);
    b.grads.flat = zeros({elements + n}, {.dtype = like.dtype(), .device = like.device()});
    if (n > 0) flags_ = b.grads.flat.narrow(0, elements, n);
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
      // In the parameter's order: other ranks' gradients may lie otherwise.
      if (g.strides() != p.parameter.strides() || !g.layout().dense) {
        Tensor own = empty_like(p.parameter.detach());
        own.copy_(g);
        p.parameter.set_grad(own);
      }
      b.grads.flat = flat_view(p.parameter.grad());
    } else if (!g.is(p.view)) {
      // After zero_grad() the engine gives a tensor of its own; what it adds later is added in the bucket.
      p.view.copy_(g);
      p.parameter.set_grad(p.view);
    }
  }

  void send_full() {
    for (; next_ < buckets_.size() && buckets_[next_].ready == buckets_[next_].parameters; ++next_) {
      Bucket& b = buckets_[next_];
      if (next_ + 1 == buckets_.size()) write_flags();
      b.work = options_.hook.begin(group_, b.grads);
    }
  }
  // All parameters are here, or backward is over.
  void write_flags() {
    Tensor used = empty({static_cast<int64_t>(places_.size())});
    float* flag = used.mutable_data<float>();
    for (const Place& p : places_) *flag++ = p.used ? 1 : 0;
    flags_.copy_(used);
  }

  void finish(bool complete) {
    const NoGrad off;
    running_ = false;
    if (complete && sync_ && !buckets_.empty()) {
      add_unused();
      const auto begin = Clock::now();
      send_full();
      for (Bucket& b : buckets_) {
        b.work.wait();
        if (options_.hook.finish) options_.hook.finish(group_, b.grads);
        stats_.communication += b.work.seconds();
        if (scale_ != 1) b.grads.flat.mul_(scale_);
      }
      stats_.blocked += since(begin);
      ++stats_.steps;
      drop_unused();
    }
    for (Place& p : places_) p.here = false;
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
      if (!has) p.parameter.set_grad(b.alone ? zeros_like(p.parameter.detach()) : zeroed(p.view));
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
    const std::vector<double> used = flags_.to_vector<double>();
    for (size_t i = 0; i < places_.size(); ++i) {
      if (used[i] == 0) places_[i].parameter.set_grad({});
    }
  }

  std::vector<Bucket> buckets_;
  std::vector<Place> places_;
  Tensor flags_;     // the end of the last bucket
  size_t next_ = 0;  // the bucket to be sent next: the order is the same on all ranks
  bool running_ = false;
  std::vector<HookHandle> hooks_;
};

DistributedDataParallel::DistributedDataParallel(nn::ModuleBase& module, ProcessGroup& group,
                                                 const DataParallelOptions& options)
    : impl_(std::make_unique<Impl>(module, group, options)) {}
DistributedDataParallel::~DistributedDataParallel() = default;
size_t DistributedDataParallel::buckets() const { return impl_->buckets(); }
const DataParallelStats& DistributedDataParallel::stats() const { return impl_->stats_; }
ProcessGroup& DistributedDataParallel::group() const { return impl_->group_; }

DistributedDataParallel::NoSync::NoSync(DistributedDataParallel& parallel)
    : parallel_(parallel), previous_(std::exchange(parallel.impl_->sync_, false)) {}
DistributedDataParallel::NoSync::~NoSync() { parallel_.impl_->sync_ = previous_; }

Join::Join(DistributedDataParallel& parallel) : parallel_(parallel) {}
Join::~Join() {
  parallel_.impl_->scale_ = 1;
  parallel_.impl_->source_ = 0;
}

void Join::exchange(bool has_batch) {
  ProcessGroup& group = parallel_.group();
  const auto has = group.all_gather(full({}, has_batch, {.dtype = boolean})).to_vector<int>();
  const auto count = std::count(has.begin(), has.end(), 1);
  anybody_ = count > 0;
  if (!anybody_) return;
  parallel_.impl_->scale_ = static_cast<double>(group.size()) / static_cast<double>(count);
  parallel_.impl_->source_ = static_cast<int>(std::find(has.begin(), has.end(), 1) - has.begin());
}

void Join::step() { exchange(true); }

void Join::finish(const std::function<void()>& step) {
  if (parallel_.group().size() == 1) return;
  while (true) {
    exchange(false);
    if (!anybody_) return;
    parallel_.impl_->shadow();
    step();
  }
}

}  // namespace hearth::distributed
