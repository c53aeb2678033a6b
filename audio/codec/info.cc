#include "audio/codec/info.h"

#include <algorithm>

#include "audio/codec/container.h"
#include "audio/codec/sndfile_internal.h"
#include "core/base/mutex.h"
#include "core/io/with_path.h"

namespace hearth::audio {
namespace {

struct EncodingRow {
  Encoding encoding;
  int subtype;
  const char* name;
};
constexpr EncodingRow kEncodings[] = {
    {Encoding::kPcmS8, SF_FORMAT_PCM_S8, "pcm_s8"},    {Encoding::kPcmU8, SF_FORMAT_PCM_U8, "pcm_u8"},
    {Encoding::kPcm16, SF_FORMAT_PCM_16, "pcm16"},     {Encoding::kPcm24, SF_FORMAT_PCM_24, "pcm24"},
    {Encoding::kPcm32, SF_FORMAT_PCM_32, "pcm32"},     {Encoding::kFloat32, SF_FORMAT_FLOAT, "float32"},
    {Encoding::kFloat64, SF_FORMAT_DOUBLE, "float64"}, {Encoding::kALaw, SF_FORMAT_ALAW, "alaw"},
    {Encoding::kMuLaw, SF_FORMAT_ULAW, "mulaw"},       {Encoding::kVorbis, SF_FORMAT_VORBIS, "vorbis"},
    {Encoding::kOpus, SF_FORMAT_OPUS, "opus"},         {Encoding::kMp3, SF_FORMAT_MPEG_LAYER_III, "mp3"},
};

sf_count_t size_of_source(void* user) { return static_cast<OpenSound*>(user)->source->size(); }
sf_count_t seek_source(sf_count_t offset, int whence, void* user) {
  auto& s = *static_cast<OpenSound*>(user);
  const int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s.position : s.source->size();
  int64_t to;
  if (__builtin_add_overflow(base, offset, &to) || to < 0) return -1;
  return s.position = to;
}
sf_count_t read_source(void* to, sf_count_t n, void* user) {
  auto& s = *static_cast<OpenSound*>(user);
  const int64_t got = s.source->read(s.position, to, n);
  s.position += got;
  return got;
}
sf_count_t write_source(const void* /*from*/, sf_count_t /*n*/, void* /*user*/) { return 0; }
sf_count_t tell_source(void* user) { return static_cast<OpenSound*>(user)->position; }

absl::StatusOr<AudioInfo> info_of(std::unique_ptr<ByteSource> source) {
  OpenSound s(std::move(source));
  if (absl::Status status = s.open(); !status.ok()) return status;
  return s.info;
}

}  // namespace

const char* to_string(Encoding e) { return kEncodings[static_cast<size_t>(e)].name; }
int subtype_of(Encoding e) { return kEncodings[static_cast<size_t>(e)].subtype; }
const char* to_string(FileFormat f) { return name_of(static_cast<Container>(f)); }

static_assert(static_cast<int>(FileFormat::kWav) == static_cast<int>(Container::kWav) &&
              static_cast<int>(FileFormat::kFlac) == static_cast<int>(Container::kFlac) &&
              static_cast<int>(FileFormat::kOgg) == static_cast<int>(Container::kOgg) &&
              static_cast<int>(FileFormat::kMp3) == static_cast<int>(Container::kMp3) &&
              static_cast<int>(FileFormat::kAiff) == static_cast<int>(Container::kAiff));

SndfileHandle open_virtual(SF_VIRTUAL_IO& io, int mode, SF_INFO& info, void* user, std::string& error) {
  static Mutex one_at_a_time;
  const MutexLock lock(one_at_a_time);
  SndfileHandle file(sf_open_virtual(&io, mode, &info, user));
  if (!file) error = sf_strerror(nullptr);
  return file;
}

absl::Status OpenSound::open() {
  const auto container = container_of(*source);
  if (!container.ok()) return container.status();
  const auto declared = check_whole(*source, *container);
  if (!declared.ok()) return declared.status();
  const char* const name = name_of(*container);
  SF_VIRTUAL_IO io = {size_of_source, seek_source, read_source, write_source, tell_source};
  SF_INFO sf{};
  std::string error;
  file = open_virtual(io, SFM_READ, sf, this, error);
  if (!file) return absl::DataLossError(concat(name, ": the file cannot be read (near byte ", position, "): ", error));
  const int subtype = sf.format & SF_FORMAT_SUBMASK;
  const EncodingRow* row = nullptr;
  for (const EncodingRow& r : kEncodings) {
    if (r.subtype == subtype) row = &r;
  }
  if (!row) {
    SF_FORMAT_INFO format{};
    format.format = subtype;
    const bool known = sf_command(nullptr, SFC_GET_FORMAT_INFO, &format, sizeof format) == 0 && format.name;
    return absl::UnimplementedError(
        concat(name, ": the encoding ", known ? format.name : "of this file", " is not read"));
  }
  if (sf.channels < 1 || sf.samplerate < 1 || sf.frames < 0) {
    return absl::DataLossError(concat(name, ": the header says ", sf.channels, " channels of ", sf.frames,
                                      " frames at ", sf.samplerate, " Hz"));
  }
  // SF_COUNT_MAX stands for a length that only the end of the stream tells.
  if (sf.frames == SF_COUNT_MAX) return absl::DataLossError(concat(name, ": the file does not say how long it is"));
  // Of an aiff file without sound it reads what comes next.
  const int64_t frames = std::min<int64_t>(sf.frames, *declared);
  info = {sf.samplerate, sf.channels, frames, static_cast<FileFormat>(*container), row->encoding};
  return absl::OkStatus();
}

absl::StatusOr<AudioInfo> audio_info(std::span<const std::byte> bytes) { return info_of(ByteSource::memory(bytes)); }

absl::StatusOr<AudioInfo> audio_info(const std::string& path) {
  auto source = ByteSource::file(path);
  if (!source.ok()) return source.status();
  auto info = info_of(*std::move(source));
  if (!info.ok()) return io::with_path(path, info.status());
  return info;
}

}  // namespace hearth::audio
