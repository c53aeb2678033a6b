// StringSet: many strings found in a text in one pass (Aho and Corasick, "Efficient string matching", 1975).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace hearth::text {

// Strings with a number each. Fill it with add(), then call build() once; after that, const calls may be concurrent.
class StringSet {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;
  static constexpr uint32_t kRoot = 0;
  struct Found {
    size_t begin, end;
    uint32_t id;
  };

  // Of equal strings the first one's id counts. Empty ones are left out.
  void add(std::string_view text, uint32_t id);
  void build();

  bool empty() const { return nodes_.size() == 1; }
  // The first string in the text from byte `from` on, and of those that begin there the longest; false: there is none.
  bool find(std::string_view text, size_t from, Found& found) const;

  // A node stands for the beginning of a string. The longer beginning, or kRoot if there is none.
  uint32_t child(uint32_t node, unsigned char byte) const {
    if (node == kRoot) return first_[byte];
    const uint64_t key = key_of(node, byte);
    for (size_t i = slot_of(key);; i = (i + 1) & mask_) {
      if (edges_[i].key == key) return edges_[i].node;
      if (edges_[i].node == 0) return kRoot;
    }
  }
  // The id of the string that the node is, or kNone.
  uint32_t id(uint32_t node) const { return nodes_[node].id; }
  // The node of the longest ending of what has been read that begins a string, after one more byte.
  uint32_t step(uint32_t node, unsigned char byte) const {
    for (;;) {
      const uint32_t next = child(node, byte);
      if (next != kRoot || node == kRoot) return next;
      node = nodes_[node].shorter;
    }
  }
  // Calls f(length, id) for each string that ends where the node does, the longest first.
  template <class F>
  void each_ending(uint32_t node, F f) const {
    if (nodes_[node].id == kNone) node = nodes_[node].ending;
    for (; node != kRoot; node = nodes_[node].ending) f(nodes_[node].depth, nodes_[node].id);
  }

 private:
  struct Node {
    uint32_t id = kNone;
    uint32_t depth = 0;
    uint32_t shorter = kRoot;  // of the longest ending of this one that begins a string
    uint32_t ending = kRoot;   // of the longest ending of this one, shorter than it, that is a string
  };
  struct Edge {
    uint64_t key;
    uint32_t node;  // 0: none, the root is nobody's child
  };
  static uint64_t key_of(uint32_t node, unsigned char byte) { return static_cast<uint64_t>(node) << 8 | byte; }
  size_t slot_of(uint64_t key) const { return (key * 0x9E3779B97F4A7C15 >> 24) & mask_; }

  std::vector<Node> nodes_{1};
  absl::flat_hash_map<uint64_t, uint32_t> children_;  // until build()
  std::array<uint32_t, 256> first_{};                 // the root's children
  std::vector<Edge> edges_;                           // all others, in one table by node and byte
  size_t mask_ = 0;
};

}  // namespace hearth::text
