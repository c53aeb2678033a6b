// What an op reads and writes: every element of its results, nothing of what it has not been given, and a tensor that
// is an operand and a result at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <set>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/device/allocator.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/tensor/generator.h"
#include "core/testing/error_of.h"
#include "core/testing/op_checks.h"
#include "core/testing/watch.h"

namespace hearth::testing {
namespace {

constexpr int kAsItComes = -1;

class FillingAllocator final : public Allocator {
 public:
  std::atomic<int> byte = kAsItComes;
  FillingAllocator() : below_(exchange_cpu_allocator(*this)) {}
  void* allocate(size_t bytes, const Stream& stream) override {
    void* p = below_.allocate(bytes, stream);
    const int with = byte.load(std::memory_order_relaxed);
    if (p && with != kAsItComes) std::memset(p, with, bytes);
    return p;
  }
  void deallocate(void* p, size_t bytes, const Stream& stream) noexcept override {
    below_.deallocate(p, bytes, stream);
  }

 private:
  Allocator& below_;
};

// Never destroyed: storages refer to it.
FillingAllocator& filling() {
  static FillingAllocator& allocator = *new FillingAllocator;
  return allocator;
}

}  // namespace

FilledMemory::FilledMemory(unsigned char byte) : previous_(filling().byte.exchange(byte)) {}
FilledMemory::~FilledMemory() { filling().byte = previous_; }

namespace {

// The dtypes that a row's samples are tried in where one kernel serves many: f32 and f64, or the first it takes.
DTypeSet few(DTypeSet all) {
  const DTypeSet wide = both(all, DTypeSet{f32, f64});
  if (!(wide == DTypeSet{})) return wide;
  DTypeSet first;
  for_dtypes(all, [&](DType t) {
    if (first == DTypeSet{}) first = DTypeSet{t};
  });
  return first;
}

bool same_tensors(const Tensors& a, const Tensors& b, std::string& where) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].defined() == b[i].defined() && (!a[i].defined() || same_bits(a[i], b[i]))) continue;
    where = concat(i);
    return false;
  }
  return true;
}

std::vector<Watch::Seen> calls_of(const OpDef& record, const Sample& s, std::span<const Tensor> in) {
  Watch watch(record);
  const NoGrad off;
  const InterposerGuard guard(watch);
  call(s, in);
  return std::move(watch.seen);
}

// The operands of a call with every dimension of this size made empty.
Watch::Seen emptied(const Watch::Seen& seen, int64_t size) {
  Watch::Seen now = seen;
  for (auto& v : now.in) {
    Tensor* x = std::get_if<Tensor>(&v);
    if (!x) continue;
    Shape shape = x->shape();
    for (int d = 0; d < shape.rank(); ++d) shape[d] = shape[d] == size ? 0 : shape[d];
    if (!(shape == x->shape())) *x = detail::empty(shape, x->dtype(), kCpu);
  }
  return now;
}

// All results of a call of the record, also those that only backward reads, and the gradients of its operands.
Tensors results_and_gradients(const OpDef& record, Watch::Seen now) {
  Tensors leaves;
  for (auto& v : now.in) {
    Tensor* x = std::get_if<Tensor>(&v);
    if (!x) continue;
    *x = x->clone();
    if (record.backward && x->is_floating_point()) leaves.push_back(x->requires_grad_());
  }
  Tensors all, outputs, with;
  bool nothing = true;
  for (const Tensor& y : run_all(record, now.operands(), now.attrs.ref())) {
    if (!y.defined()) continue;
    if (all.size() < record.visible) nothing &= y.numel() == 0;
    if (y.requires_grad()) {
      outputs.push_back(y);
      with.push_back(noise(y.shape(), y.dtype(), -1, 1, 90 + outputs.size()));
    }
    all.push_back(y.detach());
  }
  for (size_t i = 0; record.writes && i < now.in.size(); ++i) {
    const Tensor* x = std::get_if<Tensor>(&now.in[i]);
    if (x && record.writes >> i % record.row & 1) all.push_back(*x);
  }
  if (outputs.empty()) return all;
  for (const Tensor& g : grad(outputs, leaves, with, {}, true)) {
    if (nothing && g.defined()) {
      for (long double e : to_wide(g)) EXPECT_EQ(e, 0) << "the gradient of a result without elements";
    }
    all.push_back(g);
  }
  return all;
}

template <class F>
void check_written(const std::string& what, F results) {
  Tensors ones, others;
  {
    const FilledMemory memory(0xff);
    ones = results();
  }
  {
    const FilledMemory memory(0x2a);
    others = results();
  }
  std::string where;
  ASSERT_EQ(ones.size(), others.size());
  EXPECT_TRUE(same_tensors(ones, others, where))
      << what << ": tensor " << where << " depends on what lay in its memory";
}

}  // namespace

// No result and no gradient depends on what lay in fresh memory, also where sizes are 0.
int64_t check_memory(const OpRow& row, const OpDef& record) {
  int64_t n = 0;
  for (const Sample& s : row.samples) {
    if (s.large) continue;
    for_dtypes(few(both(s.dtypes, taken(row, record))), [&](DType t) {
      SCOPED_TRACE(concat("sample \"", s.name, "\", ", t));
      const Tensors in = s.inputs(t);
      try {
        check_written("the call", [&] {
          Tensors leaves;
          for (const Tensor& x : in) {
            const bool wanted = row.gradient && x.is_floating_point() && !(s.constants >> leaves.size() & 1);
            leaves.push_back(x.clone());
            if (wanted) leaves.back().requires_grad_();
          }
          Tensors all;
          for (const Tensor& y : call(s, leaves)) all.push_back(y.detach());
          const TensorFunction fn = [&](std::span<const Tensor> x) { return call(s, x); };
          for (const Tensor& g : gradients_of(fn, leaves)) all.push_back(g);
          return all;
        });
        ++n;
      } catch (const std::exception& e) {
        ADD_FAILURE() << "threw: " << e.what();
      }
      if (row.composed) return;
      for (const Watch::Seen& seen : calls_of(record, s, in)) {
        if (seen.bound.defined()) continue;
        std::set<int64_t> sizes;
        for (const auto& v : seen.in) {
          const Tensor* x = std::get_if<Tensor>(&v);
          if (x) sizes.insert(x->shape().begin(), x->shape().end());
        }
        for (int64_t size : sizes) {
          // Of an op that only gradients call, statistics keep dimensions of size 1, which do not go away with others.
          if (size == 1 && record.internal) continue;
          const Watch::Seen now = emptied(seen, size);
          const std::string what = concat("with 0 in place of size ", size);
          try {
            // Where an attribute does not fit, or there is no result, the op says so.
            check_written(what, [&] { return results_and_gradients(record, now); });
            ++n;
          } catch (const Error& e) {
            EXPECT_NE(e.kind(), ErrorKind::kInternal) << what << ": " << e.what();
          }
        }
      }
    });
  }
  return n;
}

namespace {

// Memory for two tensors of one dtype: where the result goes, and where an operand lies.
struct Two {
  Tensor out, operand;
};
Two in_one_memory(const Layout& out, int64_t out_at, const Tensor& x, int64_t x_at, int64_t step) {
  Strides of_out = out.strides, of_x = x.strides();
  for (int64_t& s : of_out) s *= step;
  for (int64_t& s : of_x) s *= step;
  const Layout a(out.shape, of_out, out_at), b(x.shape(), of_x, x_at);
  const Tensor memory = detail::empty({std::max(a.end(), b.end())}, x.dtype(), kCpu);
  Two two{detail::alias(memory, a, true), detail::alias(memory, b, true)};
  machinery::copy_into(two.operand, x);
  return two;
}

// One call of a record, with its result written into given tensors that lie in an operand's memory or not.
int64_t check_bound_call(const OpDef& record, const Watch::Seen& seen) {
  int64_t n = 0;
  const bool pointwise = record.kind == OpKind::kPointwise;
  manual_seed(7);  // random ops draw the same numbers in every call
  const Tensor plain = run(record, seen.operands(), seen.attrs.ref());
  // k: the operand that `x` stands for; -1: none.
  enum class May : uint8_t { kRun, kRefuse, kEither };
  const auto check = [&](const std::string& what, Tensor out, int k, const Tensor& x, May may) {
    Watch::Seen now = seen;
    if (k >= 0) now.in[static_cast<size_t>(k)] = x;
    manual_seed(7);
    const std::string error = error_of([&] { run_into(record, out, now.operands(), now.attrs.ref()); });
    ++n;
    if (error != kNoError) {
      EXPECT_NE(may, May::kRun) << what << ": " << error;
      EXPECT_TRUE(error.starts_with(concat(record.name, ": "))) << what << ": " << error;
      return;
    }
    EXPECT_NE(may, May::kRefuse) << what << ": was not refused";
    EXPECT_TRUE(same_bits(out, plain)) << what;
  };
  for (Arrangement a : kArrangements) {
    check(concat("out= ", to_string(a)), arranged(detail::empty(plain.shape(), plain.dtype(), kCpu), a), -1, {},
          record.kind == OpKind::kView                         ? May::kRefuse
          : a == Arrangement::kAsMade && plain.is_contiguous() ? May::kRun
          : pointwise || record.in_place                       ? May::kRun
                                                               : May::kEither);
  }
  if (record.kind == OpKind::kView) return n;
  for (size_t k = 0; k < seen.in.size(); ++k) {
    const Tensor* x = std::get_if<Tensor>(&seen.in[k]);
    if (!x || x->dtype() != plain.dtype()) continue;
    const int at = static_cast<int>(k);
    const std::string operand = concat("operand ", k);
    const bool over = pointwise || (k < 8 && record.in_place >> k & 1);
    if (x->shape() == plain.shape()) {
      for (Arrangement a : kArrangements) {
        // Structured kernels take the layouts that their functions give them.
        if (a != Arrangement::kAsMade && !pointwise) continue;
        Tensor own = a == Arrangement::kAsMade ? x->clone() : arranged(*x, a);
        if (own.layout().overlapping()) continue;
        check(concat("written over ", operand, " ", to_string(a)), own, at, own,
              over || own.numel() == 0 ? May::kRun : May::kRefuse);
      }
    }
    if (x->numel() == 0 || plain.numel() == 0 || !x->layout().dense) continue;
    const Two shifted = in_one_memory(plain.layout(), 1, *x, 0, 1);
    check(concat("over a part of ", operand), shifted.out, at, shifted.operand,
          x->numel() > 1 ? May::kRefuse : May::kRun);
    const Two beside = in_one_memory(plain.layout(), x->numel(), *x, 0, 1);
    check(concat("behind ", operand), beside.out, at, beside.operand, May::kRun);
    if (!over) continue;
    const Two between = in_one_memory(plain.layout(), 1, *x, 0, 2);
    check(concat("between the elements of ", operand), between.out, at, between.operand, May::kRun);
  }
  return n;
}

}  // namespace

// An op that writes into a given tensor gives the bits of a new one, or refuses by name a tensor that it would read
// after having written to it.
int64_t check_bound(const OpRow& row, const OpDef& record) {
  if (row.composed) return 0;
  int64_t n = 0;
  const NoGrad off;
  for (const Sample& s : row.samples) {
    if (s.large) continue;
    const DTypeSet all = both(s.dtypes, taken(row, record));
    for_dtypes(record.kind == OpKind::kPointwise ? all : few(all), [&](DType t) {
      SCOPED_TRACE(concat("sample \"", s.name, "\", ", t));
      try {
        for (const Watch::Seen& seen : calls_of(record, s, s.inputs(t))) {
          if (!seen.bound.defined() && !record.writes) n += check_bound_call(record, seen);
        }
      } catch (const std::exception& e) {
        ADD_FAILURE() << "threw: " << e.what();
      }
    });
  }
  return n;
}

}  // namespace hearth::testing
