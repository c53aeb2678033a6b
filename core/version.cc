#include "core/version.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/base/config_fact.h"
#include "core/base/error.h"
#include "core/base/parallel.h"

namespace hearth {

#define HEARTH_TEXT(x) #x
#define HEARTH_VERSION_TEXT(major, minor, patch) HEARTH_TEXT(major) "." HEARTH_TEXT(minor) "." HEARTH_TEXT(patch)

const char* version() { return HEARTH_VERSION_TEXT(HEARTH_VERSION_MAJOR, HEARTH_VERSION_MINOR, HEARTH_VERSION_PATCH); }

HEARTH_REGISTRY(hearth_config, ConfigFact, config_facts)

std::string config() {
  std::string text = concat("Hearth ", version(), "\n");
#if defined(__clang__)
  text += concat("compiler: Clang ", __clang_major__, ".", __clang_minor__, ".", __clang_patchlevel__, "\n");
#elif defined(__GNUC__)
  text += concat("compiler: GCC ", __GNUC__, ".", __GNUC_MINOR__, ".", __GNUC_PATCHLEVEL__, "\n");
#endif
  text += concat("threads: ", num_threads(), "\n");
  const auto facts = config_facts();
  std::vector<const ConfigFact*> sorted(facts.begin(), facts.end());
  std::ranges::sort(sorted, {}, [](const ConfigFact* f) { return std::string_view(f->name); });
  for (const ConfigFact* f : sorted) text += concat(f->name, ": ", f->value(), "\n");
  for (const char* variable : {"HEARTH_NUM_THREADS"}) {
    const char* const value = std::getenv(variable);
    text += concat(variable, ": ", value ? value : "(not set)", "\n");
  }
  return text;
}

}  // namespace hearth
