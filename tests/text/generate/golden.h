// The files that tools/golden/text_generate.py has written.
#pragma once

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "text/generate/generation_config.h"

namespace hearth::text {

inline nlohmann::json golden(const std::string& name) {
  return io::parse_json(io::read_file("tests/text/generate/golden/" + name, 1 << 24).value()).value();
}

inline GenerationConfig config_of(const nlohmann::json& json) {
  return parse_generation_config(json.dump()).value().config;
}

// Scores, of which those that JSON has no numbers for are strings.
inline std::vector<float> scores_of(const nlohmann::json& json) {
  std::vector<float> out;
  for (const auto& v : json) out.push_back(v.is_string() ? std::stof(v.get<std::string>()) : v.get<float>());
  return out;
}

}  // namespace hearth::text
