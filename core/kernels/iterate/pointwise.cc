#include "core/kernels/iterate/pointwise.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/parallel.h"
#include "core/kernels/cpu/convert.h"
#include "core/kernels/iterate/loop.h"

namespace hearth::cpu {
namespace {

constexpr int kMaxIn = 6;
constexpr int64_t kBlock = 1024;         // elements that stay in L1 with their operands
constexpr int64_t kGrain = 16 * kBlock;  // elements for which a second thread is worth waking
constexpr int64_t kStream = 16 << 20;    // bytes of result beyond which it is written past the caches
constexpr int64_t kMaxItem = 16;

struct Plan {
  Loop<kMaxIn + 1> loop;  // operand 0 is the result
  int n = 0;              // inputs
  int64_t numel = 0;
  DType compute;
  Body body;

  struct Stream {
    char* data = nullptr;
    DType dtype = DType::kF32;
    int64_t item = 4;
    bool linear = true, constant = false;
    ConvertFn convert = nullptr;       // null: already of the compute type
    alignas(16) char value[kMaxItem];  // of a number, in the compute type
  };
  Stream out, in[kMaxIn];
  bool stream_out = false;
};

template <class Item>
void copy_run(const char* from, int64_t stride, char* to, int64_t n) {
  const Item* a = reinterpret_cast<const Item*>(from);
  Item* b = reinterpret_cast<Item*>(to);
  if (stride == 1) {
    std::memcpy(b, a, static_cast<size_t>(n) * sizeof(Item));
  } else if (stride == 0) {
    std::fill_n(b, n, *a);
  } else {
    for (int64_t i = 0; i < n; ++i) b[i] = a[i * stride];
  }
}
template <class Item>
void scatter_run(const char* from, char* to, int64_t stride, int64_t n) {
  const Item* a = reinterpret_cast<const Item*>(from);
  Item* b = reinterpret_cast<Item*>(to);
  for (int64_t i = 0; i < n; ++i) b[i * stride] = a[i];
}

// Calls f(offset in elements of operand k, stride, position, count) for each run along the innermost dimension.
template <class F>
void for_runs(const Loop<kMaxIn + 1>& loop, int k, int64_t begin, int64_t count, F f) {
  int64_t index[kMaxRank];
  int64_t offset = 0, rest = begin;
  for (int d = loop.rank; d-- > 0;) {
    index[d] = rest % loop.size[d];
    rest /= loop.size[d];
    offset += index[d] * loop.stride[k][d];
  }
  const int inner = loop.rank - 1;
  for (int64_t done = 0; done < count;) {
    const int64_t run = std::min(count - done, loop.size[inner] - index[inner]);
    f(offset, loop.stride[k][inner], done, run);
    done += run;
    offset += run * loop.stride[k][inner];
    index[inner] += run;
    for (int d = inner; d > 0 && index[d] == loop.size[d]; --d) {
      offset -= loop.size[d] * loop.stride[k][d];
      index[d] = 0;
      ++index[d - 1];
      offset += loop.stride[k][d - 1];
    }
  }
}

template <class F>
void by_item(int64_t item, F f) {
  switch (item) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    case 8:
      return f(uint64_t{});
    default:
      return f(std::array<uint64_t, 2>{});
  }
}

void fill(char* to, const Plan::Stream& s, DType compute, int64_t n) {
  by_item(static_cast<int64_t>(size_of(compute)), [&]<class Item>(Item) { copy_run<Item>(s.value, 0, to, n); });
}

// One thread's share of the work.
void work(const Plan& p, int64_t begin, int64_t end) {
  alignas(64) char buffers[kMaxIn + 1][kBlock * kMaxItem];
  alignas(64) char raw[kBlock * kMaxItem];
  const int64_t item = static_cast<int64_t>(size_of(p.compute));
  const void* in[kMaxIn];
  bool whole = p.out.linear && !p.out.convert && !p.stream_out;
  for (int k = 0; k < p.n; ++k) {
    if (p.in[k].constant) {
      fill(buffers[k], p.in[k], p.compute, std::min(kBlock, end - begin));
      in[k] = buffers[k];
      whole = false;
    } else {
      whole &= p.in[k].linear && !p.in[k].convert;
    }
  }
  const int64_t step = whole ? end - begin : kBlock;
  for (int64_t at = begin; at < end; at += step) {
    const int64_t n = std::min(step, end - at);
    for (int k = 0; k < p.n; ++k) {
      const Plan::Stream& s = p.in[k];
      if (s.constant) continue;
      if (s.linear) {
        if (!s.convert) {
          in[k] = s.data + at * item;
        } else {
          s.convert(s.data + at * s.item, buffers[k], n);
          in[k] = buffers[k];
        }
        continue;
      }
      char* to = s.convert ? raw : buffers[k];
      by_item(s.item, [&]<class Item>(Item) {
        for_runs(p.loop, k + 1, at, n, [&](int64_t offset, int64_t stride, int64_t done, int64_t run) {
          copy_run<Item>(s.data + offset * s.item, stride, to + done * s.item, run);
        });
      });
      if (s.convert) s.convert(raw, buffers[k], n);
      in[k] = buffers[k];
    }
    if (p.out.linear && !p.out.convert) {
      char* to = p.out.data + at * item;
      if (!p.stream_out) {
        p.body(to, in, n);
      } else {
        p.body(buffers[kMaxIn], in, n);
        stream_copy(to, buffers[kMaxIn], n * item);
      }
      continue;
    }
    p.body(buffers[kMaxIn], in, n);
    if (p.out.linear) {
      p.out.convert(buffers[kMaxIn], p.out.data + at * p.out.item, n);
      continue;
    }
    const char* from = buffers[kMaxIn];
    if (p.out.convert) {
      p.out.convert(buffers[kMaxIn], raw, n);
      from = raw;
    }
    by_item(p.out.item, [&]<class Item>(Item) {
      for_runs(p.loop, 0, at, n, [&](int64_t offset, int64_t stride, int64_t done, int64_t run) {
        scatter_run<Item>(from + done * p.out.item, p.out.data + offset * p.out.item, stride, run);
      });
    });
  }
}

void set_value(Plan::Stream& s, Scalar v, DType compute) {
  s.constant = true;
  visit_any(compute, [&]<class T>() {
    const T x = v.to<T>();
    std::memcpy(s.value, &x, sizeof x);
  });
}

// Everything has the compute type and lies alike: the usual case, and for small tensors the one that must cost nothing.
bool run_alike(OpCall& c, DType compute, Body body) {
  const TensorImpl& out = *c.out[0].impl();
  if (out.dtype != compute || !out.layout.dense || out.layout.numel > kGrain) return false;
  const void* in[kMaxIn];
  for (int k = 0; k < c.inputs(); ++k) {
    if (!c.is_tensor(k)) return false;
    const TensorImpl& t = *c.input(k).impl();
    if (t.dtype != compute || !(t.layout.shape == out.layout.shape)) return false;
    if (!(t.layout.contiguous && out.layout.contiguous) && !(t.layout.strides == out.layout.strides)) return false;
    in[k] = t.data();
  }
  body(out.data(), in, out.layout.numel);
  return true;
}

}  // namespace

void run_pointwise(OpCall& c, const Bodies& bodies) {
  const TensorImpl& result = *c.out[0].impl();
  if (result.layout.numel == 0) return;
  const DType compute = compute_type(c.dtype);
  const Body body = bodies.of(compute);
  if (!body) fail(ErrorKind::kInternal, c.op.name, ": no body computes in ", compute);
  if (run_alike(c, compute, body)) return;

  Plan p;
  p.n = c.inputs();
  p.compute = compute;
  p.body = body;
  p.numel = result.layout.numel;
  const Layout* layouts[kMaxIn + 1] = {&result.layout};
  for (int k = 0; k < p.n; ++k) layouts[k + 1] = c.is_tensor(k) ? &c.input(k).layout() : nullptr;
  p.loop.build(result.layout.shape, layouts, p.n + 1);
  if (p.loop.rank == 0) {  // one element: a dimension to walk along
    p.loop.rank = 1;
    p.loop.size[0] = 1;
    for (int k = 0; k <= p.n; ++k) p.loop.stride[k][0] = 1;
  }
  p.out.data = static_cast<char*>(result.data());
  p.out.dtype = result.dtype;
  p.out.item = static_cast<int64_t>(size_of(result.dtype));
  p.out.linear = p.loop.linear(0);
  p.out.convert = result.dtype == compute ? nullptr : convert_fn(compute, result.dtype);
  bool in_place = false;
  for (int k = 0; k < p.n; ++k) {
    Plan::Stream& s = p.in[k];
    if (c.is_scalar(k)) {
      set_value(s, c.scalar(k), compute);
      continue;
    }
    const TensorImpl& t = *c.input(k).impl();
    s.data = static_cast<char*>(t.data());
    s.dtype = t.dtype;
    s.item = static_cast<int64_t>(size_of(t.dtype));
    s.linear = p.loop.linear(k + 1);
    s.convert = t.dtype == compute ? nullptr : convert_fn(t.dtype, compute);
    if (p.loop.constant(k + 1) && p.numel > 1) {
      s.constant = true;
      convert_fn(t.dtype, compute)(s.data, s.value, 1);
    }
    in_place |= t.storage.get() == result.storage.get();
  }
  p.stream_out = p.out.linear && !p.out.convert && !in_place && p.numel * p.out.item >= kStream;
  parallel_for(p.numel, kGrain, [&p](int64_t begin, int64_t end) { work(p, begin, end); });
}

}  // namespace hearth::cpu
