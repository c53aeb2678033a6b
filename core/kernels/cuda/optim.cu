// Updates of many tensors by few launches: a launch takes as many rows as its parameters hold, and gives each row a
// line of blocks.
#include "core/kernels/optim.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/cuda/live.cuh"
#include "core/op/attrs/optim.h"

namespace hearth::cuda {
namespace {

constexpr int kMaxStates = 3;
constexpr int kRowsOfLaunch = 48;  // 72 bytes each, of the 4 KiB that a launch may carry

struct Row {
  void *parameter, *gradient;
  void* state[kMaxStates];
  const void* factor;  // scale_each
  int64_t n;
  DType parameter_type, gradient_type, factor_type;
};
struct Group {
  Row row[kRowsOfLaunch];
};

// Whether elements that lie densely under these strides lie the same way in t.
bool lies_so(const Layout& t, const Strides& strides) {
  for (int d = 0; d < t.rank(); ++d) {
    if (t.shape[d] > 1 && t.strides[d] != strides[d]) return false;
  }
  return true;
}

// The rows of a call as runs of memory: operands that do not lie densely in their parameter's order are copied into it,
// and back if they are written.
class Rows {
 public:
  // `used` operands of each row are tensors of elements, or absent.
  Rows(const OpCall& c, int used) : call_(c) {
    const int per_row = c.op.row;
    for (int r = 0; r < c.rows(); ++r) {
      const Tensor& p = c.input(r * per_row);
      if (p.numel() == 0) continue;
      const Strides strides = p.layout().dense ? p.strides() : Layout(p.shape()).strides;
      const auto memory = [&](int k) -> void* {
        if (k >= used || !c.is_tensor(r * per_row + k)) return nullptr;
        const Tensor& t = c.input(r * per_row + k);
        if (lies_so(t.layout(), strides)) return t.impl()->data();
        const Tensor own = hearth::detail::empty_strided(t.shape(), strides, t.dtype(), t.device(), c.op.name);
        copy_tensor(own, t);
        copies_.push_back({t, own, c.writes(k)});
        return own.impl()->data();
      };
      Row row = {};
      row.n = p.numel();
      row.parameter = memory(0);
      row.parameter_type = p.dtype();
      row.gradient = memory(1);
      if (row.gradient) row.gradient_type = c.input(r * per_row + 1).dtype();
      for (int k = 0; k < kMaxStates; ++k) row.state[k] = memory(2 + k);
      if (used == 1) {
        const Tensor& f = c.input(r * per_row + 1);
        row.factor = f.impl()->data();
        row.factor_type = f.dtype();
      }
      (p.dtype() == DType::kF64 ? wide_ : narrow_).push_back(row);
    }
  }

  // Launches the kernels: of rows in f64, and of all others, which compute in f32.
  template <class F>
  void update(const F& narrow, const F& wide) {
    groups(narrow_, [&](const Launch& l, const Group& g) { narrow.template operator()<float>(l, g); });
    groups(wide_, [&](const Launch& l, const Group& g) { wide.template operator()<double>(l, g); });
    for (const Copy& c : copies_) {
      if (c.written) copy_tensor(c.original, c.dense);
    }
  }

 private:
  struct Copy {
    Tensor original, dense;
    bool written;
  };

  template <class F>
  void groups(const std::vector<Row>& rows, F f) {
    for (size_t first = 0; first < rows.size(); first += kRowsOfLaunch) {
      Group g = {};
      const size_t count = std::min<size_t>(kRowsOfLaunch, rows.size() - first);
      int64_t longest = 0;
      for (size_t k = 0; k < count; ++k) {
        g.row[k] = rows[first + k];
        longest = std::max(longest, g.row[k].n);
      }
      Launch l = over(call_, longest);
#if !HEARTH_CUDA_EMULATED
      l.grid.x = std::min(l.grid.x, 256u);
#endif
      l.grid.y = static_cast<unsigned>(count);
      f(l, g);
    }
  }

  const OpCall& call_;
  std::vector<Row> narrow_, wide_;
  std::vector<Copy> copies_;
};

// f(p, g, states) for each element of the block's row: p and the states in T, read before and written after.
template <class T, int kStates, class F>
HEARTH_DEVICE void for_each_element(const Group& group, F f) {
  const Row& r = group.row[blockIdx.y];
  for_each_item(r.n, [&](int64_t i) {
    T p = read<T>(r.parameter_type, r.parameter, i);
    const T g = r.gradient ? read<T>(r.gradient_type, r.gradient, i) : T(0);
    T s[kStates > 0 ? kStates : 1] = {};
    for (int k = 0; k < kStates; ++k) {
      if (r.state[k]) s[k] = static_cast<const T*>(r.state[k])[i];
    }
    f(p, g, s, r);
    for (int k = 0; k < kStates; ++k) {
      if (r.state[k]) static_cast<T*>(r.state[k])[i] = s[k];
    }
    write<T>(r.parameter_type, r.parameter, i, p);
  });
}

template <class T>
HEARTH_KERNEL void sgd_kernel(Group group, Live<SgdAttrs> numbers) {
  const SgdAttrs a = numbers.now();
  const T lr = static_cast<T>(a.lr), wd = static_cast<T>(a.weight_decay), mu = static_cast<T>(a.momentum);
  const T take = static_cast<T>(a.first ? 1 : 1 - a.dampening), keep = a.first ? T(0) : mu,
          sign = a.maximize ? T(-1) : T(1), own = a.nesterov ? T(1) : T(0), of_buffer = a.nesterov ? mu : T(1);
  for_each_element<T, 1>(group, [&](T& p, T g, T* s, const Row& r) {
    const T d = wd != 0 ? sign * g + wd * p : sign * g;
    if (!r.state[0]) {
      p -= lr * d;
      return;
    }
    // A buffer that is only begun is not read: it may hold anything.
    s[0] = a.first ? take * d : keep * s[0] + take * d;
    p -= lr * (own * d + of_buffer * s[0]);
  });
}

struct AdamNumbers {
  AdamAttrs a;
  double c1, c2;  // what the moments' averages add up to so far, 1 - beta^step
};

template <class T>
HEARTH_KERNEL void adam_kernel(Group group, Live<AdamNumbers> numbers) {
  const auto [a, c1, c2] = numbers.now();
  const T b1 = static_cast<T>(a.beta1), b2 = static_cast<T>(a.beta2), o1 = static_cast<T>(1 - a.beta1),
          o2 = static_cast<T>(1 - a.beta2);
  const T rate = static_cast<T>(a.lr / c1), root = static_cast<T>(1 / ::sqrt(c2)), eps = static_cast<T>(a.eps);
  const T coupled = static_cast<T>(a.decoupled ? 0 : a.weight_decay),
          shrink = static_cast<T>(a.decoupled ? 1 - a.lr * a.weight_decay : 1);
  const T sign = a.maximize ? T(-1) : T(1);
  for_each_element<T, 3>(group, [&](T& p, T g, T* s, const Row& r) {
    const T d = coupled != 0 ? sign * g + coupled * p : sign * g;
    s[0] = b1 * s[0] + o1 * d;
    s[1] = b2 * s[1] + o2 * d * d;
    T v = s[1];
    if (r.state[2]) v = s[2] = s[2] > v ? s[2] : v;
    p = shrink * p - rate * s[0] / (sqrt(Num<T>(v)).v * root + eps);
  });
}

template <class T>
HEARTH_KERNEL void rmsprop_kernel(Group group, Live<RmspropAttrs> numbers) {
  const RmspropAttrs a = numbers.now();
  const T alpha = static_cast<T>(a.alpha), rest = static_cast<T>(1 - a.alpha), eps = static_cast<T>(a.eps);
  const T mu = static_cast<T>(a.momentum), down = static_cast<T>(-a.lr), wd = static_cast<T>(a.weight_decay);
  const T sign = a.maximize ? T(-1) : T(1);
  // As lerp does: exact at both ends.
  const bool near = (rest < 0 ? -rest : rest) < T(0.5);
  const T step = near ? rest : T(1) - rest;
  for_each_element<T, 3>(group, [&](T& p, T g, T* s, const Row& r) {
    const T d = wd != 0 ? sign * g + wd * p : sign * g;
    s[0] = alpha * s[0] + rest * d * d;
    T square = s[0];
    if (r.state[2]) {
      s[2] = near ? s[2] + step * (d - s[2]) : d - (d - s[2]) * step;
      square -= s[2] * s[2];
    }
    const T deviation = sqrt(Num<T>(square)).v + eps;
    if (r.state[1]) {
      s[1] = mu * s[1] + d / deviation;
      p += down * s[1];
    } else {
      p += down * d / deviation;
    }
  });
}

template <class T>
HEARTH_KERNEL void scale_kernel(Group group) {
  for_each_element<T, 0>(
      group, [&](T& p, T, T*, const Row& r) { p *= static_cast<T>(read<double>(r.factor_type, r.factor, 0)); });
}

// ---- sums of powers

struct Piece {
  const void* data;
  DType type;
  int64_t n;
  int64_t first;  // of its blocks among all blocks' sums
};
constexpr int kPieces = 100;
struct Pieces {
  Piece piece[kPieces];
};

HEARTH_DEVICE double power_of(double v, double p) {
  const double a = ::fabs(v);
  return p == 2 ? v * v : p == 1 || p == HUGE_VAL ? a : ::pow(a, p);
}

HEARTH_KERNEL void powers_kernel(Pieces pieces, double p, double* sums) {
  const Piece& piece = pieces.piece[blockIdx.y];
  const bool largest = p == HUGE_VAL;
  double v = 0;
  for_each_item(piece.n, [&](int64_t i) {
    const double e = power_of(read<double>(piece.type, piece.data, i), p);
    v = largest ? Max()(v, e) : v + e;
  });
  v = largest ? block_reduce<Max>(v) : block_reduce<Sum>(v);
  if (threadIdx.x == 0) sums[piece.first + blockIdx.x] = v;
}

HEARTH_KERNEL void join_kernel(const double* sums, int64_t n, bool largest, double* result) {
  double v = 0;
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) v = largest ? Max()(v, sums[i]) : v + sums[i];
  v = largest ? block_reduce<Max>(v) : block_reduce<Sum>(v);
  if (threadIdx.x == 0) *result = v;
}

}  // namespace

void sgd_step(OpCall& c) {
  const auto a = live(c.device.index, c.op.name, c.attrs_as<SgdAttrs>());
  if (!a) return;
  const auto go = [&]<class T>(const Launch& l, const Group& g) { launch(l, sgd_kernel<T>, g, *a); };
  Rows(c, c.op.row).update(go, go);
}

void adam_step(OpCall& c) {
  const auto& a = c.attrs_as<AdamAttrs>();
  const auto step = static_cast<double>(a.step);
  const auto numbers =
      live(c.device.index, c.op.name, AdamNumbers{a, 1 - std::pow(a.beta1, step), 1 - std::pow(a.beta2, step)});
  if (!numbers) return;
  const auto go = [&]<class T>(const Launch& l, const Group& g) { launch(l, adam_kernel<T>, g, *numbers); };
  Rows(c, c.op.row).update(go, go);
}

void rmsprop_step(OpCall& c) {
  const auto a = live(c.device.index, c.op.name, c.attrs_as<RmspropAttrs>());
  if (!a) return;
  const auto go = [&]<class T>(const Launch& l, const Group& g) { launch(l, rmsprop_kernel<T>, g, *a); };
  Rows(c, c.op.row).update(go, go);
}

void scale_each(OpCall& c) {
  const auto go = [&]<class T>(const Launch& l, const Group& g) { launch(l, scale_kernel<T>, g); };
  Rows(c, 1).update(go, go);
}

void power_sum(OpCall& c) {
  const double p = c.attrs_as<PowerSumAttrs>().p;
  std::vector<Tensor> copies;
  std::vector<Piece> all;
  int64_t blocks = 0;
  const auto blocks_of = [](int64_t n) {
    return static_cast<int64_t>(blocks_for(std::min<int64_t>((n + 4095) / 4096, 256)));
  };
  for (int i = 0; i < c.inputs(); ++i) {
    const Tensor* t = &c.input(i);
    if (t->numel() == 0) continue;
    if (!t->layout().dense) {
      copies.push_back(row_major(*t));
      t = &copies.back();
    }
    all.push_back({t->impl()->data(), t->dtype(), t->numel(), blocks});
    blocks += blocks_of(t->numel());
  }
  auto* const result = static_cast<double*>(c.out[0].impl()->data());
  const Tensor sums = hearth::detail::empty({blocks}, DType::kF64, c.device);
  auto* const of_blocks = static_cast<double*>(sums.impl()->data());
  // Pieces of one launch have the same number of blocks.
  for (size_t first = 0; first < all.size();) {
    Pieces pieces = {};
    unsigned count = 0;
    const int64_t each = blocks_of(all[first].n);
    while (first + count < all.size() && count < kPieces && blocks_of(all[first + count].n) == each) {
      pieces.piece[count] = all[first + count];
      ++count;
    }
    launch({.grid = dim3(static_cast<unsigned>(each), count),
            .block = kThreads,
            .stream = stream(c.device.index),
            .name = c.op.name},
           powers_kernel, pieces, p, of_blocks);
    first += count;
  }
  launch({.grid = 1, .block = kThreads, .stream = stream(c.device.index), .name = c.op.name}, join_kernel,
         static_cast<const double*>(of_blocks), blocks, std::isinf(p), result);
}

}  // namespace hearth::cuda
