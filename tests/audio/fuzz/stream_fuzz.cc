#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "audio/stream/frame_stream.h"
#include "audio/stream/resample_stream.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace {

// What a call gives, or undefined where it throws.
template <class F>
Tensor of(F f) {
  try {
    return f();
  } catch (const Error&) {
    return {};
  }
}

template <class Stream>
Tensor in_parts(Stream& stream, const Tensor& x, const uint8_t* sizes, size_t count) {
  std::vector<Tensor> parts;
  for (int64_t at = 0, i = 0; at < x.size(-1) || i == 0; ++i) {
    const int64_t n = std::min<int64_t>(
        i % 7 == 6 ? 1 + sizes[static_cast<size_t>(i) % count] : sizes[static_cast<size_t>(i) % count],
        x.size(-1) - at);
    parts.push_back(stream(slice(x, -1, at, at + n)));
    at += n;
  }
  parts.push_back(stream.finish());
  return cat(parts, -1);
}

void expect_same(const Tensor& parts, const Tensor& whole) {
  if (parts.defined() != whole.defined()) std::abort();
  if (whole.defined() && !(parts.shape() == whole.shape() && parts.equal(whole))) std::abort();
}

}  // namespace
}  // namespace hearth::audio

// A signal in parts of any size, with any options: what the whole gives, or an error of both.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth;
  using namespace hearth::audio;
  if (size < 8) return 0;
  std::vector<float> values;
  for (size_t i = 0; i < std::min<size_t>(size * 4, 1500); ++i)
    values.push_back(static_cast<float>(data[i % size] * (i + 1) % 255) / 128 - 1);
  const Tensor x = from_values(values, {static_cast<int64_t>(values.size())});
  SpectrogramOptions o{.n_fft = 1 + data[0] % 64, .hop_length = 1 + data[1] % 80, .pad = data[2] % 5};
  o.center = data[3] % 2 == 0;
  o.pad_mode = data[3] % 3 == 0   ? SignalPadding::kReflect
               : data[3] % 3 == 1 ? SignalPadding::kConstant
                                  : SignalPadding::kReplicate;
  const Tensor part = slice(x, -1, 0, std::min<int64_t>(data[4] * 8, x.size(-1)));
  expect_same(of([&] {
                FrameStream stream = FrameStream::spectrogram(o);
                return in_parts(stream, part, data, size);
              }),
              of([&] { return spectrogram(part, o); }));
  const int64_t from = 1 + data[5] % 50, to = 1 + data[6] % 50;
  const ResampleOptions width{.lowpass_filter_width = 1 + data[7] % 8};
  expect_same(of([&] {
                ResampleStream stream(from, to, width);
                return in_parts(stream, part, data, size);
              }),
              of([&] { return resample(part, from, to, width); }));
  return 0;
}
