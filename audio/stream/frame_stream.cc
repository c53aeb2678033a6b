#include "audio/stream/frame_stream.h"

#include <algorithm>
#include <utility>

#include "audio/ops/constants_internal.h"
#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace {

Tensor silence(const Tensor& like, int64_t n) {
  Shape shape = like.shape();
  shape[like.dim() - 1] = n;
  return zeros(shape, {.dtype = like.dtype(), .device = like.device()});
}

FrameLayout layout_of(const SpectrogramOptions& o) {
  const int64_t width = o.win_length.value_or(o.n_fft);
  return {.size = o.n_fft,
          .hop = o.hop_length.value_or(std::max<int64_t>(width / 2, 1)),
          .padding = o.center ? o.n_fft / 2 : 0,
          .pad_mode = o.pad_mode,
          .zeros = o.pad};
}
SpectrogramOptions of_frames(SpectrogramOptions o) {
  o.center = false;
  o.pad = 0;
  return o;
}

FrameLayout layout_of(const kaldi::FrameOptions& o) {
  HEARTH_CHECK(o.snip_edges, "FrameStream: Kaldi's features of a stream need snip_edges");
  HEARTH_CHECK(!o.subtract_mean, "FrameStream: the mean over all frames is not known before the end (subtract_mean)");
  const double size = o.sample_frequency * o.frame_length * 0.001, hop = o.sample_frequency * o.frame_shift * 0.001;
  HEARTH_CHECK(size >= 1 && size < 1e9 && hop >= 1 && hop < 1e9, "FrameStream: frames of ", o.frame_length, " ms, ",
               o.frame_shift, " ms apart, are not possible at ", o.sample_frequency, " Hz");
  return {.size = static_cast<int64_t>(size), .hop = static_cast<int64_t>(hop), .dim = -2};
}

}  // namespace

FrameStream::FrameStream(const FrameLayout& layout, Function function)
    : layout_(layout), function_(std::move(function)) {
  HEARTH_CHECK(layout.size >= 1 && layout.hop >= 1, "FrameStream: frames of ", layout.size, " samples, ", layout.hop,
               " apart, are not possible");
  HEARTH_CHECK(layout.padding >= 0 && layout.zeros >= 0, "FrameStream: the padding must not be negative");
  HEARTH_CHECK(layout.padding == 0 || layout.pad_mode != SignalPadding::kCircular,
               "FrameStream: the padding before a signal cannot be its end, which is not known");
  HEARTH_CHECK(layout.dim < 0, "FrameStream: the dimension of frames is counted from the end, and cannot be ",
               layout.dim);
  HEARTH_CHECK(function_, "FrameStream: the function is empty");
}

FrameStream FrameStream::spectrogram(const SpectrogramOptions& o) {
  return {layout_of(o), [o = of_frames(o), c = detail::Constants()](const Tensor& x) mutable {
            return detail::spectrogram(x, o, c);
          }};
}
FrameStream FrameStream::mel_spectrogram(const MelOptions& o) {
  MelOptions whole = o;
  whole.spectrogram = of_frames(o.spectrogram);
  return {layout_of(o.spectrogram),
          [whole, c = detail::Constants()](const Tensor& x) mutable { return detail::mel_spectrogram(x, whole, c); }};
}
FrameStream FrameStream::mfcc(const MfccOptions& o) {
  HEARTH_CHECK(o.log_mels,
               "FrameStream: mfcc of a stream needs log_mels: decibels are cut below the loudest frame of all");
  MfccOptions whole = o;
  whole.mel.spectrogram = of_frames(o.mel.spectrogram);
  return {layout_of(o.mel.spectrogram),
          [whole, c = detail::Constants()](const Tensor& x) mutable { return detail::mfcc(x, whole, c); }};
}
FrameStream FrameStream::kaldi_spectrogram(const kaldi::FrameOptions& o) {
  return {layout_of(o),
          [o, c = detail::Constants()](const Tensor& x) mutable { return detail::kaldi_spectrogram(x, o, c); }};
}
FrameStream FrameStream::fbank(const kaldi::FbankOptions& o) {
  return {layout_of(o.frame), [o, c = detail::Constants()](const Tensor& x) mutable { return detail::fbank(x, o, c); }};
}
FrameStream FrameStream::kaldi_mfcc(const kaldi::MfccOptions& o) {
  return {layout_of(o.frame),
          [o, c = detail::Constants()](const Tensor& x) mutable { return detail::kaldi_mfcc(x, o, c); }};
}

void FrameStream::reset() {
  waiting_ = tail_ = {};
  skip_ = 0;
  begun_ = gave_ = false;
}

// Samples of the signal, or zeros at its ends.
void FrameStream::append(const Tensor& samples) {
  const int64_t skipped = std::min(skip_, samples.size(-1));
  skip_ -= skipped;
  waiting_ = cat({waiting_, slice(samples, -1, skipped, samples.size(-1))}, -1);
  const Tensor all = cat({tail_, samples}, -1);
  tail_ = slice(all, -1, std::max<int64_t>(all.size(-1) - layout_.padding - 1, 0), all.size(-1)).clone();
}

// Puts the padding before the signal as soon as there is what it is made of.
void FrameStream::begin() {
  const int64_t needed = layout_.padding == 0                            ? 0
                         : layout_.pad_mode == SignalPadding::kReflect   ? layout_.padding + 1
                         : layout_.pad_mode == SignalPadding::kReplicate ? 1
                                                                         : 0;
  if (begun_ || waiting_.size(-1) < needed) return;
  waiting_ = pad_signal(waiting_, layout_.padding, 0, layout_.pad_mode);
  begun_ = true;
}

Tensor FrameStream::complete() {
  const int64_t have = begun_ ? waiting_.size(-1) : 0;
  if (have < layout_.size) {
    const Tensor one = function_(silence(waiting_, layout_.size));
    return slice(one, layout_.dim, 0, 0);
  }
  const int64_t frames = (have - layout_.size) / layout_.hop + 1, used = (frames - 1) * layout_.hop + layout_.size;
  Tensor result = function_(slice(waiting_, -1, 0, used));
  gave_ = true;
  const int64_t next = frames * layout_.hop;
  skip_ = std::max<int64_t>(next - have, 0);
  waiting_ = slice(waiting_, -1, std::min(next, have), have).clone();
  return result;
}

Tensor FrameStream::operator()(const Tensor& x) {
  const NoGrad off;
  const CalledAs called("FrameStream");
  expect_defined("FrameStream", {x});
  expect_dtypes("FrameStream", x, DTypeSet{f32, f64});
  HEARTH_CHECK(x.dim() >= 1, "FrameStream: expected signals [..., time], but the tensor is 0-dim");
  if (!waiting_.defined()) {
    waiting_ = tail_ = silence(x, 0);
    append(silence(x, layout_.zeros));
  }
  HEARTH_CHECK(x.dtype() == waiting_.dtype() && silence(x, 0).shape() == silence(waiting_, 0).shape(),
               "FrameStream: the signal goes on as ", x.dtype(), " ", x.shape(), ", but it began as ", waiting_.dtype(),
               " with the dimensions ", silence(waiting_, 0).shape());
  append(x.detach());
  begin();
  return complete();
}

Tensor FrameStream::finish() {
  const NoGrad off;
  const CalledAs called("FrameStream");
  HEARTH_CHECK(waiting_.defined(), "FrameStream: there was no signal");
  // However this ends, the next signal is a new one.
  struct Reset {
    FrameStream& stream;
    ~Reset() { stream.reset(); }
  } const reset{*this};
  append(silence(waiting_, layout_.zeros));
  begin();
  // A signal that is too short for its padding: an error, as of the whole.
  if (!begun_) waiting_ = pad_signal(waiting_, layout_.padding, layout_.padding, layout_.pad_mode);
  if (layout_.padding > 0) {
    const int64_t n = tail_.size(-1);
    const Tensor end = pad_signal(tail_, 0, layout_.padding, layout_.pad_mode);
    append(slice(end, -1, n, end.size(-1)));
  }
  if (!gave_ && waiting_.size(-1) < layout_.size) {
    (void)function_(waiting_);  // says so in its own words
    fail("FrameStream: the signal is shorter than a frame of ", layout_.size, " samples");
  }
  return complete();
}

}  // namespace hearth::audio
