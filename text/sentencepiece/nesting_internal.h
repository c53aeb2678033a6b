// User-defined symbols of which one begins another.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace hearth::text {

// The library has room for so many symbols at one place of a text, and does not check.
constexpr size_t kMaxNestedSymbols = 64;

// The longest row of symbols of which each begins the next: so many may be found at one place of a text.
inline size_t deepest_nesting(std::vector<std::string_view> symbols) {
  // In order, the symbols that begin one stand before it, each with nothing but its own continuations between.
  std::sort(symbols.begin(), symbols.end());
  std::vector<std::string_view> open;
  size_t deepest = 0;
  for (const std::string_view symbol : symbols) {
    while (!open.empty() && !symbol.starts_with(open.back())) open.pop_back();
    open.push_back(symbol);
    deepest = std::max(deepest, open.size());
  }
  return deepest;
}

}  // namespace hearth::text
