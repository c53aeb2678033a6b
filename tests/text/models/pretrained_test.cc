// Directories: files with their quirks, what is refused, and what is written.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "core/autograd/guards.h"
#include "core/device/allocator.h"
#include "core/io/pt.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "tests/text/models/cases.h"
#include "text/models/pretrained.h"
#include "text/models/weight_files.h"

namespace hearth::text {
namespace {

using Json = nlohmann::json;
using Tensors = std::map<std::string, Tensor>;

Tensors tensors_of(const std::string& name) { return io::load_safetensors(weights_of(name)).value().tensors; }
Json config_of(const std::string& name) { return cases().at(name).at("config"); }

// A directory with these tensors.
std::string made(const std::string& name, const Tensors& tensors) {
  const std::string path = fresh_directory(name + "_made");
  write_text(path + "/config.json", config_of(name).dump());
  EXPECT_TRUE(io::save_safetensors(path + "/model.safetensors", tensors).ok());
  return path;
}
Tensors renamed(const Tensors& tensors, auto f) {
  Tensors out;
  for (const auto& [name, t] : tensors) out.emplace(f(name), t);
  return out;
}

template <class M = CausalLm>
std::string wrong(const std::string& directory, const LoadOptions& options = {}) {
  const auto model = load_pretrained<M>(directory, options);
  if (model.ok()) return "OK";
  std::string text(model.status().message());
  if (text.starts_with(directory)) text = text.substr(directory.size());
  return text;
}

void same_logits(const std::string& directory, const std::string& name) {
  const auto model = load_pretrained<CausalLm>(directory);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto plain = load_pretrained<CausalLm>(directory_of(name));
  const NoGrad off;
  const Tensor ids = golden(name + "/ids");
  EXPECT_TRUE((*model)->logits({.ids = ids}).equal((*plain)->logits({.ids = ids})));
}

TEST(Pretrained, WeightsLieInTheMappedFile) {
  const Gpt2Config config{.vocab_size = 5000, .n_positions = 64, .n_embd = 128, .n_layer = 2, .n_head = 2};
  manual_seed(1);
  const std::string path = fresh_directory("mapped");
  {
    const Gpt2LmHead big(config);
    ASSERT_TRUE(save_pretrained(big, path).ok());
  }
  const auto before = memory::stats().in_use;
  const auto model = load_pretrained<Gpt2LmHead>(path);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto bytes = static_cast<size_t>((*model)->parameter_count()) * 4;
  EXPECT_LT(memory::stats().in_use - before, bytes / 100);
  EXPECT_FALSE((*model)->training());
  EXPECT_TRUE((*model)->lm_head.weight.is((*model)->transformer.wte.weight));
  EXPECT_TRUE((*model)->lm_head.weight.requires_grad());
  EXPECT_THROW(
      {
        const NoGrad off;
        (*model)->lm_head.weight.zero_();
      },
      Error);
  const auto own = load_pretrained<Gpt2LmHead>(path, {.writable = true});
  ASSERT_TRUE(own.ok());
  const NoGrad off;
  (*own)->transformer.wte.weight.zero_();
  EXPECT_EQ((*own)->lm_head.weight.abs().sum().item<float>(), 0);
}

TEST(Pretrained, DtypesStayOrAreConverted) {
  Tensors half = tensors_of("llama");
  for (auto& [name, t] : half) t = t.to(bf16);
  const std::string path = made("llama", half);
  const auto kept = load_pretrained<LlamaForCausalLm>(path);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ((*kept)->lm_head.weight.dtype(), bf16);
  EXPECT_EQ((*kept)
                ->make_cache(1)
                ->append(0, zeros({1, 2, 1, 8}, {.dtype = bf16}), zeros({1, 2, 1, 8}, {.dtype = bf16}))
                .keys.dtype(),
            bf16);
  const auto wide = load_pretrained<LlamaForCausalLm>(path, {.dtype = f32});
  ASSERT_TRUE(wide.ok());
  EXPECT_EQ((*wide)->lm_head.weight.dtype(), f32);
  EXPECT_TRUE((*wide)->lm_head.weight.equal((*kept)->lm_head.weight.to(f32)));
  EXPECT_EQ(wrong(path, {.dtype = i64}), "load_pretrained: weights are floating-point, but the dtype is i64");
}

TEST(Pretrained, AllButNormsHaveOneDtype) {
  Tensors mixed = tensors_of("llama");
  for (auto& [name, t] : mixed) {
    if (name != "lm_head.weight") t = t.to(bf16);
  }
  const std::string path = made("llama", mixed);
  EXPECT_EQ(wrong(path),
            ": lm_head.weight is f32, but model.embed_tokens.weight is bf16: choose one with LoadOptions::dtype");
  EXPECT_TRUE(load_pretrained<CausalLm>(path, {.dtype = bf16}).ok());
  mixed["lm_head.weight"] = mixed.at("lm_head.weight").to(bf16);
  for (auto& [name, t] : mixed) {
    if (name.find("norm") != std::string::npos) t = t.to(f32);
  }
  const auto norms = load_pretrained<CausalLm>(made("llama", mixed));
  ASSERT_TRUE(norms.ok()) << norms.status();
  const NoGrad off;
  EXPECT_EQ((*norms)->logits({.ids = golden("llama/ids")}).dtype(), bf16);
  // Biases are not of norms, unless their weight is.
  Tensors bert = tensors_of("bert");
  for (auto& [name, t] : bert) {
    if (name.find("LayerNorm") == std::string::npos) t = t.to(bf16);
  }
  const auto encoder = load_pretrained<BertModel>(made("bert", bert));
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  EXPECT_EQ((**encoder)(BertInput{.ids = golden("bert/ids")}).dtype(), bf16);
  Tensor& bias = bert.at("bert.encoder.layer.0.output.dense.bias");
  bias = bias.to(f32);
  EXPECT_NE(wrong<BertModel>(made("bert", bert)).find("bert.encoder.layer.0.output.dense.bias is f32"),
            std::string::npos);
}

TEST(Pretrained, ShardsByTheirIndex) {
  const Tensors all = tensors_of("llama");
  const std::string path = fresh_directory("shards"), index = path + "/model.safetensors.index.json";
  write_text(path + "/config.json", config_of("llama").dump());
  Tensors parts[2];
  Json map;
  size_t i = 0;
  for (const auto& [name, t] : all) {
    parts[i % 2].emplace(name, t);
    map[name] = "part-" + std::to_string(i++ % 2) + ".safetensors";
  }
  const auto write = [&](const Json& weight_map) {
    for (int p = 0; p < 2; ++p)
      ASSERT_TRUE(io::save_safetensors(path + "/part-" + std::to_string(p) + ".safetensors", parts[p]).ok());
    write_text(index, Json{{"metadata", {{"total_size", 1}}}, {"weight_map", weight_map}}.dump());
  };
  write(map);
  same_logits(path, "llama");
  const std::string first = all.begin()->first, second = std::next(all.begin())->first;

  Json other = map;
  other[first] = "part-1.safetensors";
  write(other);
  EXPECT_EQ(wrong(path),
            "/part-0.safetensors: it has the tensor " + first + ", which the index has in part-1.safetensors");
  other = map;
  other.erase(first);
  write(other);
  EXPECT_EQ(wrong(path), "/part-0.safetensors: it has a tensor " + first + " that the index does not have");
  other = map;
  other["more"] = "part-1.safetensors";
  write(other);
  EXPECT_EQ(wrong(path), "/part-1.safetensors: it has no tensor more, which the index has in it");
  other = map;
  other[first] = "part-2.safetensors";
  write(other);
  EXPECT_NE(wrong(path), "OK");
  for (const Json& bad : {Json("../part-0.safetensors"), Json("/etc/passwd"), Json(".."), Json(""), Json(3),
                          Json(nullptr), Json(std::string("a\0b", 3))}) {
    other = map;
    other[first] = bad;
    write(other);
    EXPECT_NE(wrong(path).find("weight_map." + first + ": the name of a file in the directory is wanted"),
              std::string::npos);
  }
  // One tensor in two files.
  parts[1].emplace(first, all.at(first));
  write(map);
  EXPECT_EQ(wrong(path),
            "/part-1.safetensors: it has the tensor " + first + ", which the index has in part-0.safetensors");
  for (const std::string bad : {"", "[]", "{}", "{\"weight_map\": 3}", "{\"weight_map\": {}}", "{\"weight_map\": {"}) {
    write_text(index, bad);
    EXPECT_NE(wrong(path), "OK") << bad;
  }
  std::filesystem::remove(index);
  EXPECT_EQ(wrong(path), ": there is neither model.safetensors nor pytorch_model.bin, nor an index of either");
  // PyTorch's files, in the same ways.
  ASSERT_TRUE(io::save_pt(path + "/pytorch_model.bin", all).ok());
  same_logits(path, "llama");
  std::filesystem::remove(path + "/pytorch_model.bin");
  parts[1].erase(first);
  other = Json::object();
  for (int p = 0; p < 2; ++p) {
    const std::string file = p == 0 ? "part-0.bin" : "part-1.pth";
    ASSERT_TRUE(io::save_pt(path + "/" + file, parts[p]).ok());
    for (const auto& [name, tensor] : parts[p]) other[name] = file;
  }
  write_text(path + "/pytorch_model.bin.index.json", Json{{"weight_map", other}}.dump());
  same_logits(path, "llama");
  write_text(path + "/part-0.bin", "x");
  EXPECT_NE(wrong(path).find("/part-0.bin: it begins neither as a zip file"), std::string::npos);
}

TEST(Pretrained, NamesMayLackThePrefixAndHaveOldTables) {
  Tensors gpt2 =
      renamed(tensors_of("gpt2"), [](const std::string& n) { return n.substr(std::string("transformer.").size()); });
  gpt2["h.0.attn.bias"] = ones({1, 1, 32, 32}, {.dtype = boolean});
  gpt2["h.1.attn.masked_bias"] = full({}, -10000.0);
  LoadReport report;
  const std::string path = made("gpt2", gpt2);
  ASSERT_TRUE(load_pretrained<CausalLm>(path, {.report = &report}).ok());
  EXPECT_EQ(report.ignored_tensors, (std::vector<std::string>{"h.0.attn.bias", "h.1.attn.masked_bias"}));
  same_logits(path, "gpt2");

  Tensors bert = renamed(tensors_of("bert"), [](std::string n) {
    if (const size_t at = n.find("LayerNorm.weight"); at != std::string::npos) n.replace(at, 16, "LayerNorm.gamma");
    if (const size_t at = n.find("LayerNorm.bias"); at != std::string::npos) n.replace(at, 14, "LayerNorm.beta");
    return n;
  });
  bert["bert.embeddings.position_ids"] = arange(24).unsqueeze(0);
  bert["cls.seq_relationship.weight"] = zeros({2, 16});
  const auto old = load_pretrained<BertModel>(made("bert_mlm", bert), {.report = &report});
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_EQ(report.ignored_tensors.size(), 6u);  // pooler and classifier too
  const auto plain = load_pretrained<BertModel>(directory_of("bert_mlm"));
  const NoGrad off;
  const BertInput in{.ids = golden("bert_mlm/ids")};
  EXPECT_TRUE((**old)(in).equal((**plain)(in)));
}

TEST(Pretrained, TiedWeightsMayStandTwice) {
  Tensors twice = tensors_of("gpt2");
  twice["lm_head.weight"] = twice.at("transformer.wte.weight").clone();
  same_logits(made("gpt2", twice), "gpt2");
  twice.erase("transformer.wte.weight");
  same_logits(made("gpt2", twice), "gpt2");
  twice["transformer.wte.weight"] = twice.at("lm_head.weight") + 1;
  EXPECT_EQ(wrong(made("gpt2", twice)),
            ": transformer.wte.weight differs from lm_head.weight, but both are transformer.wte.weight");
}

TEST(Pretrained, NamesAllThatIsWrongWithTheTensors) {
  Tensors bad = tensors_of("llama");
  bad.erase("model.norm.weight");
  bad["model.extra.weight"] = zeros({2});
  bad["lm_head.weight"] = zeros({37, 15});
  bad["model.layers.1.mlp.up_proj.weight"] = zeros({24, 16}, {.dtype = i64});
  EXPECT_EQ(wrong(made("llama", bad)),
            ": lm_head.weight has shape [37, 15], expected [37, 16]; unexpected: model.extra.weight; "
            "model.layers.1.mlp.up_proj.weight is i64, but weights are floating-point; missing: model.norm.weight");
  // Both with and without the prefix.
  bad = tensors_of("gpt2");
  bad["wpe.weight"] = bad.at("transformer.wpe.weight") + 1;
  EXPECT_NE(wrong(made("gpt2", bad)), "OK");
  const std::string path = made("llama", {});
  EXPECT_NE(wrong(path).find("missing: model.embed_tokens.weight"), std::string::npos);
  write_text(path + "/model.safetensors", "");
  EXPECT_NE(wrong(path), "OK");
  EXPECT_EQ(wrong<BertModel>(directory_of("llama")),
            "/config.json: it is not the configuration of BERT, RoBERTa or DistilBERT");
  EXPECT_EQ(wrong<LlamaForCausalLm>(directory_of("gpt2")),
            "/config.json: it is not the configuration of Llama or its kin");
  EXPECT_EQ(wrong<Gpt2LmHead>(directory_of("llama")), "/config.json: it is not the configuration of GPT-2");
  EXPECT_EQ(wrong<CausalLm>(directory_of("bert")), "/config.json: it is not the configuration of a decoder");
  EXPECT_NE(wrong("/nowhere"), "OK");
}

// More layers than the files have: named, and nothing is allocated for them.
TEST(Pretrained, AConfigurationThatTheFilesDoNotFit) {
  const std::string path = directory_of("llama");
  Json config = config_of("llama");
  config["vocab_size"] = 2000000000;
  config["hidden_size"] = 16777216;
  write_text(path + "/config.json", config.dump());
  const auto before = memory::stats().in_use;
  EXPECT_NE(wrong(path).find("lm_head.weight has shape [37, 16], expected [2000000000, 16777216]"), std::string::npos);
  EXPECT_EQ(memory::stats().in_use, before);
}

TEST(Pretrained, ANewHeadForTraining) {
  Tensors base;
  for (const auto& [name, t] : tensors_of("roberta")) {
    if (name.starts_with("roberta.")) base.emplace(name, t);
  }
  const std::string path = made("roberta", base);
  const LoadOptions head{.head = BertHead::kSequenceClassification, .labels = {"no", "yes"}};
  EXPECT_NE(wrong<BertModel>(path, head).find("missing: classifier.dense.bias"), std::string::npos);
  LoadReport report;
  LoadOptions fresh = head;
  fresh.new_head = true;
  fresh.writable = true;
  fresh.report = &report;
  const auto model = load_pretrained<BertModel>(path, fresh);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(report.new_tensors, (std::vector<std::string>{"classifier.dense.bias", "classifier.dense.weight",
                                                          "classifier.out_proj.bias", "classifier.out_proj.weight"}));
  const Tensor logits = (**model)(BertInput{.ids = golden("roberta/ids")});
  EXPECT_EQ(logits.shape(), Shape({3, 2}));
  logits.sum().backward();
  for (const auto& [name, t] : (*model)->named_parameters()) EXPECT_TRUE(t.grad().defined()) << name;
  // Saved, it is a classifier.
  const std::string saved = fresh_directory("classifier");
  ASSERT_TRUE(save_pretrained(**model, saved).ok());
  const auto again = load_pretrained<BertModel>(saved);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->config().labels, (std::vector<std::string>{"no", "yes"}));
}

// As transformers does: a model of masked tokens has no pooler, and a classifier may have had other classes.
TEST(Pretrained, ANewHeadMayHaveAPoolerAndOtherClasses) {
  Tensors masked = tensors_of("bert");
  std::erase_if(masked, [](const auto& entry) {
    return entry.first.starts_with("classifier.") || entry.first.find("pooler") != std::string::npos;
  });
  LoadReport report;
  const LoadOptions head{.writable = true,
                         .head = BertHead::kSequenceClassification,
                         .labels = {"a", "b"},
                         .new_head = true,
                         .report = &report};
  const auto adapted = load_pretrained<BertModel>(made("bert_mlm", masked), head);
  ASSERT_TRUE(adapted.ok()) << adapted.status();
  EXPECT_EQ(report.new_tensors, (std::vector<std::string>{"bert.pooler.dense.bias", "bert.pooler.dense.weight",
                                                          "classifier.bias", "classifier.weight"}));
  LoadOptions strict = head;
  strict.new_head = false;
  EXPECT_NE(wrong<BertModel>(directory_of("bert_sequence"), strict).find("classifier.weight has shape [3, 16]"),
            std::string::npos);
  const auto other = load_pretrained<BertModel>(directory_of("bert_sequence"), head);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(report.new_tensors, (std::vector<std::string>{"classifier.bias", "classifier.weight"}));
  EXPECT_TRUE(std::ranges::count(report.ignored_tensors, "classifier.weight") == 1);
  EXPECT_EQ((**other)(BertInput{.ids = golden("bert/ids")}).shape(), Shape({3, 2}));
}

// transformers' own loading of what is written: tools/golden/text_models.py --check.
TEST(Pretrained, WhatIsSavedLoadsTheSame) {
  for (const auto& [name, c] : cases().items()) {
    const std::string from = directory_of(name), to = fresh_directory("saved") + "/new/" + name;
    std::map<std::string, Tensor> a, b;
    const auto state = [](const nn::ModuleBase& m) { return m.state_dict(); };
    if (c.at("task") == "lm") {
      const auto model = load_pretrained<CausalLm>(from);
      ASSERT_TRUE(model.ok()) << model.status();
      ASSERT_TRUE(save_pretrained(**model, to).ok());
      const auto again = load_pretrained<CausalLm>(to);
      ASSERT_TRUE(again.ok()) << name << again.status();
      a = state((*model)->module());
      b = state((*again)->module());
    } else {
      const auto model = load_pretrained<BertModel>(from);
      ASSERT_TRUE(model.ok()) << model.status();
      ASSERT_TRUE(save_pretrained(**model, to).ok());
      const auto again = load_pretrained<BertModel>(to);
      ASSERT_TRUE(again.ok()) << name << again.status();
      a = state(**model);
      b = state(**again);
    }
    ASSERT_EQ(a.size(), b.size()) << name;
    for (const auto& [tensor, t] : a) EXPECT_TRUE(t.equal(b.at(tensor))) << name << " " << tensor;
    const io::Safetensors file = io::load_safetensors(to + "/model.safetensors").value();
    EXPECT_EQ(file.metadata.at("format"), "pt");
    EXPECT_FALSE(file.tensors.contains("lm_head.weight") && c.at("config").value("tie_word_embeddings", false) &&
                 c.at("task") == "lm");
  }
  const auto model = load_pretrained<CausalLm>(directory_of("gpt2"));
  write_text(fresh_directory("blocked") + "/file", "");
  EXPECT_FALSE(save_pretrained(**model, std::string(std::getenv("TEST_TMPDIR")) + "/blocked/file/x").ok());
}

}  // namespace
}  // namespace hearth::text
