// Beside transformers' values (tools/golden/wav2vec2.py).
#include "audio/models/wav2vec2.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/autograd/guards.h"
#include "core/io/safetensors.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/testing/error_of.h"

namespace hearth::audio {
namespace {

const std::string kGolden = "tests/audio/models/golden/";

std::string read(const std::string& path) {
  std::ifstream f(path);
  return {std::istreambuf_iterator<char>(f), {}};
}

TEST(Wav2Vec2, HasTheLogitsOfTransformers) {
  const NoGrad off;
  for (const char* name : {"base", "large"}) {
    const auto model = load_wav2vec2(kGolden + name);
    ASSERT_TRUE(model.ok()) << model.status();
    auto golden = io::load_safetensors(kGolden + name + "/golden.safetensors");
    ASSERT_TRUE(golden.ok()) << golden.status();
    const Tensor logits = (**model)(golden->tensors.at("sound")), want = golden->tensors.at("logits");
    ASSERT_EQ(logits.shape(), want.shape());
    EXPECT_LE(abs(logits - want).amax({}).item<float>(), 1e-4f) << name;
    EXPECT_GE(abs(want).amax({}).item<float>(), 0.1f) << "golden values that say nothing";
  }
}

TEST(Wav2Vec2, NormalizesSound) {
  const auto golden = io::load_safetensors(kGolden + "base/golden.safetensors");
  ASSERT_TRUE(golden.ok()) << golden.status();
  const Tensor sound = golden->tensors.at("sound");
  EXPECT_TRUE(normalized_waveform(sound * 3 + 5).allclose(sound, 1e-4, 1e-4));
  EXPECT_EQ(normalized_waveform(zeros({4})).sum().item<float>(), 0);
}

TEST(Wav2Vec2, NamesItsClasses) {
  const auto labels = load_ctc_labels(kGolden + "base");
  ASSERT_TRUE(labels.ok()) << labels.status();
  ASSERT_EQ(labels->size(), 12u);
  EXPECT_EQ((*labels)[0], "<pad>");
  EXPECT_EQ((*labels)[4], "|");
}

TEST(Wav2Vec2, RefusesConfigurationsThatDoNotFit) {
  const std::string config = read(kGolden + "base/config.json");
  ASSERT_TRUE(parse_wav2vec2_config(config).ok()) << parse_wav2vec2_config(config).status();
  const auto error = [&](const std::string& what, const std::string& with) {
    std::string text = config;
    text.replace(text.find(what), what.size(), with);
    return std::string(parse_wav2vec2_config(text).status().message());
  };
  EXPECT_EQ(error("\"wav2vec2\"", "\"hubert\""), "\"model_type\" must be \"wav2vec2\"");
  EXPECT_EQ(error("\"hidden_size\": 16", "\"hidden_size\": -1"),
            "\"hidden_size\" must be a whole number from 1 to 1048576");
  EXPECT_EQ(error("\"hidden_size\": 16", "\"hidden_size\": 15"),
            "\"hidden_size\" is not divided by \"num_attention_heads\"");
  EXPECT_EQ(error("\"hidden_act\": \"gelu\"", "\"hidden_act\": \"relu\""),
            "\"hidden_act\" is \"relu\"; this implementation has \"gelu\"");
  EXPECT_EQ(error("\"add_adapter\": false", "\"add_adapter\": true"),
            "\"add_adapter\" is true; this implementation has no adapters");
  EXPECT_EQ(error("\"conv_kernel\": [", "\"conv_kernel\": [3,"),
            "\"conv_dim\" has another length than \"conv_stride\" or \"conv_kernel\"");
  EXPECT_EQ(error("\"num_hidden_layers\": ", "\"num_hidden_layers\": 9999"),
            "\"num_hidden_layers\" must be at most 4096");
  EXPECT_FALSE(parse_wav2vec2_config("[]").ok());
  EXPECT_EQ(load_wav2vec2("/nowhere").status().code(), absl::StatusCode::kNotFound);
}

TEST(Wav2Vec2, NamesTensorsThatAreMissing) {
  const std::string folder = std::string(std::getenv("TEST_TMPDIR")) + "/wav2vec2";
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(kGolden + "base/config.json", folder + "/config.json");
  auto file = io::load_safetensors(kGolden + "base/model.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  file->tensors.erase("lm_head.bias");
  ASSERT_TRUE(io::save_safetensors(folder + "/model.safetensors", file->tensors).ok());
  const auto model = load_wav2vec2(folder);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(model.status().message()).find("lm_head.bias"), std::string::npos) << model.status();
}

}  // namespace
}  // namespace hearth::audio
