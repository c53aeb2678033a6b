#include "audio/codec/container.h"

#include <array>
#include <string_view>

namespace hearth::audio {
namespace {

// The bytes from `at` on, as far as they are there; 0 beyond.
template <size_t kSize>
struct Head {
  std::array<uint8_t, kSize> bytes{};
  int64_t size;
  Head(const ByteSource& s, int64_t at) : size(s.read(at, bytes.data(), kSize)) {}
  bool has(size_t at, std::string_view text) const {
    return static_cast<int64_t>(at + text.size()) <= size &&
           std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
  }
  uint32_t little(size_t at) const {
    return static_cast<uint32_t>(bytes[at]) | static_cast<uint32_t>(bytes[at + 1]) << 8 |
           static_cast<uint32_t>(bytes[at + 2]) << 16 | static_cast<uint32_t>(bytes[at + 3]) << 24;
  }
  uint32_t big(size_t at) const { return __builtin_bswap32(little(at)); }
};

// The bytes of the ID3v2 tags in front (ID3v2.4, 3.1: four bytes of 7 bits).
int64_t skip_id3(const ByteSource& s) {
  int64_t at = 0;
  for (;;) {
    const Head<10> h(s, at);
    if (h.size < 10 || !h.has(0, "ID3")) return at;
    int64_t size = 0;
    for (size_t i = 6; i < 10; ++i) size = size << 7 | (h.bytes[i] & 0x7f);
    at += 10 + size + ((h.bytes[5] & 0x10) != 0 ? 10 : 0);
  }
}

// A frame of MPEG audio, layer 3 (ISO 11172-3, 2.4.1.3; 13818-3): its length in bytes, 0 for what is none.
int64_t mp3_frame(const Head<4>& h) {
  static constexpr int kRate[2][16] = {{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0},
                                       {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}};
  static constexpr int kHertz[3] = {44100, 48000, 32000};
  if (h.size < 4 || h.bytes[0] != 0xff || (h.bytes[1] & 0xe0) != 0xe0) return 0;
  const int version = h.bytes[1] >> 3 & 3, layer = h.bytes[1] >> 1 & 3;  // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
  const int bits = h.bytes[2] >> 4, hertz = h.bytes[2] >> 2 & 3, padding = h.bytes[2] >> 1 & 1;
  if (version == 1 || layer != 1 || hertz == 3) return 0;
  const int kbps = kRate[version == 3 ? 0 : 1][bits];
  if (kbps == 0) return 0;
  const int rate = kHertz[hertz] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  return (version == 3 ? 144000 : 72000) * kbps / rate + padding;
}

// Known formats that are not read.
const char* foreign(const Head<64>& h) {
  if (h.has(0, ".snd")) return "AU";
  if (h.has(0, "caff")) return "CAF";
  if (h.has(0, "riff")) return "W64";
  if (h.has(0, "RIFX")) return "RIFX";
  if (h.has(4, "ftyp")) return "MP4";
  if (h.has(0, "#!AMR")) return "AMR";
  if (h.has(0, "MAC ")) return "APE";
  if (h.has(0, "wvpk")) return "WavPack";
  if (h.has(0, "MThd")) return "MIDI";
  if (h.has(0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11")) return "WMA";
  if (h.has(0, "\x1a\x45\xdf\xa3")) return "Matroska";
  return nullptr;
}

absl::Status cut(Container c, auto&&... text) { return absl::DataLossError(concat(name_of(c), ": ", text...)); }

// RIFF (and RF64, EBU 3306, whose sizes of 64 bits stand in the chunk ds64) and IFF: chunks of a name, a size and that
// many bytes, rounded up to an even number.
absl::StatusOr<int64_t> check_chunks(const ByteSource& s, Container c) {
  const bool wav = c == Container::kWav;
  const Head<12> file(s, 0);
  const bool rf64 = file.has(0, "RF64");
  const std::string_view wanted = wav ? "data" : "SSND";
  int64_t long_data = -1, frames = INT64_MAX;
  for (int64_t at = 12;;) {
    const Head<24> h(s, at);
    if (h.size < 8) {
      return cut(c, "the file ends at byte ", s.size(), ", before its sound (the chunk '", wanted, "')");
    }
    const int64_t size = wav ? h.little(4) : h.big(4), left = s.size() - at - 8;
    if (rf64 && h.has(0, "ds64") && h.size == 24) {
      const uint64_t declared = static_cast<uint64_t>(h.little(20)) << 32 | h.little(16);
      long_data = declared > INT64_MAX ? INT64_MAX : static_cast<int64_t>(declared);
    }
    if (!wav && h.has(0, "COMM") && h.size >= 14) frames = h.big(10);
    if (h.has(0, wanted)) {
      // A program that writes into a pipe cannot come back to fill in the size.
      const bool open_ended = wav && size == 0xffffffff && (!rf64 || long_data < 0) && file.little(4) == 0xffffffff;
      const int64_t declared = rf64 && size == 0xffffffff && long_data >= 0 ? long_data : size;
      if (declared > left && !open_ended) {
        return cut(c, "the sound at byte ", at + 8, " should have ", declared, " bytes, but the file has only ", left,
                   " there");
      }
      return frames;
    }
    if (size > left) {
      std::string name;
      for (size_t i = 0; i < 4; ++i) name += h.bytes[i] >= 32 && h.bytes[i] < 127 ? static_cast<char>(h.bytes[i]) : '?';
      return cut(c, "the chunk '", name, "' at byte ", at, " should have ", size, " bytes, but the file has only ",
                 left, " there");
    }
    at += 8 + size + (size & 1);
  }
}

// RFC 3533, 6: pages, the last one of a stream marked.
absl::Status check_ogg(const ByteSource& s) {
  bool last = false;
  for (int64_t at = 0; at < s.size();) {
    const Head<282> h(s, at);
    if (!h.has(0, "OggS")) {
      // What follows the marked page of a stream is not part of it.
      if (last) return absl::OkStatus();
      return cut(Container::kOgg, "there should be a page at byte ", at, ", but there is none");
    }
    int64_t size = 27 + h.bytes[26];
    if (h.size < 27 || h.size < size) return cut(Container::kOgg, "the page at byte ", at, " is cut off");
    const auto segments = static_cast<size_t>(h.bytes[26]);
    for (size_t i = 0; i < segments; ++i) size += h.bytes[27 + i];
    if (size > s.size() - at) return cut(Container::kOgg, "the page at byte ", at, " is cut off");
    last = (h.bytes[5] & 4) != 0;
    at += size;
  }
  if (!last) return cut(Container::kOgg, "the file ends at byte ", s.size(), " without the stream's last page");
  return absl::OkStatus();
}

absl::Status check_mp3(const ByteSource& s) {
  int64_t at = skip_id3(s);
  if (at >= s.size()) return cut(Container::kMp3, "the file ends at byte ", s.size(), ", before its sound");
  // Frames may follow something else; libsndfile looks for the first one.
  for (int64_t size; (size = mp3_frame(Head<4>(s, at))) > 0; at += size) {
    if (size > s.size() - at) return cut(Container::kMp3, "the frame at byte ", at, " is cut off");
  }
  return absl::OkStatus();
}

}  // namespace

const char* name_of(Container c) {
  constexpr const char* kNames[] = {"wav", "flac", "ogg", "mp3", "aiff"};
  return kNames[static_cast<size_t>(c)];
}

absl::StatusOr<Container> container_of(const ByteSource& source) {
  if (source.size() == 0) return absl::InvalidArgumentError("sound: there are no bytes");
  const Head<64> h(source, 0);
  if ((h.has(0, "RIFF") || h.has(0, "RF64")) && h.has(8, "WAVE")) return Container::kWav;
  if (h.has(0, "FORM") && (h.has(8, "AIFF") || h.has(8, "AIFC"))) return Container::kAiff;
  if (h.has(0, "fLaC")) return Container::kFlac;
  if (h.has(0, "OggS")) return Container::kOgg;
  if (h.has(0, "ID3")) {
    const Head<4> behind(source, skip_id3(source));
    return behind.has(0, "fLaC") ? Container::kFlac : Container::kMp3;
  }
  if (mp3_frame(Head<4>(source, 0)) > 0) return Container::kMp3;
  if (const char* f = foreign(h)) {
    return absl::UnimplementedError(concat("sound: the format ", f, " is not read; wav, flac, ogg, mp3 and aiff are"));
  }
  return absl::InvalidArgumentError("sound: this is no sound in a known format (wav, flac, ogg, mp3, aiff)");
}

absl::StatusOr<int64_t> check_whole(const ByteSource& source, Container c) {
  if (c == Container::kWav || c == Container::kAiff) return check_chunks(source, c);
  absl::Status s;
  if (c == Container::kOgg) s = check_ogg(source);
  if (c == Container::kMp3) s = check_mp3(source);
  // The number of frames stands in flac's header; the decoder must bring as many.
  if (!s.ok()) return s;
  return INT64_MAX;
}

}  // namespace hearth::audio
