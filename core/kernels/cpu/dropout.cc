#include "core/kernels/dropout.h"

#include <algorithm>

#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/cpu/draw.h"
#include "core/op/attrs/random.h"
#include "core/op/machinery.h"
#include "core/op/op_call.h"
#include "core/op/unrecorded.h"

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

// The same where the result is not row-major, as the elements that are kept always are.
template <class T>
void scaled_elsewhere(const Tensor& x, const Tensor& y, double p, const Tensor& kept) {
  const Unrecorded step;
  const Tensor factors = run(kMul, {machinery::cast(kept, dtype_of<T>), Scalar(static_cast<T>(1 / (1 - p)))});
  copy_tensor(y, run(kMul, {machinery::cast(x, dtype_of<T>), factors}));
}

template <class T>
void forward(OpCall& c) {
  const Tensor &x = c.input(0), &y = c.out[0];
  if (x.numel() == 0) return;
  const double p = c.attrs_as<DropoutAttrs>().p;
  constexpr int kWords = kWordsOf<T>;
  const GeneratorState s = c.generator->take(static_cast<uint64_t>(kWords * x.numel()));
  bool* const kept = static_cast<bool*>(c.out[1].impl()->data());
  const auto draw_from = [&](int64_t first, int64_t count) {
    draw<kWords>(s, first, first + count, [&](int64_t i, const uint32_t* w) { kept[i] = below<T>(w, 1 - p); });
    return kept + first;
  };
  if (y.layout().contiguous) return scaled<T>(x, y, p, draw_from);
  parallel_for(x.numel(), 16 * kPiece, [&](int64_t begin, int64_t end) { draw_from(begin, end - begin); });
  scaled_elsewhere<T>(x, y, p, c.out[1]);
}

template <class T>
void backward(OpCall& c) {
  if (c.out[0].numel() == 0) return;
  const double p = c.attrs_as<DropoutAttrs>().p;
  if (!c.out[0].layout().contiguous) return scaled_elsewhere<T>(c.input(0), c.out[0], p, c.input(1));
  const Tensor mask = row_major(c.input(1));
  const bool* const kept = static_cast<const bool*>(mask.raw_data());
  scaled<T>(c.input(0), c.out[0], p, [&](int64_t first, int64_t) { return kept + first; });
}

}  // namespace

void dropout(OpCall& c) { c.dtype == DType::kF64 ? forward<double>(c) : forward<float>(c); }
void dropout_grad(OpCall& c) { c.dtype == DType::kF64 ? backward<double>(c) : backward<float>(c); }

}  // namespace hearth::cpu
