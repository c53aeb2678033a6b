#include "core/graph/recorder.h"

#include "core/base/error.h"
#include "core/base/thread_state.h"
#include "core/op/machinery.h"

namespace hearth::graph {
namespace {

const Tensor& whole(const Tensor& t, Tensor& hold) {
  if (!t.impl()->base) return t;
  hold = Tensor(t.impl()->base);
  return hold;
}

StridedAttrs region(const Tensor& view, const Tensor& base) {
  // Where elements have two sizes, layouts say nothing of one another.
  HEARTH_CHECK(view.dtype() == base.dtype(), "trace: memory of ", base.dtype(), " was seen as ", view.dtype(),
               " before it was written in place, or was written as such, which a graph cannot follow; make the view "
               "anew, or clone() it");
  return {view.shape(), view.strides(), view.layout().offset - base.layout().offset};
}

}  // namespace

Recorder::Memory& Recorder::memory(const Tensor& meta) { return memories_.at(meta.impl()->storage.get()); }

Recorder::Entry& Recorder::enter(const Tensor& original, const Tensor& meta, ValueId v) {
  const auto [m, fresh] = memories_.try_emplace(meta.impl()->storage.get());
  if (fresh) m->second = {v, meta, 0, v.from == ValueId::From::kConstant ? v.index : -1};
  return entries_[original.impl()] = {original, meta, v, m->second.epoch};
}

void Recorder::add_input(const Tensor& meta) {
  int n = 0;
  for (const auto& [impl, e] : entries_) n += e.value.from == ValueId::From::kInput;
  enter(meta, meta, {ValueId::From::kInput, n});
}

ValueId Recorder::add(const OpDef& op, AttrsRef attrs, std::vector<RecordedArgument> in) {
  ops_.push_back({&op, OwnedAttrs(attrs), std::move(in), std::nullopt, 1, module_path()});
  return {ValueId::From::kNode, static_cast<int>(ops_.size()) - 1, 0};
}

Recorder::Entry& Recorder::entry(const Tensor& t, bool about_to_be_written) {
  if (const auto it = entries_.find(t.impl()); it != entries_.end()) return it->second;
  Tensor hold;
  const Tensor& base = whole(t, hold);
  if (base.impl() != t.impl()) {
    Entry& b = entry(base);
    const StridedAttrs a = region(t, base);
    const Tensor meta = machinery::as_strided(b.meta, a);
    const ValueId from = current(b);
    return enter(t, meta, add(kAsStrided, a, {{from}}));
  }
  const Tensor meta = hearth::detail::empty_strided(t.shape(), t.strides(), t.dtype(), Device::parse("meta"), "trace");
  // Memory that is written as a whole before it is read holds nothing yet.
  if (about_to_be_written) {
    bool known = false;
    for (const auto& [name, tensor] : names_) known |= tensor.impl() == t.impl();
    if (!known) return enter(t, meta, {});
  }
  std::string name;
  for (const auto& [n, tensor] : names_) {
    if (tensor.impl() == t.impl() ||
        (tensor.impl()->storage.get() == t.impl()->storage.get() && tensor.layout() == t.layout()))
      name = n;
  }
  HEARTH_CHECK(!t.device().is_meta(), "trace: a tensor without data, of shape ", t.shape(),
               ", was made by other means than the traced function's own ops; it cannot be a constant");
  constants_.push_back({name, t});
  return enter(t, meta, {ValueId::From::kConstant, static_cast<int>(constants_.size()) - 1});
}

ValueId Recorder::current(Entry& e) {
  const Memory& m = memory(e.meta);
  if (e.epoch == m.epoch) return e.value;
  e.value = m.value;
  if (e.meta.dtype() != m.whole.dtype() || !(e.meta.layout() == m.whole.layout()))
    e.value = add(kAsStrided, region(e.meta, m.whole), {{m.value}});
  e.epoch = m.epoch;
  return e.value;
}

ValueId Recorder::value(const Tensor& t) { return current(entry(t)); }
Tensor Recorder::stand_in(const Tensor& t) { return entry(t).meta; }

void Recorder::intercept(OpCall& call) {
  if (call.op.writes)
    fail(ErrorKind::kUnsupported, call.op.name,
         ": it changes its operands, which a graph cannot hold; trace the function without it");
  // What is run here runs on stand-ins.
  std::vector<Tensor> metas;
  std::vector<Operand> in;
  std::vector<RecordedArgument> arguments;
  metas.reserve(call.in.size());
  for (const Operand& o : call.in) {
    if (o.is_tensor()) {
      HEARTH_CHECK(o.tensor().defined(), call.op.name, ": an operand is an undefined tensor");
      arguments.push_back({value(o.tensor())});
      metas.push_back(stand_in(o.tensor()));
      in.emplace_back(metas.back());
    } else if (o.is_scalar()) {
      arguments.push_back({{}, true, o.scalar()});
      in.emplace_back(o.scalar());
    } else {
      arguments.emplace_back();
      in.emplace_back(std::nullopt);
    }
  }
  OpCall inner(call.op, in, {call.attrs, call.op.attrs});
  inner.generator = call.generator;
  Recorded r{&call.op,     OwnedAttrs(AttrsRef(call.attrs, call.op.attrs)), std::move(arguments), std::nullopt, 0,
             module_path()};
  const ValueId made{ValueId::From::kNode, 0, 0};
  if (!call.bound) {
    execute(inner);
    while (r.count < kMaxOutputs && inner.out[r.count].defined()) ++r.count;
    ops_.push_back(std::move(r));
    for (int k = 0; k < ops_.back().count; ++k) {
      const Tensor& t = inner.out[k];
      ValueId v = made;
      v.index = static_cast<int>(ops_.size()) - 1;
      v.output = k;
      // An op may hand an operand through.
      if (!entries_.contains(t.impl())) enter(t, t, v);
      call.out[k] = t;
    }
  } else {
    const Tensor out = call.out[0];
    HEARTH_CHECK(out.defined(), call.op.name, ": the output is an undefined tensor");
    const Tensor meta = entry(out, true).meta;
    inner.out[0] = meta;
    inner.bound = true;
    execute(inner);
    r.count = 1;
    r.target = RecordedTarget{meta.dtype(),
                              meta.layout().channels_last() && !meta.layout().contiguous ? MemoryFormat::kChannelsLast
                                                                                         : MemoryFormat::kContiguous,
                              meta.shape()};
    ops_.push_back(std::move(r));
    ValueId v = made;
    v.index = static_cast<int>(ops_.size()) - 1;
    Memory& m = memory(meta);
    if (meta.dtype() != m.whole.dtype() || !(meta.layout() == m.whole.layout())) {
      HEARTH_CHECK(m.value.from != ValueId::From::kNone, call.op.name,
                   ": cannot trace a write to a part of memory that was never written as a whole");
      const StridedAttrs a = region(meta, m.whole);
      const ValueId before = m.value;
      m.value = add(kViewWrite, a, {{before}, {v}});
    } else {
      m.value = v;
    }
    ++m.epoch;
    Entry& e = entry(out);
    e.value = v;
    e.epoch = m.epoch;
  }
  call.dtype = inner.dtype;
  call.device = inner.device;
}

std::vector<std::pair<int, ValueId>> Recorder::updates() const {
  std::vector<std::pair<int, ValueId>> out(constants_.size(), {-1, {}});
  for (const auto& [storage, m] : memories_) {
    if (m.constant >= 0 && m.epoch > 0) out[static_cast<size_t>(m.constant)] = {m.constant, m.value};
  }
  std::erase_if(out, [](const auto& u) { return u.first < 0; });
  return out;
}

}  // namespace hearth::graph
