#include "vision/kernels/cpu/rearrange.h"

#include <algorithm>
#include <cstring>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"

namespace hearth::vision::cpu {
namespace {

constexpr int64_t kGrain = 1 << 15;  // elements

int64_t grain(int64_t row) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(row, 1)); }

// Planes of rank 3 or 4, of any strides.
struct Planes {
  explicit Planes(const Tensor& t) {
    const int r = t.dim();
    channels = t.shape()[r - 3];
    count = channels * (r == 4 ? t.shape()[0] : 1);
    outer = r == 4 ? t.strides()[0] : 0;
    inner = t.strides()[r - 3];
    row = t.strides()[r - 2];
    column = t.strides()[r - 1];
  }
  int64_t at(int64_t plane) const { return plane / channels * outer + plane % channels * inner; }
  int64_t channels, count, outer, inner, row, column;
};

template <class T>
void move(const Tensor& x, const Places& rows, const Places& columns, T fill, const Tensor& y) {
  const Planes planes(x);
  const T* const from = static_cast<const T*>(x.raw_data());
  T* const to = static_cast<T*>(y.impl()->data());
  const int64_t width = rows.to(), height = columns.to();
  const int64_t begin = rows.begin, end = planes.column == 1 ? rows.end : rows.begin;
  parallel_for(planes.count * height, grain(width), [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) {
      T* const out = to + i * width;
      const int64_t row = columns.at[static_cast<size_t>(i % height)];
      if (row < 0) {
        std::fill_n(out, width, fill);
        continue;
      }
      const T* const in = from + planes.at(i / height) + row * planes.row;
      const auto one = [&](int64_t o) {
        const int64_t at = rows.at[static_cast<size_t>(o)];
        out[o] = at < 0 ? fill : in[at * planes.column];
      };
      for (int64_t o = 0; o < begin; ++o) one(o);
      if (end > begin) {
        std::memcpy(out + begin, in + rows.at[static_cast<size_t>(begin)],
                    static_cast<size_t>(end - begin) * sizeof(T));
      }
      for (int64_t o = end; o < width; ++o) one(o);
    }
  });
}

template <class T>
void sum(const Tensor& x, const Places& rows, const Places& columns, const Tensor& y) {
  const Seen across = seen(rows), down = seen(columns);
  const Planes planes(x);
  const T* const from = static_cast<const T*>(x.raw_data());
  T* const to = static_cast<T*>(y.impl()->data());
  const int64_t width = rows.from, height = columns.from;
  parallel_for(planes.count * height, grain(width), [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) {
      const T* const in = from + planes.at(i / height);
      T* const out = to + i * width;
      const auto r = static_cast<size_t>(i % height);
      for (size_t c = 0; c < static_cast<size_t>(width); ++c) {
        T total = 0;
        for (int64_t k = down.start[r]; k < down.start[r + 1]; ++k) {
          const T* const row = in + down.result[static_cast<size_t>(k)] * planes.row;
          for (int64_t l = across.start[c]; l < across.start[c + 1]; ++l)
            total += row[across.result[static_cast<size_t>(l)] * planes.column];
        }
        out[c] = total;
      }
    }
  });
}

}  // namespace

void rearrange(const Tensor& x, const Places& rows, const Places& columns, Scalar fill, const Tensor& y) {
  if (y.numel() == 0) return;
  visit(y.dtype(), [&]<class T>() { move<T>(x, rows, columns, fill.to<T>(), y); });
}

void gather_sums(const Tensor& x, const Places& rows, const Places& columns, const Tensor& y) {
  if (y.numel() == 0) return;
  const DType type = compute_type(y.dtype());
  const bool narrow = y.dtype() != type;
  Tensor in = x, out = y;
  if (narrow) {
    in = hearth::detail::empty(x.shape(), type, kCpu, "vision::pad_grad");
    out = hearth::detail::empty(y.shape(), type, kCpu, "vision::pad_grad");
    hearth::cpu::copy_tensor(in, x);
  }
  if (type == DType::kF64) sum<double>(in, rows, columns, out);
  else sum<float>(in, rows, columns, out);
  if (narrow) hearth::cpu::copy_tensor(y, out);
}

}  // namespace hearth::vision::cpu
