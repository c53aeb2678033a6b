#include "text/data/packing.h"

#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/data/loader.h"
#include "core/ops/create.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "text/data/collate.h"
#include "text/tokenizer/train.h"

namespace hearth::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<int64_t> values(const Tensor& t) { return t.to_vector<int64_t>(); }

// Ids of bytes by their order in the vocabulary, with a special token in front.
Tokenizer bytes() {
  return train_bpe(byte_level_pipeline(), std::vector<std::string>{},
                   {.special_tokens = {"<|end|>"}, .byte_alphabet = true})
      .value();
}

TEST(PackDocuments, PutsTheSeparatorAfterEach) {
  const Tokenizer t = bytes();
  const int32_t a = t.token_to_id("a").value(), b = t.token_to_id("b").value();
  const auto stream = pack_documents(t, std::vector<std::string>{"ab", "", "b"}, 0);
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_THAT(*stream, ElementsAre(a, b, 0, 0, b, 0));
  EXPECT_TRUE(pack_documents(t, std::vector<std::string>{}, 0)->empty());
}

TEST(PackDocuments, ReadsSpecialTokensAsText) {
  const Tokenizer t = bytes();
  const auto stream = pack_documents(t, std::vector<std::string>{"<|end|>"}, 0);
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ(stream->size(), 8u);  // seven characters and the separator
  EXPECT_EQ(std::count(stream->begin(), stream->end(), 0), 1);
}

TEST(PackDocuments, RefusesAnUnknownSeparatorAndBrokenText) {
  const Tokenizer t = bytes();
  EXPECT_EQ(pack_documents(t, std::vector<std::string>{"a"}, 257).status().message(),
            "pack_documents: the tokenizer has no token of the id 257");
  EXPECT_FALSE(pack_documents(t, std::vector<std::string>{"a\xFF"}, 0).ok());
}

TEST(PackedBlocks, TargetsAreOnePlaceLater) {
  const std::vector<int32_t> stream = {10, 11, 12, 13, 14, 15, 16, 17, 18};
  const data::TensorDataset blocks = packed_blocks(stream, 3);
  ASSERT_EQ(blocks.size(), 2);  // of the third one's targets the last is missing
  Generator random;
  EXPECT_THAT(values(blocks.get(0, random)["input"]), ElementsAre(10, 11, 12));
  EXPECT_THAT(values(blocks.get(0, random)["target"]), ElementsAre(11, 12, 13));
  EXPECT_THAT(values(blocks.get(1, random)["input"]), ElementsAre(13, 14, 15));
  EXPECT_THAT(values(blocks.get(1, random)["target"]), ElementsAre(14, 15, 16));
  const auto batch = blocks.get_batch(std::vector<int64_t>{1, 0});
  ASSERT_TRUE(batch.has_value());
  EXPECT_THAT(values((*batch)["target"]), ElementsAre(14, 15, 16, 11, 12, 13));
  EXPECT_EQ((*batch)["input"].shape(), Shape({2, 3}));
}

TEST(PackedBlocks, NeedOneBlock) {
  const std::vector<int32_t> stream = {1, 2, 3};
  EXPECT_EQ(packed_blocks(stream, 2).size(), 1);
  for (const int64_t length : {0, -1, 3}) EXPECT_THROW(packed_blocks(stream, length), Error) << length;
  EXPECT_THROW(packed_blocks(std::vector<int32_t>{}, 1), Error);
}

class Texts final : public data::Dataset {
 public:
  explicit Texts(std::vector<data::Example> examples) : examples_(std::move(examples)) {}
  int64_t size() const override { return static_cast<int64_t>(examples_.size()); }
  data::Example get(int64_t i, Generator&) const override { return examples_[static_cast<size_t>(i)]; }

 private:
  std::vector<data::Example> examples_;
};

Tensor ids(std::vector<int64_t> v) { return tensor(v); }

data::Example batch_of(std::vector<data::Example> examples, data::Collate collate) {
  const auto n = static_cast<int64_t>(examples.size());
  data::DataLoader loader(std::make_shared<Texts>(std::move(examples)),
                          {.batch_size = n, .collate = std::move(collate)});
  return *loader.begin();
}

TEST(TextCollate, OneLabelForAText) {
  const data::Example batch = batch_of({{{"input_ids", ids({5, 6})}, {"labels", tensor(int64_t{1})}},
                                        {{"input_ids", ids({7, 8, 9})}, {"labels", tensor(int64_t{0})}}},
                                       text_collate(3));
  EXPECT_EQ(data::names_of(batch), "\"input_ids\", \"attention_mask\", \"labels\"");
  EXPECT_EQ(batch["input_ids"].shape(), Shape({2, 3}));
  EXPECT_THAT(values(batch["input_ids"]), ElementsAre(5, 6, 3, 7, 8, 9));
  EXPECT_EQ(batch["attention_mask"].dtype(), boolean);
  EXPECT_THAT(values(batch["attention_mask"].to(i64)), ElementsAre(1, 1, 0, 1, 1, 1));
  EXPECT_EQ(batch["labels"].shape(), Shape({2}));
}

TEST(TextCollate, ALabelForEachToken) {
  const data::Example batch = batch_of(
      {{{"input_ids", ids({5})}, {"labels", ids({1})}}, {{"input_ids", ids({7, 8, 9})}, {"labels", ids({0, 2, 1})}}},
      text_collate(0, 4));
  EXPECT_THAT(values(batch["input_ids"]), ElementsAre(5, 0, 0, 0, 7, 8, 9, 0));
  EXPECT_THAT(values(batch["labels"]), ElementsAre(1, -100, -100, -100, 0, 2, 1, -100));
}

TEST(TextCollate, RefusesWhatDoesNotFit) {
  EXPECT_THROW(text_collate(0)({}), Error);
  EXPECT_THROW(text_collate(0)({{{"ids", ids({5})}}}), Error);
  try {
    text_collate(0)({{{"input_ids", ids({5})}, {"attention_mask", ids({1})}}});
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("have an \"attention_mask\" already"));
  }
}

}  // namespace
}  // namespace hearth::text
