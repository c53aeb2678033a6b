// The recogniser of spoken symbols: an export that hears in parts what it hears at once, training that is killed and
// resumed, and a second program that recognises files and raw samples.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "audio/codec/codec.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/hearth.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "examples/audio/ctc_net.h"
#include "examples/audio/utterances.h"
#include "tests/examples/training_process.h"

namespace hearth::audio {
namespace {

namespace fs = std::filesystem;

std::string read(const std::string& path) { return io::read_file(path, 1 << 26).value_or(""); }

// A third of a second of a tone: its height is the symbol's, its timbre the voice's.
Tensor sound(int64_t symbol, int64_t voice) {
  Generator random(static_cast<uint64_t>(10 * symbol + voice));
  const double hz = (symbol == 0 ? 300 : symbol == 1 ? 900 : 2500) * (1 + 0.04 * static_cast<double>(voice));
  const Tensor t = arange(2700).to(f32) / 8000.0;
  return (sin(t * (2 * M_PI * hz)) * 0.4 + randn(t.shape(), {}, &random) * 0.01).unsqueeze(0);
}

const std::string& recordings() {
  static const std::string directory = [] {
    const std::string d = fresh_directory("voices");
    for (int64_t voice = 0; voice < 4; ++voice) {
      const std::string of = concat(d, "/", voice == 3 ? "stranger" : concat("voice", voice));
      fs::create_directories(of);
      for (int64_t symbol = 0; symbol < 3; ++symbol)
        EXPECT_TRUE(save_audio(concat(of, "/", symbol, ".wav"), sound(symbol, voice), 8000).ok());
    }
    return d;
  }();
  return directory;
}

std::string finished(Process&& run, int code, const std::string& log) {
  const int status = run.wait();
  EXPECT_TRUE(WIFEXITED(status)) << read(log);
  EXPECT_EQ(WEXITSTATUS(status), code) << read(log);
  return read(log);
}

Process train(const std::string& out, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"examples/audio/ctc",
                                        "--data=" + recordings(),
                                        "--label=/([0-9])[.]wav$",
                                        "--held_out=stranger",
                                        "--out=" + out,
                                        "--epochs=2",
                                        "--utterances=24",
                                        "--batch=4",
                                        "--test=3",
                                        "--checkpoint_steps=2"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return {std::move(arguments), out + "/log"};
}

std::string recognise(const std::string& out, const std::string& arguments, int code = 0) {
  const std::string log = out + "/answers";
  return finished(
      Process({"/bin/sh", "-c", "exec examples/audio/recognise --model=" + out + "/model " + arguments}, log), code,
      log);
}

TEST(CtcNet, HearsInPartsWhatItHearsAtOnce) {
  manual_seed(3);
  CtcNet net(4);
  net.eval();
  const NoGrad off;
  const Tensor x = randn({kCtcStepSize + 20 * kCtcStepHop}) * 0.1;
  const graph::Graph preprocess = ctc_preprocess_graph();
  const Tensor in[] = {x.unsqueeze(0)};
  const std::vector<Tensor> whole = preprocess.run(in);
  ASSERT_EQ(whole[0].shape(), Shape({21, kCtcFrames, kCtcMels}));
  EXPECT_TRUE(whole[0].equal(ctc_steps(ctc_mels(x))));
  EXPECT_TRUE(whole[1].equal(zeros({kCtcLayers, kCtcHidden})));
  const auto [all, end] = net(whole[0].unsqueeze(0), CtcNet::first_state(1));
  Tensor state = CtcNet::first_state(1);
  std::vector<Tensor> parts;
  for (const auto& [first, last] : {std::pair<int64_t, int64_t>{0, 1}, {1, 8}, {8, 21}}) {
    const Tensor part[] = {x.slice(0, first * kCtcStepHop, (last - 1) * kCtcStepHop + kCtcStepSize).unsqueeze(0)};
    const Tensor features = preprocess.run(part)[0];
    EXPECT_TRUE(features.equal(whole[0].slice(0, first, last)));
    auto [scores, next] = net(features.unsqueeze(0), state);
    parts.push_back(scores);
    state = next;
  }
  EXPECT_TRUE(allclose(cat(parts, 1), all, 1e-4, 1e-4));
  EXPECT_TRUE(allclose(state, end, 1e-4, 1e-4));
}

TEST(Utterances, AreOfOneVoiceAndTheSameWithoutAugmentation) {
  auto clips = find_clips(recordings(), "/([0-9])[.]wav$", 1);
  ASSERT_TRUE(clips.ok()) << clips.status();
  const auto voices = load_voices(clips->clips);
  ASSERT_TRUE(voices.ok()) << voices.status();
  ASSERT_EQ(voices->size(), 4u);
  EXPECT_EQ(voices->at(0).recordings.size(), 3u);
  const Utterances u(*voices, {.count = 20, .least = 2, .most = 5, .seed = 7});
  Generator one(1), two(2);
  for (int64_t i = 0; i < 20; ++i) {
    const auto [a, said] = u.sound(i, one);
    EXPECT_TRUE(a.equal(u.sound(i, two).first));
    EXPECT_GE(said.size(), 2u);
    EXPECT_LE(said.size(), 5u);
    for (const int64_t s : said) EXPECT_TRUE(s >= 1 && s <= 3) << s;
  }
  const Utterances changed(*voices, {.count = 20, .augment = true});
  EXPECT_FALSE(changed.sound(0, one).first.equal(changed.sound(0, one).first));
}

TEST(CtcTraining, KilledAndResumedEndsInTheSameBits) {
  const std::string whole = fresh_directory("whole"), killed = fresh_directory("killed");
  finished(train(whole), 0, whole + "/log");
  const auto again = [&](const std::vector<std::string>& more) { return train(killed, more); };
  EXPECT_GE(kill_again_and_again(killed, 2, again), 1);
  const std::string log = finished(train(killed, {"--resume"}), 0, killed + "/log");
  EXPECT_NE(log.find("going on from"), std::string::npos) << log;
  expect_same_bits(checkpoint_of(whole), checkpoint_of(killed));
  for (const char* file : {"graph.json", "weights.safetensors", "signature.json"}) {
    EXPECT_NE(read(whole + "/model/" + file), "");
    EXPECT_EQ(read(whole + "/model/" + file), read(killed + "/model/" + file)) << file;
  }
}

TEST(CtcTraining, AnotherProgramRecognisesFilesAndRawSamples) {
  const std::string out = fresh_directory("tones");
  const std::string log =
      finished(train(out, {"--epochs=6", "--utterances=480", "--batch=8", "--test=20", "--checkpoint_steps=1000"}), 0,
               out + "/log");
  for (const char* part : {"9 recordings of 3 symbols to train on: /voice0, /voice1, /voice2", "/stranger",
                           "known recordings in a new order", "voices never heard", "by prefix beam search"})
    EXPECT_NE(log.find(part), std::string::npos) << part << "\n" << log;
  EXPECT_EQ(read(out + "/report.png").substr(1, 3), "PNG");
  // Three tones with pauses, of a voice that was trained on.
  const Tensor pause = zeros({1, 1200});
  const Tensor x = cat({pause, sound(2, 1), pause, sound(0, 1), pause, sound(1, 1), pause, pause, pause}, 1);
  const std::string file = out + "/said.wav";
  ASSERT_TRUE(save_audio(file, x, 8000, {.encoding = Encoding::kPcm16}).ok());
  EXPECT_EQ(recognise(out, file), file + "   201\n") << log;
  const auto loaded = load_audio(file, {.type = SampleType::kNative});
  ASSERT_TRUE(loaded.ok());
  const std::vector<int16_t> values = loaded->samples.contiguous().to_vector<int16_t>();
  const std::string pcm = out + "/said.pcm";
  ASSERT_TRUE(io::write_file(pcm, {reinterpret_cast<const char*>(values.data()), 2 * values.size()}).ok());
  const std::string answers = recognise(out, "--raw < " + pcm);
  EXPECT_NE(answers.find("   201\n"), std::string::npos) << answers;
  // What is wrong is said.
  EXPECT_NE(recognise(out, out + "/log", 1).find("no sound in a known format"), std::string::npos);
  EXPECT_NE(recognise(out, "--raw " + file, 2).find("see --help"), std::string::npos);
  EXPECT_NE(recognise(out, "--raw < /dev/null", 1).find("there were no samples"), std::string::npos);
}

// It gives four classes, of which two have labels.
TEST(Recognise, RefusesAModelWithoutEnoughLabels) {
  const std::string out = fresh_directory("labels");
  const graph::Spec sound[] = {{"sound", f32, {1, graph::Size("samples", 16)}}};
  const graph::Spec inputs[] = {{"steps", f32, {"batch", "time", 4, 1}}, {"state", f32, {"batch", 1}}};
  const auto scores = [](std::span<const Tensor> in) {
    return std::vector<Tensor>{in[0].squeeze(3) * 1.0, in[1] * 1.0};
  };
  const auto steps = [](std::span<const Tensor> in) {
    std::vector<Tensor> parts;
    for (int64_t i = 0; i < 4; ++i) parts.push_back(in[0][0].slice(0, i, in[0].size(1) - 3 + i, 2));
    return std::vector<Tensor>{stack(parts, 1).unsqueeze(2), zeros({1})};
  };
  graph::Exported m{.main = graph::trace(scores, inputs), .preprocess = graph::trace(steps, sound), .signature = {}};
  m.signature.labels = {"-", "a"};
  m.signature.preprocess_input = {{"type", "audio"}, {"sample_rate", "8000"}, {"channels", "1"}};
  m.signature.metadata = {{"decoder", "ctc"}, {"stream_samples", "4"}, {"stream_hop", "2"}};
  ASSERT_TRUE(graph::save(m, out + "/model").ok());
  const std::string file = out + "/sound.wav", pcm = out + "/sound.pcm";
  ASSERT_TRUE(save_audio(file, zeros({1, 1000}), 8000).ok());
  ASSERT_TRUE(io::write_file(pcm, std::string(2000, '\0')).ok());
  const char* why = "but it should give [1, steps, 2], for its 2 labels";
  EXPECT_NE(recognise(out, file, 1).find(why), std::string::npos);
  const std::string told = recognise(out, "--raw < " + pcm, 1);
  EXPECT_NE(told.find(why), std::string::npos) << told;
}

TEST(CtcTraining, SaysWhatIsWrong) {
  const std::string out = fresh_directory("wrong");
  const auto told = [&](const std::vector<std::string>& arguments, int code) {
    return finished(train(out, arguments), code, out + "/log");
  };
  EXPECT_EQ(told({"--data="}, 2), "ctc: --data must name a directory of sound files\n");
  EXPECT_NE(told({"--held_out=nobody"}, 1).find("has no recordings that --held_out finds"), std::string::npos);
  EXPECT_NE(told({"--held_out=."}, 1).find("has no recordings to train on"), std::string::npos);
  EXPECT_NE(told({"--held_out=("}, 1).find("--held_out: \"(\""), std::string::npos);
  EXPECT_NE(told({"--batch=100"}, 2).find("--utterances must be at least --batch"), std::string::npos);
}

}  // namespace
}  // namespace hearth::audio
