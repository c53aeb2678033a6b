// //examples/text:generate and load_generation_config(), on the directory of a model.
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/text/generate/golden.h"
#include "text/generate/load_generation_config.h"

namespace hearth::text {
namespace {

// A copy of the golden Llama, with a tokenizer whose tokens are <s>, </s> and t3 to t39.
std::string directory(const std::string& name) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
  std::filesystem::create_directories(path);
  for (const char* file : {"config.json", "model.safetensors"}) {
    std::filesystem::copy_file(std::string("tests/text/generate/golden/llama/") + file, path + "/" + file,
                               std::filesystem::copy_options::overwrite_existing);
  }
  nlohmann::json vocabulary = {{"t0", 0}, {"<s>", 1}, {"</s>", 2}};
  for (int i = 3; i < 40; ++i) vocabulary["t" + std::to_string(i)] = i;
  const nlohmann::json bos = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
                       text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const nlohmann::json added = {{"id", 1},         {"content", "<s>"},    {"single_word", false}, {"lstrip", false},
                                {"rstrip", false}, {"normalized", false}, {"special", true}};
  const nlohmann::json tokenizer = {
      {"added_tokens", nlohmann::json::array({added})},
      {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", nlohmann::json::array({bos, text})},
        {"pair", nlohmann::json::array({bos, text, {{"Sequence", {{"id", "B"}, {"type_id", 1}}}}})},
        {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}}}}}},
      {"model", {{"type", "WordLevel"}, {"unk_token", "t0"}, {"vocab", vocabulary}}}};
  std::ofstream(path + "/tokenizer.json") << tokenizer.dump();
  return path;
}

struct Output {
  std::string text;
  int status = 0;
};

Output run(const std::string& arguments) {
  Output out;
  FILE* pipe = popen(("examples/text/generate " + arguments).c_str(), "r");
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) out.text += static_cast<char>(c);
  out.status = WEXITSTATUS(pclose(pipe));
  return out;
}

// What transformers says after <s> t9 t5 t30, greedily.
std::string expected() {
  for (const auto& c : golden("models.json")) {
    if (c["model"] != "llama" || c["config"] != nlohmann::json{{"max_new_tokens", 20}, {"eos_token_id", 2}}) continue;
    std::string out;
    for (const int id : c["texts"][0]["ids"]) out += " t" + std::to_string(id);
    return out;
  }
  return "no such case";
}

TEST(GenerateExample, PrintsTheTextAlone) {
  const std::string path = directory("plain");
  const Output out = run("--greedy --max_new_tokens=20 " + path + " 't9 t5 t30' 2>/dev/null");
  EXPECT_EQ(out.status, 0);
  EXPECT_EQ(out.text, expected() + "\n");
  const Output told = run("--greedy --max_new_tokens=20 " + path + " 't9 t5 t30' 2>&1 >/dev/null");
  EXPECT_NE(told.text.find("20 tokens, "), std::string::npos) << told.text;
  EXPECT_NE(told.text.find(" tokens/s"), std::string::npos);
}

TEST(GenerateExample, EndsWhereNothingCanBeWritten) {
  const Output out = run("--greedy --max_new_tokens=20 " + directory("full") + " 't9 t5 t30' 2>&1 >/dev/full");
  EXPECT_EQ(out.status, 1);
  EXPECT_EQ(out.text, "generate: standard output cannot be written\n");
}

TEST(GenerateExample, TakesTheDirectorysConfiguration) {
  const std::string path = directory("configured");
  std::ofstream(path + "/generation_config.json")
      << R"({"max_new_tokens": 5, "eos_token_id": 2, "do_sample": true, "my_key": 1})";
  const Output drawn = run(path + " 't9 t5 t30' 2>&1 >/dev/null");
  EXPECT_TRUE(drawn.text.starts_with("generation_config.json: the key my_key is not known\n5 tokens, ")) << drawn.text;
  const auto text = [&](const std::string& flags) { return run(flags + " " + path + " 't9 t5 t30' 2>/dev/null").text; };
  EXPECT_EQ(text("--seed=3"), text("--seed=3"));
  EXPECT_NE(text("--seed=3"), text("--seed=4"));
  EXPECT_EQ(text("--top_k=1 --max_new_tokens=20"), expected() + "\n");  // nothing to draw
  EXPECT_EQ(text("--greedy --max_new_tokens=20 --stop=' t3'"), expected().substr(0, expected().find(" t3")) + "\n");
}

TEST(GenerateExample, BeamsDrawNothing) {
  const std::string path = directory("beams");
  std::ofstream(path + "/generation_config.json") << R"({"max_new_tokens": 5, "do_sample": true, "top_p": 0.9})";
  const Output out = run("--num_beams=3 " + path + " 't9 t5 t30' 2>/dev/null");
  EXPECT_EQ(out.status, 0);
  EXPECT_TRUE(out.text.starts_with(" t")) << out.text;
  EXPECT_EQ(run("--num_beams=3 --top_k=4 " + path + " 't9' 2>&1").text,
            "generate: num_beams is 3 and do_sample is true: sampling with beams is not supported\n");
}

TEST(GenerateExample, TellsUnknownKeysOfTheModel) {
  const std::string path = directory("unknown");
  std::ifstream file(path + "/config.json");
  nlohmann::json config = nlohmann::json::parse(file);
  config["zebra"] = 1;
  std::ofstream(path + "/config.json") << config.dump();
  const Output told = run("--greedy --max_new_tokens=2 " + path + " t9 2>&1 >/dev/null");
  EXPECT_TRUE(told.text.starts_with("config.json: the key zebra is not known\n2 tokens, ")) << told.text;
}

TEST(GenerateExample, TakesOtherTokenizersAndTheWholePrompt) {
  const std::string path = directory("other");
  const nlohmann::json json = io::parse_json(io::read_file(path + "/tokenizer.json", 1 << 20).value()).value();
  const std::string arguments = "--greedy --max_new_tokens=20 " + path + " 't9 t5 t30' 2>/dev/null";
  // What a file says of batches does not cut prompts.
  nlohmann::json cut = json;
  cut["truncation"] = {{"direction", "Right"}, {"max_length", 2}, {"strategy", "LongestFirst"}, {"stride", 0}};
  cut["padding"] = {
      {"strategy", {{"Fixed", 9}}}, {"direction", "Right"}, {"pad_to_multiple_of", nullptr}, {"pad_id", 0},
      {"pad_type_id", 0},           {"pad_token", "t0"}};
  std::ofstream(path + "/tokenizer.json") << cut.dump();
  EXPECT_EQ(run(arguments).text, expected() + "\n");
  // vocab.json and merges.txt do not say how a Llama cuts texts.
  std::filesystem::remove(path + "/tokenizer.json");
  std::ofstream(path + "/vocab.json") << R"({"a": 0})";
  std::ofstream(path + "/merges.txt") << "#version: 0.2\n";
  const Output out = run(path + " a 2>&1 >/dev/null");
  EXPECT_EQ(out.status, 1) << out.text;
  EXPECT_NE(out.text.find("it needs tokenizer.json"), std::string::npos) << out.text;
}

TEST(GenerateExample, SaysWhatIsWrong) {
  EXPECT_EQ(run("2>/dev/null").status, 2);
  const std::string path = directory("wrong");
  const Output out = run("--temperature=-1 " + path + " t9 2>&1");
  EXPECT_EQ(out.status, 1);
  EXPECT_EQ(out.text, "generate: temperature must be above 0 and finite, but is -1\n");
  EXPECT_EQ(run("/nowhere t9 2>/dev/null").status, 1);
}

TEST(LoadGenerationConfig, TakesSpecialIdsOfTheModelWhereThereIsNoFile) {
  const std::string path = directory("special");
  const auto file = load_generation_config(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->config.eos_token_id, std::vector<int32_t>{2});
  EXPECT_EQ(file->config.bos_token_id, 1);
  EXPECT_EQ(file->config.pad_token_id, 0);
  std::ofstream(path + "/generation_config.json") << R"({"top_k": 7})";
  EXPECT_EQ(load_generation_config(path)->config.top_k, 7);
  EXPECT_TRUE(load_generation_config(path)->config.eos_token_id.empty());
  EXPECT_FALSE(load_generation_config("/nowhere").ok());
}

// What transformers makes of such a file; ids that no text can have are left out.
TEST(LoadGenerationConfig, TakesOptionsOfTheModelWhereThereIsNoFile) {
  const std::string path = directory("old");
  const auto write = [&](const nlohmann::json& config) { std::ofstream(path + "/config.json") << config.dump(); };
  nlohmann::json config = {
      {"model_type", "gpt2"},      {"vocab_size", 50},          {"max_length", 50},       {"do_sample", true},
      {"repetition_penalty", 1.3}, {"no_repeat_ngram_size", 3}, {"temperature", nullptr}, {"zebra", 1}};
  write(config);
  const auto file = load_generation_config(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->config.max_length, 50);
  EXPECT_TRUE(file->config.do_sample);
  EXPECT_EQ(file->config.repetition_penalty, 1.3);
  EXPECT_EQ(file->config.no_repeat_ngram_size, 3);
  EXPECT_EQ(file->unknown_keys, std::vector<std::string>{"zebra"});
  // GPT-2's own ids are 50256.
  EXPECT_TRUE(file->config.eos_token_id.empty());
  EXPECT_FALSE(file->config.bos_token_id);
  config["eos_token_id"] = {49, 50};
  write(config);
  EXPECT_EQ(load_generation_config(path)->config.eos_token_id, std::vector<int32_t>{49});
  config["penalty_alpha"] = 0.6;
  write(config);
  EXPECT_EQ(std::string(load_generation_config(path).status().message()),
            path + "/config.json.penalty_alpha: it is not supported");
}

}  // namespace
}  // namespace hearth::text
