#include "text/tokenizer/string_set.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace hearth::text {

void StringSet::add(std::string_view text, uint32_t id) {
  if (text.empty()) return;
  uint32_t node = kRoot;
  for (const char c : text) {
    const auto [it, fresh] =
        children_.try_emplace(key_of(node, static_cast<unsigned char>(c)), static_cast<uint32_t>(nodes_.size()));
    const uint32_t depth = nodes_[node].depth + 1;
    node = it->second;
    if (fresh) nodes_.push_back({.depth = depth});
  }
  if (nodes_[node].id == kNone) nodes_[node].id = id;
}

void StringSet::build() {
  const size_t capacity = std::bit_ceil(std::max<size_t>(16, children_.size() * 2));
  edges_.assign(capacity, {~uint64_t{0}, 0});
  mask_ = capacity - 1;
  struct Step {
    uint32_t depth, node;
    uint64_t key;
  };
  std::vector<Step> steps;
  steps.reserve(children_.size());
  for (const auto& [key, node] : children_) {
    steps.push_back({nodes_[node].depth, node, key});
    if (key >> 8 == kRoot) {
      first_[key & 0xFF] = node;
      continue;
    }
    size_t i = slot_of(key);
    while (edges_[i].node != 0) i = (i + 1) & mask_;
    edges_[i] = {key, node};
  }
  children_ = {};
  // What is shorter is finished first.
  std::sort(steps.begin(), steps.end(),
            [](const Step& a, const Step& b) { return std::pair(a.depth, a.node) < std::pair(b.depth, b.node); });
  for (const Step& s : steps) {
    const auto parent = static_cast<uint32_t>(s.key >> 8);
    Node& node = nodes_[s.node];
    if (parent != kRoot) node.shorter = step(nodes_[parent].shorter, static_cast<unsigned char>(s.key));
    const Node& shorter = nodes_[node.shorter];
    node.ending = shorter.id != kNone ? node.shorter : shorter.ending;
  }
}

bool StringSet::find(std::string_view text, size_t from, Found& found) const {
  bool any = false;
  uint32_t node = kRoot;
  for (size_t i = from; i < text.size(); ++i) {
    node = step(node, static_cast<unsigned char>(text[i]));
    if (node == kRoot && !any) continue;
    const size_t end = i + 1;
    // What is yet to come begins no earlier than the node does.
    if (any && end - nodes_[node].depth > found.begin) return true;
    const uint32_t at = nodes_[node].id != kNone ? node : nodes_[node].ending;
    if (at == kRoot) continue;
    const size_t begin = end - nodes_[at].depth;
    if (!any || begin <= found.begin) {
      found = {begin, end, nodes_[at].id};
      any = true;
    }
  }
  return any;
}

}  // namespace hearth::text
