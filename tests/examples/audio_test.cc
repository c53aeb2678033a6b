// The classifier of sounds: which clips belong together, training that is killed and resumed, and a second program that
// answers from files and from raw samples.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "audio/codec/codec.h"
#include "audio/ops/resample.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "examples/audio/clips.h"
#include "examples/audio/net.h"
#include "tests/examples/training_process.h"

namespace hearth::audio {
namespace {

namespace fs = std::filesystem;

std::string read(const std::string& path) { return io::read_file(path, 1 << 26).value_or(""); }

void write(const std::string& path, const std::string& bytes) {
  fs::create_directories(fs::path(path).parent_path());
  ASSERT_TRUE(io::write_file(path, bytes).ok()) << path;
}

// Half a second to one of a tone that is low, in the middle or high, with noise, at 8 or 22.05 kHz.
Tensor sound(int64_t label, int64_t i, int64_t rate) {
  Generator random(static_cast<uint64_t>(100 * label + i));
  const double hz = (label == 0 ? 200 : label == 1 ? 800 : 3000) * (1 + 0.02 * static_cast<double>(i % 10));
  const Tensor t = arange(rate / 2 + i * 100).to(f32) / static_cast<double>(rate);
  return (sin(t * (2 * M_PI * hz)) * 0.4 + randn(t.shape(), {}, &random) * 0.02).unsqueeze(0);
}

const std::string& recordings() {
  static const std::string directory = [] {
    const std::string d = fresh_directory("recordings");
    const char* const labels[] = {"high", "low", "middle"};
    const int64_t tones[] = {2, 0, 1};
    for (int64_t label = 0; label < 3; ++label) {
      for (int64_t i = 0; i < (label == 1 ? 36 : 20); ++i) {
        const int64_t rate = i % 2 == 0 ? 8000 : 22050;
        const std::string path = concat(d, "/", labels[label], "/", label, "-", i, i % 3 == 0 ? ".flac" : ".wav");
        fs::create_directories(fs::path(path).parent_path());
        EXPECT_TRUE(save_audio(path, sound(tones[label], i, rate), rate, {.encoding = Encoding::kPcm16}).ok());
      }
    }
    return d;
  }();
  return directory;
}

Process train(const std::string& out, std::vector<std::string> more = {}, int threads = 2) {
  std::vector<std::string> arguments = {
      "examples/audio/train", "--data=" + recordings(), "--out=" + out, "--at_least=5", "--epochs=4", "--batch=4",
      "--checkpoint_steps=3", "--names=low=deep"};
  for (std::string& m : more) arguments.push_back(std::move(m));
  return {std::move(arguments), out + "/log", threads};
}

std::string finished(Process&& run, int code, const std::string& log) {
  const int status = run.wait();
  EXPECT_TRUE(WIFEXITED(status)) << read(log);
  EXPECT_EQ(WEXITSTATUS(status), code) << read(log);
  return read(log);
}

std::string classify(const std::string& out, const std::string& arguments, int code = 0) {
  const std::string log = out + "/answers";
  return finished(
      Process({"/bin/sh", "-c", "exec examples/audio/classify --model=" + out + "/model " + arguments}, log), code,
      log);
}

TEST(Clips, CopiesAreOneAndWhatIsTheSameStaysTogether) {
  const std::string d = fresh_directory("clips");
  for (const char* word : {"one", "two", "three", "four"}) {
    for (const char* label : {"fr", "da"}) write(concat(d, "/a/", word, "_", label, ".ogg"), concat(word, label));
  }
  write(d + "/a/copy_fr.ogg", "onefr");  // of one_fr, and so copy belongs to one
  write(d + "/a/copy_da.ogg", "copy");
  write(d + "/a/same_fr.ogg", "under both labels");
  write(d + "/b/same_da.ogg", "under both labels");
  write(d + "/a/rare_ru.ogg", "rare");
  write(d + "/b/three_fr.ogg", "three, said by another");
  ASSERT_EQ(symlink("nowhere", (d + "/a/dangling_fr.ogg").c_str()), 0);
  write(d + "/a/none.txt", "none");
  const auto clips = find_clips(d, "_([a-z]+)\\.ogg$", 2);
  ASSERT_TRUE(clips.ok()) << clips.status();
  EXPECT_EQ(clips->labels, (std::vector<std::string>{"da", "fr"}));
  EXPECT_EQ(clips->clips.size(), 10u);
  EXPECT_EQ(clips->files.size(), 14u);
  EXPECT_EQ(clips->copies, 1);
  EXPECT_EQ(clips->contradictory, 2);
  const auto group = [&](const std::string& name, const char* in = "/a/") {
    const auto at = std::ranges::find(clips->clips, d + in + name + ".ogg", &Clip::path);
    return at == clips->clips.end() ? -1 : at->group;
  };
  EXPECT_GE(group("one_da"), 0);
  EXPECT_EQ(group("two_da"), group("two_fr"));
  EXPECT_NE(group("two_da"), group("three_da"));
  EXPECT_EQ(group("copy_da"), group("one_da"));
  EXPECT_EQ(group("three_fr", "/b/"), group("three_da"));
  EXPECT_FALSE(find_clips(d, "_[a-z]+", 2).ok());
  EXPECT_FALSE(find_clips(d, "_([a-z]+", 2).ok());
  EXPECT_FALSE(find_clips(d + "/nowhere", "(x)", 2).ok());

  // Those of another directory that are not here.
  const std::string other = fresh_directory("other_clips");
  write(other + "/new_fr.ogg", "new");
  write(other + "/old_fr.ogg", "rare");
  const auto others = find_clips(other, "_([a-z]+)\\.ogg$", 1);
  ASSERT_TRUE(others.ok()) << others.status();
  const auto left = without_copies(others->clips, clips->files);
  ASSERT_TRUE(left.ok()) << left.status();
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ(left->at(0).path, other + "/new_fr.ogg");
}

TEST(Clips, PartsShareNoGroup) {
  std::vector<Clip> clips;
  for (int64_t i = 0; i < 300; ++i) clips.push_back({concat(i), i % 3, i / 5});
  const Parts parts = split(clips, 7);
  EXPECT_EQ(parts.test.size(), 30u);
  EXPECT_EQ(parts.held_out.size(), 30u);
  EXPECT_EQ(parts.training.size(), 240u);
  std::set<int64_t> seen;
  for (const auto* part : {&parts.training, &parts.held_out, &parts.test}) {
    std::set<int64_t> groups;
    for (const Clip& c : *part) groups.insert(c.group);
    for (int64_t g : groups) EXPECT_TRUE(seen.insert(g).second) << g;
  }
  EXPECT_EQ(split(clips, 7).test[0].path, parts.test[0].path);
  EXPECT_NE(split(clips, 8).training[0].path, parts.training[0].path);
}

TEST(AudioNet, TheExportGivesTheProgramsBits) {
  manual_seed(3);
  Net net(4);
  net.eval();
  const graph::Graph preprocess = preprocess_graph();
  const std::string directory = fresh_directory("export");
  graph::Exported exported{.main = graph::trace(net, {{"features", f32, {"batch", 1, kMels, kFrames}}}),
                           .preprocess = preprocess,
                           .signature = {}};
  ASSERT_TRUE(graph::save(exported, directory + "/model").ok());
  const auto model = graph::load(directory + "/model");
  ASSERT_TRUE(model.ok()) << model.status();
  // From one sample to more than the net hears.
  for (int64_t n : {int64_t{1}, int64_t{399}, int64_t{5000}, kSamples, kSamples + 1000}) {
    const Tensor x = n < 5 ? full({1, n}, 0.5) : sound(1, 3, 16000).repeat({1, 5}).slice(1, 0, n);
    const Tensor features = preprocess(x);
    EXPECT_EQ(features.shape(), Shape({1, kMels, kFrames}));
    EXPECT_TRUE(isfinite(features).all().item<bool>()) << n;
    EXPECT_TRUE((*model->preprocess)(x).equal(features)) << n;
    const NoGrad off;
    EXPECT_TRUE(model->main(features.unsqueeze(0)).equal(net(features.unsqueeze(0)))) << n;
  }
  // What comes after the net's two seconds changes nothing; loudness hardly does.
  const Tensor x = sound(2, 1, 16000).repeat({1, 5});
  EXPECT_TRUE(preprocess(x).equal(preprocess(x.slice(1, 0, kSamples))));
  EXPECT_TRUE(allclose(preprocess(x), preprocess(x * 0.5), 0.02, 0.02));
}

TEST(AudioTraining, KilledAndResumedEndsInTheSameBits) {
  const std::string whole = fresh_directory("whole"), killed = fresh_directory("killed");
  finished(train(whole), 0, whole + "/log");
  const auto again = [&](const std::vector<std::string>& more) { return train(killed, more); };
  EXPECT_GE(kill_again_and_again(killed, 4, again), 2);
  const std::string log = finished(train(killed, {"--resume"}), 0, killed + "/log");
  EXPECT_NE(log.find("going on from"), std::string::npos) << log;
  const Tensors state = checkpoint_of(whole);
  ASSERT_TRUE(state.contains("model/conv1.weight"));
  expect_same_bits(state, checkpoint_of(killed));
  for (const char* file : {"graph.json", "weights.safetensors", "signature.json"}) {
    EXPECT_NE(read(whole + "/model/" + file), "");
    EXPECT_EQ(read(whole + "/model/" + file), read(killed + "/model/" + file)) << file;
  }
}

TEST(AudioTraining, AnotherProgramAnswersFromFilesAndFromRawSamples) {
  const std::string out = fresh_directory("answers");
  const std::string elsewhere = fresh_directory("elsewhere");
  write(elsewhere + "/low/copy.wav", read(recordings() + "/low/1-7.wav"));
  for (const auto& [name, tone] :
       {std::pair("low/new.wav", 0), std::pair("high/a.wav", 2), std::pair("high/b.wav", 2)}) {
    const std::string path = concat(elsewhere, "/", name);
    fs::create_directories(fs::path(path).parent_path());
    ASSERT_TRUE(save_audio(path, sound(tone, name[5], 8000), 8000, {.encoding = Encoding::kPcm16}).ok());
  }
  const std::string log = finished(train(out, {"--epochs=8", "--elsewhere=" + elsewhere}), 0, out + "/log");
  for (const char* part :
       {"clips to train on", "held out: loss", "this net", "a linear model of the features",
        "always the most frequent label", "other voices, 3 clips of", "(left out: 1 copies of clips in"})
    EXPECT_NE(log.find(part), std::string::npos) << part << "\n" << log;
  // That of the training clips, "low", and not the one that most have elsewhere.
  EXPECT_EQ(log.substr(log.rfind("always the most frequent label")), "always the most frequent label    33.33 %\n");
  EXPECT_EQ(read(out + "/report.png").substr(1, 3), "PNG");

  // Of one name in the flag, and two directories.
  const std::string file = recordings() + "/low/1-7.wav", other = recordings() + "/high/0-3.flac";
  const std::string answers = classify(out, "--top=1 " + file + " " + other);
  EXPECT_NE(answers.find(file + "   deep "), std::string::npos) << answers << log;
  EXPECT_NE(answers.find(other + "   high "), std::string::npos) << answers << log;

  // The same samples on standard input, in pieces that cut samples in two.
  const auto loaded = load_audio(file, {.type = SampleType::kNative});
  ASSERT_TRUE(loaded.ok());
  const std::vector<int16_t> values = loaded->samples.contiguous().to_vector<int16_t>();
  const std::string pcm = out + "/sound.pcm";
  write(pcm, {reinterpret_cast<const char*>(values.data()), 2 * values.size()});
  const std::string rate = concat("--raw --rate=", loaded->sample_rate), whole = rate + " --every=60 < " + pcm;
  const std::string once = classify(out, whole), pieces = classify(out, rate + " --every=0.25 < " + pcm),
                    slow = "(head -c 4001 " + pcm + "; sleep 0.2; tail -c +4002 " + pcm + ") | ";
  const auto probabilities = [](const std::string& line) { return line.substr(line.find(" s ") + 3); };
  const std::string from_file = classify(out, file);
  EXPECT_EQ(probabilities(once), from_file.substr(file.size() + 1)) << once << from_file;
  EXPECT_GE(std::ranges::count(pieces, '\n'), 2) << pieces;
  EXPECT_EQ(pieces.substr(pieces.rfind('\n', pieces.size() - 2) + 1), once);
  const std::string cut = finished(
      Process({"/bin/sh", "-c", slow + "examples/audio/classify --model=" + out + "/model " + rate + " --every=60"},
              out + "/answers"),
      0, out + "/answers");
  EXPECT_EQ(cut, once);

  // Two channels are heard as their mean.
  std::vector<int16_t> stereo;
  for (int16_t v : values) stereo.insert(stereo.end(), {v, v});
  write(pcm, {reinterpret_cast<const char*>(stereo.data()), 2 * stereo.size()});
  EXPECT_EQ(classify(out, "--channels=2 " + whole), once);

  // What is wrong is said.
  write(pcm, "abc");
  EXPECT_NE(classify(out, whole, 1).find("the last 1 bytes"), std::string::npos);
  write(pcm, "");
  EXPECT_NE(classify(out, whole, 1).find("there were no samples"), std::string::npos);
  EXPECT_NE(classify(out, out + "/log", 1).find("no sound in a known format"), std::string::npos);
  // The others are answered.
  const std::string silent = out + "/nan.wav", nothing = out + "/empty.wav";
  ASSERT_TRUE(save_audio(silent, full({1, 100}, NAN), 8000).ok());
  ASSERT_TRUE(save_audio(nothing, zeros({1, 0}), 8000).ok());
  const std::string some = classify(out, silent + " " + nothing + " " + file, 1);
  for (const std::string& part : {silent + ": the sound has samples that are not finite",
                                  nothing + ": the sound has no samples", from_file, std::string("2 of the sounds")})
    EXPECT_NE(some.find(part), std::string::npos) << part << "\n" << some;
  EXPECT_NE(classify(out, "--raw " + file, 2).find("see --help"), std::string::npos);
  EXPECT_NE(classify(out, "--raw --every=0 < " + pcm, 2).find("--every"), std::string::npos);
}

TEST(AudioTraining, SaysWhatIsWrong) {
  const std::string out = fresh_directory("wrong");
  const auto told = [&](const std::vector<std::string>& arguments, int code) {
    return finished(train(out, arguments), code, out + "/log");
  };
  EXPECT_EQ(told({"--data="}, 2), "train: --data must name a directory of sound files\n");
  EXPECT_NE(told({"--names=a"}, 2).find("--names"), std::string::npos);
  EXPECT_NE(told({"--data=/nowhere"}, 1).find("/nowhere"), std::string::npos);
  EXPECT_NE(told({"--at_least=37"}, 1).find("has 0 labels with 37 clips"), std::string::npos);
  EXPECT_NE(told({"--batch=1000"}, 1).find("a batch (--batch) has 1000"), std::string::npos);
  EXPECT_NE(told({"--resume"}, 1).find("checkpoint"), std::string::npos);
  for (const auto& entry : fs::directory_iterator(out))
    EXPECT_EQ(entry.path().filename().string().find("events"), std::string::npos) << entry.path();
  EXPECT_NE(told({"--names=low=a,high=a"}, 1).find("have one name (--names), \"a\""), std::string::npos);
  EXPECT_NE(told({"--names=low=.."}, 2).find("--names"), std::string::npos);
  EXPECT_NE(told({"--label=/([^/]+/[0-9])[^/]*$"}, 1).find("has a /"), std::string::npos);
  EXPECT_NE(told({"--label=/(x?)[^/]*/[^/]*$", "--at_least=1"}, 1).find("two are needed"), std::string::npos);
  EXPECT_NE(told({"--label=/(h?)[^/]*/[^/]*$"}, 1).find("--label finds a file whose label is empty"),
            std::string::npos);
  EXPECT_NE(told({"--elsewhere=" + recordings()}, 1).find("has only copies of files in"), std::string::npos);
  told({"--epochs=1", "--limit=8"}, 0);
  EXPECT_NE(told({"--epochs=2", "--limit=8", "--resume"}, 1).find("was made with --epochs=1"), std::string::npos);
  // A file that is no sound.
  const std::string other = fresh_directory("other");
  fs::copy(recordings(), other, fs::copy_options::recursive);
  write(other + "/low/1-7.wav", "no sound");
  EXPECT_NE(told({"--data=" + other}, 1).find("1-7.wav"), std::string::npos);
  for (const Tensor& bad : {full({1, 100}, INFINITY), zeros({1, 0})}) {
    ASSERT_TRUE(save_audio(other + "/low/1-7.wav", bad, 8000).ok());
    EXPECT_NE(told({"--data=" + other}, 1).find("1-7.wav: the sound has "), std::string::npos);
  }
}

}  // namespace
}  // namespace hearth::audio
