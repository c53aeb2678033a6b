#include "audio/recognition/ngram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "audio/recognition/text_internal.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/with_path.h"

namespace hearth::audio {
namespace {

constexpr int kMostWords = 16;
// Of a word that the file does not know, where it has no <unk> (KenLM's).
constexpr double kUnknown = -100;
// The largest logarithm: sums of such are finite.
constexpr double kMost = 1e30;

struct Entry {
  double probability = 0, backoff = 0;  // log10
};

}  // namespace

// A tree of words: an entry's place is reached by its words in their order.
struct NgramModel::Table {
  int order = 0;
  std::map<std::string, int32_t, std::less<>> words;
  std::vector<Entry> entries{{}};  // place 0: no words
  absl::flat_hash_map<std::pair<int32_t, int32_t>, int32_t> next;

  // The place of a sequence of words, or -1.
  int32_t find(std::span<const int32_t> sequence) const {
    int32_t at = 0;
    for (const int32_t w : sequence) {
      const auto it = next.find({at, w});
      if (it == next.end()) return -1;
      at = it->second;
    }
    return at;
  }
};

namespace {

// What stands in the lines of one file, one after the other.
template <class Table>
class Reader {
 public:
  explicit Reader(std::string_view text, Table& table) : lines_(text), table_(table) {}

  absl::Status read() {
    table_.words.emplace("<unk>", 0);
    if (absl::Status s = read_counts(); !s.ok()) return s;
    for (size_t n = 1; n <= counts_.size(); ++n) {
      if (absl::Status s = read_section(n); !s.ok()) return s;
    }
    if (line_ != "\\end\\") return error(concat("\\end\\ is missing; there is \"", line_, "\""));
    table_.order = static_cast<int>(counts_.size());
    for (const char* name : {"<s>", "</s>"}) {
      if (!table_.words.contains(name)) return error(concat("the model has no unigram ", name));
    }
    if (table_.find(std::vector<int32_t>{0}) < 0) {
      table_.next.emplace(std::pair(0, 0), static_cast<int32_t>(table_.entries.size()));
      table_.entries.push_back({kUnknown, 0});
    }
    return absl::OkStatus();
  }

 private:
  absl::Status error(const std::string& what) const {
    constexpr size_t kMostText = 300;  // of a line that may have any length
    return absl::InvalidArgumentError(concat("ARPA, line ", lines_.number(), ": ",
                                             what.size() > kMostText ? what.substr(0, kMostText) + " …" : what));
  }

  void advance() {
    parts_ = lines_.next();
    line_ = lines_.line();
  }

  absl::Status read_counts() {
    for (advance(); line_ != "\\data\\"; advance()) {
      if (parts_.empty()) return error("there is no \\data\\");
    }
    for (advance(); line_.substr(0, 5) == "ngram"; advance()) {
      const size_t equals = std::min(line_.find('='), line_.size() - 1);
      const auto numbers = std::pair(trimmed(line_.substr(5, equals - 5)), trimmed(line_.substr(equals + 1)));
      const auto n = detail::number_of<int64_t>(numbers.first), count = detail::number_of<int64_t>(numbers.second);
      if (!n || !count || *count < 0) return error(concat("\"", line_, "\" is no count of n-grams"));
      if (*n != static_cast<int64_t>(counts_.size()) + 1 || *n > kMostWords) {
        return error(concat("the counts must be of 1-grams, 2-grams, and so on up to ", kMostWords,
                            "-grams, but this is of ", *n, "-grams"));
      }
      counts_.push_back(*count);
    }
    return counts_.empty() ? error("no \"ngram 1=\" follows \\data\\") : absl::OkStatus();
  }

  static std::string_view trimmed(std::string_view text) {
    const auto words = detail::words_of(text);
    return words.size() == 1 ? words[0] : std::string_view();
  }

  absl::Status read_section(size_t n) {
    const std::string name = concat("\\", n, "-grams:");
    if (line_ != name) return error(concat(name, " is missing; there is \"", line_, "\""));
    int64_t count = 0;
    for (advance(); !parts_.empty() && line_[0] != '\\'; advance(), ++count) {
      if (absl::Status s = read_entry(n); !s.ok()) return s;
    }
    if (count != counts_[n - 1])
      return error(concat("there are ", count, " ", n, "-grams, but \\data\\ says ", counts_[n - 1]));
    return absl::OkStatus();
  }

  absl::Status read_entry(size_t n) {
    if (parts_.size() != n + 1 && (parts_.size() != n + 2 || n == counts_.size())) {
      return error(concat("\"", line_, "\" is no ", n, "-gram: a probability, ", n,
                          " words, and below the highest order a backoff weight"));
    }
    const auto probability = detail::number_of<double>(parts_[0]);
    if (!probability || !(*probability <= 0 && *probability >= -kMost))
      return error(concat("\"", parts_[0], "\" is no logarithm of a probability"));
    const auto backoff = parts_.size() == n + 2 ? detail::number_of<double>(parts_.back()) : 0.0;
    if (!backoff || !(std::abs(*backoff) <= kMost))
      return error(concat("\"", parts_.back(), "\" is no backoff weight"));
    int32_t at = 0;
    for (size_t i = 1; i < n; ++i) {
      const auto word = table_.words.find(parts_[i]);
      if (word == table_.words.end()) return error(concat("\"", parts_[i], "\" has no unigram"));
      const auto next = table_.next.find({at, word->second});
      if (next == table_.next.end()) return error(concat("the context of \"", line_, "\" has no entry of its own"));
      at = next->second;
    }
    return add(n, at, parts_[n], {*probability, *backoff});
  }

  absl::Status add(size_t n, int32_t at, std::string_view last, const Entry& e) {
    if (table_.entries.size() >= std::numeric_limits<int32_t>::max()) return error("there are too many n-grams");
    auto word = table_.words.find(last);
    if (n == 1 && last == "<unk>") has_unknown_ = true;
    if (n > 1 && last == "<unk>" && !has_unknown_) return error("\"<unk>\" has no unigram");
    if (word == table_.words.end()) {
      if (n > 1) return error(concat("\"", last, "\" has no unigram"));
      word = table_.words.emplace(std::string(last), static_cast<int32_t>(table_.words.size())).first;
    }
    if (!table_.next.emplace(std::pair(at, word->second), static_cast<int32_t>(table_.entries.size())).second)
      return error(concat("the ", n, "-gram of \"", line_, "\" is there twice"));
    table_.entries.push_back(e);
    return absl::OkStatus();
  }

  detail::Lines lines_;
  Table& table_;
  std::string_view line_;
  std::vector<std::string_view> parts_;
  std::vector<int64_t> counts_;
  bool has_unknown_ = false;  // a unigram of the file's own
};

}  // namespace

absl::StatusOr<NgramModel> NgramModel::parse(std::string_view arpa) {
  auto table = std::make_shared<Table>();
  if (absl::Status s = Reader<Table>(arpa, *table).read(); !s.ok()) return s;
  return NgramModel(std::move(table));
}

absl::StatusOr<NgramModel> NgramModel::load(const std::string& path) {
  const auto text = io::read_file(path, uint64_t{1} << 32);
  if (!text.ok()) return text.status();
  auto model = parse(*text);
  return model.ok() ? std::move(model) : io::with_path(path, model.status());
}

int NgramModel::order() const { return table_->order; }
int64_t NgramModel::size() const { return static_cast<int64_t>(table_->words.size()); }
int32_t NgramModel::word(std::string_view word) const {
  const auto it = table_->words.find(word);
  return it == table_->words.end() ? unknown() : it->second;
}
std::vector<int32_t> NgramModel::begin() const {
  return order() > 1 ? std::vector<int32_t>{word("<s>")} : std::vector<int32_t>();
}

double NgramModel::score(std::vector<int32_t>& history, int32_t word) const {
  const auto most = static_cast<size_t>(order() - 1);
  if (history.size() > most) history.erase(history.begin(), history.end() - static_cast<int64_t>(most));
  double backoff = 0;
  for (size_t first = 0;; ++first) {
    const std::span<const int32_t> context = std::span<const int32_t>(history).subspan(first);
    const int32_t at = table_->find(context);
    if (at >= 0) {
      if (const auto it = table_->next.find({at, word}); it != table_->next.end()) {
        backoff += table_->entries[static_cast<size_t>(it->second)].probability;
        break;
      }
      backoff += table_->entries[static_cast<size_t>(at)].backoff;
    }
    HEARTH_CHECK(!context.empty(), "NgramModel: there is no word of number ", word);
  }
  history.push_back(word);
  if (history.size() > most) history.erase(history.begin());
  return backoff * std::numbers::ln10;
}

double NgramModel::end(std::vector<int32_t> history) const { return score(history, word("</s>")); }

double NgramModel::sentence(std::span<const std::string> words) const {
  std::vector<int32_t> history = begin();
  double total = 0;
  for (const std::string& w : words) total += score(history, word(w));
  return total + end(std::move(history));
}

}  // namespace hearth::audio
