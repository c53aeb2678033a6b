// A line of hearth::config(): what a library that Hearth stands on is. Listed beside the code that uses it, so that a
// program names only what it links.
#pragma once

#include <span>
#include <string>

#include "core/base/registry.h"

namespace hearth {

struct ConfigFact {
  const char* name;        // "oneDNN"
  std::string (*value)();  // "2.6.3"
};

// All that are linked into this program.
std::span<const ConfigFact* const> config_facts();

}  // namespace hearth

#define HEARTH_CONFIG_FACT(fact) HEARTH_REGISTER(hearth_config, ::hearth::ConfigFact, fact)
