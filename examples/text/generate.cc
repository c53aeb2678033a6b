// Text after a prompt, from the directory of a Hugging Face model: config.json, model.safetensors, a tokenizer
// (tokenizer.json; without it vocab.json with merges.txt of GPT-2, or tokenizer.model), and generation_config.json if
// there is one. The text goes to standard output as it comes; all else to standard error.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_format.h"
#include "examples/text/model_tokenizer.h"
#include "text/generate/generate.h"
#include "text/generate/load_generation_config.h"
#include "text/models/pretrained.h"
#include "text/tokenizer/tokenizer.h"

ABSL_FLAG(bool, greedy, false, "take the likeliest token each time, whatever generation_config.json says");
ABSL_FLAG(int64_t, max_new_tokens, 0, "the most tokens; 0: as generation_config.json says, or 200");
ABSL_FLAG(double, temperature, 0, "draw tokens at this temperature; 0: as generation_config.json says");
ABSL_FLAG(int64_t, top_k, -1, "draw from the k best tokens (0: from all); -1: as generation_config.json says");
ABSL_FLAG(double, top_p, 0, "draw from the best tokens of this probability; 0: as generation_config.json says");
ABSL_FLAG(int64_t, num_beams, 0, "beams of a beam search; 0: as generation_config.json says");
ABSL_FLAG(uint64_t, seed, 0, "of the tokens that are drawn");
ABSL_FLAG(std::string, stop, "", "a text that ends the output");

namespace hearth::text {
namespace {

void apply_flags(GenerationConfig& c) {
  if (!c.max_new_tokens && !c.max_length) c.max_new_tokens = 200;
  if (const int64_t n = absl::GetFlag(FLAGS_max_new_tokens); n != 0) c.max_new_tokens = n;
  if (const double t = absl::GetFlag(FLAGS_temperature); t != 0) {
    c.do_sample = true;
    c.temperature = t;
  }
  if (const int64_t k = absl::GetFlag(FLAGS_top_k); k != -1) {
    c.do_sample = true;
    c.top_k = k;
  }
  if (const double p = absl::GetFlag(FLAGS_top_p); p != 0) {
    c.do_sample = true;
    c.top_p = p;
  }
  if (const int64_t n = absl::GetFlag(FLAGS_num_beams); n != 0) {
    c.num_beams = n;
    const bool drawn =
        absl::GetFlag(FLAGS_temperature) != 0 || absl::GetFlag(FLAGS_top_k) != -1 || absl::GetFlag(FLAGS_top_p) != 0;
    if (n > 1 && !drawn) c.do_sample = false;  // a beam search draws nothing
  }
  if (absl::GetFlag(FLAGS_greedy)) {
    c.do_sample = false;
    c.num_beams = 1;
  }
  c.num_return_sequences = 1;
  c.seed = absl::GetFlag(FLAGS_seed);
  if (const std::string stop = absl::GetFlag(FLAGS_stop); !stop.empty()) c.stop_strings.push_back(stop);
}

absl::Status run(const std::string& directory, const std::string& prompt) {
  auto file = load_generation_config(directory);
  if (!file.ok()) return file.status();
  GenerationConfig& config = file->config;
  apply_flags(config);
  const absl::StatusOr<Tokenizer> tokenizer = examples::tokenizer_of(directory);
  if (!tokenizer.ok()) return tokenizer.status();
  LoadReport report;
  const auto model = load_pretrained<CausalLm>(directory, {.report = &report});
  if (!model.ok()) return model.status();
  for (const std::string& key : report.unknown_config_keys)
    std::cerr << "config.json: the key " << key << " is not known\n";
  for (const std::string& key : file->unknown_keys) {
    const auto& told = report.unknown_config_keys;
    if (std::find(told.begin(), told.end(), key) == told.end())
      std::cerr << "generation_config.json: the key " << key << " is not known\n";
  }
  auto ids = tokenizer->encode_ids(prompt);
  if (!ids.ok()) return ids.status();
  if (ids->empty() && config.bos_token_id) ids->push_back(*config.bos_token_id);

  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
  const Clock::time_point start = Clock::now();
  Clock::time_point first = start;
  GenerateOptions options{.tokenizer = &*tokenizer};
  if (config.num_beams == 1) {
    options.on_token = [&](const GeneratedToken& token) {
      if (first == start) first = Clock::now();
      return static_cast<bool>(std::cout << token.text << std::flush);  // nobody reads on where writing fails
    };
  }
  const auto texts = generate(**model, *ids, config, options);
  if (!texts.ok()) return texts.status();
  const GeneratedText& text = texts->at(0);
  if (config.num_beams > 1) std::cout << text.text;
  if (!(std::cout << std::endl)) return absl::UnknownError("standard output cannot be written");
  const size_t count = text.ids.size();
  if (config.num_beams == 1 && count > 1) {
    std::cerr << absl::StrFormat("%d tokens, %.1f tokens/s after the first; prompt of %d tokens read in %.3f s\n",
                                 count, static_cast<double>(count - 1) / seconds(Clock::now() - first), ids->size(),
                                 seconds(first - start));
  } else {
    std::cerr << absl::StrFormat("%d tokens, %.1f tokens/s\n", count,
                                 static_cast<double>(count) / seconds(Clock::now() - start));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace hearth::text

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("text after a prompt: generate [--greedy] [--max_new_tokens=N] ... DIRECTORY PROMPT");
  const std::vector<char*> arguments = absl::ParseCommandLine(argc, argv);
  if (arguments.size() != 3) {
    std::cerr << absl::ProgramUsageMessage() << "\n";
    return 2;
  }
  const absl::Status status = hearth::text::run(arguments[1], arguments[2]);
  if (!status.ok()) std::cerr << "generate: " << status.message() << "\n";
  return status.ok() ? 0 : 1;
}
