// Sound files against what libsndfile itself wrote and against bytes written by hand; files that are damaged or lie.
#include "audio/codec/codec.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include <sndfile.h>

#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hearth::audio {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;

std::string temporary(const std::string& name) { return testing::TempDir() + "/" + name; }
std::span<const std::byte> bytes_of(const std::string& s) { return std::as_bytes(std::span<const char>(s)); }

// A tone and its octave, as many frames and channels as wanted.
std::vector<float> tone(int64_t frames, int64_t channels) {
  std::vector<float> v;
  for (int64_t i = 0; i < frames; ++i) {
    for (int64_t c = 0; c < channels; ++c) v.push_back(0.5f * std::sin(0.05f * static_cast<float>((c + 1) * i)));
  }
  return v;
}

// A file that libsndfile writes itself, without Hearth.
std::string written(const std::string& name, int format, int rate, int channels,
                    const std::vector<float>& interleaved) {
  const std::string path = temporary(name);
  SF_INFO info{};
  info.samplerate = rate;
  info.channels = channels;
  info.format = format;
  SNDFILE* f = sf_open(path.c_str(), SFM_WRITE, &info);
  EXPECT_NE(f, nullptr) << name << ": " << sf_strerror(nullptr);
  const auto frames = static_cast<sf_count_t>(interleaved.size()) / channels;
  for (sf_count_t at = 0; at < frames; at += 1000) {
    sf_writef_float(f, interleaved.data() + at * channels, std::min<sf_count_t>(1000, frames - at));
  }
  sf_close(f);
  return path;
}
std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream s;
  s << in.rdbuf();
  return s.str();
}
// What libsndfile reads by itself, interleaved.
std::vector<float> reference(const std::string& path) {
  SF_INFO info{};
  SNDFILE* f = sf_open(path.c_str(), SFM_READ, &info);
  EXPECT_NE(f, nullptr) << path;
  std::vector<float> v(static_cast<size_t>(info.frames * info.channels));
  EXPECT_EQ(sf_readf_float(f, v.data(), info.frames), info.frames);
  sf_close(f);
  return v;
}

std::string little(uint64_t v, int bytes) {
  std::string s;
  for (int i = 0; i < bytes; ++i) s += static_cast<char>(v >> (8 * i));
  return s;
}
// RIFF WAVE by hand (Microsoft, "Multimedia Programming Interface", 1991).
std::string wav(int tag, int channels, int rate, int bits, const std::string& data, int64_t declared = -1) {
  const int align = channels * bits / 8;
  const std::string fmt = little(static_cast<uint64_t>(tag), 2) + little(static_cast<uint64_t>(channels), 2) +
                          little(static_cast<uint64_t>(rate), 4) +
                          little(static_cast<uint64_t>(rate) * static_cast<uint64_t>(align), 4) +
                          little(static_cast<uint64_t>(align), 2) + little(static_cast<uint64_t>(bits), 2);
  const uint64_t size = declared < 0 ? data.size() : static_cast<uint64_t>(declared);
  return "RIFF" + little(28 + size, 4) + "WAVEfmt " + little(16, 4) + fmt + "data" + little(size, 4) + data;
}

Tensor loaded(const std::string& bytes, const LoadOptions& o = {}) {
  const auto a = decode_audio(bytes_of(bytes), o);
  EXPECT_TRUE(a.ok()) << a.status();
  return a.ok() ? a->samples : zeros({1, 0});
}
void expect_error(const std::string& bytes, StatusCode code, const std::string& text, const LoadOptions& o = {}) {
  testing::internal::CaptureStderr();
  const auto a = decode_audio(bytes_of(bytes), o);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << text;
  EXPECT_EQ(a.status().code(), code) << a.status();
  EXPECT_THAT(std::string(a.status().message()), HasSubstr(text));
}

struct Kind {
  const char* name;
  int format;
  FileFormat file;
  Encoding encoding;
};
const Kind kKinds[] = {
    {"u8.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, FileFormat::kWav, Encoding::kPcmU8},
    {"16.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, FileFormat::kWav, Encoding::kPcm16},
    {"24.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, FileFormat::kWav, Encoding::kPcm24},
    {"32.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_32, FileFormat::kWav, Encoding::kPcm32},
    {"float.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, FileFormat::kWav, Encoding::kFloat32},
    {"double.wav", SF_FORMAT_WAV | SF_FORMAT_DOUBLE, FileFormat::kWav, Encoding::kFloat64},
    {"alaw.wav", SF_FORMAT_WAV | SF_FORMAT_ALAW, FileFormat::kWav, Encoding::kALaw},
    {"ulaw.wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, FileFormat::kWav, Encoding::kMuLaw},
    {"extensible.wav", SF_FORMAT_WAVEX | SF_FORMAT_PCM_16, FileFormat::kWav, Encoding::kPcm16},
    {"rf64.wav", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, FileFormat::kWav, Encoding::kPcm16},
    {"s8.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_S8, FileFormat::kFlac, Encoding::kPcmS8},
    {"16.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, FileFormat::kFlac, Encoding::kPcm16},
    {"24.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, FileFormat::kFlac, Encoding::kPcm24},
    {"vorbis.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, FileFormat::kOgg, Encoding::kVorbis},
    {"opus.ogg", SF_FORMAT_OGG | SF_FORMAT_OPUS, FileFormat::kOgg, Encoding::kOpus},
    {"mp3.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, FileFormat::kMp3, Encoding::kMp3},
    {"s8.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_S8, FileFormat::kAiff, Encoding::kPcmS8},
    {"16.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, FileFormat::kAiff, Encoding::kPcm16},
    {"float.aiff", SF_FORMAT_AIFF | SF_FORMAT_FLOAT, FileFormat::kAiff, Encoding::kFloat32},
};

TEST(Codec, ReadsWhatLibsndfileWrote) {
  for (const Kind& k : kKinds) {
    SCOPED_TRACE(k.name);
    const std::string path = written(k.name, k.format, 48000, 2, tone(20001, 2)), bytes = slurp(path);
    const std::vector<float> want = reference(path);
    const auto info = audio_info(path);
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_EQ(info->sample_rate, 48000);
    EXPECT_EQ(info->channels, 2);
    EXPECT_EQ(info->frames, static_cast<int64_t>(want.size()) / 2);
    EXPECT_EQ(info->format, k.file);
    EXPECT_EQ(info->encoding, k.encoding);
    const auto from_file = load_audio(path);
    ASSERT_TRUE(from_file.ok()) << from_file.status();
    EXPECT_EQ(from_file->sample_rate, 48000);
    EXPECT_EQ(from_file->samples.shape(), Shape({2, info->frames}));
    EXPECT_EQ(from_file->samples.t().contiguous().to_vector<float>(), want);
    EXPECT_EQ(loaded(bytes).t().contiguous().to_vector<float>(), want);
    // A range is a part of the whole, bit by bit, wherever it starts.
    const Tensor whole = loaded(bytes);
    for (const auto& [first, n] :
         {std::pair<int64_t, int64_t>{0, 5}, {12345, 700}, {info->frames, 3}, {19000, 99999}}) {
      const Tensor part = loaded(bytes, {.frame_offset = first, .num_frames = n});
      const int64_t end = std::min(first + n, info->frames);
      EXPECT_EQ(part.to_vector<float>(), whole.slice(1, first, end).contiguous().to_vector<float>()) << first;
    }
    // So are blocks of any size, and what comes after going back.
    auto reader = AudioReader::open(bytes_of(bytes));
    ASSERT_TRUE(reader.ok());
    int64_t at = 0;
    for (int64_t size = 1;; size = size * 3 + 1) {
      const auto block = reader->read(size);
      ASSERT_TRUE(block.ok()) << block.status();
      const int64_t n = block->size(1);
      EXPECT_EQ(block->to_vector<float>(), whole.slice(1, at, at + n).contiguous().to_vector<float>());
      at += n;
      EXPECT_EQ(reader->position(), at);
      if (n == 0) break;
    }
    EXPECT_EQ(at, info->frames);
    for (int64_t frame : {15000, 3}) {
      ASSERT_TRUE(reader->seek(frame).ok());
      EXPECT_EQ(reader->read(10)->to_vector<float>(),
                whole.slice(1, frame, frame + 10).contiguous().to_vector<float>());
    }
  }
}

TEST(Codec, TheFilesOwnValues) {
  const std::string u8_data("\x00\x80\xff\x01", 4);
  Tensor t = loaded(wav(1, 2, 8000, 8, u8_data), {.type = SampleType::kNative});
  EXPECT_EQ(t.dtype(), u8);
  EXPECT_THAT(t.to_vector<int>(), ElementsAre(0, 255, 128, 1));  // channel by channel
  EXPECT_THAT(loaded(wav(1, 2, 8000, 8, u8_data)).to_vector<float>(), ElementsAre(-1, 127 / 128.f, 0, -127 / 128.f));

  t = loaded(wav(1, 1, 8000, 16, little(0x8000, 2) + little(0x7fff, 2) + little(0xffff, 2)),
             {.type = SampleType::kNative});
  EXPECT_EQ(t.dtype(), i16);
  EXPECT_THAT(t.to_vector<int>(), ElementsAre(-32768, 32767, -1));

  const std::string wide = little(0x800000, 3) + little(0x7fffff, 3) + little(1, 3);
  t = loaded(wav(1, 1, 8000, 24, wide), {.type = SampleType::kNative});
  EXPECT_EQ(t.dtype(), i32);
  EXPECT_THAT(t.to_vector<int>(), ElementsAre(-8388608, 8388607, 1));
  EXPECT_THAT(loaded(wav(1, 1, 8000, 24, wide)).to_vector<float>(), ElementsAre(-1, 8388607 / 8388608.f, 0x1p-23f));

  t = loaded(wav(1, 1, 8000, 32, little(0x80000000, 4) + little(0x7fffffff, 4)), {.type = SampleType::kNative});
  EXPECT_THAT(t.to_vector<int>(), ElementsAre(INT32_MIN, INT32_MAX));

  // G.711: A-law 0xd5 is +8, 0x55 -8; µ-law 0xff is 0, 0x00 -32124, 0x80 32124.
  t = loaded(wav(6, 1, 8000, 8, "\xd5\x55"), {.type = SampleType::kNative});
  EXPECT_EQ(t.dtype(), i16);
  EXPECT_THAT(t.to_vector<int>(), ElementsAre(8, -8));
  t = loaded(wav(7, 1, 8000, 8, std::string("\xff\x00\x80", 3)), {.type = SampleType::kNative});
  EXPECT_THAT(t.to_vector<int>(), ElementsAre(0, -32124, 32124));

  double doubles[] = {0.1, -3};
  std::string raw(reinterpret_cast<const char*>(doubles), sizeof doubles);
  t = loaded(wav(3, 1, 8000, 64, raw), {.type = SampleType::kNative});
  EXPECT_EQ(t.dtype(), f64);
  EXPECT_THAT(t.to_vector<double>(), ElementsAre(0.1, -3));
  EXPECT_EQ(loaded(wav(3, 1, 8000, 64, raw)).dtype(), f32);
}

TEST(Codec, MonoIsTheMeanOfTheChannels) {
  const std::string bytes = wav(1, 2, 8000, 16, little(16384, 2) + little(0, 2) + little(8192, 2) + little(8192, 2));
  EXPECT_THAT(loaded(bytes, {.mono = true}).to_vector<float>(), ElementsAre(0.25f, 0.25f));
  EXPECT_EQ(loaded(bytes, {.mono = true}).shape(), Shape({1, 2}));
  expect_error(bytes, StatusCode::kInvalidArgument, "mono needs samples of f32 or f64, but the file's own are i16",
               {.type = SampleType::kNative, .mono = true});
}

TEST(Codec, IntegersComeBackAsTheyWere) {
  for (const auto& [t, file, encoding] : {std::tuple{u8, FileFormat::kWav, Encoding::kPcmU8},
                                          {i16, FileFormat::kWav, Encoding::kPcm16},
                                          {i32, FileFormat::kWav, Encoding::kPcm24},
                                          {i32, FileFormat::kWav, Encoding::kPcm32},
                                          {i8, FileFormat::kFlac, Encoding::kPcmS8},
                                          {i16, FileFormat::kFlac, Encoding::kPcm16},
                                          {i32, FileFormat::kFlac, Encoding::kPcm24},
                                          {i8, FileFormat::kAiff, Encoding::kPcmS8},
                                          {i16, FileFormat::kAiff, Encoding::kPcm16},
                                          {i32, FileFormat::kAiff, Encoding::kPcm24}}) {
    SCOPED_TRACE(to_string(encoding));
    const int64_t low = t == u8                        ? 0
                        : t == i8                      ? -128
                        : t == i16                     ? -32768
                        : encoding == Encoding::kPcm24 ? -8388608
                                                       : INT32_MIN;
    const int64_t high = t == u8 ? 255 : -(low + 1);
    // Every other element of a wider tensor: strides are the tensor's own.
    const Tensor x =
        tensor(std::vector<int64_t>{low, 9, high, 9, 1, 9, 0, 9, 77, 9, 3, 9}).to(t).reshape({2, 6}).slice(1, 0, 6, 2);
    const auto bytes = encode_audio(x, 16000, file, {.encoding = encoding});
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    const auto info = audio_info(bytes_of(*bytes));
    EXPECT_EQ(info->encoding, encoding);
    EXPECT_EQ(info->format, file);
    const Tensor back = loaded(*bytes, {.type = SampleType::kNative});
    EXPECT_EQ(back.dtype(), t);
    EXPECT_EQ(back.to_vector<int64_t>(), x.to_vector<int64_t>());
    // And by way of floats, where those hold them.
    if (encoding == Encoding::kPcm32) continue;
    const auto again = encode_audio(loaded(*bytes), 16000, file, {.encoding = encoding});
    EXPECT_EQ(*again, *bytes);
  }
}

TEST(Codec, FloatsAreRoundedAndBounded) {
  const double half = 0.5 / 32768;
  const Tensor x =
      tensor(std::vector<double>{half, 3 * half, -half, 1, 1.5, -1, -7, INFINITY, -INFINITY}).reshape({1, 9});
  const auto bytes = encode_audio(x, 8000, FileFormat::kWav, {.encoding = Encoding::kPcm16});
  ASSERT_TRUE(bytes.ok());
  EXPECT_THAT(loaded(*bytes, {.type = SampleType::kNative}).to_vector<int>(),
              ElementsAre(0, 2, 0, 32767, 32767, -32768, -32768, 32767, -32768));
  // Floats are kept, NaN too.
  const Tensor y = tensor(std::vector<float>{NAN, 2, -INFINITY, 1e-30f}).reshape({1, 4});
  const auto floats = encode_audio(y, 8000, FileFormat::kWav);
  const std::vector<float> back = loaded(*floats).to_vector<float>();
  EXPECT_TRUE(std::isnan(back[0]));
  EXPECT_EQ(std::vector<float>(back.begin() + 1, back.end()), (std::vector<float>{2, -INFINITY, 1e-30f}));
}

TEST(Codec, LossyFilesSoundAlike) {
  const std::vector<float> v = tone(48000, 2);
  const Tensor x = tensor(v).reshape({48000, 2}).t();
  for (const auto& [name, encoding] :
       {std::pair{"a.ogg", Encoding::kVorbis}, {"a.opus", Encoding::kOpus}, {"a.MP3", Encoding::kMp3}}) {
    SCOPED_TRACE(name);
    const std::string path = temporary(name);
    const absl::Status s = save_audio(path, x, 48000, {.quality = 0.9});
    ASSERT_TRUE(s.ok()) << s;
    const auto info = audio_info(path);
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_EQ(info->encoding, encoding);
    const auto back = load_audio(path);
    ASSERT_TRUE(back.ok()) << back.status();
    ASSERT_GE(back->samples.size(1), 48000);
    // mp3 starts late: the power is compared, after a second's first half.
    const double mine = (x.slice(1, 24000, 40000) * x.slice(1, 24000, 40000)).mean().item<double>();
    const Tensor y = back->samples.slice(1, 24000, 40000);
    EXPECT_NEAR((y * y).mean().item<double>() / mine, 1, 0.05);
  }
}

TEST(Codec, SmallAndWideAndFastFiles) {
  EXPECT_EQ(loaded(wav(1, 1, 8000, 16, "")).shape(), Shape({1, 0}));
  EXPECT_EQ(loaded(wav(1, 1, 8000, 16, little(5, 2))).shape(), Shape({1, 1}));
  EXPECT_EQ(loaded(wav(1, 200, 8000, 16, std::string(800, '\1'))).shape(), Shape({200, 2}));
  const std::string fast = wav(1, 1, 768000, 16, little(5, 2));
  EXPECT_EQ(audio_info(bytes_of(fast))->sample_rate, 768000);
  const auto none = encode_audio(zeros({2, 0}), 8000, FileFormat::kWav);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(loaded(*none).shape(), Shape({2, 0}));
  // An aiff file whose COMM chunk says 0 frames, though bytes follow.
  const auto aiff = encode_audio(zeros({1, 4}), 8000, FileFormat::kAiff, {.encoding = Encoding::kPcm16});
  std::string silent = *aiff;
  silent.replace(silent.find("COMM") + 10, 4, std::string(4, '\0'));
  EXPECT_EQ(loaded(silent).shape(), Shape({1, 0}));
}

TEST(Codec, CutFilesAreErrors) {
  for (const Kind& k : kKinds) {
    SCOPED_TRACE(k.name);
    const std::string bytes = slurp(written(k.name, k.format, 48000, 1, tone(30000, 1)));
    for (double part : {0.01, 0.3, 0.5, 0.99}) {
      const auto a =
          decode_audio(bytes_of(bytes.substr(0, static_cast<size_t>(part * static_cast<double>(bytes.size())))));
      EXPECT_EQ(a.status().code(), StatusCode::kDataLoss) << part << ": " << a.status();
    }
  }
  expect_error(wav(1, 1, 8000, 16, "abcd", 100), StatusCode::kDataLoss,
               "wav: the sound at byte 44 should have 100 bytes, but the file has only 4 there");
  // What a program writes into a pipe: it could not know the length.
  std::string piped = wav(1, 1, 8000, 16, little(1, 2) + little(2, 2), 0xffffffff);
  piped.replace(4, 4, little(0xffffffff, 4));
  EXPECT_THAT(loaded(piped, {.type = SampleType::kNative}).to_vector<int>(), ElementsAre(1, 2));
}

TEST(Codec, HostileFilesAreErrors) {
  expect_error("", StatusCode::kInvalidArgument, "there are no bytes");
  expect_error("Dear diary, today I was renamed to .wav.", StatusCode::kInvalidArgument, "no sound in a known format");
  expect_error("RIFF", StatusCode::kInvalidArgument, "no sound in a known format");
  expect_error(std::string("caff\0\1\0\0", 8), StatusCode::kUnimplemented, "the format CAF is not read");
  expect_error(wav(1, 1, 8000, 16, "abcd", 0xfffffff0), StatusCode::kDataLoss, "should have 4294967280 bytes");
  expect_error("RIFF" + little(4, 4) + "WAVE", StatusCode::kDataLoss, "before its sound (the chunk 'data')");
  expect_error("RIFF" + little(4, 4) + "WAVELIST" + little(0x7fffffff, 4) + "abc", StatusCode::kDataLoss,
               "the chunk 'LIST' at byte 12 should have 2147483647 bytes, but the file has only 3 there");
  expect_error(wav(1, 0, 8000, 16, "abcd"), StatusCode::kDataLoss, "wav: ");
  // IMA ADPCM: 20 bytes of format, 2 of them for the samples in a block.
  std::string adpcm = wav(17, 1, 8000, 4, std::string(256, 'a'));
  adpcm.replace(16, 4, little(20, 4));
  adpcm.replace(32, 4, little(256, 2) + little(4, 2) + little(2, 2) + little(505, 2));
  expect_error(adpcm, StatusCode::kUnimplemented, "wav: the encoding IMA ADPCM is not read");
  // A flac header that promises 2^36 - 1 frames.
  std::string flac = slurp(written("lie.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 8000, 1, tone(5000, 1)));
  flac[21] = static_cast<char>(flac[21] | 0x0f);
  flac.replace(22, 4, "\xff\xff\xff\xff");
  const auto info = audio_info(bytes_of(flac));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->frames, (int64_t{1} << 36) - 1);
  expect_error(flac, StatusCode::kResourceExhausted, "68719476735 frames of 1 channels, which is more than 268435456");
  expect_error(flac, StatusCode::kDataLoss, "of 68719476735", {.max_samples = int64_t{1} << 40});
  // One bit of the sound itself.
  std::string damaged = slurp(written("damaged.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 8000, 1, tone(50000, 1)));
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x10);
  expect_error(damaged, StatusCode::kDataLoss, "flac: the sound ");
}

TEST(Codec, RangesAndLimits) {
  const std::string bytes = wav(1, 2, 8000, 16, std::string(400, '\1'));  // 100 frames
  expect_error(bytes, StatusCode::kInvalidArgument, "frame_offset 101 is outside of a sound of 100 frames",
               {.frame_offset = 101});
  expect_error(bytes, StatusCode::kInvalidArgument, "frame_offset -1 is outside", {.frame_offset = -1});
  expect_error(bytes, StatusCode::kInvalidArgument, "num_frames must not be negative, but is -2", {.num_frames = -2});
  expect_error(bytes, StatusCode::kResourceExhausted, "100 frames of 2 channels, which is more than 199 samples",
               {.max_samples = 199});
  EXPECT_EQ(loaded(bytes, {.num_frames = 50, .max_samples = 100}).shape(), Shape({2, 50}));
  auto reader = AudioReader::open(bytes_of(bytes));
  EXPECT_THAT(reader->read(0).status().ToString(), HasSubstr("must be positive, but is 0"));
  EXPECT_THAT(reader->seek(101).ToString(), HasSubstr("frame 101 is outside of a sound of 100"));
  const auto missing = load_audio("/no/such/file.wav");
  EXPECT_EQ(missing.status().code(), StatusCode::kNotFound);
  std::ofstream(temporary("text.wav")) << "not a sound";
  EXPECT_THAT(load_audio(temporary("text.wav")).status().ToString(), HasSubstr("text.wav: sound: this is no sound"));
  std::ofstream(temporary("whole.wav")) << bytes;
  EXPECT_THAT(load_audio(temporary("whole.wav"), {.frame_offset = 101}).status().ToString(),
              HasSubstr("whole.wav: frame_offset"));
}

TEST(Codec, WhatCannotBeWritten) {
  const auto refused = [](const Tensor& x, FileFormat f, const SaveOptions& o, const std::string& text,
                          int64_t rate = 8000) {
    const auto s = encode_audio(x, rate, f, o);
    EXPECT_EQ(s.status().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(s.status().message()), HasSubstr(text));
  };
  const Tensor x = zeros({1, 4});
  refused(Tensor(), FileFormat::kWav, {}, "an undefined tensor");
  refused(zeros({4}), FileFormat::kWav, {}, "expected a CPU tensor [channels, frames], but got f32 [4] on cpu");
  refused(zeros({0, 4}), FileFormat::kWav, {}, "[0, 4]");
  refused(x, FileFormat::kWav, {}, "the sample rate must be positive, but is 0", 0);
  refused(x, FileFormat::kWav, {.quality = NAN}, "quality must be from 0 to 1");
  refused(x, FileFormat::kFlac, {.encoding = Encoding::kPcm32}, "flac does not hold 1 channels of pcm32");
  refused(x, FileFormat::kFlac, {.extensible = true}, "only wav has an extensible header");
  refused(zeros({1, 0}), FileFormat::kFlac, {}, "flac does not hold a sound without frames");
  refused(zeros({1, 0}), FileFormat::kAiff, {}, "aiff does not hold a sound without frames");
  refused(x.to(i64), FileFormat::kWav, {}, "does not hold values of i64");
  refused(x.to(i16), FileFormat::kWav, {.encoding = Encoding::kPcm24},
          "the encoding pcm24 does not hold values of i16");
  refused(full({1, 1}, 1 << 23, {.dtype = i32}), FileFormat::kFlac, {},
          "the value 8388608 at channel 0, frame 0 does not fit");
  refused(full({1, 1}, NAN), FileFormat::kWav, {.encoding = Encoding::kPcm16}, "the value nan at channel 0, frame 0");
  refused(full({1, 1}, NAN), FileFormat::kOgg, {}, "the value nan at channel 0, frame 0");
  EXPECT_THAT(save_audio(temporary("x.txt"), x, 8000).ToString(), HasSubstr("a sound's name must end in .wav"));
  EXPECT_FALSE(std::filesystem::exists(temporary("x.txt")));
}

TEST(Codec, FormatsByEnding) {
  const Tensor x = zeros({1, 100});
  for (const auto& [name, format, encoding] : {std::tuple{"b.wav", FileFormat::kWav, Encoding::kFloat32},
                                               {"b.flac", FileFormat::kFlac, Encoding::kPcm24},
                                               {"b.aif", FileFormat::kAiff, Encoding::kFloat32},
                                               {"b.AIFF", FileFormat::kAiff, Encoding::kFloat32}}) {
    ASSERT_TRUE(save_audio(temporary(name), x, 44100).ok()) << name;
    const auto info = audio_info(temporary(name));
    EXPECT_EQ(info->format, format) << name;
    EXPECT_EQ(info->encoding, encoding) << name;
    EXPECT_EQ(info->frames, 100);
    EXPECT_EQ(info->seconds(), 100 / 44100.0);
  }
  // The same bytes each time: no date is written.
  const auto extensible = encode_audio(x, 8000, FileFormat::kWav, {.extensible = true});
  EXPECT_EQ(*extensible, *encode_audio(x, 8000, FileFormat::kWav, {.extensible = true}));
  EXPECT_EQ((*extensible)[20] & 0xff, 0xfe);  // WAVE_FORMAT_EXTENSIBLE
}

}  // namespace
}  // namespace hearth::audio
