#include "core/kernels/pad.h"

#include <algorithm>
#include <cstring>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/kernels/cpu/lines.h"
#include "core/op/attrs/pad.h"
#include "core/op/machinery.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

// A row-major tensor as blocks: the dimensions behind the last that is padded belong to its elements.
struct Blocks {
  Shape from, to;  // of the dimensions up to that one
  Dims before;
  int64_t width = 1;  // elements of a block
};

Blocks blocks_of(const Shape& from, const Shape& to, const PadAttrs& a) {
  Blocks b;
  int padded = from.rank();
  while (padded > 0 && a.before[padded - 1] == 0 && a.after[padded - 1] == 0) b.width *= from[--padded];
  for (int d = 0; d < padded; ++d) {
    b.from.push_back(from[d]);
    b.to.push_back(to[d]);
    b.before.push_back(a.before[d]);
  }
  return b;
}

// The first block of x that line `line` of y shows, or -1 if the line is padding.
int64_t source_of(const Blocks& b, int64_t line) {
  int64_t at = 0, blocks = b.from.back();
  for (int d = b.to.rank() - 1; d-- > 0;) {
    const int64_t i = line % b.to[d] - b.before[d];
    line /= b.to[d];
    if (i < 0 || i >= b.from[d]) return -1;
    at += i * blocks;
    blocks *= b.from[d];
  }
  return at;
}

template <class T>
void pad_lines(const Blocks& b, const T* from, T* to, T value, int64_t lines) {
  const int64_t n = b.to.back(), before = b.before.back();
  // What of a line of x is seen in a line of y.
  const int64_t begin = std::clamp<int64_t>(before, 0, n), end = std::clamp(before + b.from.back(), begin, n);
  const int64_t bytes = n * b.width * static_cast<int64_t>(sizeof(T));
  parallel_for(lines, std::max<int64_t>(kGrainBytes / std::max<int64_t>(bytes, 1), 1),
               [&](int64_t first, int64_t last) {
                 for (int64_t line = first; line < last; ++line) {
                   T* const y = to + line * n * b.width;
                   const int64_t source = source_of(b, line);
                   if (source < 0 || begin == end) {
                     std::fill_n(y, n * b.width, value);
                     continue;
                   }
                   std::fill_n(y, begin * b.width, value);
                   std::memcpy(y + begin * b.width, from + (source + begin - before) * b.width,
                               static_cast<size_t>((end - begin) * b.width) * sizeof(T));
                   std::fill_n(y + end * b.width, (n - end) * b.width, value);
                 }
               });
}

}  // namespace

void pad(OpCall& c) {
  const auto& a = c.attrs_as<PadAttrs>();
  const Tensor& out = c.out[0];
  if (out.numel() == 0) return;
  const Tensor x = row_major(c.input(0));
  const Tensor value = machinery::full({}, a.value, c.dtype, kCpu);
  const Blocks b = blocks_of(x.shape(), out.shape(), a);
  if (b.to.empty()) return copy_tensor(out, x);
  by_size(out, [&]<class T>(T) {
    pad_lines(b, static_cast<const T*>(x.raw_data()), static_cast<T*>(out.impl()->data()),
              *static_cast<const T*>(value.raw_data()), out.numel() / (b.to.back() * b.width));
  });
}

}  // namespace hearth::cpu
