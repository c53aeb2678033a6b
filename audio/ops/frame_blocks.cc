#include <algorithm>
#include <cstring>

#include "audio/ops/frame_blocks_internal.h"
#include "core/autograd/guards.h"
#include "core/base/parallel.h"
#include "core/base/thread_state.h"
#include "core/op/interposer.h"
#include "core/ops/rearrange.h"
#include "core/ops/view.h"

namespace hearth::audio::detail {
namespace {

constexpr int64_t kSamples = 1 << 17;  // of a block's frames

// Frames [count, n] or lines of them [lines, count, n], in blocks: of several lines if these are short, else of a
// line's.
struct Blocks {
  int64_t lines, count, lines_at_once, frames_at_once;

  Blocks(int64_t l, int64_t c, int64_t n) : lines(l), count(c) {
    const int64_t most = std::max<int64_t>(kSamples / std::max<int64_t>(n, 1), 1);
    frames_at_once = std::clamp<int64_t>(count, 1, most);
    lines_at_once = count > most ? 1 : std::max<int64_t>(most / std::max<int64_t>(count, 1), 1);
  }
  int64_t per_line() const { return (count + frames_at_once - 1) / frames_at_once; }
  int64_t number() const { return (lines + lines_at_once - 1) / lines_at_once * per_line(); }
  // Block i of x [lines, count, n]; its first frame is frame `first` of all.
  Tensor of(const Tensor& x, int64_t i, int64_t& first) const {
    const int64_t line = i / per_line() * lines_at_once, frame = i % per_line() * frames_at_once;
    first = line * count + frame;
    return slice(slice(x, 0, line, std::min(line + lines_at_once, lines)), 1, frame,
                 std::min(frame + frames_at_once, count));
  }
};

}  // namespace

bool recorded(std::initializer_list<std::reference_wrapper<const Tensor>> tensors) {
  if (tracing()) return true;
  return GradMode::enabled() &&
         std::any_of(tensors.begin(), tensors.end(), [](const Tensor& t) { return t.requires_grad(); });
}

Tensor in_blocks(const Tensor& frames, bool whole, const std::function<Tensor(const Tensor&)>& f) {
  const int64_t n = frames.size(-1), count = frames.size(-2);
  if (whole || thread_state.interposer || !frames.device().is_cpu() || frames.numel() == 0) return f(frames);
  const Blocks blocks(frames.numel() / n / count, count, n);
  if (blocks.number() == 1) return f(frames);
  // Those of one line are a view, whatever the strides.
  const Tensor x = frames.dim() == 2 ? frames.unsqueeze(0) : reshape(frames, {-1, count, n});
  const NoGrad off;
  int64_t first = 0;
  const Tensor one = f(blocks.of(x, 0, first));
  const auto size = static_cast<size_t>(one.size(-1)) * one.itemsize();  // bytes of a frame's features
  Shape shape = frames.shape();
  shape[frames.dim() - 1] = one.size(-1);
  Tensor y = hearth::detail::empty(shape, one.dtype(), kCpu);
  const auto put = [&](const Tensor& part, int64_t at) {
    const Tensor t = part.contiguous();
    if (t.numel() > 0)
      std::memcpy(static_cast<char*>(y.impl()->data()) + static_cast<size_t>(at) * size, t.raw_data(), t.nbytes());
  };
  put(one, first);
  parallel_for(blocks.number() - 1, 1, [&](int64_t begin, int64_t end) {
    const NoGrad none;
    for (int64_t i = begin; i < end; ++i) {
      int64_t at = 0;
      const Tensor block = blocks.of(x, i + 1, at);
      put(f(block), at);
    }
  });
  return y;
}

}  // namespace hearth::audio::detail
