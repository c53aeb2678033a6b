// What config.json calls the families and the kinds of rotary embeddings.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "text/models/config.h"

namespace hearth::text {

inline constexpr std::pair<std::string_view, RopeConfig::Type> kRopeTypes[] = {
    {"default", RopeConfig::Type::kDefault},   {"linear", RopeConfig::Type::kLinear},
    {"dynamic", RopeConfig::Type::kDynamic},   {"yarn", RopeConfig::Type::kYarn},
    {"longrope", RopeConfig::Type::kLongRope}, {"llama3", RopeConfig::Type::kLlama3}};

// A decoder.
struct DecoderName {
  std::string_view type, name;  // model_type; what its classes begin with
  std::optional<LlamaConfig::Family> family;
};
inline constexpr DecoderName kDecoders[] = {{"gpt2", "GPT2", {}},
                                            {"llama", "Llama", LlamaConfig::Family::kLlama},
                                            {"mistral", "Mistral", LlamaConfig::Family::kMistral},
                                            {"qwen2", "Qwen2", LlamaConfig::Family::kQwen2},
                                            {"qwen3", "Qwen3", LlamaConfig::Family::kQwen3}};
// An encoder.
struct EncoderName {
  std::string_view type, name;  // as above
  BertConfig::Family family;
};
inline constexpr EncoderName kEncoders[] = {{"bert", "Bert", BertConfig::Family::kBert},
                                            {"roberta", "Roberta", BertConfig::Family::kRoberta},
                                            {"distilbert", "DistilBert", BertConfig::Family::kDistilBert}};

}  // namespace hearth::text
