// generate() with real decoders, against transformers on the same files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "core/base/parallel.h"
#include "tests/text/generate/golden.h"
#include "text/generate/generate.h"
#include "text/models/pretrained.h"

namespace hearth::text {
namespace {

std::unique_ptr<CausalLm> load(const std::string& name, const LoadOptions& options = {}) {
  return load_pretrained<CausalLm>("tests/text/generate/golden/" + name, options).value();
}

TEST(Models, GenerateWhatTransformersGenerates) {
  for (const auto& c : golden("models.json")) {
    SCOPED_TRACE(c["model"].get<std::string>() + " " + c["config"].dump());
    const std::unique_ptr<CausalLm> model = load(c["model"]);
    // Of different lengths: padded on the left.
    const auto texts = generate(*model, c["prompts"].get<std::vector<std::vector<int32_t>>>(), config_of(c["config"]));
    ASSERT_TRUE(texts.ok()) << texts.status();
    ASSERT_EQ(texts->size(), c["texts"].size());
    for (size_t i = 0; i < texts->size(); ++i) {
      const auto& expected = c["texts"][i];
      EXPECT_EQ((*texts)[i].prompt, expected["prompt"].get<int64_t>());
      EXPECT_EQ((*texts)[i].ids, expected["ids"].get<std::vector<int32_t>>());
      if (!expected.contains("score")) continue;
      const double score = expected["score"].get<double>();
      EXPECT_NEAR((*texts)[i].score, score, 2e-5 * std::max(1.0, std::abs(score)));
    }
  }
}

TEST(Models, SamplesAreTheSameForAnyThreadsAndNeighbours) {
  const std::vector<std::vector<int32_t>> prompts = {{1, 9, 5, 30}, {1}, {1, 20, 21, 22, 23, 7, 33, 12, 5}};
  const GenerationConfig config{
      .max_new_tokens = 20, .eos_token_id = {2}, .do_sample = true, .num_return_sequences = 3, .seed = 5, .top_p = 0.9};
  for (const char* name : {"gpt2", "llama"}) {
    const std::unique_ptr<CausalLm> model = load(name);
    std::vector<GeneratedText> one, four;
    {
      const ThreadWidth width(1);
      one = generate(*model, prompts, config).value();
    }
    {
      const ThreadWidth width(4);
      four = generate(*model, prompts, config).value();
    }
    for (size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].ids, four[i].ids);
    for (size_t p = 0; p < prompts.size(); ++p) {
      const auto alone = generate(*model, prompts[p], config).value();
      for (size_t k = 0; k < 3; ++k) EXPECT_EQ(alone[k].ids, one[p * 3 + k].ids) << name << " " << p << " " << k;
    }
  }
}

TEST(Models, GenerateInHalfPrecision) {
  const std::unique_ptr<CausalLm> model = load("llama", {.dtype = DType::kBF16});
  const auto texts = generate(*model, {1, 9, 5, 30}, {.max_new_tokens = 10}).value();
  EXPECT_EQ(texts[0].ids.size(), 10u);
}

TEST(Models, PromptsEndWhereTheModelEnds) {
  const std::unique_ptr<CausalLm> model = load("gpt2");
  const std::vector<int32_t> prompt(static_cast<size_t>(model->max_positions()) - 2, 7);
  EXPECT_EQ(generate(*model, prompt, {.max_new_tokens = 50}).value()[0].ids.size(), 2u);
  EXPECT_FALSE(generate(*model, std::vector<int32_t>(static_cast<size_t>(model->max_positions()), 7), {}).ok());
}

}  // namespace
}  // namespace hearth::text
