// A line of hearth::config(): what a library that Hearth stands on is. Listed beside the code that uses it, so that a
// program names only what it links.
#pragma once

#include <span>
#include <string>

#include "core/base/registry.h"

namespace hearth {

/// What one line of config() says.
struct ConfigFact {
  const char* name;        ///< The line's name: "oneDNN".
  std::string (*value)();  ///< Gives the rest of the line: "2.6.3".
};

/// The facts that are linked into this program and listed by HEARTH_CONFIG_FACT, in no particular order.
std::span<const ConfigFact* const> config_facts();

}  // namespace hearth

/// Lists `fact`, a constant of type ConfigFact, for config(). Use it at namespace scope, in a .cc file, and give the
/// name without its namespace.
#define HEARTH_CONFIG_FACT(fact) HEARTH_REGISTER(hearth_config, ::hearth::ConfigFact, fact)
