#include "core/kernels/cpu/conv.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/kernels/cpu/convert.h"
#include "core/kernels/cpu/onednn.h"

namespace hearth::cpu {
namespace {

using onednn::Key;
using onednn::Md;
using onednn::Slot;
using Tag = dnnl::memory::format_tag;

enum class Direction : int64_t { kForward, kData, kWeights };

struct Compiled : onednn::Primitive {
  Md x, w, y, bias;
  bool found = true;  // false: oneDNN has no kernel
};

// What one call of oneDNN does: some of the images, or some rows of one. s.pad is what lies above and to the left.
struct Piece {
  Conv s;
  int64_t pad_below = 0;
  int64_t from = 0, to = 0;  // where it begins, in elements

  explicit Piece(const Conv& whole) : s(whole), pad_below(whole.pad[0]) {}
};

double flops_per_image(const Conv& s) {
  const int64_t in = s.c / s.groups;
  return 2.0 * static_cast<double>(s.oc * s.oh * s.ow) * static_cast<double>(in * s.kernel[0] * s.kernel[1]);
}

// ---- primitives

std::shared_ptr<const Compiled> make(const Piece& piece, Direction direction, bool bias) {
  const Conv& s = piece.s;
  auto p = std::make_shared<Compiled>();
  const auto t = onednn::type_of(s.dtype);
  const Md x({s.n, s.c, s.h, s.w}, t, Tag::nhwc), y({s.n, s.oc, s.oh, s.ow}, t, Tag::nhwc), none;
  const bool weights = direction == Direction::kWeights;
  // Weight gradients of blocks of images are summed in f32.
  const auto wt = weights ? dnnl::memory::data_type::f32 : t;
  const int64_t in = s.c / s.groups;
  auto weights_of = [&](dnnl::memory::data_type type) {
    return s.groups == 1 ? Md({s.oc, in, s.kernel[0], s.kernel[1]}, type, Tag::any)
                         : Md({s.groups, s.oc / s.groups, in, s.kernel[0], s.kernel[1]}, type, Tag::any);
  };
  const dnnl::memory::dims stride{s.stride[0], s.stride[1]}, pad{s.pad[0], s.pad[1]},
      pad_end{piece.pad_below, s.pad[1]}, dilation{s.dilation[0] - 1, s.dilation[1] - 1};
  const auto direct = dnnl::algorithm::convolution_direct;
  const auto attr = onednn::attributes();
  const auto& engine = onednn::engine();
  try {
    const bool forward_bias = bias && direction == Direction::kForward;
    const Md b = bias ? Md({s.oc}, weights ? dnnl::memory::data_type::f32 : t, Tag::x) : none;
    const auto kind =
        direction == Direction::kForward ? dnnl::prop_kind::forward_inference : dnnl::prop_kind::forward_training;
    const dnnl::convolution_forward::primitive_desc forward(
        dnnl::convolution_forward::desc(kind, direct, x, weights_of(t), forward_bias ? b : none, y, stride, dilation,
                                        pad, pad_end),
        attr, engine);
    p->x = x;
    p->y = y;
    p->bias = b;
    auto take = [&](const auto& pd, auto primitive, const Md& w) {
      p->w = w;
      p->primitive = primitive;
      p->scratch_bytes = pd.scratchpad_desc().get_size();
    };
    if (direction == Direction::kForward) {
      take(forward, dnnl::convolution_forward(forward), forward.weights_desc());
    } else if (direction == Direction::kData) {
      const dnnl::convolution_backward_data::primitive_desc pd(
          dnnl::convolution_backward_data::desc(direct, x, weights_of(t), y, stride, dilation, pad, pad_end), attr,
          engine, forward);
      take(pd, dnnl::convolution_backward_data(pd), pd.weights_desc());
    } else {
      const dnnl::convolution_backward_weights::primitive_desc pd(
          dnnl::convolution_backward_weights::desc(direct, x, weights_of(wt), b, y, stride, dilation, pad, pad_end),
          attr, engine, forward);
      take(pd, dnnl::convolution_backward_weights(pd), pd.diff_weights_desc());
    }
  } catch (const dnnl::error& e) {
    if (e.status != dnnl_unimplemented && e.status != dnnl_invalid_arguments) throw;
    p->found = false;
  }
  return p;
}

std::shared_ptr<const Compiled> compile(const Piece& piece, Direction direction, bool bias) {
  const Conv& s = piece.s;
  static auto* cache = new onednn::LruCache<Compiled>(512);
  Key key;
  key.word = {static_cast<int64_t>(direction),
              static_cast<int64_t>(s.dtype),
              s.n,
              s.c,
              s.h,
              s.w,
              s.oc,
              s.oh,
              s.ow,
              s.kernel[0],
              s.kernel[1],
              s.stride[0],
              s.stride[1],
              s.pad[0],
              s.pad[1],
              piece.pad_below,
              s.dilation[0],
              s.dilation[1],
              s.groups,
              bias};
  return cache->get(key, [&] { return make(piece, direction, bias); });
}

// ---- cutting the work, by shape alone

// Below this a piece costs more than it gains.
double least_flops(DType t) { return t == DType::kBF16 ? 1.6e7 : 4e6; }

// Images `begin` to `end`.
Piece images_of(const Conv& s, Direction direction, int64_t begin, int64_t end) {
  Piece p(s);
  p.s.n = end - begin;
  const int64_t x = s.c * s.h * s.w, y = s.oc * s.oh * s.ow;
  p.from = begin * (direction == Direction::kForward ? x : y);
  p.to = begin * (direction == Direction::kForward ? y : x);
  return p;
}

// Rows `begin` to `end` of one image of the result, from the rows of the other side that they need.
Piece rows_of(const Conv& s, Direction direction, int64_t image, int64_t begin, int64_t end) {
  const int64_t step = s.stride[0], pad = s.pad[0], reach = s.dilation[0] * (s.kernel[0] - 1);
  Piece p = images_of(s, direction, image, image + 1);
  int64_t x0, x1, y0, y1;
  if (direction == Direction::kForward) {
    y0 = begin;
    y1 = end;
    x0 = std::clamp<int64_t>(y0 * step - pad, 0, s.h - 1);
    x1 = std::clamp<int64_t>((y1 - 1) * step - pad + reach + 1, x0 + 1, s.h);
    p.from += x0 * s.c * s.w;
    p.to += y0 * s.oc * s.ow;
  } else {
    // dx's row r comes from dy's rows p with p step - pad + i dilation = r.
    x0 = begin;
    x1 = end;
    y0 = std::clamp<int64_t>((std::max<int64_t>(x0 + pad - reach, 0) + step - 1) / step, 0, s.oh - 1);
    y1 = std::clamp<int64_t>((x1 - 1 + pad) / step + 1, y0 + 1, s.oh);
    p.from += y0 * s.oc * s.ow;
    p.to += x0 * s.c * s.w;
  }
  p.s.h = x1 - x0;
  p.s.oh = y1 - y0;
  p.s.pad[0] = x0 - (y0 * step - pad);
  p.pad_below = std::max<int64_t>(0, (p.s.oh - 1) * step + reach + 1 - p.s.pad[0] - p.s.h);
  return p;
}

std::vector<Piece> pieces_of(const Conv& s, Direction direction) {
  const double each = flops_per_image(s), least = least_flops(s.dtype);
  const int64_t images =
      std::max<int64_t>((s.n + 15) / 16, static_cast<int64_t>(std::min(std::ceil(least / each), 1e9)));
  std::vector<Piece> out;
  // Of few images also rows are dealt out: stripes at least as high as what a row needs of its neighbours.
  const int64_t height = direction == Direction::kForward ? s.oh : s.h, reach = s.dilation[0] * (s.kernel[0] - 1) + 1;
  const int64_t stripes = std::min({int64_t{16} / std::max<int64_t>(s.n, 1), height / std::max(reach, s.stride[0]),
                                    static_cast<int64_t>(std::min(each / least, 16.0))});
  if (s.n < 4 && stripes > 1 && s.pad[0] < reach && s.stride[0] <= reach) {
    const int64_t rows = (height + stripes - 1) / stripes;
    for (int64_t i = 0; i < s.n; ++i) {
      for (int64_t r = 0; r < height; r += rows) {
        out.push_back(rows_of(s, direction, i, r, std::min(r + rows, height)));
      }
    }
    return out;
  }
  for (int64_t i = 0; i < s.n; i += images) out.push_back(images_of(s, direction, i, std::min(i + images, s.n)));
  return out;
}

struct Blocks {
  int64_t images, count;
};

// Each block has a gradient of its own to add up, and memory for it.
Blocks weight_blocks(const Conv& s, size_t weight_bytes) {
  const double each = flops_per_image(s), least = least_flops(s.dtype);
  const auto affordable =
      std::clamp<int64_t>(static_cast<int64_t>((size_t{32} << 20) / std::max<size_t>(weight_bytes, 1)), 2, 8);
  const int64_t images = std::max<int64_t>((s.n + affordable - 1) / affordable,
                                           static_cast<int64_t>(std::min(std::ceil(least / each), 1e9)));
  return {std::min(images, s.n), (s.n + images - 1) / images};
}

Md plain_weights(const Conv& s, dnnl::memory::data_type t) {
  const int64_t in = s.c / s.groups, h = s.kernel[0], w = s.kernel[1];
  return s.groups == 1 ? Md({s.oc, in, h, w}, t, Tag::oihw) : Md({s.groups, s.oc / s.groups, in, h, w}, t, Tag::goihw);
}

int64_t bytes_of(const Conv& s, int64_t elements) { return elements * static_cast<int64_t>(size_of(s.dtype)); }

// Weights in the primitive's format: as they are, from the cache, or reordered into this thread's scratch memory.
struct Weights {
  const void* data;
  std::shared_ptr<const Packed> held;
};
Weights prepare_weights(const Piece& piece, const Compiled& p, const void* w, PackedSlot slot, Direction direction) {
  const Conv& s = piece.s;
  const Md plain = plain_weights(s, onednn::type_of(s.dtype));
  if (p.w == plain) return {w, nullptr};
  if (slot.cache) {
    Key key;
    key.word = {2,
                static_cast<int64_t>(direction),
                static_cast<int64_t>(s.dtype),
                static_cast<int64_t>(reinterpret_cast<uintptr_t>(w)),
                s.n,
                s.c,
                s.h,
                s.w,
                s.oc,
                s.oh,
                s.ow,
                s.kernel[0],
                s.kernel[1],
                s.stride[0],
                s.stride[1],
                s.pad[0],
                s.pad[1],
                piece.pad_below,
                s.dilation[0],
                s.dilation[1],
                s.groups};
    auto packed = slot.cache->get(slot.version, key, [&] {
      auto made = std::make_shared<const Packed>(p.w.get_size());
      onednn::reorder(plain, w, p.w, made->data);
      return made;
    });
    if (packed) return {packed->data, packed};
  }
  void* to = onednn::scratch(Slot::kA, p.w.get_size());
  onednn::reorder(plain, w, p.w, to);
  return {to, nullptr};
}

struct Sizes {
  int64_t x, y, w;
  explicit Sizes(const Conv& s)
      : x(s.n * s.c * s.h * s.w), y(s.n * s.oc * s.oh * s.ow), w(s.oc * (s.c / s.groups) * s.kernel[0] * s.kernel[1]) {}
};

Conv in_f32(Conv s) {
  s.dtype = DType::kF32;
  return s;
}

// Forward and the data gradient: images, and rows of the result, are independent.
bool run_pieces(const Conv& s, Direction direction, const void* from, const void* w, const void* bias, void* to,
                PackedSlot slot) {
  const bool forward = direction == Direction::kForward;
  const std::vector<Piece> pieces = pieces_of(s, direction);
  std::vector<std::shared_ptr<const Compiled>> compiled;
  for (const Piece& p : pieces) {
    compiled.push_back(compile(p, direction, bias));
    if (!compiled.back()->found) return false;
  }
  const Weights weights = prepare_weights(pieces[0], *compiled[0], w, slot, direction);
  // A piece of another size may want its weights in another format.
  std::vector<std::unique_ptr<Packed>> other(pieces.size());
  for (size_t i = 1; i < pieces.size(); ++i) {
    if (compiled[i]->w == compiled[0]->w) continue;
    if (compiled[i] == compiled[i - 1]) continue;
    other[i] = std::make_unique<Packed>(compiled[i]->w.get_size());
    onednn::reorder(plain_weights(s, onednn::type_of(s.dtype)), w, compiled[i]->w, other[i]->data);
  }
  const auto weights_of = [&](size_t i) -> const void* {
    if (compiled[i]->w == compiled[0]->w) return weights.data;
    while (!other[i]) --i;
    return other[i]->data;
  };
  parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const auto i = static_cast<size_t>(k);
      const Compiled& p = *compiled[i];
      const char* in = static_cast<const char*>(from) + bytes_of(s, pieces[i].from);
      char* out = static_cast<char*>(to) + bytes_of(s, pieces[i].to);
      onednn::execute(p, {{forward ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST, forward ? &p.x : &p.y, in},
                          {DNNL_ARG_WEIGHTS, &p.w, weights_of(i)},
                          {DNNL_ARG_BIAS, &p.bias, bias},
                          {forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC, forward ? &p.y : &p.x, out}});
    }
  });
  return true;
}

bool run_weights(const Conv& s, const void* x, const void* dy, void* dw, void* db) {
  const Sizes sizes(s);
  const Blocks blocks = weight_blocks(s, static_cast<size_t>(sizes.w) * sizeof(float));
  const auto compile_for = [&](int64_t images) {
    Piece p(s);
    p.s.n = images;
    return compile(p, Direction::kWeights, db);
  };
  const auto full = compile_for(blocks.images);
  if (!full->found) return false;
  const int64_t rest = s.n - blocks.images * (blocks.count - 1);
  auto last = rest == blocks.images ? full : compile_for(rest);
  if (!last->found) return false;
  // A block of another size may give its gradient in another format: it is brought into the others' before they are
  // added.
  std::unique_ptr<Packed> other;
  if (last->w != full->w) other = std::make_unique<Packed>(last->w.get_size());
  const auto w_floats = static_cast<int64_t>((full->w.get_size() + 63) / 64 * 16),
             step = w_floats + (s.oc + 15) / 16 * 16;
  auto* sums = static_cast<float*>(onednn::scratch(Slot::kA, static_cast<size_t>(step * blocks.count) * sizeof(float)));
  parallel_for(blocks.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Compiled& p = i == blocks.count - 1 ? *last : *full;
      onednn::execute(
          p, {{DNNL_ARG_SRC, &p.x, static_cast<const char*>(x) + i * blocks.images * bytes_of(s, s.c * s.h * s.w)},
              {DNNL_ARG_DIFF_DST, &p.y,
               static_cast<const char*>(dy) + i * blocks.images * bytes_of(s, s.oc * s.oh * s.ow)},
              {DNNL_ARG_DIFF_WEIGHTS, &p.w, &p == last.get() && other ? other->data : sums + i * step},
              {DNNL_ARG_DIFF_BIAS, &p.bias, db ? sums + i * step + w_floats : nullptr}});
    }
  });
  if (other) onednn::reorder(last->w, other->data, full->w, sums + (blocks.count - 1) * step);
  if (blocks.count > 1) {
    parallel_for(db ? step : w_floats, 16384, [&](int64_t begin, int64_t end) {
      for (int64_t b = 1; b < blocks.count; ++b) {
        float* to = sums;
        const float* from = sums + b * step;
        for (int64_t i = begin; i < end; ++i) to[i] += from[i];
      }
    });
  }
  onednn::reorder(full->w, sums, plain_weights(s, onednn::type_of(s.dtype)), dw);
  if (db) convert_fn(DType::kF32, s.dtype)(sums + w_floats, db, s.oc);
  return true;
}

// Runs f on f32 copies of the operands: f16, and bf16 where the CPU has no kernel for it.
struct Wide {
  Wide(DType t, const void* from, int64_t n) : dtype(t), size(n) {
    if (!from) return;
    data = allocate(n);
    parallel_for(n, 65536, [&](int64_t begin, int64_t end) {
      convert_fn(t, DType::kF32)(static_cast<const char*>(from) + begin * 2, data.get() + begin, end - begin);
    });
  }
  Wide(DType t, int64_t n) : dtype(t), data(allocate(n)), size(n) {}
  static std::unique_ptr<float[]> allocate(int64_t n) {
    return std::make_unique_for_overwrite<float[]>(static_cast<size_t>(n));
  }
  void narrow(void* to) const {
    parallel_for(size, 65536, [&](int64_t begin, int64_t end) {
      convert_fn(DType::kF32, dtype)(data.get() + begin, static_cast<char*>(to) + begin * 2, end - begin);
    });
  }
  DType dtype;
  std::unique_ptr<float[]> data;
  int64_t size;
};

bool is_half(DType t) { return t == DType::kF16 || t == DType::kBF16; }
bool known_to_onednn(DType t) { return t == DType::kF32 || t == DType::kBF16; }

}  // namespace

void conv_forward(const Conv& s, const void* x, const void* w, const void* bias, void* y, PackedSlot slot) {
  if (s.n == 0) return;
  if (known_to_onednn(s.dtype) && run_pieces(s, Direction::kForward, x, w, bias, y, slot)) return;
  if (!is_half(s.dtype)) return conv_detail::forward(s, x, w, bias, y);
  const Sizes n(s);
  const Wide fx(s.dtype, x, n.x), fw(s.dtype, w, n.w), fb(s.dtype, bias, s.oc), fy(s.dtype, n.y);
  conv_forward(in_f32(s), fx.data.get(), fw.data.get(), fb.data.get(), fy.data.get());
  fy.narrow(y);
}

void conv_backward_data(const Conv& s, const void* dy, const void* w, void* dx, PackedSlot slot) {
  if (s.n == 0) return;
  if (known_to_onednn(s.dtype) && run_pieces(s, Direction::kData, dy, w, nullptr, dx, slot)) return;
  if (!is_half(s.dtype)) return conv_detail::backward_data(s, dy, w, dx);
  const Sizes n(s);
  const Wide fy(s.dtype, dy, n.y), fw(s.dtype, w, n.w), fx(s.dtype, n.x);
  conv_backward_data(in_f32(s), fy.data.get(), fw.data.get(), fx.data.get());
  fx.narrow(dx);
}

void conv_backward_weights(const Conv& s, const void* x, const void* dy, void* dw, void* db) {
  const Sizes n(s);
  if (s.n == 0) {
    std::memset(dw, 0, static_cast<size_t>(bytes_of(s, n.w)));
    if (db) std::memset(db, 0, static_cast<size_t>(bytes_of(s, s.oc)));
    return;
  }
  if (known_to_onednn(s.dtype) && run_weights(s, x, dy, dw, db)) return;
  if (!is_half(s.dtype)) return conv_detail::backward_weights(s, x, dy, dw, db);
  const Wide fx(s.dtype, x, n.x), fy(s.dtype, dy, n.y), fw(s.dtype, n.w), fb(s.dtype, s.oc);
  conv_backward_weights(in_f32(s), fx.data.get(), fy.data.get(), fw.data.get(), db ? fb.data.get() : nullptr);
  fw.narrow(dw);
  if (db) fb.narrow(db);
}

}  // namespace hearth::cpu
