#include "core/kernels/cpu/gemm.h"

#include <cblas.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/base/error.h"
#include "core/base/omp.h"
#include "core/base/parallel.h"
#include "core/kernels/cpu/convert.h"
#include "core/kernels/cpu/onednn.h"

namespace hearth::cpu {
namespace {

using onednn::Key;
using onednn::Md;
using onednn::Slot;

template <class P>
P* advance(P* p, int64_t elements, DType t) {
  using Byte = std::conditional_t<std::is_const_v<P>, const char, char>;
  return static_cast<P*>(static_cast<Byte*>(p) + elements * static_cast<int64_t>(size_of(t)));
}

int64_t round_up(int64_t v, int64_t to) { return (v + to - 1) / to * to; }

// ---- operands as the libraries want them: one unit stride, and the other at least as long as what it steps over

bool usable(int64_t rows, int64_t cols, int64_t row, int64_t col) {
  return (col == 1 && row >= std::max<int64_t>(cols, 1)) || (row == 1 && col >= std::max<int64_t>(rows, 1));
}

// A stride over a single element may be anything.
void normalise(int64_t rows, int64_t cols, int64_t& row, int64_t& col) {
  if (cols == 1) col = 1;
  if (rows == 1) row = col == 1 ? cols : 1;
}

// A dense row-major copy in this thread's scratch memory.
const void* gather(Slot slot, DType t, const void* from, int64_t rows, int64_t cols, int64_t row, int64_t col) {
  const size_t size = size_of(t);
  char* to = static_cast<char*>(onednn::scratch(slot, static_cast<size_t>(rows * cols) * size));
  parallel_for(rows, std::max<int64_t>(1, 16384 / std::max<int64_t>(cols, 1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < cols; ++j) {
        std::memcpy(to + static_cast<size_t>(i * cols + j) * size, advance(from, i * row + j * col, t), size);
      }
    }
  });
  return to;
}

// ---- one piece, by one thread

struct Compiled : onednn::Primitive {
  Md a, b, c, bias;
};

std::shared_ptr<const Compiled> compile(const Gemm& g, bool packed) {
  static auto* cache = new onednn::LruCache<Compiled>(1024);
  Key key;
  key.word = {static_cast<int64_t>(g.dtype),
              g.m,
              g.n,
              g.k,
              g.a_row,
              g.a_col,
              packed ? -1 : g.b_row,
              packed ? -1 : g.b_col,
              g.c_row,
              g.bias != nullptr,
              g.accumulate};
  return cache->get(key, [&] {
    const auto t = onednn::type_of(g.dtype);
    auto p = std::make_shared<Compiled>();
    p->a = Md({g.m, g.k}, t, dnnl::memory::dims{g.a_row, g.a_col});
    p->c = Md({g.m, g.n}, t, dnnl::memory::dims{g.c_row, 1});
    const Md b = packed ? Md({g.k, g.n}, t, dnnl::memory::format_tag::any)
                        : Md({g.k, g.n}, t, dnnl::memory::dims{g.b_row, g.b_col});
    if (g.bias) p->bias = Md({1, g.n}, t, dnnl::memory::format_tag::ab);
    dnnl::primitive_attr attr = onednn::attributes();
    if (g.accumulate) {
      dnnl::post_ops ops;
      ops.append_sum(1.0f);
      attr.set_post_ops(ops);
    }
    const auto desc = g.bias ? dnnl::matmul::desc(p->a, b, p->bias, p->c) : dnnl::matmul::desc(p->a, b, p->c);
    const dnnl::matmul::primitive_desc pd(desc, attr, onednn::engine());
    p->b = pd.weights_desc();
    p->primitive = dnnl::matmul(pd);
    p->scratch_bytes = pd.scratchpad_desc().get_size();
    return p;
  });
}

template <class T>
void blas_gemm(const Gemm& g) {
  const OmpSingleThread single;
  if (g.bias) {
    for (int64_t i = 0; i < g.m; ++i) {
      T* c = static_cast<T*>(g.c) + i * g.c_row;
      const T* bias = static_cast<const T*>(g.bias);
      for (int64_t j = 0; j < g.n; ++j) c[j] = g.accumulate ? c[j] + bias[j] : bias[j];
    }
  }
  const auto *a = static_cast<const T*>(g.a), *b = static_cast<const T*>(g.b);
  const auto turned = [](int64_t column) { return column != 1 ? CblasTrans : CblasNoTrans; };
  const auto step = [](int64_t row, int64_t column) { return static_cast<blasint>(column != 1 ? column : row); };
  const auto m = static_cast<blasint>(g.m), n = static_cast<blasint>(g.n), k = static_cast<blasint>(g.k);
  const blasint a_step = step(g.a_row, g.a_col), b_step = step(g.b_row, g.b_col),
                c_step = static_cast<blasint>(g.c_row);
  const T before = g.bias || g.accumulate ? 1 : 0;
  if constexpr (std::is_same_v<T, double>) {
    cblas_dgemm(CblasRowMajor, turned(g.a_col), turned(g.b_col), m, n, k, 1, a, a_step, b, b_step, before,
                static_cast<T*>(g.c), c_step);
  } else {
    cblas_sgemm(CblasRowMajor, turned(g.a_col), turned(g.b_col), m, n, k, 1, a, a_step, b, b_step, before,
                static_cast<T*>(g.c), c_step);
  }
}

// oneDNN's kernels for AVX2 are made for small products: from here on OpenBLAS is faster, twice where the rows of B lie
// 4 KiB apart.
bool is_for_blas(const Gemm& g) {
  constexpr double kLargeFlops = 3e7;
  // Its numbers have 32 bits.
  for (const int64_t n : {g.m, g.n, g.k, g.a_row, g.a_col, g.b_row, g.b_col, g.c_row}) {
    if (n > std::numeric_limits<blasint>::max()) return false;
  }
  return g.dtype == DType::kF32 && !onednn::has_avx512() &&
         2.0 * static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k) >= kLargeFlops;
}

void library_gemm(const Gemm& g, const void* packed_b) {
  if (g.dtype == DType::kF64) return blas_gemm<double>(g);
  if (!packed_b && is_for_blas(g)) return blas_gemm<float>(g);
  const auto p = compile(g, packed_b != nullptr);
  onednn::execute(*p, {{DNNL_ARG_SRC, &p->a, g.a},
                       {DNNL_ARG_WEIGHTS, &p->b, packed_b ? packed_b : g.b},
                       {DNNL_ARG_BIAS, &p->bias, g.bias},
                       {DNNL_ARG_DST, &p->c, g.c}});
}

// ---- cutting the work

struct Cut {
  int64_t rows, cols;  // of C, in one piece
};

// By shape alone, never by the number of threads. oneDNN's fastest kernel writes C only without gaps, so bf16, for
// which the others are slow, is cut into rows; f32 loses little.
Cut cut(const Gemm& g, bool packed) {
  const double flops = 2.0 * static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
  if (flops < 4e6) return {g.m, g.n};
  if (g.batch >= 16 && flops < 5e8) return {g.m, g.n};
  if (packed) return {std::clamp<int64_t>(round_up((g.m + 3) / 4, 64), 64, 256), g.n};
  if (g.dtype == DType::kBF16) {
    if (g.m >= 64) return {std::min<int64_t>(256, round_up((g.m + 3) / 4, 32)), g.n};
    return {g.m, round_up((g.n + 3) / 4, 64)};
  }
  // Each piece packs its part of B again, which for few rows costs much: few wide pieces then.
  if (g.m <= 256 && g.n >= 512) {
    const int64_t wide = std::max<int64_t>(g.n / 1024, 1);
    return {64, round_up((g.n + wide - 1) / wide, 64)};
  }
  if (g.m * g.n >= 1 << 20) return {512, 512};
  if (g.m >= g.n) return {round_up((g.m + 3) / 4, 32), g.n};
  return {g.m, round_up((g.n + 3) / 4, 64)};
}

// B in oneDNN's own format for pieces of `rows` rows.
std::shared_ptr<const Packed> pack(const Gemm& g, int64_t rows) {
  Gemm piece = g;
  piece.m = rows;
  const auto p = compile(piece, true);
  auto packed = std::make_shared<const Packed>(p->b.get_size());
  onednn::reorder(Md({g.k, g.n}, onednn::type_of(g.dtype), dnnl::memory::dims{g.b_row, g.b_col}), g.b, p->b,
                  packed->data);
  return packed;
}

std::shared_ptr<const Packed> find_packed(const Gemm& g) {
  if (!g.packed.cache || !onednn::has_avx512() || g.batch != 1 || g.dtype == DType::kF64 || g.m < 128 ||
      g.m * g.n * g.k < 1 << 20)
    return nullptr;
  const Cut c = cut(g, true);
  // The format that oneDNN picks may depend on the rows of a piece and on A's and C's strides.
  Key key;
  key.word = {1,
              static_cast<int64_t>(g.dtype),
              static_cast<int64_t>(reinterpret_cast<uintptr_t>(g.b)),
              g.b_row,
              g.b_col,
              g.n,
              g.k,
              c.rows,
              g.a_row,
              g.a_col,
              g.c_row,
              g.bias != nullptr,
              g.accumulate};
  return g.packed.cache->get(g.packed.version, key, [&] { return pack(g, c.rows); });
}

void cut_and_run(const Gemm& g) {
  std::shared_ptr<const Packed> packed = find_packed(g);
  Cut c = cut(g, packed != nullptr);
  if (!packed && g.dtype == DType::kBF16 && g.batch == 1 && g.m >= 512 && g.n >= 64 && g.k >= 64) {
    c = cut(g, true);
    packed = pack(g, c.rows);
  }
  const int64_t row_pieces = (g.m + c.rows - 1) / c.rows, col_pieces = (g.n + c.cols - 1) / c.cols,
                pieces = row_pieces * col_pieces;
  const double flops = 2.0 * static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
  const int64_t grain =
      std::max<int64_t>(1, static_cast<int64_t>(1e6 / std::max(flops / static_cast<double>(pieces), 1.0)));
  const bool small = g.dtype != DType::kBF16 && gemm_detail::small_gemm_fits(g.m, g.n, g.k);
  parallel_for(g.batch * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t x = begin; x < end; ++x) {
      const int64_t batch = x / pieces, i = x % pieces / col_pieces * c.rows, j = x % col_pieces * c.cols;
      Gemm p = g;
      p.batch = 1;
      p.m = std::min(c.rows, g.m - i);
      p.n = std::min(c.cols, g.n - j);
      p.a = advance(g.a, batch * g.a_batch + i * g.a_row, g.dtype);
      p.b = advance(g.b, batch * g.b_batch + j * g.b_col, g.dtype);
      p.c = advance(g.c, batch * g.c_batch + i * g.c_row + j, g.dtype);
      if (g.bias) p.bias = advance(g.bias, j, g.dtype);
      // Fewer rows are a shape of their own, for which oneDNN may want another format.
      if (small) gemm_detail::small_gemm(p);
      else library_gemm(p, packed && p.m == c.rows ? packed->data : nullptr);
    }
  });
}

void clear(const Gemm& g) {
  const size_t row = static_cast<size_t>(g.n) * size_of(g.dtype);
  if (g.accumulate && !g.bias) return;
  if (g.accumulate) {
    // Adding only a bias to C: a product over one zero.
    const uint64_t zero = 0;
    Gemm p = g;
    p.k = 1;
    p.a = p.b = &zero;
    p.a_batch = p.a_row = p.a_col = p.b_batch = p.b_row = p.b_col = 0;
    return gemm(p);
  }
  for (int64_t b = 0; b < g.batch; ++b) {
    for (int64_t i = 0; i < g.m; ++i) {
      void* c = advance(g.c, b * g.c_batch + i * g.c_row, g.dtype);
      if (g.bias) std::memcpy(c, g.bias, row);
      else std::memset(c, 0, row);
    }
  }
}

// f16, small bf16, and any bf16 where oneDNN has no kernel for it: converted to f32, multiplied, rounded once. Batch by
// batch.
void widened_gemm(const Gemm& g) {
  const auto widen = convert_fn(g.dtype, DType::kF32), narrow = convert_fn(DType::kF32, g.dtype);
  const int64_t a_size = g.m * g.k, b_size = g.k * g.n, c_size = g.m * g.n;
  std::vector<float> bias(static_cast<size_t>(g.bias ? g.n : 0));
  if (g.bias) widen(g.bias, bias.data(), g.n);
  // Not scratch memory, whose slots gemm() takes itself.
  const auto memory = std::make_unique_for_overwrite<float[]>(static_cast<size_t>(a_size + b_size + c_size));
  float *a = memory.get(), *b = a + a_size, *c = b + b_size;
  auto copy_in = [&](const void* from, int64_t rows, int64_t cols, int64_t row, int64_t col, float* to) {
    const bool by_rows = col == 1;
    const int64_t lines = by_rows ? rows : cols, length = by_rows ? cols : rows, step = by_rows ? row : col;
    parallel_for(lines, std::max<int64_t>(1, 16384 / length), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) widen(advance(from, i * step, g.dtype), to + i * length, length);
    });
  };
  for (int64_t i = 0; i < g.batch; ++i) {
    copy_in(advance(g.a, i * g.a_batch, g.dtype), g.m, g.k, g.a_row, g.a_col, a);
    copy_in(advance(g.b, i * g.b_batch, g.dtype), g.k, g.n, g.b_row, g.b_col, b);
    void* out = advance(g.c, i * g.c_batch, g.dtype);
    if (g.accumulate) copy_in(out, g.m, g.n, g.c_row, 1, c);
    Gemm w = g;
    w.dtype = DType::kF32;
    w.batch = 1;
    w.a = a;
    w.a_row = g.a_col == 1 ? g.k : 1;
    w.a_col = g.a_col == 1 ? 1 : g.m;
    w.b = b;
    w.b_row = g.b_col == 1 ? g.n : 1;
    w.b_col = g.b_col == 1 ? 1 : g.k;
    w.c = c;
    w.c_row = g.n;
    w.bias = g.bias ? bias.data() : nullptr;
    w.packed = {};
    gemm(w);
    parallel_for(g.m, std::max<int64_t>(1, 16384 / g.n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) narrow(c + r * g.n, advance(out, r * g.c_row, g.dtype), g.n);
    });
  }
}

void integer_gemm(const Gemm& g) {
  // Rows are cut so that a piece has about 100,000 products.
  const int64_t rows = std::max<int64_t>(1, 100000 / std::max<int64_t>(1, g.n * g.k));
  const int64_t pieces = (g.m + rows - 1) / rows;
  parallel_for(g.batch * pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t x = begin; x < end; ++x) {
      const int64_t b = x / pieces, i = x % pieces * rows;
      Gemm p = g;
      p.m = std::min(rows, g.m - i);
      p.a = advance(g.a, b * g.a_batch + i * g.a_row, g.dtype);
      p.b = advance(g.b, b * g.b_batch, g.dtype);
      p.c = advance(g.c, b * g.c_batch + i * g.c_row, g.dtype);
      gemm_detail::integer_gemm(p);
    }
  });
}

// With one row or column a product is limited by memory.
bool try_gemv(const Gemm& g) {
  if (g.batch != 1) return false;
  if (g.m == 1 && (g.b_row == 1 || g.b_col == 1)) {
    gemm_detail::gemv(g);
    return true;
  }
  if (g.n == 1 && g.c_row == 1 && !g.bias && (g.a_row == 1 || g.a_col == 1)) {
    // The transposed product.
    Gemm t = g;
    t.m = 1;
    t.n = g.m;
    t.a = g.b;
    t.a_row = 0;
    t.a_col = g.b_row;
    t.b = g.a;
    t.b_row = g.a_col;
    t.b_col = g.a_row;
    t.c_row = g.m;
    gemm_detail::gemv(t);
    return true;
  }
  return false;
}

}  // namespace

void gemm(const Gemm& given) {
  Gemm g = given;
  if (g.batch == 0 || g.m == 0 || g.n == 0) return;
  if (g.k == 0) return clear(g);
  if (!is_floating_point(g.dtype)) return integer_gemm(g);
  normalise(g.m, g.k, g.a_row, g.a_col);
  normalise(g.k, g.n, g.b_row, g.b_col);
  if (g.m == 1) g.c_row = g.n;
  if (try_gemv(g)) return;
  // Batches over one B are one product with more rows.
  if (g.batch > 1 && g.b_batch == 0 && g.a_col == 1 && g.a_batch == g.m * g.a_row && g.c_batch == g.m * g.c_row) {
    g.m *= g.batch;
    g.batch = 1;
  }
  const bool bad_a = !usable(g.m, g.k, g.a_row, g.a_col), bad_b = !usable(g.k, g.n, g.b_row, g.b_col);
  // oneDNN's bf16 kernels take a transposed A only as a whole.
  const bool turn_a = g.dtype == DType::kBF16 && g.a_col != 1 && g.m >= 64;
  if (bad_a || bad_b || turn_a) {
    if (g.dtype != DType::kF32 && g.dtype != DType::kF64) {
      if (g.dtype == DType::kF16 && !bad_a && !bad_b) return widened_gemm(g);
    } else if (gemm_detail::small_gemm_fits(g.m, g.n, g.k)) {
      return cut_and_run(g);
    }
    for (int64_t i = 0; i < g.batch; ++i) {
      Gemm one = g;
      one.batch = 1;
      one.a = advance(g.a, i * g.a_batch, g.dtype);
      one.b = advance(g.b, i * g.b_batch, g.dtype);
      one.c = advance(g.c, i * g.c_batch, g.dtype);
      if (bad_a || turn_a) {
        one.a = gather(Slot::kA, g.dtype, one.a, g.m, g.k, g.a_row, g.a_col);
        one.a_row = g.k;
        one.a_col = 1;
      }
      if (bad_b) {
        one.b = gather(Slot::kB, g.dtype, one.b, g.k, g.n, g.b_row, g.b_col);
        one.b_row = g.n;
        one.b_col = 1;
        one.packed = {};
      }
      gemm(one);
    }
    return;
  }
  const bool wide_bf16 =
      g.dtype == DType::kBF16 && (!onednn::has_avx512() || gemm_detail::small_gemm_fits(g.m, g.n, g.k));
  if (g.dtype == DType::kF16 || wide_bf16) return widened_gemm(g);
  cut_and_run(g);
}

}  // namespace hearth::cpu
