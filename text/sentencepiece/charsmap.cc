#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "text/sentencepiece/charsmap_internal.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

constexpr size_t kMaxMap = size_t{1} << 24;
constexpr size_t kMaxReplacement = 256;
// The library keeps so many matches at one place of the text, and does not check.
constexpr uint32_t kMaxMatches = 32;

absl::Status bad(std::string_view why) { return absl::InvalidArgumentError(std::string(why)); }

// Goes every way through the trie.
class Walk {
 public:
  Walk(std::vector<uint32_t> trie, std::string_view texts)
      : trie_(std::move(trie)), texts_(texts), matches_(trie_.size(), kNew) {}

  absl::Status run() {
    if (trie_.empty()) return absl::OkStatus();
    if (absl::Status status = enter(0); !status.ok()) return status;
    while (!path_.empty()) {
      Step& step = path_.back();
      const uint32_t from = step.node ^ offset(trie_[step.node]);
      uint32_t next = kNew;
      while (step.byte < 256 && next == kNew) {
        const uint32_t to = from ^ step.byte;
        if ((trie_[to] & (1U << 31 | 0xFF)) == step.byte) next = to;
        ++step.byte;
      }
      if (next == kNew) {
        leave();
      } else if (matches_[next] == kOpen) {
        return bad("its trie goes round in a circle");
      } else if (matches_[next] == kNew) {
        if (absl::Status status = enter(next); !status.ok()) return status;
      } else {
        step.below = std::max(step.below, matches_[next]);
      }
    }
    return matches_[0] > kMaxMatches ? bad("a text meets too many replacements") : absl::OkStatus();
  }
  size_t longest() const { return longest_; }

 private:
  static constexpr uint32_t kNew = 0xFFFFFFFF, kOpen = 0xFFFFFFFE;
  struct Step {
    uint32_t node;
    uint32_t byte;   // the next one to try
    uint32_t below;  // the most replacements on a way from here on
  };

  static uint32_t offset(uint32_t unit) { return (unit >> 10) << ((unit & (1U << 9)) >> 6); }

  absl::Status enter(uint32_t node) {
    const uint32_t unit = trie_[node];
    const uint32_t base = node ^ offset(unit);
    if ((base | 0xFF) >= trie_.size()) return bad("its trie points outside of itself");
    if ((unit >> 8 & 1) != 0 && node != 0) {
      if (absl::Status status = check_text(trie_[base] & 0x7FFFFFFF); !status.ok()) return status;
    }
    matches_[node] = kOpen;
    // 0 is no byte of a key.
    path_.push_back({node, 1, 0});
    return absl::OkStatus();
  }

  void leave() {
    const Step done = path_.back();
    path_.pop_back();
    const uint32_t own = done.node != 0 && (trie_[done.node] >> 8 & 1) != 0 ? 1 : 0;
    // A count above the limit is enough to know.
    const uint32_t all = std::min(done.below + own, kMaxMatches + 1);
    matches_[done.node] = all;
    if (!path_.empty()) path_.back().below = std::max(path_.back().below, all);
  }

  absl::Status check_text(uint32_t at) {
    if (at >= texts_.size()) return bad("a replacement is outside of the map");
    const size_t end = std::min(texts_.find('\0', at), texts_.size());
    if (end - at > kMaxReplacement) return bad("a replacement is too long");
    if (is_continuation(texts_[at])) return bad("a replacement begins within a character");
    longest_ = std::max(longest_, end - at);
    return absl::OkStatus();
  }

  std::vector<uint32_t> trie_;
  std::string_view texts_;
  std::vector<uint32_t> matches_;  // by node: the most replacements on a way from it on
  std::vector<Step> path_;
  size_t longest_ = 0;
};

}  // namespace

absl::StatusOr<size_t> check_charsmap(std::string_view map) {
  if (map.empty()) return 0;
  if (map.size() > kMaxMap) return bad(concat("it has more than ", kMaxMap, " bytes"));
  uint32_t size = 0;
  if (map.size() <= sizeof size) return bad("it ends early");
  std::memcpy(&size, map.data(), sizeof size);
  map.remove_prefix(sizeof size);
  if (size >= map.size()) return bad("its trie is longer than the map");
  // A trie comes in blocks of 256 units.
  if (size == 0 || size % 1024 != 0) return bad("its trie has no whole number of blocks");
  std::vector<uint32_t> trie(size / 4);
  std::memcpy(trie.data(), map.data(), size);
  const std::string_view texts = map.substr(size);
  if (find_invalid_utf8(texts) != std::string_view::npos) return bad("a replacement is not UTF-8");
  Walk walk(std::move(trie), texts);
  if (absl::Status status = walk.run(); !status.ok()) return status;
  return walk.longest();
}

}  // namespace hearth::text
