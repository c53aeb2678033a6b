#include "audio/recognition/ctc_decoder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "audio/recognition/frames_internal.h"
#include "core/base/error.h"

namespace hearth::audio {
namespace {

// How far above 0 a rounded log-probability may be: logits are refused.
constexpr double kRounding = 0.01;
constexpr double kNever = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
  if (a < b) std::swap(a, b);
  return b == kNever ? a : a + std::log1p(std::exp(b - a));
}

// The largest score and weight.
constexpr double kMostScore = 1e6;

void check(const CtcBeamOptions& o) {
  const auto classes = static_cast<int64_t>(o.labels.size());
  HEARTH_CHECK(classes >= 1, "CtcBeamSearch: labels is empty; it names each class");
  HEARTH_CHECK(o.blank >= 0 && o.blank < classes, "CtcBeamSearch: the blank ", o.blank, " is out of range for ",
               classes, " labels");
  HEARTH_CHECK(!o.delimiter || (*o.delimiter >= 0 && *o.delimiter < classes && *o.delimiter != o.blank),
               "CtcBeamSearch: the delimiter ", o.delimiter.value_or(0), " is not one of ", classes,
               " labels beside the blank");
  HEARTH_CHECK(o.beam_size >= 1 && o.beam_size_token.value_or(1) >= 1 && o.beam_threshold >= 0,
               "CtcBeamSearch: beam_size and beam_size_token must be positive, and beam_threshold not negative");
  // Sums of them are finite.
  HEARTH_CHECK(std::abs(o.lm_weight) <= kMostScore && std::abs(o.word_score) <= kMostScore,
               "CtcBeamSearch: lm_weight and word_score must be finite, and not beyond ", kMostScore);
  HEARTH_CHECK(o.delimiter || (!o.lexicon && !o.language_model && o.hot_words.empty() && o.word_score == 0),
               "CtcBeamSearch: words need a delimiter");
  for (const auto& [word, bonus] : o.hot_words)
    HEARTH_CHECK(std::abs(bonus) <= kMostScore, "CtcBeamSearch: the hot word \"", word,
                 "\" has a score that is not finite, or beyond ", kMostScore);
}

}  // namespace

// Texts are a tree: each is its parent and one label more. Those that are neither in the beam nor the beginning of
// another are forgotten.
class CtcBeamSearch::Search {
 public:
  explicit Search(CtcBeamOptions options) : o_(std::move(options)) {
    check(o_);
    reset();
  }

  void reset() {
    nodes_.assign(1, Node{});
    nodes_[0].blank = 0;
    nodes_[0].users = 1;
    if (o_.language_model) nodes_[0].history = o_.language_model->begin();
    free_.clear();
    children_.clear();
    beam_ = {0};
    frame_ = 0;
  }

  void feed(const Tensor& log_probs) {
    const Tensor frames = detail::frames_of("CtcBeamSearch", log_probs, kRounding);
    const int64_t classes = frames.size(1);
    HEARTH_CHECK(classes == static_cast<int64_t>(o_.labels.size()), "CtcBeamSearch: the frames have ", classes,
                 " classes, but there are ", o_.labels.size(), " labels");
    for (int64_t t = 0; t < frames.size(0); ++t, ++frame_) step(frames.data<double>() + t * classes);
  }

  CtcHypothesis partial() const { return text_of(beam_[0], total(node(beam_[0])), true, {}); }

  std::vector<CtcHypothesis> results(int64_t count) const {
    std::vector<CtcHypothesis> all;
    for (const bool complete : {true, false}) {
      for (const int32_t id : beam_) {
        const std::optional<Word> last = last_word(id);
        if (last.has_value() == complete) all.push_back(finished(id, last));
      }
      if (!all.empty()) break;
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
    if (static_cast<int64_t>(all.size()) > count) all.resize(static_cast<size_t>(std::max<int64_t>(count, 0)));
    return all;
  }

 private:
  struct Node {
    int32_t parent = -1, word_begin = 0;  // the text at which the word began that the last label belongs to
    int64_t token = -1, frame = 0;
    int32_t users = 0;                                // children, and the beam
    int32_t place = 0;                                // in the lexicon
    double blank = kNever, label = kNever;            // of alignments that end in a blank, in the last label
    double next_blank = kNever, next_label = kNever;  // the same in the frame that is read
    double extra = 0;                                 // what words added
    bool candidate = false;
    std::string word;              // that ended with this label
    std::vector<int32_t> history;  // of the language model, where a word begins
  };
  // A word that ends, and what it adds.
  struct Word {
    std::string text;
    double score = 0;
    std::vector<int32_t> history;
  };

  Node& node(int32_t id) { return nodes_[static_cast<size_t>(id)]; }
  const Node& node(int32_t id) const { return nodes_[static_cast<size_t>(id)]; }
  static double total(const Node& n) { return log_add(n.blank, n.label) + n.extra; }

  void step(const double* row) {
    const std::vector<int64_t> tokens = tokens_of(row);
    std::vector<int32_t> candidates;
    const auto touch = [&](int32_t id) -> Node& {
      Node& n = node(id);
      if (!n.candidate) candidates.push_back(id);
      n.candidate = true;
      return n;
    };
    for (const int32_t id : beam_) {
      Node& n = touch(id);
      const double blank = n.blank, label = n.label, both = log_add(blank, label);
      const int64_t last = n.token;
      n.next_blank = log_add(n.next_blank, both + row[o_.blank]);
      if (last >= 0) n.next_label = log_add(n.next_label, label + row[last]);
      for (const int64_t k : tokens) {
        const double p = (k == last ? blank : both) + row[k];
        if (p == kNever) continue;
        const int32_t child = child_of(id, k);
        if (child < 0) continue;
        Node& c = touch(child);
        c.next_label = log_add(c.next_label, p);
      }
    }
    choose(candidates);
  }

  // The classes that may be a next label, in the order of their numbers.
  std::vector<int64_t> tokens_of(const double* row) const {
    std::vector<int64_t> tokens;
    for (int64_t k = 0; k < static_cast<int64_t>(o_.labels.size()); ++k) {
      if (k != o_.blank && row[k] > kNever) tokens.push_back(k);
    }
    const auto most = static_cast<size_t>(o_.beam_size_token.value_or(std::numeric_limits<int64_t>::max()));
    if (tokens.size() <= most) return tokens;
    std::stable_sort(tokens.begin(), tokens.end(), [&](int64_t a, int64_t b) { return row[a] > row[b]; });
    tokens.resize(most);
    std::sort(tokens.begin(), tokens.end());
    return tokens;
  }

  // The text with one label more, or -1 if the lexicon has none that goes on like that.
  int32_t child_of(int32_t id, int64_t token) {
    const auto key = std::pair(id, token);
    if (const auto it = children_.find(key); it != children_.end()) return it->second;
    Node c{.parent = id, .word_begin = node(id).word_begin, .token = token, .frame = frame_, .extra = node(id).extra};
    const bool ends = token == o_.delimiter;
    if (ends) {
      std::optional<Word> word = last_word(id);
      if (!word) return -1;
      c.extra += word->score;
      c.word = std::move(word->text);
      c.history = std::move(word->history);
    } else if (o_.lexicon) {
      c.place = o_.lexicon->next(node(id).place, token);
      if (c.place < 0) return -1;
    }
    const int32_t child = free_.empty() ? static_cast<int32_t>(nodes_.size()) : free_.back();
    if (free_.empty()) nodes_.emplace_back();
    else free_.pop_back();
    if (ends) c.word_begin = child;
    node(child) = std::move(c);
    ++node(id).users;
    children_.emplace(key, child);
    return child;
  }

  // The best of the candidates become the beam.
  void choose(std::vector<int32_t>& candidates) {
    for (const int32_t id : beam_) --node(id).users;
    for (const int32_t id : candidates) {
      Node& n = node(id);
      n.blank = std::exchange(n.next_blank, kNever);
      n.label = std::exchange(n.next_label, kNever);
      n.candidate = false;
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&](int32_t a, int32_t b) { return total(node(a)) > total(node(b)); });
    const double lowest = total(node(candidates[0])) - o_.beam_threshold;
    size_t kept = 0;
    while (kept < candidates.size() && kept < static_cast<size_t>(o_.beam_size) &&
           (kept == 0 || total(node(candidates[kept])) >= lowest)) {
      ++kept;
    }
    beam_.assign(candidates.begin(), candidates.begin() + static_cast<int64_t>(kept));
    for (const int32_t id : beam_) ++node(id).users;
    for (size_t i = kept; i < candidates.size(); ++i) node(candidates[i]).blank = node(candidates[i]).label = kNever;
    for (size_t i = kept; i < candidates.size(); ++i) forget(candidates[i]);
  }

  void forget(int32_t id) {
    while (id > 0 && node(id).users == 0 && node(id).parent >= 0) {
      const int32_t parent = node(id).parent;
      children_.erase({parent, node(id).token});
      node(id) = Node{};
      free_.push_back(id);
      --node(parent).users;
      id = parent;
    }
  }

  std::vector<int32_t> path_to(int32_t id) const {
    std::vector<int32_t> path;
    for (; id > 0; id = node(id).parent) path.push_back(id);
    std::reverse(path.begin(), path.end());
    return path;
  }

  // The labels since the last delimiter.
  std::string open_word(int32_t id) const {
    std::vector<int64_t> tokens;
    for (int32_t at = id; at != node(id).word_begin; at = node(at).parent) tokens.push_back(node(at).token);
    std::string word;
    for (size_t i = tokens.size(); i-- > 0;) word += o_.labels[static_cast<size_t>(tokens[i])];
    return word;
  }

  Word scored(std::string text, const std::vector<int32_t>& history) const {
    Word w{std::move(text), o_.word_score, history};
    if (o_.language_model) {
      w.score += o_.lm_weight * o_.language_model->score(w.history, o_.language_model->word(w.text));
    }
    if (const auto hot = o_.hot_words.find(w.text); hot != o_.hot_words.end()) w.score += hot->second;
    return w;
  }

  // The word that ends with this text; an empty one if none is open; none if the lexicon has no such word.
  std::optional<Word> last_word(int32_t id) const {
    const std::vector<int32_t>& history = node(node(id).word_begin).history;
    if (node(id).word_begin == id || !o_.delimiter) return Word{.history = history};
    if (!o_.lexicon) {
      std::string word = open_word(id);
      return word.empty() ? Word{.history = history} : scored(std::move(word), history);
    }
    std::optional<Word> best;
    for (const std::string& text : o_.lexicon->words(node(id).place)) {
      Word w = scored(text, history);
      if (!best || w.score > best->score) best = std::move(w);
    }
    return best;
  }

  CtcHypothesis finished(int32_t id, const std::optional<Word>& last) const {
    double score = total(node(id));
    if (last) score += last->score;
    if (o_.language_model) {
      score += o_.lm_weight * o_.language_model->end(last ? last->history : node(node(id).word_begin).history);
    }
    return text_of(id, score, false, last ? last->text : "");
  }

  // With the labels of the open word as they are, or with `last` in their place.
  CtcHypothesis text_of(int32_t id, double score, bool open, const std::string& last) const {
    CtcHypothesis h{.score = score};
    for (const int32_t at : path_to(id)) {
      h.tokens.push_back(node(at).token);
      h.frames.push_back(node(at).frame);
      if (!node(at).word.empty()) h.words.push_back(node(at).word);
    }
    const std::string end = open || !o_.delimiter ? open_word(id) : last;
    if (!end.empty()) h.words.push_back(end);
    for (const std::string& w : h.words) h.text += (h.text.empty() ? "" : " ") + w;
    return h;
  }

  CtcBeamOptions o_;
  std::vector<Node> nodes_;  // 0: the empty text
  std::vector<int32_t> free_;
  absl::flat_hash_map<std::pair<int32_t, int64_t>, int32_t> children_;
  std::vector<int32_t> beam_;  // best first
  int64_t frame_ = 0;
};

CtcBeamSearch::CtcBeamSearch(CtcBeamOptions options) : search_(std::make_unique<Search>(std::move(options))) {}
CtcBeamSearch::CtcBeamSearch(CtcBeamSearch&&) noexcept = default;
CtcBeamSearch& CtcBeamSearch::operator=(CtcBeamSearch&&) noexcept = default;
CtcBeamSearch::~CtcBeamSearch() = default;

void CtcBeamSearch::feed(const Tensor& log_probs) { search_->feed(log_probs); }
CtcHypothesis CtcBeamSearch::partial() const { return search_->partial(); }
std::vector<CtcHypothesis> CtcBeamSearch::results(int64_t count) const { return search_->results(count); }
void CtcBeamSearch::reset() { search_->reset(); }

std::vector<CtcHypothesis> ctc_beam_search(const Tensor& log_probs, const CtcBeamOptions& options, int64_t count) {
  CtcBeamSearch search(options);
  search.feed(log_probs);
  return search.results(count);
}

}  // namespace hearth::audio
