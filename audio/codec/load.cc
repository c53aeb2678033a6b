#include <algorithm>
#include <vector>

#include "audio/codec/codec.h"
#include "audio/codec/sndfile_internal.h"
#include "core/base/error.h"
#include "core/io/with_path.h"

namespace hearth::audio {
namespace {

constexpr int64_t kBlockSamples = 1 << 20;

template <class T>
void mean_of_channels(const Tensor& block, T* to) {
  const int64_t channels = block.size(0), n = block.size(1);
  const T* const from = block.data<T>();
  for (int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c) sum += static_cast<double>(from[c * n + i]);
    to[i] = static_cast<T>(sum / static_cast<double>(channels));
  }
}

absl::Status check(const AudioReader& reader, const LoadOptions& o) {
  const AudioInfo& info = reader.info();
  if (o.frame_offset < 0 || o.frame_offset > info.frames) {
    return absl::InvalidArgumentError(
        concat("frame_offset ", o.frame_offset, " is outside of a sound of ", info.frames, " frames"));
  }
  if (o.num_frames && *o.num_frames < 0) {
    return absl::InvalidArgumentError(concat("num_frames must not be negative, but is ", *o.num_frames));
  }
  if (o.mono && reader.dtype() != f32 && reader.dtype() != f64) {
    return absl::InvalidArgumentError(concat("mono needs samples of f32 or f64, but the file's own are ",
                                             reader.dtype(), "; use SampleType::kFloat"));
  }
  const int64_t left = info.frames - o.frame_offset, n = std::min(o.num_frames.value_or(left), left);
  if (n > o.max_samples / info.channels) {
    return absl::ResourceExhaustedError(concat("the sound has ", n, " frames of ", info.channels,
                                               " channels, which is more than ", o.max_samples, " samples"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Audio> load(AudioReader& reader, const LoadOptions& o) {
  const AudioInfo& info = reader.info();
  const int64_t left = info.frames - o.frame_offset, n = std::min(o.num_frames.value_or(left), left);
  if (absl::Status s = reader.seek(o.frame_offset); !s.ok()) return s;

  // The header may say more than there is, so memory is taken as blocks come.
  const int64_t block = std::max<int64_t>(kBlockSamples / info.channels, 1);
  std::vector<Tensor> blocks;
  for (int64_t done = 0; done < n;) {
    auto b = reader.read(std::min(block, n - done));
    if (!b.ok()) return b.status();
    done += b->size(1);
    blocks.push_back(*std::move(b));
  }
  const int64_t channels = o.mono ? 1 : info.channels;
  if (blocks.size() == 1 && channels == info.channels) return Audio{blocks[0], info.sample_rate};
  const auto item = static_cast<int64_t>(size_of(reader.dtype()));
  Tensor out = hearth::detail::empty({channels, n}, reader.dtype(), kCpu, "load_audio");
  char* const to = static_cast<char*>(out.mutable_raw_data());
  int64_t at = 0;
  for (Tensor& b : blocks) {
    const int64_t frames = b.size(1);
    if (o.mono && reader.dtype() == f32) {
      mean_of_channels(b, reinterpret_cast<float*>(to) + at);
    } else if (o.mono) {
      mean_of_channels(b, reinterpret_cast<double*>(to) + at);
    } else {
      for (int64_t c = 0; c < channels; ++c) {
        std::copy_n(static_cast<const char*>(b.raw_data()) + c * frames * item, frames * item,
                    to + (c * n + at) * item);
      }
    }
    at += frames;
    b = Tensor();
  }
  return Audio{std::move(out), info.sample_rate};
}

// `path` is empty for bytes in memory. The reader's own errors name it.
absl::StatusOr<Audio> load(absl::StatusOr<AudioReader> reader, const std::string& path, const LoadOptions& o) {
  if (!reader.ok()) return reader.status();
  const auto error = [&](const absl::Status& s) { return path.empty() ? s : io::with_path(path, s); };
  if (absl::Status s = check(*reader, o); !s.ok()) return error(s);
  try {
    return load(*reader, o);
  } catch (const Error& e) {  // memory may run out at any size that max_samples allows
    return error(absl::ResourceExhaustedError(e.message()));
  }
}

}  // namespace

absl::StatusOr<Audio> decode_audio(std::span<const std::byte> bytes, const LoadOptions& o) {
  return load(AudioReader::open(bytes, o.type), "", o);
}

absl::StatusOr<Audio> load_audio(const std::string& path, const LoadOptions& o) {
  return load(AudioReader::open(path, o.type), path, o);
}

}  // namespace hearth::audio
