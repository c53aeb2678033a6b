#include "core/kernels/dropout.h"

#include <algorithm>

#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/cpu/draw.h"
#include "core/op/attrs/random.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

constexpr int64_t kPiece = 1024;  // a multiple of what one block of random words serves

// to = from * (keep ? scale : 0), piece by piece; keep(first, n, flags) fills the flags, or leaves them as they are.
template <class T, class Keep>
void scaled(const Tensor& x, const Tensor& y, double p, Keep keep) {
  const DenseReader<T> in(x);
  const DenseWriter<T> out(y);
  const T scale = static_cast<T>(1 / (1 - p));
  const int64_t n = x.numel();
  parallel_for((n + kPiece - 1) / kPiece, 16, [&](int64_t begin, int64_t end) {
    T buffer[kPiece];
    for (int64_t k = begin; k < end; ++k) {
      const int64_t first = k * kPiece, count = std::min(kPiece, n - first);
      const bool* kept = keep(first, count);
      const T* from = in.read(first, count, buffer);
      T* const to = out.place(first, buffer);
      for (int64_t i = 0; i < count; ++i) to[i] = from[i] * (kept[i] ? scale : T(0));
      out.write(first, count, to);
    }
  });
}

template <class T>
void forward(OpCall& c) {
  const Tensor& x = c.input(0);
  if (x.numel() == 0) return;
  const double p = c.attrs_as<DropoutAttrs>().p;
  constexpr int kWords = kWordsOf<T>;
  const GeneratorState s = c.generator->take(static_cast<uint64_t>(kWords * x.numel()));
  bool* const kept = static_cast<bool*>(c.out[1].impl()->data());
  scaled<T>(x, c.out[0], p, [&](int64_t first, int64_t count) {
    draw<kWords>(s, first, first + count, [&](int64_t i, const uint32_t* w) { kept[i] = below<T>(w, 1 - p); });
    return kept + first;
  });
}

template <class T>
void backward(OpCall& c) {
  if (c.out[0].numel() == 0) return;
  const Tensor mask = row_major(c.input(1));
  const bool* const kept = static_cast<const bool*>(mask.raw_data());
  scaled<T>(c.input(0), c.out[0], c.attrs_as<DropoutAttrs>().p, [&](int64_t first, int64_t) { return kept + first; });
}

}  // namespace

void dropout(OpCall& c) { c.dtype == DType::kF64 ? forward<double>(c) : forward<float>(c); }
void dropout_grad(OpCall& c) { c.dtype == DType::kF64 ? backward<double>(c) : backward<float>(c); }

}  // namespace hearth::cpu
