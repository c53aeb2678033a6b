#include "core/kernels/copy.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/convert.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/kernels/cpu/transpose.h"
#include "core/kernels/iterate/loop.h"
#include "core/kernels/iterate/pointwise.h"
#include "core/op/attrs/shape.h"
#include "core/op/machinery.h"

namespace hearth::cpu {
namespace {

constexpr int64_t kGrainBytes = 256 << 10;
constexpr int64_t kStreamBytes = 16 << 20;

void copy_bytes(char* to, const char* from, int64_t bytes) {
  parallel_for(bytes, kGrainBytes, [&](int64_t b, int64_t e) {
    if (bytes >= kStreamBytes) {
      stream_copy(to + b, from + b, e - b);
    } else {
      std::memcpy(to + b, from + b, static_cast<size_t>(e - b));
    }
  });
}

struct Item16 {
  uint64_t half[2];
};

template <class Item>
void copy_strided(const Loop<2>& loop, Item* to, const Item* from) {
  const int inner = loop.rank - 1;
  int along = inner;  // the dimension along which the source is dense
  for (int d = 0; d < loop.rank; ++d) {
    if (loop.stride[1][d] == 1) along = d;
  }
  const bool transpose =
      sizeof(Item) <= 8 && along != inner && loop.stride[0][inner] == 1 && loop.stride[1][inner] != 0;
  const int64_t block = transpose ? transpose_rows(sizeof(Item)) : 1;
  int64_t outer = 1, size[kMaxRank];
  for (int d = 0; d < loop.rank; ++d) {
    size[d] = d == inner ? 1 : d == along && transpose ? (loop.size[d] + block - 1) / block : loop.size[d];
    outer *= size[d];
  }
  const bool past_cache = outer * loop.size[inner] * block * static_cast<int64_t>(sizeof(Item)) >= kStreamBytes;
  const int64_t work = loop.size[inner] * block * static_cast<int64_t>(sizeof(Item));
  parallel_for(outer, std::max<int64_t>(kGrainBytes / std::max<int64_t>(work, 1), 1), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      int64_t rest = o, a = 0, b = 0, start = 0;
      for (int d = loop.rank; d-- > 0;) {
        int64_t i = rest % size[d];
        rest /= size[d];
        if (transpose && d == along) start = i *= block;
        a += i * loop.stride[0][d];
        b += i * loop.stride[1][d];
      }
      const int64_t n = loop.size[inner], ss = loop.stride[1][inner], ds = loop.stride[0][inner];
      if (transpose) {
        const int64_t rows = std::min(block, loop.size[along] - start);
        transpose_strip(to + a, loop.stride[0][along], from + b, ss, rows, n, sizeof(Item), past_cache);
      } else if (ss == 1 && ds == 1) {
        std::memcpy(to + a, from + b, static_cast<size_t>(n) * sizeof(Item));
      } else {
        for (int64_t i = 0; i < n; ++i) to[a + i * ds] = from[b + i * ss];
      }
    }
  });
}

template <class T>
void identity(void* out, const void* const* in, int64_t n) {
  if (out != in[0]) std::memmove(out, in[0], static_cast<size_t>(n) * sizeof(T));
}
constexpr Bodies kIdentity{identity<float>, identity<double>, identity<int64_t>, identity<std::complex<float>>,
                           identity<std::complex<double>>};

void copy_layouts(const Tensor& to, const Tensor& from) {
  Loop<2> loop;
  const Layout* layouts[] = {&to.layout(), &from.layout()};
  loop.build(to.shape(), layouts, 2);
  char* a = static_cast<char*>(to.impl()->data());
  const char* b = static_cast<const char*>(from.raw_data());
  const int64_t item = static_cast<int64_t>(to.itemsize());
  if (loop.rank == 0) {
    std::memcpy(a, b, static_cast<size_t>(item));
    return;
  }
  if (loop.linear(0) && loop.linear(1)) return copy_bytes(a, b, to.numel() * item);
  switch (item) {
    case 1:
      return copy_strided(loop, reinterpret_cast<uint8_t*>(a), reinterpret_cast<const uint8_t*>(b));
    case 2:
      return copy_strided(loop, reinterpret_cast<uint16_t*>(a), reinterpret_cast<const uint16_t*>(b));
    case 4:
      return copy_strided(loop, reinterpret_cast<uint32_t*>(a), reinterpret_cast<const uint32_t*>(b));
    case 8:
      return copy_strided(loop, reinterpret_cast<uint64_t*>(a), reinterpret_cast<const uint64_t*>(b));
    default:
      return copy_strided(loop, reinterpret_cast<Item16*>(a), reinterpret_cast<const Item16*>(b));
  }
}

}  // namespace

void copy_tensor(const Tensor& to, const Tensor& from) {
  if (to.numel() == 0 || (to.raw_data() == from.raw_data() && to.layout() == from.layout())) return;
  if (to.dtype() == from.dtype()) return copy_layouts(to, from);
  const Operand in[] = {from};
  OpCall call(kCopy, in, {});
  call.out[0] = to;
  call.bound = true;
  call.dtype = from.dtype();
  call.device = to.device();
  run_pointwise(call, kIdentity);
}

Tensor row_major(const Tensor& t) {
  if (t.layout().contiguous) return t;
  Tensor to = hearth::detail::empty(t.shape(), t.dtype(), t.device());
  copy_tensor(to, t);
  return to;
}

void copy(OpCall& c) {
  if (c.out[0].numel() == 0) return;
  if (c.out[0].dtype() != c.input(0).dtype()) return run_pointwise(c, kIdentity);
  copy_tensor(c.out[0], c.input(0));
}

void fill(OpCall& c) {
  c.dtype = c.out[0].dtype();
  run_pointwise(c, kIdentity);
}

void view_write(OpCall& c) {
  const auto& a = c.attrs_as<StridedAttrs>();
  copy_tensor(c.out[0], c.input(0));
  const Layout& l = c.out[0].layout();
  copy_tensor(detail::alias(c.out[0], Layout(a.shape, a.strides, l.offset + a.offset), true), c.input(1));
}

namespace {

// The leading dimensions of a region along which its parts share no element.
int dims_apart(const StridedAttrs& a) {
  int64_t extent = 1;
  int apart = a.shape.rank();
  for (int d = a.shape.rank(); d-- > 0;) {
    if (a.shape[d] > 1 && a.strides[d] < extent) apart = d;
    extent += (a.shape[d] - 1) * a.strides[d];
  }
  // From here on inwards they meet.
  return apart;
}

}  // namespace

void view_add(OpCall& c) {
  const auto& a = c.attrs_as<StridedAttrs>();
  const Tensor &out = c.out[0], &source = c.input(1);
  copy_tensor(out, c.input(0));
  const int64_t n = source.numel();
  if (n == 0) return;
  const Strides& from = source.strides();
  visit_any(out.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      T* to = static_cast<T*>(out.impl()->data());
      const T* p = static_cast<const T*>(source.raw_data());
      // f16 and bf16 are summed in f32 and rounded once.
      using A = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;
      std::vector<A> sums(static_cast<size_t>(std::is_same_v<A, T> ? 0 : Layout(out.shape(), out.strides(), 0).end()));
      A* sum;
      if constexpr (std::is_same_v<A, T>) {
        sum = to;
      } else {
        sum = sums.data();
        for (size_t i = 0; i < sums.size(); ++i) sum[i] = static_cast<A>(to[i]);
      }
      // Elements of the region may meet, and are added in their order. Those that cannot are of different tasks.
      const int rank = a.shape.rank(), apart = dims_apart(a);
      const int64_t length = rank ? a.shape[rank - 1] : 1, step = rank ? a.strides[rank - 1] : 1,
                    stride = rank ? from[rank - 1] : 1, lines = n / length;
      int64_t tasks = 1;
      for (int d = 0; d < std::min(apart, rank - 1); ++d) tasks *= a.shape[d];
      const int64_t each = lines / tasks;
      parallel_for(tasks, std::max<int64_t>(16384 / (each * length), 1), [&](int64_t begin, int64_t end) {
        for (int64_t line = begin * each; line < end * each; ++line) {
          int64_t rest = line, at = a.offset, read = 0;
          for (int d = rank - 1; d-- > 0;) {
            const int64_t k = rest % a.shape[d];
            rest /= a.shape[d];
            at += k * a.strides[d];
            read += k * from[d];
          }
          A* const to_line = sum + at;
          const T* const from_line = p + read;
          if (step == 1 && stride == 1) {
            for (int64_t i = 0; i < length; ++i) to_line[i] = static_cast<A>(to_line[i] + static_cast<A>(from_line[i]));
            continue;
          }
          for (int64_t i = 0; i < length; ++i)
            to_line[i * step] = static_cast<A>(to_line[i * step] + static_cast<A>(from_line[i * stride]));
        }
      });
      for (size_t i = 0; i < sums.size(); ++i) to[i] = convert<T>(sum[i]);
    }
  });
}

}  // namespace hearth::cpu
