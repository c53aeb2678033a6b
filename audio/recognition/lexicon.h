// Lexicon: how words are spelt in labels.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace hearth::audio {

/// Words and their spellings. A value: const, and used by many threads.
class Lexicon {
 public:
  /// Reads lines "word label label …", between white space; a word may have several spellings. labels[k] is the name of
  /// class k; a last label that is `delimiter` is left out. kInvalidArgument, with the line, for a word without labels,
  /// a label that has no class, and a line that is there twice.
  static absl::StatusOr<Lexicon> parse(std::string_view text, std::span<const std::string> labels,
                                       std::string_view delimiter = "|");
  /// The same of a file, of at most 1 GB.
  static absl::StatusOr<Lexicon> load(const std::string& path, std::span<const std::string> labels,
                                      std::string_view delimiter = "|");

  /// The number of spellings.
  int64_t size() const;
  /// The place after a label from a place, which 0 is before the first label; -1 if no word goes on like that.
  int32_t next(int32_t place, int64_t label) const;
  /// The words whose spelling ends at a place.
  std::span<const std::string> words(int32_t place) const;

 private:
  struct Tree;
  explicit Lexicon(std::shared_ptr<const Tree> tree) : tree_(std::move(tree)) {}
  std::shared_ptr<const Tree> tree_;
};

}  // namespace hearth::audio
