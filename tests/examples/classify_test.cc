// Training of a classifier of lines, and what it writes.

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "core/io/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/distributed/command.h"
#include "tests/examples/small_encoder.h"

namespace hearth::text {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Classify : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::string(std::getenv("TEST_TMPDIR")) + "/classify";
    fs::remove_all(root_);
    fs::create_directories(root_);
    write_small_encoder(root_ + "/model");
    // Two languages with letters of their own.
    const std::string letters[] = {"abcdef", "uvwxyz"};
    uint32_t state = 1;
    const auto next = [&](size_t n) { return (state = state * 1664525 + 1013904223) / 65536 % n; };
    for (int label = 0; label < 2; ++label) {
      for (int file = 0; file < 4; ++file) {
        std::string text = "short\n%\n";
        for (int line = 0; line < 25; ++line) {
          for (int i = 0; i < 30; ++i) text += i % 6 == 5 ? ' ' : letters[label][next(6)];
          text += "\n";
        }
        write("data/" + std::string(label == 0 ? "first" : "last") + "/" + std::to_string(file), text);
      }
    }
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(root_ + "/" + name).parent_path());
    ASSERT_TRUE(io::write_file(root_ + "/" + name, text).ok());
  }
  distributed::Ended train(const std::string& more = "") const {
    return distributed::run_command("examples/text/classify --model=" + root_ + "/model --data=" + root_ +
                                    "/data --out=" + root_ + "/out --epochs=4 --batch=10 --lr=3e-3 " + more);
  }
  // The weights that begin with `prefix`, as bytes.
  std::string weights(const std::string& directory, const std::string& prefix) const {
    std::string out;
    const auto file = io::load_safetensors(root_ + "/" + directory + "/model.safetensors");
    EXPECT_TRUE(file.ok()) << file.status();
    for (const auto& [name, t] : file->tensors) {
      if (name.starts_with(prefix)) out.append(static_cast<const char*>(t.raw_data()), t.nbytes());
    }
    return out;
  }

  std::string root_;
};

TEST_F(Classify, LearnsToTellTwoAlphabetsApart) {
  const distributed::Ended r = train();
  ASSERT_EQ(r.status, 0) << r.out;
  EXPECT_THAT(r.out, HasSubstr("2 labels; 150 lines of 6 files to train on, 50 of 2 other files to test on"));
  EXPECT_THAT(r.out, HasSubstr("  all                                        100.00 %           100.00 %\n"));
  // It opens as any model does.
  const auto model = load_pretrained<BertModel>(root_ + "/out");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->config().labels, (std::vector<std::string>{"first", "last"}));
  EXPECT_EQ((*model)->config().head, BertHead::kSequenceClassification);
  EXPECT_TRUE(fs::exists(root_ + "/out/tokenizer_config.json"));
  write("lines", "abc fed\n\nzzz yyy xxx\n");
  const distributed::Ended lines =
      distributed::run_command("examples/text/classify " + root_ + "/out < " + root_ + "/lines");
  EXPECT_EQ(lines.status, 0) << lines.out;
  EXPECT_THAT(lines.out, testing::MatchesRegex("first\t[01]\\.[0-9]+\tabc fed\n(first|last)\t[01]\\.[0-9]+\t\n"
                                               "last\t[01]\\.[0-9]+\tzzz yyy xxx\n"));
}

// The pipeline of transformers has a sigmoid of each label where several may be right.
TEST_F(Classify, ScoresAreThoseOfTheProblem) {
  fs::create_directories(root_ + "/several");
  manual_seed(1);
  const auto encoder = load_pretrained<BertModel>(
      root_ + "/model",
      {.writable = true, .head = BertHead::kSequenceClassification, .labels = {"a\x1B[31m", "b"}, .new_head = true});
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  ASSERT_TRUE(save_pretrained(**encoder, root_ + "/several").ok());
  fs::copy_file(root_ + "/model/tokenizer.json", root_ + "/several/tokenizer.json");
  write("lines", "abc\n");
  const auto score = [&](const std::string& problem) {
    nlohmann::json config = nlohmann::json::parse(io::read_file(root_ + "/several/config.json", 1 << 20).value());
    config["problem_type"] = problem;
    write("several/config.json", config.dump());
    const distributed::Ended r =
        distributed::run_command("examples/text/classify " + root_ + "/several < " + root_ + "/lines");
    EXPECT_EQ(r.status, 0) << r.out;
    EXPECT_THAT(r.out, testing::Not(HasSubstr("\x1B")));
    const size_t tab = r.out.find('\t');
    return tab == std::string::npos ? -9.0 : std::strtod(r.out.c_str() + tab + 1, nullptr);
  };
  const double logit = score("regression");
  EXPECT_NEAR(score("multi_label_classification"), 1 / (1 + std::exp(-logit)), 2e-3);
  EXPECT_GE(score("single_label_classification"), 0.5);
}

TEST_F(Classify, NamesTheLineAndEndsWhereNothingCanBeWritten) {
  ASSERT_EQ(train("--epochs=1").status, 0);
  std::string lines;
  for (int i = 0; i < 70; ++i) lines += "abc\n";
  write("lines", lines);
  EXPECT_EQ(
      distributed::run_command("{ examples/text/classify " + root_ + "/out < " + root_ + "/lines > /dev/full; }").out,
      "classify: standard output cannot be written\n");
  write("lines", lines + "a\xFF\n");
  const auto r = distributed::run_command("examples/text/classify " + root_ + "/out < " + root_ + "/lines");
  EXPECT_EQ(r.status, 1);
  EXPECT_THAT(r.out, HasSubstr("classify: line 71: encode: the text is not valid UTF-8"));
}

TEST_F(Classify, TheSameBitsForAnyNumberOfThreads) {
  ASSERT_EQ(distributed::run_command("true").status, 0);
  ASSERT_EQ(setenv("HEARTH_NUM_THREADS", "1", 1), 0);
  ASSERT_EQ(train().status, 0);
  const std::string one = weights("out", "");
  ASSERT_EQ(setenv("HEARTH_NUM_THREADS", "3", 1), 0);
  ASSERT_EQ(train().status, 0);
  unsetenv("HEARTH_NUM_THREADS");
  EXPECT_TRUE(weights("out", "") == one);
}

TEST_F(Classify, AFrozenEncoderStays) {
  const distributed::Ended r = train("--frozen");
  ASSERT_EQ(r.status, 0) << r.out;
  EXPECT_TRUE(weights("out", "bert.encoder") == weights("model", "encoder"));
  EXPECT_TRUE(weights("out", "bert.embeddings") == weights("model", "embeddings"));
  EXPECT_FALSE(weights("out", "bert.pooler") == weights("model", "pooler"));
  ASSERT_EQ(train().status, 0);
  EXPECT_FALSE(weights("out", "bert.encoder") == weights("model", "encoder"));
}

TEST_F(Classify, ALineIsNeverInTrainingAndTest) {
  // All files of a label with the same lines: nothing is left of the second.
  const std::string text = io::read_file(root_ + "/data/first/0", 1 << 20).value();
  for (const char* file : {"1", "2", "3"}) write(std::string("data/first/") + file, text);
  const distributed::Ended r = train();
  EXPECT_EQ(r.status, 1);
  EXPECT_THAT(r.out, HasSubstr("data/first must have two or more text files with lines of 20 to 400 bytes, but has 1"));
}

TEST_F(Classify, SaysWhatIsWrong) {
  EXPECT_EQ(distributed::run_command("examples/text/classify").status, 2);
  EXPECT_THAT(train("--model=").out, HasSubstr("classify: --model must name"));
  EXPECT_THAT(train("--lr=0").out, HasSubstr("--lr must be above 0"));
  EXPECT_THAT(train("--data=/nowhere").out, HasSubstr("/nowhere is not a folder"));
  EXPECT_THAT(train("--data=" + root_ + "/data/first").out, HasSubstr("for each of two or more labels, but has 0"));
  EXPECT_THAT(distributed::run_command("examples/text/classify " + root_ + "/model < /dev/null").out,
              HasSubstr("the model has no head of a sequence classification"));
  EXPECT_THAT(train("--epochs=9223372036854775807").out, HasSubstr("--epochs is too large"));
  EXPECT_THAT(train("--lr=inf").out, HasSubstr("--lr must be above 0"));
}

}  // namespace
}  // namespace hearth::text
