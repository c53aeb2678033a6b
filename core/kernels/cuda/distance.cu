// Distances of rows: a block for each tile of the result, whose rows it brings into shared memory some elements at a
// time.
#include "core/kernels/distance.h"

#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/cuda/tile.cuh"
#include "core/op/attrs/distance.h"

namespace hearth::cuda {
namespace {

constexpr int kSide = 16, kDepth = 16;
template <class T>
using Distances = TileSum<T, kSide, 2, 2>;

// ---- What is added up of the differences' sizes, and what becomes of the sum.

struct Differing {
  template <class T>
  HEARTH_DEVICE T add(T sum, T size) const {
    return sum + (size != size ? size : T(size != 0));
  }
  template <class T>
  HEARTH_DEVICE T whole(T sum) const {
    return sum;
  }
};
struct Absolute {
  template <class T>
  HEARTH_DEVICE T add(T sum, T size) const {
    return sum + size;
  }
  template <class T>
  HEARTH_DEVICE T whole(T sum) const {
    return sum;
  }
};
struct Euclidean {
  template <class T>
  HEARTH_DEVICE T add(T sum, T size) const {
    return sum + size * size;
  }
  template <class T>
  HEARTH_DEVICE T whole(T sum) const {
    return sqrt(Num<T>(sum)).v;
  }
};
struct Greatest {
  template <class T>
  HEARTH_DEVICE T add(T sum, T size) const {
    return max(Num<T>(sum), Num<T>(size)).v;
  }
  template <class T>
  HEARTH_DEVICE T whole(T sum) const {
    return sum;
  }
};
struct OfPower {
  double p;
  template <class T>
  HEARTH_DEVICE T add(T sum, T size) const {
    return sum + pow(Num<T>(size), Num<T>(p)).v;
  }
  template <class T>
  HEARTH_DEVICE T whole(T sum) const {
    return pow(Num<T>(sum), Num<T>(1 / p)).v;
  }
};

// Rows of m elements in a batch.
template <class T>
struct Rows {
  const T* data;
  int64_t n, batch, row, step;
  // Element k of row r of this batch; 0 beyond the ends.
  HEARTH_DEVICE T at(int64_t b, int64_t r, int64_t k, int64_t m) const {
    return r < n && k < m ? data[b * batch + r * row + k * step] : T(0);
  }
};

// Beyond the ends both rows are 0, which adds nothing.
template <class T, class How>
HEARTH_KERNEL void distance_kernel(How how, Rows<T> x, Rows<T> y, int64_t m, int64_t batches, T* to) {
  constexpr int kRows = Distances<T>::kRows, kColumns = Distances<T>::kColumns;
  HEARTH_SHARED(T, left, [kRows][kDepth + 1]);
  HEARTH_SHARED(T, right, [kColumns][kDepth + 1]);
  const int64_t across = (y.n + kColumns - 1) / kColumns, tiles = (x.n + kRows - 1) / kRows * across;
  const int t = static_cast<int>(threadIdx.x);
  for (int64_t block = blockIdx.x; block < tiles * batches; block += gridDim.x) {
    const int64_t b = block / tiles, i0 = block % tiles / across * kRows, j0 = block % across * kColumns;
    Distances<T> sums;
    sums.clear();
    for (int64_t k0 = 0; k0 < m; k0 += kDepth) {
      for (int e = t; e < kRows * kDepth; e += kSide * kSide)
        left[e / kDepth][e % kDepth] = x.at(b, i0 + e / kDepth, k0 + e % kDepth, m);
      for (int e = t; e < kColumns * kDepth; e += kSide * kSide)
        right[e / kDepth][e % kDepth] = y.at(b, j0 + e / kDepth, k0 + e % kDepth, m);
      __syncthreads();
      sums.add_pairs(kDepth, &left[0][0], kDepth + 1, 1, &right[0][0], 1, kDepth + 1,
                     [&](T sum, T a, T c) { return how.add(sum, abs(Num<T>(a - c)).v); });
      __syncthreads();
    }
    sums.each([&](int row, int column, T sum) {
      if (i0 + row < x.n && j0 + column < y.n) to[(b * x.n + i0 + row) * y.n + j0 + column] = how.whole(sum);
    });
  }
}

template <class T, class How>
void distances(OpCall& c, How how) {
  const Tensor &x = c.input(0), &y = c.input(1), &out = c.out[0];
  if (out.numel() == 0) return;
  const auto rows = [](const Tensor& t) {
    return Rows<T>{static_cast<const T*>(t.impl()->data()), t.shape()[1], t.strides()[0], t.strides()[1],
                   t.strides()[2]};
  };
  const int64_t down = (x.shape()[1] + Distances<T>::kRows - 1) / Distances<T>::kRows,
                across = (y.shape()[1] + Distances<T>::kColumns - 1) / Distances<T>::kColumns, batches = x.shape()[0];
  launch({.grid = blocks_for(down * across * batches),
          .block = kSide * kSide,
          .stream = stream(c.device.index),
          .name = c.op.name},
         distance_kernel<T, How>, how, rows(x), rows(y), x.shape()[2], batches, static_cast<T*>(out.impl()->data()));
}

template <class T>
void distances(OpCall& c) {
  const double p = c.attrs_as<CdistAttrs>().p;
  if (p == 0) distances<T>(c, Differing{});
  else if (p == 1) distances<T>(c, Absolute{});
  else if (p == 2) distances<T>(c, Euclidean{});
  else if (p == std::numeric_limits<double>::infinity()) distances<T>(c, Greatest{});
  else distances<T>(c, OfPower{p});
}

}  // namespace

void cdist(OpCall& c) {
  if (c.input(0).dtype() == DType::kF64) distances<double>(c);
  else distances<float>(c);
}

}  // namespace hearth::cuda
