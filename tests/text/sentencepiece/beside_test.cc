// SentencePiece's library has protocol buffers of another version and flags of its own inside, and shows their symbols.
// In one program with protocol buffers and Abseil's flags each must keep to its own.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "tests/text/sentencepiece/beside.pb.h"
#include "text/sentencepiece/train.h"

ABSL_FLAG(int, pieces, 1, "A flag.");

namespace hearth::text {
namespace {

TEST(SentencePiece, GoesBesideProtocolBuffersAndFlags) {
  std::string program = "beside", option = "--pieces=17";
  std::vector<char*> arguments = {program.data(), option.data()};
  absl::ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
  EXPECT_EQ(absl::GetFlag(FLAGS_pieces), 17);
  for (int round = 0; round < 3; ++round) {
    Beside message;
    message.set_name("before");
    (*message.mutable_counts())["a"] = round;
    for (int i = 0; i < 100; ++i) message.add_values(static_cast<float>(i));
    const SentencePiece model =
        train_sentencepiece(std::vector<std::string>(20, "hello world the cat sat"), {.vocab_size = 17}).value();
    EXPECT_EQ(model.decode(model.encode("the world").value()).value(), "the world");
    Beside again;
    ASSERT_TRUE(again.ParseFromString(message.SerializeAsString()));
    EXPECT_EQ(again.counts().at("a"), round);
    EXPECT_EQ(again.values_size(), 100);
    EXPECT_EQ(again.name(), "before");
  }
}

}  // namespace
}  // namespace hearth::text
