// Sounds as they are, through a model's own preprocessing; and files that are none.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>

#include "audio/codec/codec.h"
#include "audio/ops/mel.h"
#include "audio/ops/resample.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "serve/server.h"
#include "tests/serve/client.h"

namespace hearth::serve {
namespace {

using audio::FileFormat;
using testing::Answer;
using testing::Client;
using Input = std::map<std::string, std::string>;

constexpr int64_t kRate = 16000;

// The highest of eight mel bands, as scores, is where a tone is; [1, samples] to [8].
Tensor bands(const Tensor& sound) {
  const Tensor x = cat({sound, zeros({1, 400})}, 1);
  return log(audio::mel_spectrogram(x, {.spectrogram = {.center = false}, .sample_rate = kRate, .n_mels = 8}) + 1e-6)
      .mean({0, 2});
}

class SoundTest : public ::testing::Test {
 protected:
  SoundTest() {
    root_ = ::testing::TempDir() + "/sound_models";
    add("tone", {{"type", "audio"}, {"sample_rate", "16000"}, {"channels", "1"}});
    add("absurd", {{"type", "audio"}, {"sample_rate", "fast"}});
    add("many", {{"type", "audio"}, {"sample_rate", "16000"}, {"channels", "5"}});
    add("as_it_is", {{"type", "audio"}});
    ServerOptions options;
    options.repository.directory = root_;
    options.http = {.address = "127.0.0.1"};
    options.serve_admin = false;
    auto s = Server::start(options);
    EXPECT_TRUE(s.ok()) << s.status();
    server = *std::move(s);
  }
  void add(const std::string& name, const Input& input) const {
    std::filesystem::create_directories(root_ + "/" + name);
    const graph::Spec features[] = {{"bands", f32, {"batch", 8}}}, sound[] = {{"sound", f32, {1, "samples"}}};
    graph::Exported model{
        .main = graph::trace([](std::span<const Tensor> in) { return std::vector<Tensor>{in[0] * 1.0}; }, features),
        .preprocess = graph::trace([](std::span<const Tensor> in) { return std::vector<Tensor>{bands(in[0])}; }, sound),
        .signature = {}};
    for (int i = 0; i < 8; ++i) model.signature.labels.push_back(concat("band ", i));
    model.signature.preprocess_input = input;
    EXPECT_TRUE(graph::save(model, root_ + "/" + name + "/1").ok());
  }
  Answer predict(const std::string& file, const std::string& model = "tone") const {
    return Client(server->port()).post("/v2/models/" + model + "/predict", file);
  }
  // The model's outputs.
  Answer infer(const std::string& file) const {
    const auto length = static_cast<uint32_t>(file.size());
    const std::string head = concat(R"({"inputs":[{"name":"bands","shape":[1],"datatype":"BYTES",)",
                                    R"("parameters":{"binary_data_size":)", length + 4, "}}]}");
    return Client(server->port())
        .post("/v2/models/tone/infer", head + std::string(reinterpret_cast<const char*>(&length), sizeof length) + file,
              concat("Inference-Header-Content-Length: ", head.size(), "\r\n"));
  }
  // A tone, f32 [channels, frames].
  static Tensor tone(double hz, int64_t rate = kRate, int64_t channels = 1, int64_t frames = 4000) {
    return (sin(arange(frames).to(f32) * (2 * M_PI * hz / static_cast<double>(rate))) * 0.5)
        .unsqueeze(0)
        .expand({channels, frames});
  }
  static std::string file(const Tensor& samples, int64_t rate = kRate, FileFormat format = FileFormat::kWav) {
    auto bytes = audio::encode_audio(samples.contiguous(), rate, format);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.value_or("");
  }
  static std::string best(const Answer& a) {
    const size_t at = a.body.find("\"label\":\"");
    return at == std::string::npos ? a.body : a.body.substr(at + 9, 6);
  }
  static void put(std::string& bytes, size_t at, uint32_t value) { std::memcpy(bytes.data() + at, &value, 4); }

  std::string root_;
  std::unique_ptr<Server> server;
};

TEST_F(SoundTest, SoundsGetLabels) {
  for (FileFormat format :
       {FileFormat::kWav, FileFormat::kFlac, FileFormat::kOgg, FileFormat::kMp3, FileFormat::kAiff}) {
    const Answer low = predict(file(tone(300), kRate, format)), high = predict(file(tone(6500), kRate, format));
    EXPECT_EQ(low.status, 200) << low.body;
    EXPECT_EQ(best(low), "band 0") << audio::to_string(format);
    EXPECT_EQ(best(high), "band 7") << audio::to_string(format);
  }
  // A body of this content type is a file for infer too.
  const std::string url = "/v2/models/tone/infer", sound = file(tone(300));
  EXPECT_EQ(best(Client(server->port()).post(url, sound, "Content-Type: audio/wav\r\n")), "band 0");
  EXPECT_NE(Client(server->port())
                .get("/v2/models/tone")
                .body.find(R"("file_input":{"channels":"1","sample_rate":"16000","type":"audio"})"),
            std::string::npos);
}

TEST_F(SoundTest, AreBroughtToTheModelsRateAndToOneChannel) {
  EXPECT_EQ(best(predict(file(tone(300, 44100, 2, 9000), 44100))), "band 0");
  EXPECT_EQ(best(predict(file(tone(6500, 48000, 3, 9000), 48000))), "band 7");
  EXPECT_EQ(best(predict(file(tone(300, 8000), 8000))), "band 0");
  // The mean of two channels that are each other's opposite is silence.
  const Tensor opposite = cat({tone(6500), -tone(6500)});
  const Answer silent = infer(file(opposite)), zero = infer(file(zeros({1, 4000})));
  EXPECT_EQ(silent.status, 200) << silent.body;
  EXPECT_EQ(silent.body.substr(silent.body.find("data")), zero.body.substr(zero.body.find("data")));
}

// The answer to a file is the program's own to its samples.
TEST_F(SoundTest, AnswersAreTheProgramsOwn) {
  const std::string bytes = file(tone(1234, 22050, 2, 9000), 22050, FileFormat::kOgg);
  const auto sound = audio::decode_audio(std::as_bytes(std::span(bytes)), {.mono = true});
  ASSERT_TRUE(sound.ok());
  const std::vector<float> want = bands(audio::resample(sound->samples, 22050, kRate)).to_vector<float>();
  const Answer a = infer(bytes);
  ASSERT_EQ(a.status, 200) << a.body;
  const char* at = a.body.c_str() + a.body.find("\"data\":[") + 8;
  for (float w : want) {
    char* end = nullptr;
    EXPECT_EQ(std::strtof(at, &end), w) << a.body;
    at = end + 1;
  }
}

TEST_F(SoundTest, WhatIsNoSoundIsNamed) {
  EXPECT_EQ(predict("hello, this is a text in a file that is called speech.wav").status, 400);
  EXPECT_EQ(predict("").status, 400);
  EXPECT_EQ(predict(std::string("\x89PNG\r\n\x1a\n") + std::string(100, '\0')).status, 400);
  for (FileFormat format : {FileFormat::kWav, FileFormat::kFlac, FileFormat::kOgg}) {
    const std::string whole = file(tone(300), kRate, format);
    for (size_t size : {size_t{20}, whole.size() / 2}) {
      const Answer a = predict(whole.substr(0, size));
      EXPECT_EQ(a.status, 400) << audio::to_string(format) << " " << size << " " << a.body;
    }
  }
  const Answer empty = predict(file(zeros({1, 0})));
  EXPECT_EQ(empty.status, 400);
  EXPECT_NE(empty.body.find("the sound has no samples"), std::string::npos) << empty.body;
  for (double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    const Answer a = predict(file(full({1, 100}, bad)));
    EXPECT_EQ(a.status, 400);
    EXPECT_NE(a.body.find("not finite"), std::string::npos) << a.body;
  }
  EXPECT_EQ(predict(file(full({1, 1}, 0.5))).status, 200);
  EXPECT_EQ(predict(file(tone(300, kRate, 200, 100))).status, 200);
  EXPECT_EQ(best(predict(file(tone(300)))), "band 0");
}

TEST_F(SoundTest, HeadersThatLieCostNothing) {
  // Bytes 24 to 27 of a wav file are its rate, the last four before the samples their size.
  const std::string good = file(tone(300));
  for (uint32_t rate : {0u, 1u, 999u, 768001u, 2147483647u, 4294967295u}) {
    std::string bad = good;
    put(bad, 24, rate);
    EXPECT_EQ(predict(bad).status, 400) << rate << predict(bad).body;
  }
  for (uint32_t size : {0x7fffffffu, 0xffffffffu}) {
    std::string bad = good;
    put(bad, bad.find("data") + 4, size);
    EXPECT_EQ(predict(bad).status, 400) << size << predict(bad).body;
  }
  // Without a divisor in common with 16000, the filter would have nine million values.
  std::string prime = file(zeros({1, 1}));
  put(prime, 24, 767999);
  const Answer large = predict(prime);
  EXPECT_EQ(large.status, 400);
  EXPECT_NE(large.body.find("767999"), std::string::npos) << large.body;
  EXPECT_NE(large.body.find("16000"), std::string::npos) << large.body;
  for (uint32_t rate : {11025u, 22050u, 44100u, 44099u, 96000u, 192000u, 768000u}) {
    put(prime, 24, rate);
    EXPECT_EQ(predict(prime).status, 200) << rate << predict(prime).body;
  }
  // A minute at 1 kHz would be 16 times as large; this is more than there may be.
  const Answer a = predict(file(zeros({1, 3'000'000}, {.dtype = u8}) + 128, 1000));
  EXPECT_EQ(a.status, 413) << a.body;
}

TEST_F(SoundTest, WhatTheModelAsksForInVainIsTheServersFault) {
  for (const auto& [model, word] : {std::pair("absurd", "fast"), std::pair("many", "\\\"5\\\" channels")}) {
    const Answer a = predict(file(tone(300)), model);
    EXPECT_EQ(a.status, 500);
    EXPECT_NE(a.body.find(word), std::string::npos) << a.body;
  }
  // Without options nothing is changed: two channels do not fit this model.
  EXPECT_EQ(best(predict(file(tone(300)), "as_it_is")), "band 0");
  EXPECT_NE(predict(file(tone(300, kRate, 2)), "as_it_is").status, 200);
}

}  // namespace
}  // namespace hearth::serve
