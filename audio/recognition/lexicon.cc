#include "audio/recognition/lexicon.h"

#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "audio/recognition/text_internal.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/with_path.h"

namespace hearth::audio {

struct Lexicon::Tree {
  absl::flat_hash_map<std::pair<int32_t, int64_t>, int32_t> next;
  std::vector<std::vector<std::string>> words = std::vector<std::vector<std::string>>(1);
  int64_t size = 0;
};

absl::StatusOr<Lexicon> Lexicon::parse(std::string_view text, std::span<const std::string> labels,
                                       std::string_view delimiter) {
  absl::flat_hash_map<std::string_view, int64_t> classes;
  for (size_t k = 0; k < labels.size(); ++k) classes.emplace(labels[k], static_cast<int64_t>(k));
  auto tree = std::make_shared<Tree>();
  absl::flat_hash_set<std::pair<int32_t, std::string_view>> known;  // words by their places
  detail::Lines lines(text);
  for (auto parts = lines.next(); !parts.empty(); parts = lines.next()) {
    const auto error = [&](const std::string& what) {
      return absl::InvalidArgumentError(concat("lexicon, line ", lines.number(), ": ", what));
    };
    if (parts.size() > 1 && parts.back() == delimiter) parts.pop_back();
    if (parts.size() < 2) return error(concat("\"", parts[0], "\" has no labels"));
    int32_t place = 0;
    for (size_t i = 1; i < parts.size(); ++i) {
      const auto k = classes.find(parts[i]);
      if (k == classes.end()) return error(concat("no class has the name \"", parts[i], "\""));
      if (tree->words.size() >= std::numeric_limits<int32_t>::max()) return error("there are too many labels");
      const auto [it, made] = tree->next.emplace(std::pair(place, k->second), static_cast<int32_t>(tree->words.size()));
      if (made) tree->words.emplace_back();
      place = it->second;
    }
    if (!known.emplace(place, parts[0]).second)
      return error(concat("\"", parts[0], "\" is there twice with the same labels"));
    tree->words[static_cast<size_t>(place)].emplace_back(parts[0]);
    ++tree->size;
  }
  return Lexicon(std::move(tree));
}

absl::StatusOr<Lexicon> Lexicon::load(const std::string& path, std::span<const std::string> labels,
                                      std::string_view delimiter) {
  const auto text = io::read_file(path, uint64_t{1} << 30);
  if (!text.ok()) return text.status();
  auto lexicon = parse(*text, labels, delimiter);
  return lexicon.ok() ? std::move(lexicon) : io::with_path(path, lexicon.status());
}

int64_t Lexicon::size() const { return tree_->size; }
int32_t Lexicon::next(int32_t place, int64_t label) const {
  const auto it = tree_->next.find({place, label});
  return it == tree_->next.end() ? -1 : it->second;
}
std::span<const std::string> Lexicon::words(int32_t place) const { return tree_->words[static_cast<size_t>(place)]; }

}  // namespace hearth::audio
