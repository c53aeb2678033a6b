// Convolution as matrix products over gathered columns.
#include <algorithm>
#include <cstring>

#include "core/base/parallel.h"
#include "core/kernels/cpu/conv.h"
#include "core/kernels/cpu/gemm.h"

namespace hearth::cpu::conv_detail {
namespace {

// The columns of one image and group: for each output position the c / groups x kernel values it sees.
template <class T>
struct Columns {
  const Conv& s;
  int64_t group_in = s.c / s.groups, group_out = s.oc / s.groups;
  int64_t depth = group_in * s.kernel[0] * s.kernel[1], positions = s.oh * s.ow;

  // Calls f(column element, offset into the image, or -1 outside of it).
  template <class F>
  void each(int64_t group, F&& f) const {
    int64_t at = 0;
    for (int64_t p = 0; p < s.oh; ++p) {
      for (int64_t q = 0; q < s.ow; ++q) {
        for (int64_t c = 0; c < group_in; ++c) {
          for (int64_t i = 0; i < s.kernel[0]; ++i) {
            const int64_t y = p * s.stride[0] - s.pad[0] + i * s.dilation[0];
            for (int64_t j = 0; j < s.kernel[1]; ++j, ++at) {
              const int64_t x = q * s.stride[1] - s.pad[1] + j * s.dilation[1];
              const bool inside = y >= 0 && y < s.h && x >= 0 && x < s.w;
              f(at, inside ? (y * s.w + x) * s.c + group * group_in + c : -1);
            }
          }
        }
      }
    }
  }

  T* buffer() const {
    return static_cast<T*>(onednn::scratch(onednn::Slot::kC, static_cast<size_t>(depth * positions) * sizeof(T)));
  }

  Gemm product() const {
    Gemm g;
    g.dtype = s.dtype;
    return g;
  }
};

template <class T>
void forward_typed(const Conv& s, const T* x, const T* w, const T* bias, T* y) {
  const Columns<T> k{s};
  parallel_for(s.n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t group = 0; group < s.groups; ++group) {
        T* columns = k.buffer();
        const T* image = x + n * s.h * s.w * s.c;
        k.each(group, [&](int64_t at, int64_t from) { columns[at] = from < 0 ? T(0) : image[from]; });
        Gemm g = k.product();
        g.m = k.positions;
        g.n = k.group_out;
        g.k = k.depth;
        g.a = columns;
        g.a_row = k.depth;
        g.b = w + group * k.group_out * k.depth;
        g.b_row = 1;
        g.b_col = k.depth;
        g.c = y + n * k.positions * s.oc + group * k.group_out;
        g.c_row = s.oc;
        g.bias = bias ? bias + group * k.group_out : nullptr;
        gemm(g);
      }
    }
  });
}

template <class T>
void backward_data_typed(const Conv& s, const T* dy, const T* w, T* dx) {
  const Columns<T> k{s};
  parallel_for(s.n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      T* image = dx + n * s.h * s.w * s.c;
      std::fill(image, image + s.h * s.w * s.c, T(0));
      for (int64_t group = 0; group < s.groups; ++group) {
        T* columns = k.buffer();
        Gemm g = k.product();
        g.m = k.positions;
        g.n = k.depth;
        g.k = k.group_out;
        g.a = dy + n * k.positions * s.oc + group * k.group_out;
        g.a_row = s.oc;
        g.b = w + group * k.group_out * k.depth;
        g.b_row = k.depth;
        g.c = columns;
        g.c_row = k.depth;
        gemm(g);
        k.each(group, [&](int64_t at, int64_t to) {
          if (to >= 0) image[to] += columns[at];
        });
      }
    }
  });
}

template <class T>
void backward_weights_typed(const Conv& s, const T* x, const T* dy, T* dw, T* db) {
  const Columns<T> k{s};
  std::fill(dw, dw + s.oc * k.depth, T(0));
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t group = 0; group < s.groups; ++group) {
      T* columns = k.buffer();
      const T* image = x + n * s.h * s.w * s.c;
      k.each(group, [&](int64_t at, int64_t from) { columns[at] = from < 0 ? T(0) : image[from]; });
      Gemm g = k.product();
      g.m = k.group_out;
      g.n = k.depth;
      g.k = k.positions;
      g.a = dy + n * k.positions * s.oc + group * k.group_out;
      g.a_row = 1;
      g.a_col = s.oc;
      g.b = columns;
      g.b_row = k.depth;
      g.c = dw + group * k.group_out * k.depth;
      g.c_row = k.depth;
      g.accumulate = true;
      gemm(g);
    }
  }
  if (!db) return;
  for (int64_t o = 0; o < s.oc; ++o) {
    double sum = 0;
    for (int64_t i = 0; i < s.n * k.positions; ++i) sum += static_cast<double>(dy[i * s.oc + o]);
    db[o] = static_cast<T>(sum);
  }
}

template <class F>
void visit_float(const Conv& s, F&& f) {
  if (s.dtype == DType::kF32) f.template operator()<float>();
  else if (s.dtype == DType::kF64) f.template operator()<double>();
  else fail(ErrorKind::kInternal, "conv: no columns in dtype ", s.dtype);
}

}  // namespace

void forward(const Conv& s, const void* x, const void* w, const void* bias, void* y) {
  visit_float(s, [&]<class T>() {
    forward_typed(s, static_cast<const T*>(x), static_cast<const T*>(w), static_cast<const T*>(bias),
                  static_cast<T*>(y));
  });
}
void backward_data(const Conv& s, const void* dy, const void* w, void* dx) {
  visit_float(s, [&]<class T>() {
    backward_data_typed(s, static_cast<const T*>(dy), static_cast<const T*>(w), static_cast<T*>(dx));
  });
}
void backward_weights(const Conv& s, const void* x, const void* dy, void* dw, void* db) {
  visit_float(s, [&]<class T>() {
    backward_weights_typed(s, static_cast<const T*>(x), static_cast<const T*>(dy), static_cast<T*>(dw),
                           static_cast<T*>(db));
  });
}

}  // namespace hearth::cpu::conv_detail
