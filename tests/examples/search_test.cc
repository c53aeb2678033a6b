// Search in a folder: what is found, and which files are read again.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "examples/text/passages.h"
#include "examples/text/search_index.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/distributed/command.h"
#include "tests/examples/small_encoder.h"

namespace hearth::examples {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> cut(const std::string& text, int64_t enough, int64_t most) {
  std::vector<std::string> out;
  for (const Passage& p : passages_of(text, enough, most))
    out.push_back(std::to_string(p.line) + ":" +
                  text.substr(static_cast<size_t>(p.begin), static_cast<size_t>(p.end - p.begin)));
  return out;
}

TEST(Passages, EndAtBlankLinesIfLongEnough) {
  EXPECT_THAT(cut("", 4, 20), ElementsAre());
  EXPECT_THAT(cut(" \n\t\r\n", 4, 20), ElementsAre());
  EXPECT_THAT(cut("\n  one \r\ntwo\n\nthree\n", 4, 20), ElementsAre("2:one \r\ntwo", "5:three"));
  // "a" is too short to stand alone.
  EXPECT_THAT(cut("a\n\nb c d\n\ne", 4, 20), ElementsAre("1:a\n\nb c d", "5:e"));
}

TEST(Passages, AreNotTooLong) {
  EXPECT_THAT(cut("aaaa bbbb\ncccc\ndddd", 50, 14), ElementsAre("1:aaaa bbbb\ncccc", "3:dddd"));
  EXPECT_THAT(cut("x\naaaa bbbb cccc dddd\ny", 50, 9), ElementsAre("1:x", "2:aaaa bbbb", "2:cccc dddd", "3:y"));
  EXPECT_THAT(cut("abcdefgh", 50, 3), ElementsAre("1:abc", "1:def", "1:gh"));
  // Between characters, not within one.
  EXPECT_THAT(cut("\xC3\xA9\xC3\xA9\xC3\xA9", 50, 3), ElementsAre("1:\xC3\xA9", "1:\xC3\xA9", "1:\xC3\xA9"));
}

class Search : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::string(std::getenv("TEST_TMPDIR")) + "/search";
    fs::remove_all(root_);
    fs::create_directories(folder() + "/deep/er");
    text::write_small_encoder(model());
    write("a.txt", "the quick brown fox\njumps over the lazy dog\n");
    write("b.txt", "pack my box\n\nwith five dozen liquor jugs\n");
    write("deep/er/c.md", "sphinx of black quartz judge my vow\n");
  }
  std::string folder() const { return root_ + "/texts"; }
  std::string model() const { return root_ + "/model"; }
  void write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(io::write_file(folder() + "/" + name, text).ok());
  }
  // Standard output alone, or with the errors.
  distributed::Ended search(const std::string& question, const std::string& more = "", bool errors = true) const {
    return distributed::run_command("{ examples/text/search --model=" + model() + " " + more + " " + folder() + " '" +
                                    question + "'" + (errors ? "" : " 2>/dev/null") + "; }");
  }

  std::string root_;
};

TEST_F(Search, FindsThePassageItself) {
  const distributed::Ended r = search("sphinx of black quartz judge my vow", "--top=2", false);
  EXPECT_EQ(r.status, 0) << r.out;
  EXPECT_THAT(r.out, StartsWith("1.000  " + folder() + "/deep/er/c.md:1\n  sphinx of black quartz judge my vow\n\n0."));
  EXPECT_EQ(std::count(r.out.begin(), r.out.end(), '\n'), r.out.find("jumps") == std::string::npos ? 7 : 6) << r.out;
  EXPECT_TRUE(fs::exists(folder() + "/.hearth-search/index.json"));
  EXPECT_TRUE(fs::exists(folder() + "/.hearth-search/vectors.safetensors"));
}

TEST_F(Search, ReadsOnlyWhatHasChanged) {
  EXPECT_THAT(search("fox").out, HasSubstr("3 passages of 3 files: 3 read, 0 as before, 0 gone\n"));
  const std::string index = folder() + "/.hearth-search/index.json";
  const auto saved = fs::last_write_time(index);
  EXPECT_THAT(search("fox").out, HasSubstr("0 read, 3 as before, 0 gone\n"));
  EXPECT_EQ(fs::last_write_time(index), saved);
  // Another time alone is no change.
  fs::last_write_time(folder() + "/a.txt", fs::last_write_time(folder() + "/a.txt") + std::chrono::seconds(5));
  EXPECT_THAT(search("fox").out, HasSubstr("0 read, 3 as before, 0 gone\n"));
  // A change, a new file, and one that is gone.
  write("a.txt", "how vexingly quick daft zebras jump\n");
  write("z.txt", "\n\nnew words\n");
  fs::remove(folder() + "/b.txt");
  const distributed::Ended r = search("new words", "--top=9");
  EXPECT_THAT(r.out, HasSubstr("3 passages of 3 files: 2 read, 1 as before, 1 gone\n"));
  EXPECT_THAT(r.out, HasSubstr("1.000  " + folder() + "/z.txt:3\n  new words\n"));
  EXPECT_THAT(r.out, Not(HasSubstr("liquor")));
  // The same as from a new index.
  const std::string as_kept = search("quick zebras", "--top=9", false).out;
  EXPECT_EQ(search("quick zebras", "--top=9 --index=" + root_ + "/other", false).out, as_kept);
  EXPECT_TRUE(fs::exists(root_ + "/other/index.json"));
}

TEST_F(Search, AnotherModelReadsAllAnew) {
  search("fox");
  text::write_small_encoder(model(), 2);
  EXPECT_THAT(search("fox").out, HasSubstr("3 read, 0 as before, 0 gone\n"));
  EXPECT_THAT(search("fox").out, HasSubstr("0 read, 3 as before, 0 gone\n"));
  // Other files than the weights decide the vectors too.
  for (const char* file : {"sentence_bert_config.json", "config_sentence_transformers.json"}) {
    ASSERT_TRUE(io::write_file(model() + "/" + file, "{}").ok());
    EXPECT_THAT(search("fox").out, HasSubstr("3 read, 0 as before, 0 gone\n")) << file;
    EXPECT_THAT(search("fox").out, HasSubstr("0 read, 3 as before, 0 gone\n")) << file;
  }
}

TEST_F(Search, LeavesOutWhatIsNoText) {
  write("picture.png", std::string("\x89PNG\0\1", 6));
  write("latin1.txt", "caf\xE9\n");
  write(".hidden", "a secret\n");
  const distributed::Ended r = search("a secret", "--top=9");
  EXPECT_EQ(r.status, 0) << r.out;
  EXPECT_THAT(r.out, HasSubstr("2 files are no text and left out (latin1.txt, ...)\n"));
  EXPECT_THAT(r.out, Not(HasSubstr("  a secret")));
  // A text that is none any more.
  write("a.txt", "caf\xE9\n");
  EXPECT_THAT(search("fox").out, HasSubstr("2 passages of 2 files"));
}

TEST_F(Search, WhatCannotBeReadIsLeftOut) {
  // Its first bytes are nobody's.
  fs::create_symlink("/proc/self/mem", folder() + "/memory.txt");
  const distributed::Ended r = search("fox");
  EXPECT_EQ(r.status, 0) << r.out;
  EXPECT_THAT(r.out, HasSubstr("1 files cannot be read and are left out (memory.txt)\n"));
  EXPECT_THAT(r.out, HasSubstr("3 passages of 3 files: 3 read"));
}

TEST_F(Search, ControlCharactersAreNotPrinted) {
  write("a.txt", "alarm \x1B[31m\a \xC2\x9B\n");
  write("b\x1B[32m.txt", "alarm\n");
  write("c\x1B[33m.bin", "\xFF");
  const std::string out = search("alarm", "--top=9").out;
  EXPECT_THAT(out, Not(HasSubstr("\x1B")));
  EXPECT_THAT(out, Not(HasSubstr("\xC2\x9B")));
  EXPECT_THAT(out, HasSubstr("b [32m.txt:1\n  alarm\n"));
  EXPECT_THAT(out, HasSubstr("(c [33m.bin)"));
}

TEST_F(Search, WhatWasEncodedIsSavedInBetween) {
  const int count = 4500;
  fs::remove_all(folder());
  fs::create_directories(folder());
  for (int i = 0; i < count; ++i) std::ofstream(folder() + "/" + std::to_string(i)) << "a";
  const auto encoder = text::SentenceEncoder::load(model());
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  const std::string directory = root_ + "/index";
  SearchIndex index("model");
  int64_t done = 0;
  const auto progress = [&](int64_t bytes, int64_t of) {
    EXPECT_GE(bytes, done);
    EXPECT_EQ(of, count);
    done = bytes;
  };
  const auto interrupt = [&] {
    EXPECT_TRUE(index.save(directory).ok());
    return absl::CancelledError();
  };
  EXPECT_TRUE(absl::IsCancelled(index.update(folder(), directory, *encoder, progress, interrupt).status()));
  SearchIndex again("model");
  ASSERT_TRUE(again.load(directory).ok());
  const auto nothing = [](int64_t, int64_t) {};
  const auto rest = again.update(folder(), directory, *encoder, nothing, [] { return absl::OkStatus(); });
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_GE(rest->kept, 4096);
  EXPECT_GT(rest->read, 0);
  EXPECT_EQ(rest->kept + rest->read, count);
  EXPECT_EQ(rest->passages, count);
  // A file that vanishes after that.
  fs::remove(folder() + "/0");
  const auto answer = again.search(folder(), "a", count, *encoder);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(answer->unreadable, ElementsAre("0"));
  EXPECT_EQ(answer->found.size(), static_cast<size_t>(count - 1));
}

TEST_F(Search, SaysWhatIsWrong) {
  EXPECT_EQ(search("fox", "--top=0").out, "search: --top must be at least 1\n");
  EXPECT_EQ(search(" ").out, "search: the question is empty\n");
  EXPECT_EQ(distributed::run_command("examples/text/search " + folder() + " fox").out,
            "search: --model must name the directory of a sentence encoder\n");
  EXPECT_EQ(distributed::run_command("examples/text/search --model=x " + folder()).status, 2);
  const auto none = distributed::run_command("examples/text/search --model=" + model() + " /nowhere fox");
  EXPECT_EQ(none.out, "search: /nowhere is not a folder\n");
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(distributed::run_command("examples/text/search --model=/nowhere " + folder() + " fox").out,
              HasSubstr("/nowhere"));
  fs::create_directories(root_ + "/empty");
  EXPECT_THAT(distributed::run_command("examples/text/search --model=" + model() + " " + root_ + "/empty fox").out,
              HasSubstr("search: " + root_ + "/empty has no text\n"));
}

TEST_F(Search, ADamagedIndexIsToldApartFromNone) {
  search("fox");
  const std::string index = folder() + "/.hearth-search";
  for (const auto& [name, bytes] : std::vector<std::pair<std::string, std::string>>{
           {"index.json", "{}"}, {"index.json", "["}, {"vectors.safetensors", "short"}}) {
    const std::string whole = io::read_file(index + "/" + name, 1 << 20).value();
    ASSERT_TRUE(io::write_file(index + "/" + name, bytes).ok());
    const distributed::Ended r = search("fox");
    EXPECT_EQ(r.status, 1) << r.out;
    EXPECT_THAT(r.out, HasSubstr("(remove " + index + " to make the index anew)"));
    ASSERT_TRUE(io::write_file(index + "/" + name, whole).ok());
  }
  EXPECT_EQ(search("fox").status, 0);
  // Something of the user's is not written over.
  fs::create_directories(root_ + "/mine");
  ASSERT_TRUE(io::write_file(root_ + "/mine/letter", "dear").ok());
  EXPECT_EQ(search("fox", "--index=" + root_ + "/mine").status, 1);
  EXPECT_TRUE(fs::exists(root_ + "/mine/letter"));
}

}  // namespace
}  // namespace hearth::examples
