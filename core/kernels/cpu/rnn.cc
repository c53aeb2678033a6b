#include "core/kernels/rnn.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/gemm.h"
#include "core/kernels/cpu/result.h"
#include "core/kernels/cpu/rnn_steps.h"
#include "core/op/attrs/rnn.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

template <class T>
constexpr DType kComputed = sizeof(T) == sizeof(double) ? DType::kF64 : DType::kF32;

// An operand in the computing dtype and row-major: itself, or a copy. Undefined where it is absent.
template <class T>
Tensor dense(const OpCall& c, int i) {
  if (i < 0 || !c.is_tensor(i)) return {};
  const Tensor& x = c.input(i);
  if (x.dtype() == kComputed<T> && x.is_contiguous()) return x;
  Tensor to = hearth::detail::empty(x.shape(), kComputed<T>, c.device, c.op.name);
  copy_tensor(to, x);
  return to;
}
template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? static_cast<const T*>(t.raw_data()) : nullptr;
}
template <class T>
T* writable(const Tensor& t) {
  return t.defined() ? static_cast<T*>(t.impl()->data()) : nullptr;
}
template <class T>
Tensor scratch(const OpCall& c, const Shape& shape) {
  return hearth::detail::empty(shape, kComputed<T>, c.device, c.op.name);
}
template <class T>
void copy_or_zero(T* to, const T* from, int64_t n) {
  if (from) std::copy_n(from, n, to);
  else std::fill_n(to, n, T(0));
}

std::vector<int64_t> read_lengths(const OpCall& c, int i, int64_t time) {
  std::vector<int64_t> lengths;
  if (!c.is_tensor(i)) return lengths;
  const Tensor& t = c.input(i);
  const auto* from = static_cast<const int64_t*>(t.raw_data());
  for (int64_t row = 0; row < t.numel(); ++row) {
    lengths.push_back(from[row * t.strides()[0]]);
    HEARTH_CHECK(lengths.back() >= 0 && lengths.back() <= time, c.op.name, ": lengths[", row, "] is ", lengths.back(),
                 "; expected 0 to ", time, ", the number of time steps");
  }
  return lengths;
}

template <class T>
struct PackedWeights {
  Tensor memory;
  int64_t panels, panel_bytes;
  const T* data() const { return static_cast<const T*>(memory.raw_data()); }
  int64_t bytes() const { return panels * panel_bytes; }
};

template <class T>
PackedWeights<T> pack(const OpCall& c, const RnnWeights<T>& w) {
  const RnnSteps<T>& steps = rnn_steps<T>();
  const int64_t units = steps.panel_units(w.gates), panels = (w.units + units - 1) / units,
                size = steps.panel_columns(w.gates) * w.terms;
  PackedWeights<T> packed{scratch<T>(c, {panels * size}), panels, size * static_cast<int64_t>(sizeof(T))};
  T* to = writable<T>(packed.memory);
  parallel_for(panels, std::max<int64_t>(1, 16384 / size), [&](int64_t begin, int64_t end) {
    steps.pack(w, {begin, end}, to);
  });
  return packed;
}

// How the work is cut, by its size alone. Sequences do not meet, so that blocks of them can run through all steps by
// themselves; but each block reads all weights at every step. Where there are few sequences, or the weights are larger
// than a core's own cache, the units of each step are shared out instead.
struct Cut {
  bool by_rows;
  int64_t rows;  // in a block
};
Cut cut(int64_t batch, int64_t weight_bytes) {
  constexpr int64_t kRows = 16, kCacheBytes = 2 << 20;
  if (batch < kRows + kRows / 2 || weight_bytes > kCacheBytes) return {false, batch};
  const auto blocks = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>((batch + kRows - 1) / kRows)));
  return {true, (batch + blocks - 1) / blocks};
}

// Panels that take one thread some 8 us, computing at 60 flop/ns or reading at 20 bytes/ns.
int64_t panel_grain(int64_t batch, int64_t panel_bytes) {
  const double bytes = static_cast<double>(panel_bytes),
               ns = std::max(static_cast<double>(batch) * bytes / 120, bytes / 20);
  return std::max<int64_t>(1, static_cast<int64_t>(8000 / ns));
}

template <class T>
void forward(OpCall& c, RnnCell cell, bool reverse, const RecurrentOperands& o) {
  constexpr DType t = kComputed<T>;
  const RnnSteps<T>& steps = rnn_steps<T>();
  const Shape &in = c.input(o.input).shape(), &w = c.input(o.weight).shape();
  const bool projected = o.projection >= 0 && c.is_tensor(o.projection);
  RnnShape s{
      .cell = cell, .reverse = reverse, .time = in[0], .batch = in[1], .hidden = 0, .state = w[1], .lengths = nullptr};
  s.hidden = w[0] / s.gates();
  const std::vector<int64_t> lengths = read_lengths(c, o.lengths, s.time);
  if (s.batch == 0) return;
  if (!lengths.empty()) s.lengths = lengths.data();

  const Tensor input = dense<T>(c, o.input), weight = dense<T>(c, o.weight), h0 = dense<T>(c, o.h0),
               c0 = dense<T>(c, o.c0), bias = dense<T>(c, o.bias), hr = dense<T>(c, o.projection);
  Result output(c, 0, t), h_n(c, 1, t);
  const int64_t states = s.batch * s.state;
  const Tensor h = scratch<T>(c, {2 * states}), unprojected = projected ? scratch<T>(c, {s.batch, s.hidden}) : Tensor();
  const PackedWeights<T> weights = pack<T>(c, {.data = data_or_null<T>(weight),
                                               .units = s.hidden,
                                               .gates = s.gates(),
                                               .terms = s.state,
                                               .unit_stride = s.state,
                                               .gate_stride = s.hidden * s.state,
                                               .term_stride = 1});
  PackedWeights<T> projection{{}, 0, 0};
  if (projected) {
    projection = pack<T>(c, {.data = data_or_null<T>(hr),
                             .units = s.state,
                             .gates = 1,
                             .terms = s.hidden,
                             .unit_stride = s.hidden,
                             .gate_stride = 0,
                             .term_stride = 1});
  }
  RnnForward<T> f{.shape = s,
                  .input = data_or_null<T>(input),
                  .bias = data_or_null<T>(bias),
                  .weights = weights.data(),
                  .projection = projected ? projection.data() : nullptr,
                  .h = {writable<T>(h), writable<T>(h) + states},
                  .c = nullptr,
                  .cell = writable<T>(unprojected),
                  .output = writable<T>(output.tensor()),
                  .kept = nullptr};
  copy_or_zero(f.h[0], data_or_null<T>(h0), states);
  if (s.kept() > 0) {
    const Tensor& kept = c.out[cell == RnnCell::kLstm ? 3 : 2];
    if (kept.numel() > 0) f.kept = writable<T>(kept);
  }
  const auto run = [&] {
    const Cut work = cut(s.batch, weights.bytes() + projection.bytes());
    const Span all{0, s.batch};
    if (work.by_rows) {
      return parallel_for(s.batch, work.rows, [&](int64_t begin, int64_t end) {
        for (int64_t step = 0; step < s.time; ++step) {
          steps.cells(f, step, {begin, end}, {0, weights.panels});
          if (projected) steps.project(f, step, {begin, end}, {0, projection.panels});
        }
      });
    }
    for (int64_t step = 0; step < s.time; ++step) {
      parallel_for(weights.panels, panel_grain(s.batch, weights.panel_bytes), [&](int64_t begin, int64_t end) {
        steps.cells(f, step, all, {begin, end});
      });
      if (!projected) continue;
      parallel_for(projection.panels, panel_grain(s.batch, projection.panel_bytes), [&](int64_t begin, int64_t end) {
        steps.project(f, step, all, {begin, end});
      });
    }
  };
  if (cell == RnnCell::kLstm) {
    Result c_n(c, 2, t);
    f.c = writable<T>(c_n.tensor());
    copy_or_zero(f.c, data_or_null<T>(c0), s.batch * s.hidden);
    run();
    c_n.done();
  } else {
    run();
  }
  std::copy_n(f.h[s.time % 2], states, writable<T>(h_n.tensor()));
  output.done();
  h_n.done();
}

// The gradients of the weights, as products over all steps: d_sums^T h, where h is what each step began with.
template <class T>
void weight_grad(const OpCall& c, const RnnBackward<T>& b, T* to) {
  const RnnShape& s = b.shape;
  const int64_t width = s.gates() * s.hidden, rest = (s.time - 1) * s.batch;
  Gemm g;
  g.dtype = kComputed<T>;
  g.m = width;
  g.n = s.state;
  g.k = rest;
  g.a = b.d_sums + (s.reverse ? 0 : s.batch * width);
  g.a_row = 1;
  g.a_col = width;
  // Beyond a sequence's end both factors are 0.
  g.b = b.output + (s.reverse ? s.batch * s.state : 0);
  g.b_row = s.state;
  g.b_col = 1;
  g.c = to;
  g.c_row = s.state;
  gemm(g);
  if (!b.h0 || s.batch == 0) return;
  // The first steps, which begin with the initial state: where sequences are read from their ends, each has its own.
  const T* first = b.d_sums + s.at(0) * s.batch * width;
  Tensor gathered;
  if (s.reverse && s.lengths) {
    gathered = scratch<T>(c, {s.batch, width});
    for (int64_t row = 0; row < s.batch; ++row) {
      const int64_t t = s.lengths[row] - 1;
      copy_or_zero(writable<T>(gathered) + row * width,
                   t < 0 ? nullptr : static_cast<const T*>(b.d_sums) + (t * s.batch + row) * width, width);
    }
    first = data_or_null<T>(gathered);
  }
  g.k = s.batch;
  g.a = first;
  g.b = b.h0;
  g.accumulate = true;
  gemm(g);
}

template <class T>
void backward(OpCall& c, RnnCell cell) {
  constexpr DType t = kComputed<T>;
  constexpr const RecurrentGradOperands& o = kRecurrentGradOperands;
  const RnnGradSteps<T>& steps = rnn_grad_steps<T>();
  const auto& a = c.attrs_as<RecurrentGradAttrs>();
  const Shape &out = c.input(o.output).shape(), &w = c.input(o.weight).shape();
  const bool projected = c.is_tensor(o.projection);
  RnnShape s{.cell = cell,
             .reverse = a.reverse,
             .time = out[0],
             .batch = out[1],
             .hidden = 0,
             .state = w[1],
             .lengths = nullptr};
  s.hidden = w[0] / s.gates();
  const std::vector<int64_t> lengths = read_lengths(c, o.lengths, s.time);
  if (!lengths.empty()) s.lengths = lengths.data();
  const int64_t width = w[0];

  const Tensor d_output = dense<T>(c, o.d_output), d_h = dense<T>(c, o.d_h), d_c = dense<T>(c, o.d_c),
               h0 = dense<T>(c, o.h0), c0 = dense<T>(c, o.c0), hr = dense<T>(c, o.projection),
               weight = dense<T>(c, o.weight), output = dense<T>(c, o.output),
               kept = s.kept() > 0 ? dense<T>(c, o.kept) : Tensor();
  Result d_input(c, 0, t), dh(c, 1, t), dc(c, 2, t), parts(c, 3, t);
  const Shape whole{s.time, s.batch, width};
  const Tensor sums = cell == RnnCell::kGru ? scratch<T>(c, whole) : d_input.tensor();
  Tensor d_projected, d_cell, unprojected;
  if (projected) {
    d_projected = scratch<T>(c, out);
    d_cell = scratch<T>(c, {s.batch, s.hidden});
    unprojected = scratch<T>(c, {s.time, s.batch, s.hidden});
  }
  const PackedWeights<T> weights = pack<T>(c, {.data = data_or_null<T>(weight),
                                               .units = s.state,
                                               .gates = 1,
                                               .terms = width,
                                               .unit_stride = 1,
                                               .gate_stride = 0,
                                               .term_stride = s.state});
  PackedWeights<T> projection{{}, 0, 0};
  if (projected) {
    projection = pack<T>(c, {.data = data_or_null<T>(hr),
                             .units = s.hidden,
                             .gates = 1,
                             .terms = s.state,
                             .unit_stride = 1,
                             .gate_stride = 0,
                             .term_stride = s.hidden});
  }
  const RnnBackward<T> b{.shape = s,
                         .d_output = data_or_null<T>(d_output),
                         .kept = data_or_null<T>(kept),
                         .output = data_or_null<T>(output),
                         .h0 = data_or_null<T>(h0),
                         .c0 = data_or_null<T>(c0),
                         .weights = weights.data(),
                         .projection = projected ? projection.data() : nullptr,
                         .dh = writable<T>(dh.tensor()),
                         .dc = writable<T>(dc.tensor()),
                         .d_input = writable<T>(d_input.tensor()),
                         .d_sums = writable<T>(sums),
                         .d_projected = writable<T>(d_projected),
                         .d_cell = writable<T>(d_cell),
                         .cell = writable<T>(unprojected)};
  copy_or_zero(b.dh, data_or_null<T>(d_h), s.batch * s.state);
  if (cell == RnnCell::kLstm) copy_or_zero(b.dc, data_or_null<T>(d_c), s.batch * s.hidden);

  const Cut work = cut(s.batch, weights.bytes() + projection.bytes());
  if (work.by_rows) {
    parallel_for(s.batch, work.rows, [&](int64_t begin, int64_t end) {
      const Span rows{begin, end};
      for (int64_t step = s.time; step-- > 0;) {
        if (projected) {
          steps.projected_grad(b, step, rows);
          steps.cell_grad(b, step, rows, {0, projection.panels});
        }
        steps.gate_grad(b, step, rows, {0, s.hidden});
        steps.state_grad(b, step, rows, {0, weights.panels});
      }
    });
  } else if (s.batch > 0) {
    const Span rows{0, s.batch};
    const int64_t units = 64 * std::max<int64_t>(1, 256 / s.batch);
    for (int64_t step = s.time; step-- > 0;) {
      if (projected) {
        steps.projected_grad(b, step, rows);
        parallel_for(projection.panels, panel_grain(s.batch, projection.panel_bytes), [&](int64_t begin, int64_t end) {
          steps.cell_grad(b, step, rows, {begin, end});
        });
      }
      parallel_for(s.hidden, units, [&](int64_t begin, int64_t end) { steps.gate_grad(b, step, rows, {begin, end}); });
      parallel_for(weights.panels, panel_grain(s.batch, weights.panel_bytes), [&](int64_t begin, int64_t end) {
        steps.state_grad(b, step, rows, {begin, end});
      });
    }
  }

  T* to = writable<T>(parts.tensor());
  if (a.weight) {
    weight_grad(c, b, to);
    to += width * s.state;
  }
  if (a.bias) {
    const int64_t rows = s.time * s.batch;
    parallel_for(width, 64 * std::max<int64_t>(1, 2048 / std::max<int64_t>(rows, 1)), [&](int64_t begin, int64_t end) {
      steps.column_sums(b.d_sums, rows, width, {begin, end}, to);
    });
    to += width;
  }
  if (a.projection && projected) {
    Gemm g;
    g.dtype = t;
    g.m = s.state;
    g.n = s.hidden;
    g.k = s.time * s.batch;
    g.a = b.d_projected;
    g.a_row = 1;
    g.a_col = s.state;
    g.b = b.cell;
    g.b_row = s.hidden;
    g.b_col = 1;
    g.c = to;
    g.c_row = s.hidden;
    gemm(g);
  }
  d_input.done();
  dh.done();
  dc.done();
  parts.done();
}

RnnCell cell_of(RnnNonlinearity n) { return n == RnnNonlinearity::kRelu ? RnnCell::kRelu : RnnCell::kTanh; }

void forward_of(OpCall& c, RnnCell cell, bool reverse, const RecurrentOperands& o) {
  if (c.dtype == DType::kF64) forward<double>(c, cell, reverse, o);
  else forward<float>(c, cell, reverse, o);
}
void backward_of(OpCall& c, RnnCell cell) {
  if (c.dtype == DType::kF64) backward<double>(c, cell);
  else backward<float>(c, cell);
}

}  // namespace

void lstm(OpCall& c) { forward_of(c, RnnCell::kLstm, c.attrs_as<RecurrentAttrs>().reverse, kLstmOperands); }
void gru(OpCall& c) { forward_of(c, RnnCell::kGru, c.attrs_as<RecurrentAttrs>().reverse, kGruOperands); }
void rnn(OpCall& c) {
  const auto& a = c.attrs_as<RnnAttrs>();
  forward_of(c, cell_of(a.nonlinearity), a.reverse, kRnnOperands);
}
void lstm_grad(OpCall& c) { backward_of(c, RnnCell::kLstm); }
void gru_grad(OpCall& c) { backward_of(c, RnnCell::kGru); }
void rnn_grad(OpCall& c) { backward_of(c, cell_of(c.attrs_as<RecurrentGradAttrs>().nonlinearity)); }

}  // namespace hearth::cpu
