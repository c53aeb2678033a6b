// Models of every family against transformers, on small random configurations.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/autograd/guards.h"
#include "core/nn/init.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "tests/text/models/cases.h"
#include "text/models/pretrained.h"

namespace hearth::text {
namespace {

std::vector<std::string> names(bool decoders) {
  std::vector<std::string> out;
  for (const auto& [name, c] : cases().items()) {
    if ((c.at("task") == "lm") == decoders) out.push_back(name);
  }
  return out;
}

// The largest difference where `mask` is true.
double worst(const Tensor& a, const Tensor& b, const Tensor& mask) {
  Tensor difference = abs(a.to(f32) - b.to(f32));
  if (a.dim() == 3) difference = where(ne(mask, 0).unsqueeze(-1), difference, Scalar(0.0));
  return difference.max().item<double>();
}

class Decoders : public testing::TestWithParam<std::string> {};
class Encoders : public testing::TestWithParam<std::string> {};
const auto by_name = [](const auto& info) { return info.param; };
INSTANTIATE_TEST_SUITE_P(Golden, Decoders, testing::ValuesIn(names(true)), by_name);
INSTANTIATE_TEST_SUITE_P(Golden, Encoders, testing::ValuesIn(names(false)), by_name);

// Whether frequencies follow from the length of a text, and texts of the case pass the length where they change.
bool grows(const std::string& name) { return name == "llama_dynamic" || name == "llama_longrope_long"; }

std::unique_ptr<CausalLm> decoder(const std::string& name, const LoadOptions& options = {}) {
  auto model = load_pretrained<CausalLm>(directory_of(name), options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

// Texts of several lengths, padded at the left.
TEST_P(Decoders, GiveTheLogitsOfTransformers) {
  const std::string name = GetParam();
  const auto model = decoder(name);
  const Tensor ids = golden(name + "/ids"), mask = golden(name + "/mask"), want = golden(name + "/out");
  const NoGrad off;
  const Tensor got = model->logits({.ids = ids, .attention_mask = ne(mask, 0)});
  ASSERT_EQ(got.shape(), want.shape());
  EXPECT_EQ(got.dtype(), f32);
  EXPECT_LT(worst(got, want, mask), 1e-4);
  EXPECT_GT(want.to(f32).abs().max().item<double>(), 1);  // the files say something
  // A mask of integers is one too; the last position alone is what it is among all.
  const Tensor last = model->logits({.ids = ids, .attention_mask = mask, .last_only = true});
  ASSERT_EQ(last.shape(), Shape({ids.size(0), 1, want.size(2)}));
  EXPECT_LT(abs(last - got.narrow(1, ids.size(1) - 1, 1)).max().item<double>(), 1e-5);
  EXPECT_EQ(model->vocabulary(), want.size(2));
}

// A text alone gives what it gives in a batch.
TEST_P(Decoders, PaddingChangesNothing) {
  const std::string name = GetParam();
  const auto model = decoder(name);
  const Tensor ids = golden(name + "/ids"), mask = golden(name + "/mask"), want = golden(name + "/out");
  const NoGrad off;
  for (int64_t row = 0; row < ids.size(0); ++row) {
    const int64_t length = mask[row].sum().item<int64_t>(), from = ids.size(1) - length;
    const Tensor alone = model->logits({.ids = ids.narrow(0, row, 1).narrow(1, from, length)});
    EXPECT_LT(abs(alone[0] - want[row].narrow(0, from, length)).max().item<double>(), 1e-4) << row;
  }
}

// In steps of several sizes, also of one token, and with the batch turned round in between.
TEST_P(Decoders, CachedStepsGiveTheSame) {
  const std::string name = GetParam();
  if (grows(name)) GTEST_SKIP() << "cached keys keep the frequencies they got: see NeighboursNeverMatter";
  const auto model = decoder(name);
  const Tensor ids = golden(name + "/ids"), mask = ne(golden(name + "/mask"), 0), want = golden(name + "/out");
  const int64_t tokens = ids.size(1);
  for (const std::vector<int64_t>& steps : {std::vector<int64_t>{7, 1, 1, 3}, {1, 1, 9, 1}, {12}}) {
    const auto cache = model->make_cache(ids.size(0));
    Tensor order = arange(ids.size(0));
    int64_t at = 0;
    for (const int64_t n : steps) {
      const Tensor turned_ids = index_select(ids, 0, order), turned_mask = index_select(mask, 0, order);
      const Tensor got = model->logits({.ids = turned_ids.narrow(1, at, n),
                                        .attention_mask = turned_mask.narrow(1, 0, at + n),
                                        .cache = cache.get()});
      EXPECT_LT(worst(got, index_select(want, 0, order).narrow(1, at, n), turned_mask.narrow(1, at, n)), 1e-4) << at;
      at += n;
      EXPECT_EQ(cache->length(), at);
      cache->reorder(tensor(std::vector<int64_t>{2, 0, 1}));
      order = index_select(order, 0, tensor(std::vector<int64_t>{2, 0, 1}));
    }
    EXPECT_EQ(at, tokens);
  }
  // A cache remembers the padding that it was given once.
  const auto cache = model->make_cache(ids.size(0));
  (void)model->logits({.ids = ids.narrow(1, 0, 6), .attention_mask = mask.narrow(1, 0, 6), .cache = cache.get()});
  const Tensor got = model->logits({.ids = ids.narrow(1, 6, tokens - 6), .cache = cache.get()});
  EXPECT_LT(worst(got, want.narrow(1, 6, tokens - 6), mask.narrow(1, 6, tokens - 6)), 1e-4);
}

// Step by step a text gives what it gives alone, and goes on so when the others have left.
TEST_P(Decoders, NeighboursNeverMatter) {
  const std::string name = GetParam();
  const auto model = decoder(name);
  const Tensor ids = golden(name + "/ids"), mask = ne(golden(name + "/mask"), 0);
  const int64_t tokens = ids.size(1);
  for (int64_t row = 0; row < ids.size(0); ++row) {
    const int64_t padding = tokens - mask[row].to(i64).sum().item<int64_t>();
    const auto cache = model->make_cache(ids.size(0)), own = model->make_cache(1);
    const Tensor own_ids = ids.narrow(0, row, 1), own_mask = mask.narrow(0, row, 1);
    bool together = true;
    int64_t at = 0;
    for (const int64_t n : std::vector<int64_t>{tokens - 4, 1, 1, 2}) {
      const Tensor got = model->logits({.ids = (together ? ids : own_ids).narrow(1, at, n),
                                        .attention_mask = (together ? mask : own_mask).narrow(1, 0, at + n),
                                        .cache = cache.get()});
      const int64_t from = std::max(at, padding), count = at + n - from;
      const Tensor alone = model->logits({.ids = own_ids.narrow(1, from, count), .cache = own.get()});
      EXPECT_LT(abs(got[together ? row : 0].narrow(0, from - at, count) - alone[0]).max().item<double>(), 1e-4)
          << row << " from " << at;
      at += n;
      if (at != tokens - 3) continue;
      cache->reorder(tensor(std::vector<int64_t>{row}));
      together = false;
    }
  }
}

// Not further from f32 than twice what transformers is.
TEST_P(Decoders, Bf16IsAsCloseAsItCanBe) {
  const std::string name = GetParam();
  const auto model = decoder(name, {.dtype = bf16});
  const Tensor ids = golden(name + "/ids"), mask = ne(golden(name + "/mask"), 0);
  const double allowed = 2 * golden(name + "/bf16").item<double>();
  const NoGrad off;
  const Tensor got = model->logits({.ids = ids, .attention_mask = mask});
  EXPECT_EQ(got.dtype(), bf16);
  EXPECT_LT(worst(got, golden(name + "/out"), mask), allowed);
  const auto cache = model->make_cache(ids.size(0));
  const int64_t first = grows(name) ? 0 : 5, more = ids.size(1) - first;
  if (first > 0)
    (void)model->logits(
        {.ids = ids.narrow(1, 0, first), .attention_mask = mask.narrow(1, 0, first), .cache = cache.get()});
  const Tensor rest = model->logits({.ids = ids.narrow(1, first, more), .attention_mask = mask, .cache = cache.get()});
  EXPECT_LT(worst(rest, golden(name + "/out").narrow(1, first, more), mask.narrow(1, first, more)), allowed);
}

std::unique_ptr<BertModel> encoder(const std::string& name, const LoadOptions& options = {}) {
  auto model = load_pretrained<BertModel>(directory_of(name), options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

BertInput input_of(const std::string& name) {
  BertInput in{.ids = golden(name + "/ids"), .attention_mask = ne(golden(name + "/mask"), 0)};
  if (name.starts_with("bert")) in.token_type_ids = golden(name + "/types");
  return in;
}

// Texts of several lengths, padded at the right.
TEST_P(Encoders, GiveWhatTransformersGives) {
  const std::string name = GetParam();
  const auto model = encoder(name);
  const BertInput in = input_of(name);
  const Tensor want = golden(name + "/out");
  const NoGrad off;
  const Tensor got = (*model)(in);
  ASSERT_EQ(got.shape(), want.shape());
  EXPECT_LT(worst(got, want, in.attention_mask), 1e-4);
  EXPECT_GT(want.abs().max().item<double>(), 0.5);
  if (model->has_pooler() && model->config().head == BertHead::kNone)
    EXPECT_LT(abs(model->pooled(got) - golden(name + "/pooled")).max().item<double>(), 1e-4);
  // A text alone gives what it gives in a batch.
  for (int64_t row = 0; row < in.ids.size(0); ++row) {
    const int64_t length = in.attention_mask[row].to(i64).sum().item<int64_t>();
    BertInput one{.ids = in.ids.narrow(0, row, 1).narrow(1, 0, length)};
    if (in.token_type_ids.defined()) one.token_type_ids = in.token_type_ids.narrow(0, row, 1).narrow(1, 0, length);
    const Tensor alone = (*model)(one)[0];
    EXPECT_LT(abs(alone - (want.dim() == 3 ? want[row].narrow(0, 0, length) : want[row])).max().item<double>(), 1e-4);
  }
}

TEST_P(Encoders, Bf16IsAsCloseAsItCanBe) {
  const std::string name = GetParam();
  const auto model = encoder(name, {.dtype = bf16});
  const NoGrad off;
  const Tensor got = (*model)(input_of(name));
  EXPECT_EQ(got.dtype(), bf16);
  EXPECT_LT(worst(got, golden(name + "/out"), golden(name + "/mask")), 2 * golden(name + "/bf16").item<double>());
}

// Positions that a window has left behind are dropped from the cache, also beside padding.
TEST(SlidingWindow, LongTextsWithPaddingInSteps) {
  nlohmann::json config = cases().at("mistral").at("config");
  config["max_position_embeddings"] = 256;
  const std::string path = fresh_directory("long_mistral");
  make_directory(path, config, weights_of("mistral"));
  const auto model = load_pretrained<CausalLm>(path).value();
  constexpr int64_t kTokens = 160, kPadding = 70;
  std::vector<int64_t> values;
  for (int64_t i = 0; i < 2 * kTokens; ++i) values.push_back(3 + i * i % 1009 % 34);
  const Tensor ids = from_values(values, {2, kTokens});
  const Tensor mask =
      cat({cat({zeros({1, kPadding}, {.dtype = boolean}), ones({1, kTokens - kPadding}, {.dtype = boolean})}, 1),
           ones({1, kTokens}, {.dtype = boolean})},
          0);
  Tensor want;
  {
    const NoGrad off;
    want = model->logits({.ids = ids, .attention_mask = mask});
  }
  const auto cache = model->make_cache(2);
  const Tensor turn = tensor(std::vector<int64_t>{1, 0});
  Tensor order = arange(2);
  int64_t at = 0;
  for (int64_t step = 0; at < kTokens; ++step) {
    const int64_t n = std::min(kTokens - at, step % 2 == 0 ? int64_t{5} : int64_t{1});
    const Tensor i = index_select(ids, 0, order), m = index_select(mask, 0, order);
    const Tensor got =
        model->logits({.ids = i.narrow(1, at, n), .attention_mask = m.narrow(1, 0, at + n), .cache = cache.get()});
    EXPECT_LT(worst(got, index_select(want, 0, order).narrow(1, at, n), m.narrow(1, at, n)), 1e-4) << at;
    at += n;
    if (step % 8 != 7) continue;
    cache->reorder(turn);
    order = index_select(order, 0, turn);
  }
  EXPECT_LE(cache->capacity(0), 64);  // positions were dropped
}

// ---- what is refused

template <class F>
std::string message(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(DecoderInput, IsChecked) {
  const auto model = decoder("gpt2");
  const auto cache = model->make_cache(2);
  const auto ids = [](int64_t batch, int64_t tokens) { return full({batch, tokens}, 5, {.dtype = i64}); };
  EXPECT_EQ(message([&] { (void)model->logits({.ids = ids(1, 33)}); }),
            "Gpt2LmHead: a sequence of 33 tokens is longer than the model's 32 positions");
  EXPECT_EQ(message([&] { (void)model->logits({.ids = ids(1, 0)}); }),
            "Gpt2LmHead: ids must be [batch, tokens] with at least one token, but are [1, 0]");
  EXPECT_EQ(message([&] { (void)model->logits({}); }), "Gpt2LmHead: the ids are undefined");
  EXPECT_EQ(message([&] { (void)model->logits({.ids = ids(3, 1), .cache = cache.get()}); }),
            "Gpt2LmHead: there are ids of 3 sequences, but the cache holds 2");
  EXPECT_EQ(message([&] {
              (void)model->logits({.ids = ids(1, 2), .attention_mask = ones({1, 3}, {.dtype = boolean})});
            }),
            "Gpt2LmHead: the attention mask must be [1, 2], one for each token in the cache and each new one, but is "
            "[1, 3]");
  for (const int64_t id : {int64_t{-1}, int64_t{37}, int64_t{1} << 40}) {
    EXPECT_NE(message([&] {
                (void)model->logits({.ids = full({2, 2}, id, {.dtype = i64}), .cache = cache.get()});
              }),
              "no error");
  }
  EXPECT_EQ(cache->length(), 0);
  // Step by step to the end, and no further.
  (void)model->logits({.ids = ids(2, 31), .cache = cache.get()});
  (void)model->logits({.ids = ids(2, 1), .cache = cache.get()});
  EXPECT_EQ(message([&] { (void)model->logits({.ids = ids(2, 1), .cache = cache.get()}); }),
            "Gpt2LmHead: a sequence of 33 tokens is longer than the model's 32 positions");
  EXPECT_EQ(cache->length(), 32);
  // Padding is not counted, and no sequences are none.
  const Tensor mask = cat({zeros({1, 8}, {.dtype = boolean}), ones({1, 32}, {.dtype = boolean})}, 1);
  EXPECT_EQ(model->logits({.ids = ids(1, 40), .attention_mask = mask}).shape(), Shape({1, 40, 37}));
  EXPECT_EQ(model->logits({.ids = ids(0, 4)}).shape(), Shape({0, 4, 37}));
}

TEST(EncoderInput, IsChecked) {
  const auto model = encoder("bert");
  const auto ids = [](int64_t batch, int64_t tokens) { return full({batch, tokens}, 5, {.dtype = i64}); };
  EXPECT_NE(message([&] {
              (void)(*model)(BertInput{.ids = ids(1, 25)});
            }).find("a text of 25 tokens is longer than the model's 24 positions"),
            std::string::npos);
  EXPECT_NE(message([&] { (void)(*model)(BertInput{.ids = full({1, 2}, 37, {.dtype = i64})}); }), "no error");
  EXPECT_NE(message([&] { (void)(*model)(BertInput{}); }).find("the ids are undefined"), std::string::npos);
  EXPECT_NE(message([&] {
              (void)(*model)(BertInput{.ids = ids(1, 2), .attention_mask = ones({1, 3})});
            }).find("the attention mask must have the shape of the ids, [1, 2], but is [1, 3]"),
            std::string::npos);
  EXPECT_EQ(message([&] { (void)model->logits({.ids = ids(1, 2)}); }),
            "BertModel: this model has no head that gives logits");
  EXPECT_EQ((*model)(BertInput{.ids = ids(0, 4)}).shape(), Shape({0, 4, 16}));
  EXPECT_EQ((*model)(BertInput{.ids = ids(2, 0)}).shape(), Shape({2, 0, 16}));
  const auto distil = encoder("distilbert");
  EXPECT_NE(message([&] {
              (void)(*distil)(BertInput{.ids = ids(1, 2), .token_type_ids = ids(1, 2)});
            }).find("DistilBERT has no types of tokens"),
            std::string::npos);
  EXPECT_EQ(encoder("roberta")->max_positions(), 22);
}

// What is dropped with probability 1 is zero, so that the rest can be computed by hand.
TEST(Training, DropoutsAreWhereTransformersHasThem) {
  manual_seed(3);
  const auto made = [](BertConfig::Family family, BertHead head, double hidden, double classifier) {
    auto model = std::make_unique<BertModel>(BertConfig{.family = family,
                                                        .vocab_size = 20,
                                                        .hidden_size = 8,
                                                        .num_hidden_layers = 1,
                                                        .num_attention_heads = 2,
                                                        .intermediate_size = 12,
                                                        .hidden_dropout_prob = hidden,
                                                        .attention_probs_dropout_prob = 0,
                                                        .classifier_dropout = classifier,
                                                        .max_position_embeddings = 8,
                                                        .head = head});
    for (auto [name, t] : model->named_parameters()) nn::init::normal_(t, 0, 1);
    return model;
  };
  using Family = BertConfig::Family;
  const BertInput in{.ids = tensor({{3, 5, 7}})};
  const NoGrad off;
  const auto same = [](const Tensor& a, const Tensor& b) { return abs(a - b).max().item<double>() < 1e-5; };
  {
    const auto distil = made(Family::kDistilBert, BertHead::kNone, 1, 0.5);
    const bert::DistilLayer& layer = distil->base().transformer->layer[0];
    // The embeddings are zero, and so is the feed-forward part; the attention part stays.
    const Tensor attention = layer.attention.out_lin(layer.attention.v_lin.bias->unsqueeze(0));
    EXPECT_TRUE(same(distil->hidden_states(in)[0], layer.output_layer_norm(layer.sa_layer_norm(attention))));
  }
  {
    const auto plain = made(Family::kBert, BertHead::kNone, 1, 0.5);
    const bert::Layer& layer = plain->base().encoder->layer[0];
    EXPECT_TRUE(
        same(plain->hidden_states(in)[0], layer.output.LayerNorm(layer.attention.output.LayerNorm(zeros({1, 8})))));
  }
  // Before a classifier: of texts in every family, of tokens not in DistilBERT.
  for (const Family family : {Family::kBert, Family::kDistilBert, Family::kRoberta}) {
    for (const BertHead head : {BertHead::kSequenceClassification, BertHead::kTokenClassification}) {
      const auto model = made(family, head, 0, 1);
      const Tensor dropped = (*model)(in);
      model->eval();
      const bool kept = family == Family::kDistilBert && head == BertHead::kTokenClassification;
      EXPECT_EQ(same(dropped, (*model)(in)), kept) << static_cast<int>(family) << " " << static_cast<int>(head);
    }
  }
}

// Gradients reach every parameter, tied ones included.
TEST(Training, ReachesEveryParameter) {
  for (const std::string& name : {"gpt2", "llama_bias", "qwen3"}) {
    const auto model = decoder(name, {.writable = true});
    const Tensor ids = golden(name + "/ids");
    model->module().train();
    model->logits({.ids = ids}).square().mean().backward();
    for (const auto& [parameter, t] : model->module().named_parameters())
      EXPECT_TRUE(t.grad().defined() && t.grad().abs().sum().item<double>() > 0) << name << " " << parameter;
  }
  const auto classifier = encoder("roberta_sequence", {.writable = true});
  classifier->train();
  (*classifier)(input_of("roberta_sequence")).square().mean().backward();
  for (const auto& [parameter, t] : classifier->named_parameters()) EXPECT_TRUE(t.grad().defined()) << parameter;
}

}  // namespace
}  // namespace hearth::text
