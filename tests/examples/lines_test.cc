// //examples/text:tokenize and //examples/text:embed: what becomes of lines, good and bad.

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "core/hearth.h"
#include "core/io/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/distributed/command.h"
#include "tests/examples/small_encoder.h"

namespace hearth::examples {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Lines : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::string(std::getenv("TEST_TMPDIR")) + "/lines";
    fs::remove_all(root_);
    fs::create_directories(root_);
    text::write_small_encoder(model());
  }
  std::string model() const { return root_ + "/model"; }
  distributed::Ended run(const std::string& program, const std::string& lines) const {
    std::ofstream(root_ + "/in", std::ios::binary) << lines;
    return distributed::run_command("{ examples/text/" + program + " < " + root_ + "/in; }");
  }
  distributed::Ended decode(const std::string& lines) const { return run("tokenize " + model() + " --decode", lines); }

  std::string root_;
};

TEST_F(Lines, IdsAreOneListOnALine) {
  EXPECT_EQ(run("tokenize " + model(), "ab c\n").out, "[2, 4, 31, 6, 3]\n");
  EXPECT_EQ(decode("[4, 31]\n \t[\t4\t,31 ]\t\r\n[]\n").out, "ab\nab\n\n");
  for (const char* bad : {"[4] 5", "[4]]", "[4", "4", "", "[4,]", "[-4]", "[] x", "[4.5]", "[99999999999]"}) {
    const distributed::Ended r = decode(std::string("[4]\n") + bad + "\n");
    EXPECT_EQ(r.status, 1) << bad;
    EXPECT_THAT(r.out, HasSubstr("line 2: a JSON list of ids is wanted\n")) << bad;
  }
}

TEST_F(Lines, AFolderOfAnyNameMayHaveATokenizer) {
  const std::string folder = root_ + "/my.model.v2";
  fs::create_directories(folder);
  fs::copy_file(model() + "/tokenizer.json", folder + "/tokenizer.json");
  EXPECT_EQ(run("tokenize " + folder + "/tokenizer.json", "a\n").out, "[2, 4, 3]\n");
}

TEST_F(Lines, EndsWhereNothingCanBeWritten) {
  for (const std::string& program : {"tokenize " + model(), "embed " + model()}) {
    const distributed::Ended r = run(program + " > /dev/full", "a\n");
    EXPECT_EQ(r.status, 1) << r.out;
    EXPECT_THAT(r.out, HasSubstr("standard output cannot be written\n"));
  }
}

TEST_F(Lines, ErrorsNameTheLine) {
  EXPECT_EQ(run("embed " + model(), "a\nb\n").status, 0);
  std::string lines;
  for (int i = 0; i < 1025; ++i) lines += "a\n";
  const distributed::Ended r = run("embed " + model() + " 2>&1 >/dev/null", lines + "\xFF\n");
  EXPECT_EQ(r.status, 1);
  EXPECT_EQ(r.out, "embed: line 1026: encode: the text is not valid UTF-8 at byte 0\n");
}

TEST_F(Lines, AVectorThatIsNotFiniteIsAnError) {
  auto weights = io::load_safetensors(model() + "/model.safetensors");
  ASSERT_TRUE(weights.ok()) << weights.status();
  std::map<std::string, Tensor> changed;
  for (const auto& [name, t] : weights->tensors) changed.emplace(name, name.ends_with("LayerNorm.bias") ? t + NAN : t);
  ASSERT_TRUE(io::save_safetensors(root_ + "/new", changed).ok());
  fs::rename(root_ + "/new", model() + "/model.safetensors");
  const distributed::Ended r = run("embed " + model(), "a\n");
  EXPECT_EQ(r.status, 1);
  EXPECT_EQ(r.out, "embed: line 1: its vector has a number that is not finite\n");
}

}  // namespace
}  // namespace hearth::examples
