// The language model's training: killed and resumed it ends in the same bits; what it writes can be opened.

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "tests/examples/training_process.h"
#include "text/models/pretrained.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {
namespace {

namespace fs = std::filesystem;

std::string read(const std::string& path) { return io::read_file(path, 1 << 26).value_or(""); }

// Sentences that follow rules, in documents of different lengths.
std::string corpus() {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/corpus.txt";
  const std::vector<std::string> who = {"the cat", "a dog", "the old king", "my sister"};
  const std::vector<std::string> does = {"sees", "follows", "remembers", "has never met"};
  std::string text;
  uint32_t state = 1;
  const auto next = [&](size_t n) { return (state = state * 1664525 + 1013904223) / 65536 % n; };
  for (int document = 0; document < 60; ++document) {
    for (size_t line = 0; line < 3 + static_cast<size_t>(document % 5); ++line)
      text += who[next(4)] + " " + does[next(4)] + " " + who[next(4)] + ".\n";
    text += "\n";
  }
  EXPECT_TRUE(io::write_file(path, text).ok());
  return path;
}

Process train(const std::string& out, std::vector<std::string> more = {}, int threads = 2) {
  std::vector<std::string> arguments = {
      "examples/text/gpt", "--data=" + corpus(),   "--out=" + out, "--steps=60",      "--vocabulary=270",
      "--context=16",      "--layers=2",           "--width=32",   "--heads=2",       "--batch=4",
      "--dropout=0.1",     "--checkpoint_steps=7", "--lr=1e-2",    "--evaluations=4", "--prompt=the"};
  for (std::string& m : more) arguments.push_back(std::move(m));
  return {std::move(arguments), out + "/log", threads};
}

void expect_exit(Process&& run, int code, const std::string& out) {
  const int status = run.wait();
  ASSERT_TRUE(WIFEXITED(status)) << read(out + "/log");
  ASSERT_EQ(WEXITSTATUS(status), code) << read(out + "/log");
}

void expect_same_results(const std::string& a, const std::string& b) {
  const Tensors state = checkpoint_of(a);
  ASSERT_TRUE(state.contains("model/transformer.wte.weight"));
  expect_same_bits(state, checkpoint_of(b));
  for (const char* file : {"model.safetensors", "config.json", "tokenizer.json", "generation_config.json"}) {
    EXPECT_EQ(read(a + "/model/" + file), read(b + "/model/" + file)) << file;
    EXPECT_NE(read(a + "/model/" + file), "") << file;
  }
}

TEST(Gpt, KilledAndResumedEndsInTheSameBits) {
  const std::string whole = fresh_directory("whole"), killed = fresh_directory("killed");
  expect_exit(train(whole), 0, whole);
  const auto again = [&](const std::vector<std::string>& more) { return train(killed, more); };
  EXPECT_GE(kill_again_and_again(killed, 5, again), 2);
  expect_exit(train(killed, {"--resume"}), 0, killed);
  EXPECT_NE(read(killed + "/log").find("going on from"), std::string::npos);
  expect_same_results(whole, killed);
}

TEST(Gpt, AnyNumberOfThreadsGivesTheSameBits) {
  const std::string one = fresh_directory("one"), four = fresh_directory("four");
  expect_exit(train(one, {}, 1), 0, one);
  expect_exit(train(four, {}, 4), 0, four);
  expect_same_results(one, four);
}

TEST(Gpt, WritesADirectoryThatOthersOpen) {
  const std::string out = fresh_directory("directory");
  expect_exit(train(out, {"--steps=400", "--dropout=0"}), 0, out);
  const std::string log = read(out + "/log");
  for (const char* part : {"to beat: perplexity", "held out: perplexity", "this GPT", "Kneser-Ney 5-gram", "tokens/s"})
    EXPECT_NE(log.find(part), std::string::npos) << part << "\n" << log;
  EXPECT_EQ(read(out + "/report.png").substr(1, 3), "PNG");

  const auto model = load_pretrained<CausalLm>(out + "/model");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->vocabulary(), 270);
  EXPECT_EQ((*model)->max_positions(), 16);
  const auto tokenizer = Tokenizer::load(out + "/model");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ(tokenizer->token_to_id("<|endoftext|>"), 0);
  const auto config = io::parse_json(read(out + "/model/config.json"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ((*config)["architectures"][0], "GPT2LMHeadModel");
  EXPECT_EQ((*config)["eos_token_id"], 0);
  // It goes on with what it has learned.
  Process generate({"examples/text/generate", "--greedy", "--max_new_tokens=5", out + "/model", "the old"},
                   out + "/text");
  expect_exit(std::move(generate), 0, out);
  EXPECT_EQ(read(out + "/text").substr(0, 5), " king") << read(out + "/text");
}

TEST(Gpt, InterruptSaysHowToGoOn) {
  const std::string whole = fresh_directory("whole2"), stopped = fresh_directory("stopped");
  expect_exit(train(whole), 0, whole);
  CheckpointWatch watch(stopped);
  Process run = train(stopped);
  ASSERT_TRUE(watch.wait(run));
  run.signal(SIGINT);
  expect_exit(std::move(run), 130, stopped);
  EXPECT_NE(read(stopped + "/log").find("--resume"), std::string::npos);
  expect_exit(train(stopped, {"--resume"}), 0, stopped);
  expect_same_results(whole, stopped);
}

TEST(Gpt, SaysWhatIsWrong) {
  const std::string out = fresh_directory("wrong");
  const auto told = [&](const std::vector<std::string>& arguments, int code) {
    expect_exit(train(out, arguments), code, out);
    return read(out + "/log");
  };
  EXPECT_EQ(told({"--context=1"}, 2), "gpt: --context must be at least 2\n");
  EXPECT_EQ(told({"--data="}, 2), "gpt: --data must name a text file\n");
  EXPECT_NE(told({"--data=/nowhere"}, 1).find("/nowhere"), std::string::npos);
  EXPECT_NE(told({"--hold_out=100"}, 1).find("has 60 documents"), std::string::npos);
  EXPECT_NE(told({"--vocabulary=5000"}, 1).find("has subwords for a --vocabulary of"), std::string::npos);
  EXPECT_NE(told({"--batch=1000"}, 1).find("a step takes 16000"), std::string::npos);
  // Before the subwords are learned.
  EXPECT_NE(told({"--heads=5"}, 2).find("n_head"), std::string::npos);
  EXPECT_NE(told({"--dropout=2"}, 2).find("resid_pdrop"), std::string::npos);
  EXPECT_EQ(told({"--lr=inf"}, 2), "gpt: --lr must be above 0\n");
  const std::string large = "gpt: --steps, --batch and --context are too large together\n";
  EXPECT_EQ(told({"--batch=4611686018427387904"}, 2), large);  // times 16 it is 0
  EXPECT_EQ(told({"--steps=288230376151711744"}, 2), large);
  EXPECT_EQ(told({"--prompt=the old king sees the old king, the old king sees"}, 1).substr(0, 14), "gpt: --prompt ");
  EXPECT_NE(told({"--prompt=\xFF"}, 1).find("gpt: --prompt: encode: the text is not valid UTF-8"), std::string::npos);
  EXPECT_NE(told({"--resume"}, 1).find("checkpoint"), std::string::npos);
  expect_exit(train(out, {"--steps=7", "--prompt=the'"}), 0, out);
  const std::string saved = told({"--resume", "--steps=8", "--prompt=the'"}, 1);
  EXPECT_NE(saved.find("was made with --steps=7"), std::string::npos) << saved;
  EXPECT_NE(saved.find("--prompt='the'\\'''"), std::string::npos) << saved;  // for a shell
  // What differs in the last digit is another plan, and so is another prompt.
  EXPECT_NE(told({"--resume", "--steps=7", "--prompt=the'", "--lr=0.010000001"}, 1).find("--lr=0.01 "),
            std::string::npos);
  EXPECT_NE(told({"--resume", "--steps=7"}, 1).find("was made with"), std::string::npos);
  // Another text of the same name.
  const std::string other = out + "/other.txt";
  ASSERT_TRUE(io::write_file(other, read(corpus()) + "\na dog sees a dog.\n").ok());
  EXPECT_NE(told({"--resume", "--steps=7", "--prompt=the'", "--data=" + other}, 1).find("was made of another text"),
            std::string::npos);
}

}  // namespace
}  // namespace hearth::text
