#include "distributed/parallel/fully_shard.h"

#include <algorithm>
#include <any>
#include <limits>
#include <optional>
#include <utility>

#include "core/autograd/guards.h"
#include "core/autograd/hooks.h"
#include "core/autograd/swap_memory.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/view.h"
#include "distributed/parallel/same_model_internal.h"
#include "distributed/parallel/shard_units_internal.h"

namespace hearth::distributed {
namespace {

// Between the versions of a parameter and of its part: what a gathered parameter is written in being gathered.
constexpr uint32_t kVersions = 16;

// What fills memory whose values are still to be loaded.
constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// Lays elements in row-major order into [ranks, chunk], row after row; the rest of the last rows stays as it is.
void to_rows(const Tensor& rows, const Tensor& elements, int64_t chunk) {
  const int64_t n = elements.numel();
  if (n == 0) return;
  const int64_t full = n / chunk, rest = n % chunk;
  rows.narrow(0, 0, full) = elements.narrow(0, 0, full * chunk).reshape({full, chunk});
  if (rest > 0) rows.select(0, full).narrow(0, 0, rest) = elements.narrow(0, full * chunk, rest);
}

// A parameter on this rank.
struct Held : Slice {
  Tensor handle;                   // the module's
  Tensor part;                     // this rank's elements: a view of the block's
  std::vector<std::string> names;  // all of them; Slice::name is the first
  Strides strides;                 // of the whole
  int64_t at = 0;                  // where it begins in a rank's row of the block
  size_t block = 0;
  Tensor whole, grad;     // grad: the part's, while it may not hang on the handle
  bool aside = false;     // grad has been taken off the handle
  int users = 0;          // why the handle is whole: calls that run, and Whole
  uint64_t gathered = 0;  // how often it was
  uint32_t swapped = 0;   // the version with which it became so
  bool here = false;      // its gradient, in this backward
  bool used = false;      // whether there was one
  bool trained = false;   // wants a gradient
  HookHandle before, after;
};

// The parameters of a unit that have one dtype and device: gathered and reduced in one exchange.
struct Block {
  size_t unit = 0;
  size_t first = 0, end = 0;  // its parameters
  Tensor parts;               // this rank's, one after another
  // Gathering. `all` holds the rows of all ranks while they arrive.
  Tensor all;
  Work arriving;
  bool in_flight = false, whole = false;
  uint32_t version = 0;  // of `parts`, of which the whole is
  // Reducing. `rows` holds this rank's gradients of all elements, `reduced` the average of its part.
  Tensor rows, reduced;
  Work reducing;
  size_t ready = 0, trained = 0;

  void drop_arriving() {
    if (!in_flight) return;
    in_flight = false;
    arriving.wait();
    arriving = {};
    all = {};
  }
};

}  // namespace

class FullyShard::Impl final : public SavedTensorHooks {
 public:
  Impl(nn::ModuleBase& module, ProcessGroup& group, const FullyShardOptions& options)
      : module_(module), options_(options), rank_(group.rank()), ranks_(group.size()) {
    HEARTH_CHECK(options.unit_bytes >= 0, "FullyShard: unit_bytes is ", options.unit_bytes);
    std::vector<ShardUnit> units = shard_units(module, options);
    for (size_t u = 0; u < units.size(); ++u) add_unit(u, units[u]);
    give_memory_to_meta();
    if (ranks_ == 1) return;
    expect_same_model("FullyShard", module, group);
    gathers_ = group.duplicate();
    reduces_ = group.duplicate();
    share_buffers();
    for (Block& b : blocks_) shard(b);
    for (Held& p : held_) watch(p);
    for (size_t u = 0; u < units.size(); ++u) watch(u, *units[u].module);
    for (size_t b = blocks_.size(); b-- > 0;) {
      if (blocks_[b].trained > 0) order_of_reducing_.push_back(b);
    }
  }
  ~Impl() {
    for (HookHandle& h : hooks_) h.remove();
    for (Held& p : held_) {
      p.before.remove();
      p.after.remove();
    }
    try {
      for (Block& b : blocks_) {
        b.drop_arriving();
        b.reducing.wait();
      }
    } catch (const Error&) {
      // The group has failed; it has told so, and tells each other caller.
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  nn::ModuleBase& module_;

  size_t units() const { return units_.size(); }
  size_t gathered() const {
    return static_cast<size_t>(std::ranges::count_if(units_, [&](const Unit& u) {
      return std::any_of(blocks_.begin() + static_cast<ptrdiff_t>(u.first),
                         blocks_.begin() + static_cast<ptrdiff_t>(u.end), [](const Block& b) { return b.whole; });
    }));
  }
  std::vector<Recorded> record() const {
    if (!gathers_) return {};
    std::vector<Recorded> out = gathers_->record();
    for (Recorded& r : reduces_->record()) out.push_back(std::move(r));
    return out;
  }

  // For Whole.
  void begin_whole() {
    if (!gathers_) return;
    const NoGrad off;
    for (size_t u = 0; u < units_.size(); ++u) {
      gather(u);
      swap_in(u);
    }
  }
  void end_whole() {
    if (!gathers_) return;
    const NoGrad off;
    for (Held& p : held_) {
      if (p.users == 1 && p.whole.version() != p.swapped) {
        Tensor part = p.part;
        part.copy_(flat(p.whole).narrow(0, p.begin, p.length));
      }
    }
    for (size_t u = 0; u < units_.size(); ++u) {
      swap_out(u);
      drop(u);
    }
  }

  std::map<std::string, ShardedTensor> shards() const {
    std::map<std::string, ShardedTensor> out;
    for (const Held& p : held_) {
      const Tensor part = gathers_ ? p.part : flat(p.handle);
      for (const std::string& name : p.names) out[name] = {part, p.shape, p.begin};
    }
    return out;
  }
  void expect_own(const char* what, const optim::Optimizer& o) const {
    for (size_t g = 0; g < o.groups(); ++g) {
      for (size_t i = 0; i < o.parameters(g).size(); ++i) {
        const auto it = std::ranges::find_if(held_, [&](const Held& p) { return p.handle.is(o.parameters(g)[i]); });
        HEARTH_CHECK(it != held_.end(), what, ": the optimizer has a parameter, \"", o.names(g)[i],
                     "\", that is none of this module");
        HEARTH_CHECK(it->name == o.names(g)[i], what, ": the optimizer calls \"", o.names(g)[i],
                     "\" what the module calls \"", it->name, "\"; make it of named_parameters()");
      }
    }
  }
  const Slice* slice_named(const std::string& key) const { return distributed::slice_named(held_, key); }

  void load(const std::map<std::string, Shape>& shapes, const ReadElements& read) {
    std::map<std::string, const Held*> parts;
    for (const Held& p : held_) {
      for (const std::string& name : p.names) parts[name] = &p;
    }
    nn::StateDict state = module_.state_dict();
    std::string wrong;
    for (const auto& [name, t] : state) {
      const Shape shape = parts.contains(name) ? parts[name]->shape : t.shape();
      const auto it = shapes.find(name);
      if (it == shapes.end()) wrong += concat("\n  missing: ", name);
      else if (!(it->second == shape)) wrong += concat("\n  ", name, " has shape ", it->second, ", not ", shape);
    }
    for (const auto& [name, shape] : shapes) {
      if (!state.contains(name)) wrong += concat("\n  unexpected: ", name);
    }
    HEARTH_CHECK(wrong.empty(), "FullyShard: the state is another model's:", wrong);
    for (const Held& p : held_) HEARTH_CHECK(p.users == 0, "FullyShard: load() while \"", p.name, "\" is whole");
    const NoGrad off;
    // All is read before anything is changed.
    std::vector<std::pair<Tensor, Tensor>> staged;
    for (auto& [name, t] : state) {
      const auto it = parts.find(name);
      const int64_t begin = it == parts.end() ? 0 : it->second->begin;
      const Tensor to = it != parts.end() && gathers_ ? it->second->part : t.detach();
      staged.emplace_back(to, read(name, begin, to.numel()).reshape(to.shape()));
    }
    for (auto& [to, from] : staged) to.copy_(from);
  }

  // A weight is not kept: it is gathered again when backward needs it.
  std::any pack(const Tensor& t) override {
    const auto it = whole_of_.find(t.impl()->storage.get());
    if (it == whole_of_.end()) return t;
    const Held& p = held_[it->second];
    // Where a checkpoint runs again, the place that the unit had.
    size_t calls = calls_.size();
    if (autograd::current_backward()) {
      while (calls > 0 && calls_[calls - 1] != blocks_[p.block].unit) --calls;
    }
    return Packed{it->second, t.layout(), blocks_[p.block].version, p.gathered, t.version(), calls};
  }
  Tensor unpack(const std::any& packed) override {
    if (const auto* t = std::any_cast<Tensor>(&packed)) return *t;
    const auto& k = std::any_cast<const Packed&>(packed);
    const Held& p = held_[k.parameter];
    Block& b = blocks_[p.block];
    HEARTH_CHECK(b.parts.version() == k.version, "backward: the parameter \"", p.name,
                 "\" was changed by an in-place operation since forward (an optimizer's step?)");
    const NoGrad off;
    if (autograd::current_backward()) {
      begin_backward();
      come_to(b.unit);
    }
    gather(b.unit);
    HEARTH_CHECK(p.gathered != k.gathered || p.whole.version() == k.whole_version, "backward: the whole parameter \"",
                 p.name, "\" was changed by an in-place operation since forward");
    // The one that was called before is needed next.
    if (k.calls <= calls_.size()) {
      size_t i = k.calls;
      while (i > 0 && calls_[i - 1] == b.unit) --i;
      if (i > 0) prefetch(calls_[i - 1]);
    }
    return hearth::detail::alias(p.whole, k.layout, true);
  }

 private:
  // What stands for a whole parameter in the graph: `calls` is the number of units that had been called then.
  struct Packed {
    size_t parameter;
    Layout layout;
    uint32_t version;  // of the parts
    uint64_t gathered;
    uint32_t whole_version;
    size_t calls;
  };
  struct Unit {
    nn::ModuleBase* module = nullptr;
    size_t first = 0, end = 0;  // its blocks
  };

  void add_unit(size_t u, ShardUnit& unit) {
    // One block for each dtype and device.
    std::ranges::stable_sort(unit.parameters, {}, [](const UnitParameter& p) {
      return std::pair(static_cast<int>(p.tensor.dtype()), to_string(p.tensor.device()));
    });
    units_.push_back({unit.module, blocks_.size(), blocks_.size()});
    for (UnitParameter& p : unit.parameters) {
      Held h{slice_of(p.names[0], p.tensor.shape(), rank_, ranks_)};
      h.handle = p.tensor;
      h.names = std::move(p.names);
      h.strides = p.tensor.layout().dense ? p.tensor.strides() : contiguous_strides(p.tensor.shape());
      h.trained = p.tensor.requires_grad();
      const bool opens = units_[u].end == units_[u].first || held_.back().handle.dtype() != h.handle.dtype() ||
                         held_.back().handle.device() != h.handle.device();
      if (opens) {
        blocks_.push_back({.unit = u, .first = held_.size(), .end = held_.size()});
        ++units_[u].end;
      }
      h.block = blocks_.size() - 1;
      held_.push_back(std::move(h));
      ++blocks_.back().end;
    }
  }

  // What is not cut into parts, and has no memory, gets some.
  void give_memory_to_meta() {
    const auto give = [](Tensor t) {
      if (t.device().type != DeviceType::kMeta) return;
      swap_memory(t,
                  full(t.shape(), is_floating_point(t.dtype()) ? kNothing : 0, {.dtype = t.dtype(), .device = kCpu}));
    };
    for (const auto& [name, t] : module_.named_buffers()) give(t);
    if (ranks_ > 1) return;
    for (Held& p : held_) give(p.handle);
  }

  void share_buffers() {
    std::vector<Tensor> buffers;
    for (const auto& [name, t] : module_.named_buffers()) buffers.push_back(t);
    broadcast_all(*gathers_, buffers, 0);
  }

  template <class F>
  void each(const Block& b, F f) {
    for (size_t i = b.first; i < b.end; ++i) f(held_[i]);
  }
  template <class F>
  void each_of_unit(size_t u, F f) {
    for (size_t b = units_[u].first; b < units_[u].end; ++b) each(blocks_[b], f);
  }

  // Takes this rank's parts of the first rank's values, and lets the whole go.
  void shard(Block& b) {
    const NoGrad off;
    int64_t row = 0;
    std::vector<Tensor> wholes;
    uint32_t version = 0;
    each(b, [&](Held& p) {
      p.at = row;
      row += p.chunk;
      wholes.push_back(p.handle.detach());
      version = std::max(version, p.handle.version());
      b.trained += p.trained ? 1 : 0;
    });
    const Tensor& first = held_[b.first].handle;
    const bool meta = first.device().type == DeviceType::kMeta;
    if (!meta) broadcast_all(*gathers_, wholes, 0);
    b.parts = full({row}, meta ? kNothing : 0, {.dtype = first.dtype(), .device = meta ? kCpu : first.device()});
    each(b, [&](Held& p) {
      p.part = b.parts.narrow(0, p.at, p.length);
      if (!meta) p.part.copy_(flat(p.handle).narrow(0, p.begin, p.length));
    });
    b.parts.impl()->storage->raise_version(std::max(version, b.parts.version()) + kVersions);
    each(b, [&](Held& p) {
      p.handle.set_grad({});
      swap_memory(p.handle, p.part, b.parts.version());
    });
  }

  void watch(Held& p) {
    if (!p.trained) return;
    const size_t i = static_cast<size_t>(&p - held_.data());
    // A whole gradient comes; that of the part must not be in its way.
    p.before = p.handle.register_hook([this, i](const Tensor&) {
      begin_backward();
      put_aside(held_[i]);
      return Tensor();
    });
    p.after = p.handle.register_post_accumulate_grad_hook([this, i](const Tensor&) { arrived(held_[i]); });
  }

  void watch(size_t u, nn::ModuleBase& module) {
    if (units_[u].first == units_[u].end && u != 0) return;
    hooks_.push_back(module.register_forward_pre_hook(
        [this, u](nn::ModuleBase& m, nn::HookTensors&) {
          if (&m == units_[u].module) begin_call(u);
        },
        true));
    hooks_.push_back(module.register_forward_hook(
        [this, u](nn::ModuleBase& m, const nn::HookTensors&, nn::HookTensors& result) {
          if (&m == units_[u].module) end_call(u, result.thrown());
        },
        {.always_call = true}));
  }

  void begin_call(size_t u) {
    const bool forward = !autograd::current_backward();
    each_of_unit(u, [](const Held& p) {
      HEARTH_CHECK(p.trained || !p.handle.requires_grad(), "FullyShard: the parameter \"", p.name,
                   "\" did not require a gradient when the model was sharded, and does now");
    });
    {
      const NoGrad off;
      if (!forward) come_to(u);
      gather(u);
      if (forward) {
        if (running_.empty()) calls_before_ = std::exchange(calls_, {});
        calls_.push_back(u);
        const size_t next = calls_.size();
        if (next < calls_before_.size() && calls_before_[next - 1] == u) prefetch(calls_before_[next]);
      }
      swap_in(u);
    }
    // The innermost hooks, in the first forward as in one that a checkpoint runs again.
    running_.emplace_back(u, std::make_unique<SavedTensorHooksGuard>(*this));
  }
  void end_call(size_t u, bool thrown) {
    // One that has not begun: a hook before this one has thrown.
    if (running_.empty() || running_.back().first != u) return;
    running_.pop_back();
    std::string written;
    each_of_unit(u, [&](const Held& p) {
      if (p.users == 1 && p.whole.version() != p.swapped) written = p.name;
    });
    const bool backward = autograd::current_backward();
    const bool kept = GradMode::enabled() && stays(u);
    const NoGrad off;
    swap_out(u);
    if (!backward && !kept) drop(u);
    if (running_.empty() && !backward) drop_arriving();
    HEARTH_CHECK(thrown || written.empty(), "FullyShard: forward has written to the parameter \"", written,
                 "\", which is whole only while its unit runs; write to it under FullyShard::Whole");
  }

  void begin_gather(size_t u) {
    for (size_t i = units_[u].first; i < units_[u].end; ++i) {
      Block& b = blocks_[i];
      if (b.whole && b.version == b.parts.version()) continue;
      if (b.in_flight && b.version == b.parts.version()) continue;
      b.drop_arriving();
      drop(b);
      b.all = empty({ranks_, b.parts.numel()}, {.dtype = b.parts.dtype(), .device = b.parts.device()});
      b.version = b.parts.version();
      b.arriving = gathers_->all_gather_async(b.all, b.parts);
      b.in_flight = true;
    }
  }
  void gather(size_t u) {
    begin_gather(u);
    for (size_t i = units_[u].first; i < units_[u].end; ++i) {
      Block& b = blocks_[i];
      if (!b.in_flight) continue;
      b.arriving.wait();
      each(b, [&](Held& p) {
        const Tensor to = empty({p.shape.numel()}, {.dtype = b.parts.dtype(), .device = b.parts.device()});
        p.whole = hearth::detail::alias(to, Layout(p.shape, p.strides, 0), true);
        // Each rank's elements, without what fills up the last ones.
        p.whole.copy_(
            b.all.narrow(1, p.at, p.chunk).reshape({ranks_ * p.chunk}).narrow(0, 0, p.shape.numel()).reshape(p.shape));
        ++p.gathered;
        whole_of_[p.whole.impl()->storage.get()] = index_of(p);
      });
      b.drop_arriving();
      b.whole = true;
    }
  }
  // Begins what is needed soon.
  void prefetch(size_t u) { begin_gather(u); }
  // Whether a unit stays whole from forward to the end of backward.
  bool stays(size_t u) const { return u == 0 || !options_.reshard_after_forward; }
  // Backward needs a unit: it has done with the one before. By the order of units alone, which is the same on all
  // ranks, not by what has arrived on this one.
  void come_to(size_t u) {
    if (stays(u) || (at_ && *at_ == u)) return;
    if (at_) drop(*at_);
    at_ = u;
  }
  void drop(size_t u) {
    for (size_t i = units_[u].first; i < units_[u].end; ++i) drop(blocks_[i]);
  }
  void drop(Block& b) {
    if (!b.whole || held_[b.first].users > 0) return;
    each(b, [&](Held& p) {
      whole_of_.erase(p.whole.impl()->storage.get());
      p.whole = {};
    });
    b.whole = false;
  }
  void drop_arriving() {
    for (Block& b : blocks_) b.drop_arriving();
  }

  // Makes the module's handles whole, and parts again.
  void swap_in(size_t u) {
    each_of_unit(u, [&](Held& p) {
      if (p.users++ > 0) return;
      put_aside(p);
      p.swapped = blocks_[p.block].parts.version();
      swap_memory(p.handle, p.whole, p.swapped);
    });
  }
  void swap_out(size_t u) {
    each_of_unit(u, [&](Held& p) {
      if (--p.users > 0) return;
      swap_memory(p.handle, p.part, p.part.version());
      if (!p.here) put_back(p);
    });
  }
  static void put_aside(Held& p) {
    if (p.aside) return;
    p.grad = p.handle.grad();
    p.handle.set_grad({});
    p.aside = true;
  }
  static void put_back(Held& p) {
    if (!p.aside) return;
    p.handle.set_grad(std::exchange(p.grad, {}));
    p.aside = false;
  }
  size_t index_of(const Held& p) const { return static_cast<size_t>(&p - held_.data()); }

  void begin_backward() {
    if (std::exchange(in_backward_, true)) return;
    autograd::on_backward_end([this](bool complete) { end_backward(complete); });
  }

  // A whole gradient of a parameter is there.
  void arrived(Held& p) {
    const NoGrad off;
    take(p, p.handle.grad());
    p.handle.set_grad({});
    send();
  }
  // Lays a gradient (undefined: none) where it will be reduced from.
  void take(Held& p, const Tensor& gradient) {
    Block& b = blocks_[p.block];
    if (!b.rows.defined())
      b.rows = zeros({ranks_, b.parts.numel()}, {.dtype = b.parts.dtype(), .device = b.parts.device()});
    if (gradient.defined()) to_rows(b.rows.narrow(1, p.at, p.chunk), flat(gradient), p.chunk);
    p.here = true;
    p.used = gradient.defined();
    ++b.ready;
  }
  // Sends what is complete, in the same order on all ranks.
  void send() {
    for (; next_ < order_of_reducing_.size(); ++next_) {
      Block& b = blocks_[order_of_reducing_[next_]];
      if (b.ready < b.trained) return;
      b.reduced = empty({b.parts.numel()}, {.dtype = b.parts.dtype(), .device = b.parts.device()});
      b.reducing = reduces_->reduce_scatter_async(b.reduced, b.rows, ReduceOp::kAvg);
      // No more than this one and the one before it are held in full.
      if (next_ > 0) finish(blocks_[order_of_reducing_[next_ - 1]]);
    }
  }
  static void finish(Block& b) {
    b.reducing.wait();
    b.reducing = {};
    b.rows = {};
  }
  void end_backward(bool complete) {
    const NoGrad off;
    in_backward_ = false;
    const bool any = std::ranges::any_of(held_, [](const Held& p) { return p.here; });
    try {
      if (complete && any) average();
    } catch (...) {
      clear();
      throw;
    }
    clear();
  }
  void average() {
    for (Held& p : held_) {
      if (p.trained && !p.here) {
        put_aside(p);
        take(p, {});
      }
    }
    send();
    Tensor used = empty({static_cast<int64_t>(held_.size())}, {.dtype = boolean, .device = kCpu});
    bool* flag = used.mutable_data<bool>();
    for (const Held& p : held_) *flag++ = p.used;
    reduces_->all_reduce(used);
    for (const size_t b : order_of_reducing_) finish(blocks_[b]);
    for (Held& p : held_) {
      if (!p.trained || !used.data<bool>()[index_of(p)]) continue;
      const Tensor gradient = blocks_[p.block].reduced.narrow(0, p.at, p.length);
      p.grad = p.grad.defined() ? p.grad + gradient : gradient;
    }
  }
  // Whether backward has gone well or not.
  void clear() {
    next_ = 0;
    at_.reset();
    for (Held& p : held_) {
      p.here = p.used = false;
      if (p.users == 0) put_back(p);
    }
    for (Block& b : blocks_) {
      try {
        b.drop_arriving();
        b.reducing.wait();  // it still writes
      } catch (const Error&) {
        // The group says it again.
      }
      b.reducing = {};
      b.rows = b.reduced = {};
      b.ready = 0;
      drop(b);
    }
  }

  const FullyShardOptions options_;
  const int rank_, ranks_;
  // Two orders of exchanges, which are the same on all ranks each: as units are called, and as gradients are sent.
  std::unique_ptr<ProcessGroup> gathers_, reduces_;
  std::vector<Unit> units_;
  std::vector<Block> blocks_;
  std::vector<Held> held_;
  std::map<const Storage*, size_t> whole_of_;  // the parameter whose whole lies there
  std::vector<size_t> order_of_reducing_;      // blocks
  size_t next_ = 0;                            // the place in it
  std::vector<size_t> calls_, calls_before_;   // units, as the last forward has called them, and the one before
  std::vector<std::pair<size_t, std::unique_ptr<SavedTensorHooksGuard>>> running_;
  bool in_backward_ = false;
  std::optional<size_t> at_;  // the unit that backward is at
  std::vector<HookHandle> hooks_;
};

FullyShard::FullyShard(nn::ModuleBase& module, ProcessGroup& group, const FullyShardOptions& options)
    : impl_(std::make_unique<Impl>(module, group, options)) {}
FullyShard::~FullyShard() = default;
size_t FullyShard::units() const { return impl_->units(); }
size_t FullyShard::gathered() const { return impl_->gathered(); }
nn::ModuleBase& FullyShard::module() const { return impl_->module_; }
std::vector<Recorded> FullyShard::record() const { return impl_->record(); }
std::map<std::string, ShardedTensor> FullyShard::shards() const { return impl_->shards(); }
void FullyShard::load(const std::map<std::string, Shape>& shapes, const ReadElements& read) {
  impl_->load(shapes, read);
}

std::map<std::string, ShardedTensor> FullyShard::shards(optim::Optimizer& optimizer) const {
  impl_->expect_own("FullyShard::shards", optimizer);
  HEARTH_CHECK(optimizer.elementwise(), "FullyShard::shards: the optimizer must treat elements one by one");
  return shards_of(optimizer, [this](const std::string& key) { return impl_->slice_named(key); });
}
void FullyShard::load(optim::Optimizer& optimizer, const std::map<std::string, Shape>& shapes,
                      const ReadElements& read) const {
  impl_->expect_own("FullyShard::load", optimizer);
  HEARTH_CHECK(optimizer.elementwise(), "FullyShard::load: the optimizer must treat elements one by one");
  load_shards(
      "FullyShard", optimizer, [this](const std::string& key) { return impl_->slice_named(key); }, shapes, read);
}

FullyShard::Whole::Whole(FullyShard& sharded) : sharded_(sharded) { sharded.impl_->begin_whole(); }
FullyShard::Whole::~Whole() { sharded_.impl_->end_whole(); }

}  // namespace hearth::distributed
