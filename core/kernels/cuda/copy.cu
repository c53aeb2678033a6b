#include "core/kernels/copy.h"

#include "core/kernels/cuda/by_size.cuh"
#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/pointwise.cuh"
#include "core/op/attrs/shape.h"
#include "core/op/machinery.h"

namespace hearth::cuda {
namespace {

void convert_by(OpCall& c, DType t) {
  const DType to = c.out[0].dtype();
  // Both parts of a complex number count.
  if (is_complex(t) && (is_complex(to) || to == DType::kBool)) {
    if (t == DType::kC64) return run_pointwise<Identity, Complex<float>, 1>(c);
    return run_pointwise<Identity, Complex<double>, 1>(c);
  }
  switch (compute_type(real_type(t))) {
    case DType::kI64:
      return run_pointwise<Identity, int64_t, 1>(c);
    case DType::kF64:
      return run_pointwise<Identity, double, 1>(c);
    default:
      return run_pointwise<Identity, float, 1>(c);
  }
}

template <class Item>
HEARTH_KERNEL void move_kernel(Walk<2> walk, Item* to, const Item* from) {
  for_each_item(walk.n, [&](int64_t i) {
    int64_t at[2];
    walk.place(i, at);
    to[at[0]] = from[at[1]];
  });
}

constexpr int kTile = 32, kTileRows = 8;

// to[b][i][j] = from[b][j][i], where j is the target's fastest dimension and i the source's, by tiles in shared memory.
template <class Item>
HEARTH_KERNEL void transpose_kernel(Item* to, const Item* from, int64_t rows, int64_t columns, int64_t to_row,
                                    int64_t from_column, int64_t tiles, int64_t across, Walk<2> outer) {
  HEARTH_SHARED(Item, tile, [kTile][kTile + 1]);
  const auto x = static_cast<int64_t>(threadIdx.x), y = static_cast<int64_t>(threadIdx.y);
  for (int64_t t = blockIdx.x; t < tiles * outer.n; t += gridDim.x) {
    int64_t at[2];
    outer.place(t / tiles, at);
    const int64_t i0 = t % tiles / across * kTile, j0 = t % tiles % across * kTile;
    for (int64_t k = y; k < kTile; k += kTileRows) {
      if (i0 + x < rows && j0 + k < columns) tile[k][x] = from[at[1] + (j0 + k) * from_column + i0 + x];
    }
    __syncthreads();
    for (int64_t k = y; k < kTile; k += kTileRows) {
      if (i0 + k < rows && j0 + x < columns) to[at[0] + (i0 + k) * to_row + j0 + x] = tile[x][k];
    }
    __syncthreads();
  }
}

template <class Item>
void move_items(const Tensor& to, const Tensor& from, const char* op) {
  const Layout* layouts[] = {&to.layout(), &from.layout()};
  cpu::Loop<2> loop;
  loop.build(to.shape(), layouts, 2);
  auto* const target = static_cast<Item*>(to.impl()->data());
  const auto* const source = static_cast<const Item*>(from.impl()->data());
  const cudaStream_t s = stream(to.device().index);
  if (loop.linear(0) && loop.linear(1)) {
    return check(cudaMemcpyAsync(target, source, to.nbytes(), cudaMemcpyDeviceToDevice, s), "copy");
  }
  // The dimension along which the source is dense, if it is not the target's.
  int along = -1;
  for (int d = 0; d + 1 < loop.rank; ++d) {
    if (loop.stride[1][d] == 1 && loop.size[d] >= kTile / 2) along = d;
  }
  const int last = loop.rank - 1;
  Walk<2> walk;
  if (along >= 0 && loop.stride[0][last] == 1 && loop.stride[1][last] != 1 && loop.size[last] >= kTile / 2) {
    for (int d = 0; d < last; ++d) {
      if (d != along) walk.add(loop.size[d], {loop.stride[0][d], loop.stride[1][d]});
    }
    const int64_t rows = loop.size[along], columns = loop.size[last];
    const int64_t across = (columns + kTile - 1) / kTile, tiles = (rows + kTile - 1) / kTile * across;
    return launch({.grid = blocks_for(tiles * walk.n), .block = dim3(kTile, kTileRows), .stream = s, .name = op},
                  transpose_kernel<Item>, target, source, rows, columns, loop.stride[0][along], loop.stride[1][last],
                  tiles, across, walk);
  }
  for (int d = 0; d < loop.rank; ++d) walk.add(loop.size[d], {loop.stride[0][d], loop.stride[1][d]});
  launch({.grid = blocks_for((walk.n + kThreads - 1) / kThreads), .block = kThreads, .stream = s, .name = op},
         move_kernel<Item>, walk, target, source);
}

void convert_or_move(OpCall& c, const Tensor& to, const Tensor& from) {
  if (to.numel() == 0) return;
  if (to.dtype() == from.dtype()) {
    if (to.impl()->data() == from.impl()->data() && to.layout() == from.layout()) return;
    return by_size(to.itemsize(), [&]<class Item>() { move_items<Item>(to, from, c.op.name); });
  }
  convert_by(c, from.dtype());
}

}  // namespace

void copy_tensor(const Tensor& to, const Tensor& from) {
  const Operand in[] = {from};
  OpCall call(kCopy, in, {});
  call.out[0] = to;
  call.bound = true;
  call.device = to.device();
  call.dtype = from.dtype();
  convert_or_move(call, to, from);
}

Tensor row_major(const Tensor& t) { return row_major_as(t, t.dtype()); }

Tensor row_major_as(const Tensor& t, DType dtype) {
  if (t.layout().contiguous && t.dtype() == dtype) return t;
  Tensor to = hearth::detail::empty(t.shape(), dtype, t.device());
  copy_tensor(to, t);
  return to;
}

Tensor place_for(const Tensor& out) {
  return out.layout().contiguous ? out : hearth::detail::empty(out.shape(), out.dtype(), out.device());
}
void finish(const Tensor& out, const Tensor& computed) {
  if (computed.defined() && !out.is(computed)) copy_tensor(out, computed);
}

void copy(OpCall& c) { convert_or_move(c, c.out[0], c.input(0)); }

void fill(OpCall& c) { convert_by(c, real_type(c.out[0].dtype())); }

void view_write(OpCall& c) {
  const auto& a = c.attrs_as<StridedAttrs>();
  copy_tensor(c.out[0], c.input(0));
  const Layout& l = c.out[0].layout();
  copy_tensor(detail::alias(c.out[0], Layout(a.shape, a.strides, l.offset + a.offset), true), c.input(1));
}

namespace {

template <class T>
HEARTH_KERNEL void add_into_kernel(Walk<2> walk, DType type, void* to, int64_t to_offset, DType from_type,
                                   const void* from, int64_t from_offset) {
  for_each_item(walk.n, [&](int64_t i) {
    int64_t at[2];
    walk.place(i, at);
    const T sum =
        (Num<T>(read<T>(type, to, to_offset + at[0])) + Num<T>(read<T>(from_type, from, from_offset + at[1]))).v;
    write<T>(type, to, to_offset + at[0], sum);
  });
}

// True if no two elements of the dimensions in the set share a place.
bool apart(const StridedAttrs& a, unsigned dims) {
  int64_t extent = 0;  // the furthest place within the dimensions that were looked at, by rising stride
  for (unsigned left = dims; left;) {
    int next = -1;
    for (int d = 0; d < a.shape.rank(); ++d) {
      if ((left >> d & 1) && (next < 0 || a.strides[d] < a.strides[next])) next = d;
    }
    left &= ~(1u << next);
    if (a.shape[next] <= 1) continue;
    if (a.strides[next] <= extent) return false;
    extent += (a.shape[next] - 1) * a.strides[next];
  }
  return true;
}

}  // namespace

void view_add(OpCall& c) {
  const auto& a = c.attrs_as<StridedAttrs>();
  const Tensor &out = c.out[0], &source = c.input(1);
  if (source.numel() == 0) return copy_tensor(out, c.input(0));
  // Elements that meet are added one launch after the other, in their order: along the dimensions of these launches.
  const int rank = a.shape.rank();
  unsigned together = (1u << rank) - 1, in_turn = 0;
  int64_t fewest = -1;
  for (unsigned turns = 0; turns < 1u << rank; ++turns) {
    int64_t launches = 1;
    for (int d = 0; d < rank; ++d) launches *= turns >> d & 1 ? a.shape[d] : 1;
    if ((fewest < 0 || launches < fewest) && apart(a, together & ~turns)) {
      fewest = launches;
      in_turn = turns;
    }
  }
  together &= ~in_turn;
  // f16 and bf16 are summed in f32 and rounded once.
  const bool narrow_type = size_of(out.dtype()) == 2 && is_floating_point(out.dtype());
  const bool wide = narrow_type && fewest > 1;
  Tensor sum = wide ? hearth::detail::empty_strided(out.shape(), out.strides(), DType::kF32, out.device()) : out;
  copy_tensor(sum, c.input(0));
  Walk<2> walk;
  for (int d = 0; d < rank; ++d) {
    if (together >> d & 1) walk.add(a.shape[d], {a.strides[d], source.strides()[d]});
  }
  for (int64_t k = 0; k < fewest; ++k) {
    int64_t to = a.offset, from = 0, rest = k;
    for (int d = rank; d-- > 0;) {
      if (!(in_turn >> d & 1)) continue;
      to += rest % a.shape[d] * a.strides[d];
      from += rest % a.shape[d] * source.strides()[d];
      rest /= a.shape[d];
    }
    const auto go = [&]<class T>() {
      launch(over(c, walk.n), add_into_kernel<T>, walk, sum.dtype(), sum.impl()->data(), to, source.dtype(),
             static_cast<const void*>(source.impl()->data()), from);
    };
    switch (compute_type(out.dtype())) {
      case DType::kI64:
        go.operator()<int64_t>();
        break;
      case DType::kF64:
        go.operator()<double>();
        break;
      case DType::kC64:
        go.operator()<Complex<float>>();
        break;
      case DType::kC128:
        go.operator()<Complex<double>>();
        break;
      default:
        go.operator()<float>();
    }
  }
  if (wide) copy_tensor(out, sum);
}

}  // namespace hearth::cuda
