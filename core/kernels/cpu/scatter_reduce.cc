#include "core/kernels/scatter_reduce.h"

#include <algorithm>
#include <type_traits>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/kernels/cpu/lines.h"
#include "core/op/attrs/scatter_reduce.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

// out[index] = join(out[index], source), in the order of the index along d. Lines that could meet stay in one task.
template <class T, class I, class Join>
void scatter_lines(OpCall& c, Join join) {
  const Tensor &out = c.out[0], &index = c.input(1), &source = c.input(2);
  const Shape& shape = index.shape();
  const int d = wrap_dim(c.attrs_as<ScatterReduceAttrs>().dim, out.dim(), c.op.name);
  const int64_t n = shape[d], size = out.shape()[d];
  const int64_t os = out.strides()[d], is = index.strides()[d], ss = source.strides()[d];
  const Strides* const strides[] = {&out.strides(), &index.strides(), &source.strides()};
  T* to = static_cast<T*>(out.impl()->data());
  const I* places = static_cast<const I*>(index.raw_data());
  const T* from = static_cast<const T*>(source.raw_data());
  parallel_for(lines_of(shape, d), std::max<int64_t>(kGrainBytes / (n * 8), 1), [&](int64_t begin, int64_t end) {
    for_lines(shape, d, strides, begin, end, [&](const int64_t* o) {
      for (int64_t i = 0; i < n; ++i) {
        const auto place = static_cast<int64_t>(places[o[1] + i * is]);
        HEARTH_CHECK(place >= 0 && place < size, c.op.name, ": index ", place,
                     " is out of range for a dimension of size ", size);
        T& t = to[o[0] + place * os];
        t = join(t, from[o[2] + i * ss]);
      }
    });
  });
}

// Integers wrap around.
template <class T>
T product(T a, T b) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  else return a * b;
}

template <class T, class I>
void reduce_lines(OpCall& c) {
  switch (c.attrs_as<ScatterReduceAttrs>().reduce) {
    case 0:
      return scatter_lines<T, I>(c, product<T>);
    case 1:
      return scatter_lines<T, I>(c, [](T a, T b) { return b > a || b != b ? b : a; });
    default:
      return scatter_lines<T, I>(c, [](T a, T b) { return b < a || b != b ? b : a; });
  }
}

template <class T>
void reduce(OpCall& c) {
  if (c.input(1).dtype() == DType::kI64) reduce_lines<T, int64_t>(c);
  else reduce_lines<T, int32_t>(c);
}

}  // namespace

void scatter_reduce(OpCall& c) {
  copy_tensor(c.out[0], c.input(0));
  if (c.input(1).numel() == 0) return;
  switch (c.out[0].dtype()) {
    case DType::kF32:
      return reduce<float>(c);
    case DType::kF64:
      return reduce<double>(c);
    case DType::kU8:
      return reduce<uint8_t>(c);
    case DType::kI8:
      return reduce<int8_t>(c);
    case DType::kI16:
      return reduce<int16_t>(c);
    case DType::kI32:
      return reduce<int32_t>(c);
    default:
      return reduce<int64_t>(c);
  }
}

}  // namespace hearth::cpu
