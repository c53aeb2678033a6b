#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "audio/codec/codec.h"
#include "audio/codec/sndfile_internal.h"
#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "core/io/with_path.h"

namespace hearth::audio {
namespace {

// Vorbis keeps a block on the stack.
constexpr int64_t kBlockFrames = 2048;

// The file as it is written.
struct Output {
  std::string bytes;
  size_t position = 0;
};
sf_count_t output_size(void* user) { return static_cast<sf_count_t>(static_cast<Output*>(user)->bytes.size()); }
sf_count_t seek_output(sf_count_t offset, int whence, void* user) {
  auto& o = *static_cast<Output*>(user);
  const auto base = static_cast<sf_count_t>(whence == SEEK_SET ? 0 : whence == SEEK_CUR ? o.position : o.bytes.size());
  if (base + offset < 0) return -1;
  o.position = static_cast<size_t>(base + offset);
  return base + offset;
}
sf_count_t read_output(void* to, sf_count_t n, void* user) {
  auto& o = *static_cast<Output*>(user);
  if (o.position >= o.bytes.size()) return 0;
  const size_t got = o.bytes.copy(static_cast<char*>(to), static_cast<size_t>(n), o.position);
  o.position += got;
  return static_cast<sf_count_t>(got);
}
sf_count_t write_output(const void* from, sf_count_t n, void* user) {
  auto& o = *static_cast<Output*>(user);
  const size_t end = o.position + static_cast<size_t>(n);
  if (end > o.bytes.size()) o.bytes.resize(end);
  std::copy_n(static_cast<const char*>(from), n, o.bytes.data() + o.position);
  o.position = end;
  return n;
}
sf_count_t tell_output(void* user) { return static_cast<sf_count_t>(static_cast<Output*>(user)->position); }

Encoding default_encoding(FileFormat f, DType t) {
  switch (f) {
    case FileFormat::kFlac:
      return t == i8 ? Encoding::kPcmS8 : t == i16 ? Encoding::kPcm16 : Encoding::kPcm24;
    case FileFormat::kOgg:
      return Encoding::kVorbis;
    case FileFormat::kMp3:
      return Encoding::kMp3;
    default:
      break;
  }
  switch (t) {
    case DType::kU8:
      return Encoding::kPcmU8;
    case DType::kI8:
      return Encoding::kPcmS8;
    case DType::kI16:
      return Encoding::kPcm16;
    case DType::kI32:
      return Encoding::kPcm32;
    case DType::kF64:
      return Encoding::kFloat64;
    default:
      return Encoding::kFloat32;
  }
}

// The bits of an encoding of integers; A-law and µ-law take 16. 0 for the others.
int bits_of(Encoding e) {
  switch (e) {
    case Encoding::kPcmS8:
    case Encoding::kPcmU8:
      return 8;
    case Encoding::kPcm16:
    case Encoding::kALaw:
    case Encoding::kMuLaw:
      return 16;
    case Encoding::kPcm24:
      return 24;
    case Encoding::kPcm32:
      return 32;
    default:
      return 0;
  }
}

bool takes(Encoding e, DType t) {
  if (t == f32 || t == f64) return true;
  switch (bits_of(e)) {
    case 8:
      return t == (e == Encoding::kPcmU8 ? u8 : i8);
    case 24:
    case 32:
      return t == i32;
    default:
      return t == i16;
  }
}

int container_number(FileFormat f) {
  switch (f) {
    case FileFormat::kWav:
      return SF_FORMAT_WAV;
    case FileFormat::kFlac:
      return SF_FORMAT_FLAC;
    case FileFormat::kOgg:
      return SF_FORMAT_OGG;
    case FileFormat::kMp3:
      return SF_FORMAT_MPEG;
    case FileFormat::kAiff:
      return SF_FORMAT_AIFF;
  }
  __builtin_unreachable();
}

absl::Status invalid(auto&&... text) { return absl::InvalidArgumentError(concat("encode_audio: ", text...)); }

sf_count_t write_frames(SNDFILE* f, const int* p, int64_t n) { return sf_writef_int(f, p, n); }
sf_count_t write_frames(SNDFILE* f, const float* p, int64_t n) { return sf_writef_float(f, p, n); }
sf_count_t write_frames(SNDFILE* f, const double* p, int64_t n) { return sf_writef_double(f, p, n); }

// Interleaves, converts and writes. convert(value, &ok) makes a To; where it says no, the value does not fit.
template <class From, class To, class F>
absl::Status write(SNDFILE* f, const Tensor& x, F convert) {
  const int64_t channels = x.size(0), frames = x.size(1), across = x.stride(0), along = x.stride(1);
  const From* const from = x.data<From>();
  std::vector<To> block(static_cast<size_t>(std::min(frames, kBlockFrames) * channels));
  for (int64_t at = 0; at < frames; at += kBlockFrames) {
    const int64_t n = std::min(kBlockFrames, frames - at);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t c = 0; c < channels; ++c) {
        const From v = from[c * across + (at + i) * along];
        bool ok = true;
        block[static_cast<size_t>(i * channels + c)] = convert(v, ok);
        if (!ok) return invalid("the value ", v, " at channel ", c, ", frame ", at + i, " does not fit the encoding");
      }
    }
    if (write_frames(f, block.data(), n) != n) {
      return absl::InternalError(concat("encode_audio: libsndfile did not take frame ", at, ": ", sf_strerror(f)));
    }
  }
  return absl::OkStatus();
}

template <class From>
absl::Status write_floats(SNDFILE* f, const Tensor& x, Encoding e) {
  if (e == Encoding::kFloat32 || e == Encoding::kFloat64) {
    return write<From, From>(f, x, [](From v, bool&) { return v; });
  }
  const int bits = bits_of(e);
  if (bits == 0) {
    return write<From, From>(f, x, [](From v, bool& ok) {
      ok = std::isfinite(v);
      return v;
    });
  }
  const double scale = std::ldexp(1.0, bits - 1);
  return write<From, int>(f, x, [scale, bits](From v, bool& ok) {
    ok = !std::isnan(v);
    const double rounded = ok ? std::nearbyint(std::clamp(static_cast<double>(v) * scale, -scale, scale - 1)) : 0;
    return static_cast<int>(static_cast<uint32_t>(static_cast<int32_t>(rounded)) << (32 - bits));
  });
}

absl::Status write_tensor(SNDFILE* f, const Tensor& x, Encoding e) {
  if (x.dtype() == f32) return write_floats<float>(f, x, e);
  if (x.dtype() == f64) return write_floats<double>(f, x, e);
  if (bits_of(e) == 0) {  // i16 as a fraction of full scale
    return write<int16_t, float>(f, x, [](int16_t v, bool&) { return static_cast<float>(v) * 0x1p-15f; });
  }
  const auto shifted = [](int32_t v, int by) { return static_cast<int>(static_cast<uint32_t>(v) << by); };
  if (x.dtype() == u8) return write<uint8_t, int>(f, x, [&](uint8_t v, bool&) { return shifted(v - 128, 24); });
  if (x.dtype() == i8) return write<int8_t, int>(f, x, [&](int8_t v, bool&) { return shifted(v, 24); });
  if (x.dtype() == i16) return write<int16_t, int>(f, x, [&](int16_t v, bool&) { return shifted(v, 16); });
  if (e == Encoding::kPcm32) return write<int32_t, int>(f, x, [](int32_t v, bool&) { return v; });
  return write<int32_t, int>(f, x, [&](int32_t v, bool& ok) {
    ok = v >= -(1 << 23) && v < 1 << 23;
    return shifted(v, 8);
  });
}

}  // namespace

absl::StatusOr<std::string> encode_audio(const Tensor& x, int64_t sample_rate, FileFormat format,
                                         const SaveOptions& o) {
  if (!x.defined() || !x.device().is_cpu() || x.dim() != 2 || x.size(0) < 1) {
    return invalid("expected a CPU tensor [channels, frames], but got ",
                   x.defined() ? concat(x.dtype(), " ", x.shape(), " on ", x.device()) : "an undefined tensor");
  }
  if (sample_rate < 1 || sample_rate > std::numeric_limits<int>::max())
    return invalid("the sample rate must be positive, but is ", sample_rate);
  if (!(o.quality >= 0 && o.quality <= 1)) return invalid("quality must be from 0 to 1, but is ", o.quality);
  if (o.extensible && format != FileFormat::kWav) return invalid("only wav has an extensible header");
  if (x.size(0) > 1024) return invalid("at most 1024 channels can be written, not ", x.size(0));
  // Of the others libsndfile writes nothing, or an aiff file with frames.
  if (x.size(1) == 0 && format != FileFormat::kWav) {
    return invalid(to_string(format), " does not hold a sound without frames; wav does");
  }
  const Encoding e = o.encoding.value_or(default_encoding(format, x.dtype()));
  if (!takes(e, x.dtype())) return invalid("the encoding ", to_string(e), " does not hold values of ", x.dtype());

  SF_INFO info{};
  info.samplerate = static_cast<int>(sample_rate);
  info.channels = static_cast<int>(x.size(0));
  info.format = (o.extensible ? SF_FORMAT_WAVEX : container_number(format)) | subtype_of(e);
  if (!sf_format_check(&info)) {
    return invalid(to_string(format), " does not hold ", info.channels, " channels of ", to_string(e), " at ",
                   sample_rate, " Hz");
  }
  Output output;
  SF_VIRTUAL_IO io = {output_size, seek_output, read_output, write_output, tell_output};
  std::string error;
  SndfileHandle file = open_virtual(io, SFM_WRITE, info, &output, error);
  if (!file) {
    return invalid(to_string(format), " does not hold ", x.size(0), " channels of ", to_string(e), " at ", sample_rate,
                   " Hz: ", error);
  }
  double quality = o.quality, compression = 1 - o.quality;
  if (e == Encoding::kVorbis || e == Encoding::kOpus) {
    sf_command(file.get(), SFC_SET_VBR_ENCODING_QUALITY, &quality, sizeof quality);
  } else if (e == Encoding::kMp3) {
    sf_command(file.get(), SFC_SET_COMPRESSION_LEVEL, &compression, sizeof compression);
  }
  // A peak chunk would hold the time of writing.
  sf_command(file.get(), SFC_SET_ADD_PEAK_CHUNK, nullptr, SF_FALSE);
  sf_command(file.get(), SFC_SET_CLIPPING, nullptr, SF_TRUE);
  if (absl::Status s = write_tensor(file.get(), x, e); !s.ok()) return s;
  file.reset();
  return std::move(output.bytes);
}

absl::Status save_audio(const std::string& path, const Tensor& samples, int64_t sample_rate,
                        const SaveOptions& options) {
  std::string ending = path.substr(std::min(path.size(), path.find_last_of('.')));
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  SaveOptions o = options;
  FileFormat format;
  if (ending == ".wav") {
    format = FileFormat::kWav;
  } else if (ending == ".flac") {
    format = FileFormat::kFlac;
  } else if (ending == ".ogg" || ending == ".opus") {
    format = FileFormat::kOgg;
    if (ending == ".opus" && !o.encoding) o.encoding = Encoding::kOpus;
  } else if (ending == ".mp3") {
    format = FileFormat::kMp3;
  } else if (ending == ".aiff" || ending == ".aif") {
    format = FileFormat::kAiff;
  } else {
    return absl::InvalidArgumentError(
        concat(path, ": a sound's name must end in .wav, .flac, .ogg, .opus, .mp3, .aiff or .aif"));
  }
  const auto file = encode_audio(samples, sample_rate, format, o);
  if (!file.ok()) return io::with_path(path, file.status());
  return io::write_file(path, *file);
}

}  // namespace hearth::audio
