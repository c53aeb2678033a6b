#include "audio/codec/reader.h"

#include <algorithm>
#include <vector>

#include "audio/codec/sndfile_internal.h"
#include "core/base/error.h"
#include "core/io/with_path.h"

namespace hearth::audio {
namespace {

constexpr int64_t kBlockSamples = 1 << 14;  // decoded at once

DType dtype_for(Encoding e, SampleType type) {
  if (type == SampleType::kFloat) return f32;
  switch (e) {
    case Encoding::kPcmS8:
      return i8;
    case Encoding::kPcmU8:
      return u8;
    case Encoding::kPcm16:
    case Encoding::kALaw:
    case Encoding::kMuLaw:
      return i16;
    case Encoding::kPcm24:
    case Encoding::kPcm32:
      return i32;
    case Encoding::kFloat64:
      return f64;
    default:
      return f32;
  }
}

sf_count_t read_frames(SNDFILE* f, float* to, int64_t n) { return sf_readf_float(f, to, n); }
sf_count_t read_frames(SNDFILE* f, double* to, int64_t n) { return sf_readf_double(f, to, n); }
sf_count_t read_frames(SNDFILE* f, int* to, int64_t n) { return sf_readf_int(f, to, n); }

}  // namespace

struct AudioReader::State {
  State(std::unique_ptr<ByteSource> s, std::string p) : sound(std::move(s)), path(std::move(p)) {}

  absl::Status error(const absl::Status& s) const { return path.empty() ? s : io::with_path(path, s); }
  absl::Status damaged(int64_t frame) const {
    const int code = sf_error(sound.file.get());
    const auto& i = sound.info;
    return error(absl::DataLossError(
        code != SF_ERR_NO_ERROR ? concat(to_string(i.format), ": the sound is damaged at frame ", frame, " of ",
                                         i.frames, ": ", sf_error_number(code))
                                : concat(to_string(i.format), ": the sound ends at frame ", frame, " of ", i.frames)));
  }

  // Decodes n frames, and hands each block of them to use(first frame within them, samples, frames).
  template <class T, class F>
  absl::Status decode(int64_t n, F use) {
    const int64_t channels = sound.info.channels, block = std::max<int64_t>(kBlockSamples / channels, 1);
    std::vector<T> buffer(static_cast<size_t>(std::min(block, n) * channels));
    for (int64_t done = 0; done < n;) {
      const int64_t got = read_frames(sound.file.get(), buffer.data(), std::min(block, n - done));
      if (got <= 0 || sf_error(sound.file.get()) != SF_ERR_NO_ERROR)
        return damaged(position + std::max<int64_t>(got, 0));
      use(done, buffer.data(), got);
      done += got;
      position += got;
    }
    return absl::OkStatus();
  }

  template <class From, class To, class F>
  absl::Status fill(Tensor& out, int64_t n, F convert) {
    To* const to = out.mutable_data<To>();
    const int64_t channels = sound.info.channels;
    return decode<From>(n, [&](int64_t first, const From* samples, int64_t frames) {
      for (int64_t c = 0; c < channels; ++c) {
        To* row = to + c * n + first;
        for (int64_t i = 0; i < frames; ++i) row[i] = convert(samples[i * channels + c]);
      }
    });
  }

  OpenSound sound;
  std::string path;
  DType dtype = f32;
  int64_t position = 0;
};

AudioReader::AudioReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
AudioReader::AudioReader(AudioReader&&) noexcept = default;
AudioReader& AudioReader::operator=(AudioReader&&) noexcept = default;
AudioReader::~AudioReader() = default;

absl::StatusOr<AudioReader> AudioReader::open_state(std::unique_ptr<State> s, SampleType type) {
  if (absl::Status status = s->sound.open(); !status.ok()) return s->error(status);
  s->dtype = dtype_for(s->sound.info.encoding, type);
  return AudioReader(std::move(s));
}

absl::StatusOr<AudioReader> AudioReader::open(const std::string& path, SampleType type) {
  auto source = ByteSource::file(path);
  if (!source.ok()) return source.status();
  return open_state(std::make_unique<State>(*std::move(source), path), type);
}

absl::StatusOr<AudioReader> AudioReader::open(std::span<const std::byte> bytes, SampleType type) {
  return open_state(std::make_unique<State>(ByteSource::memory(bytes), ""), type);
}

const AudioInfo& AudioReader::info() const { return state_->sound.info; }
DType AudioReader::dtype() const { return state_->dtype; }
int64_t AudioReader::position() const { return state_->position; }

absl::StatusOr<Tensor> AudioReader::read(int64_t frames) {
  State& s = *state_;
  const AudioInfo& i = s.sound.info;
  if (frames < 1) {
    return s.error(absl::InvalidArgumentError(concat("read: the number of frames must be positive, but is ", frames)));
  }
  const int64_t n = std::min(frames, i.frames - s.position);
  Tensor out;
  try {
    out = hearth::detail::empty({i.channels, n}, s.dtype, kCpu, "read");
  } catch (const Error& e) {
    return s.error(absl::ResourceExhaustedError(e.message()));
  }
  if (n == 0) return out;
  absl::Status status;
  // sf_read_int gives an integer of b bits in the upper b bits.
  if (s.dtype == f32) status = s.fill<float, float>(out, n, [](float v) { return v; });
  else if (s.dtype == f64) status = s.fill<double, double>(out, n, [](double v) { return v; });
  else if (s.dtype == u8)
    status = s.fill<int, uint8_t>(out, n, [](int v) { return static_cast<uint8_t>((v >> 24) + 128); });
  else if (s.dtype == i8) status = s.fill<int, int8_t>(out, n, [](int v) { return static_cast<int8_t>(v >> 24); });
  else if (s.dtype == i16) status = s.fill<int, int16_t>(out, n, [](int v) { return static_cast<int16_t>(v >> 16); });
  else if (i.encoding == Encoding::kPcm24) status = s.fill<int, int32_t>(out, n, [](int v) { return v >> 8; });
  else status = s.fill<int, int32_t>(out, n, [](int v) { return v; });
  if (!status.ok()) return status;
  return out;
}

absl::Status AudioReader::seek(int64_t frame) {
  State& s = *state_;
  const AudioInfo& i = s.sound.info;
  if (frame < 0 || frame > i.frames) {
    return s.error(absl::InvalidArgumentError(concat("seek: frame ", frame, " is outside of a sound of ", i.frames)));
  }
  if (frame == s.position) return absl::OkStatus();
  const bool remembers = i.encoding == Encoding::kOpus || i.encoding == Encoding::kMp3;
  const int64_t to = remembers ? (frame < s.position ? 0 : s.position) : frame;
  if (to != s.position) {
    if (sf_seek(s.sound.file.get(), to, SEEK_SET) != to) return s.damaged(to);
    s.position = to;
  }
  return s.decode<float>(frame - to, [](int64_t, const float*, int64_t) {});
}

}  // namespace hearth::audio
