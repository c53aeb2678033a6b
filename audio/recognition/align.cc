#include "audio/recognition/align.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "audio/recognition/frames_internal.h"
#include "core/base/error.h"

namespace hearth::audio {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

// The labels with a blank before, between and behind them.
std::vector<int64_t> states_of(std::span<const int64_t> targets, int64_t blank) {
  std::vector<int64_t> states(2 * targets.size() + 1, blank);
  for (size_t i = 0; i < targets.size(); ++i) states[2 * i + 1] = targets[i];
  return states;
}

void check(const Tensor& frames, std::span<const int64_t> targets, int64_t blank) {
  const int64_t classes = frames.size(1);
  HEARTH_CHECK(blank >= 0 && blank < classes, "forced_align: the blank ", blank, " is out of range for ", classes,
               " classes");
  int64_t needed = 0;
  for (size_t i = 0; i < targets.size(); ++i) {
    HEARTH_CHECK(targets[i] >= 0 && targets[i] < classes && targets[i] != blank, "forced_align: target ", i, " is ",
                 targets[i], "; expected a class below ", classes, " that is not the blank, ", blank);
    needed += i > 0 && targets[i] == targets[i - 1] ? 2 : 1;
  }
  HEARTH_CHECK(frames.size(0) >= needed, "forced_align: ", targets.size(), " labels need at least ", needed,
               " frames, but there are ", frames.size(0));
}

}  // namespace

Alignment forced_align(const Tensor& log_probs, std::span<const int64_t> targets, int64_t blank) {
  const Tensor frames = detail::frames_of("forced_align", log_probs);
  check(frames, targets, blank);
  const auto steps = static_cast<size_t>(frames.size(0));
  if (steps == 0) return {};
  const std::vector<int64_t> states = states_of(targets, blank);
  const size_t n = states.size();
  const auto at = [&](size_t t, size_t s) {
    return frames.data<double>()[static_cast<int64_t>(t) * frames.size(1) + states[s]];
  };
  std::vector<double> best(n, kNever), before(n);
  std::vector<uint8_t> steps_back(steps * n);  // how many states before each state its way came from
  for (size_t s = 0; s < std::min<size_t>(n, 2); ++s) best[s] = at(0, s);
  for (size_t t = 1; t < steps; ++t) {
    std::swap(best, before);
    for (size_t s = 0; s < n; ++s) {
      uint8_t back = 0;
      if (s >= 1 && before[s - 1] > before[s]) back = 1;
      if (s >= 3 && s % 2 == 1 && states[s] != states[s - 2] && before[s - 2] > before[s - back]) back = 2;
      best[s] = before[s - back] + at(t, s);
      steps_back[t * n + s] = back;
    }
  }
  size_t s = n - 1;
  if (n > 1 && best[n - 2] > best[n - 1]) s = n - 2;
  HEARTH_CHECK(best[s] > kNever, "forced_align: the target has no probability: each alignment has a class of -inf");
  Alignment a{std::vector<int64_t>(steps), std::vector<double>(steps)};
  for (size_t t = steps; t-- > 0;) {
    a.path[t] = states[s];
    a.scores[t] = at(t, s);
    s -= steps_back[t * n + s];
  }
  return a;
}

std::vector<TokenSpan> merge_tokens(const Alignment& a, int64_t blank) {
  HEARTH_CHECK(a.path.size() == a.scores.size(), "merge_tokens: there are ", a.path.size(), " frames, but ",
               a.scores.size(), " scores");
  std::vector<TokenSpan> spans;
  for (size_t begin = 0, end = 0; begin < a.path.size(); begin = end) {
    double sum = 0;
    for (end = begin; end < a.path.size() && a.path[end] == a.path[begin]; ++end) sum += a.scores[end];
    if (a.path[begin] == blank) continue;
    spans.push_back({a.path[begin], static_cast<int64_t>(begin), static_cast<int64_t>(end),
                     sum / static_cast<double>(end - begin)});
  }
  return spans;
}

std::vector<WordTime> word_times(std::span<const TokenSpan> spans, std::span<const std::string> labels,
                                 int64_t delimiter, double frame_seconds) {
  std::vector<WordTime> words;
  double sum = 0;
  int64_t frames = 0;
  bool open = false;  // a word
  for (const TokenSpan& s : spans) {
    HEARTH_CHECK(s.end > s.start, "word_times: a span ends at frame ", s.end, ", but begins at ", s.start);
    HEARTH_CHECK(s.token >= 0 && s.token < static_cast<int64_t>(labels.size()), "word_times: class ", s.token,
                 " has no name among ", labels.size(), " labels");
    if (s.token == delimiter) {
      open = false;
      continue;
    }
    if (!std::exchange(open, true)) {
      words.push_back({.start = static_cast<double>(s.start) * frame_seconds});
      sum = 0;
      frames = 0;
    }
    WordTime& w = words.back();
    const int64_t n = s.end - s.start;
    sum += s.score * static_cast<double>(n);
    frames += n;
    w.word += labels[static_cast<size_t>(s.token)];
    w.end = static_cast<double>(s.end) * frame_seconds;
    w.score = sum / static_cast<double>(frames);
  }
  return words;
}

}  // namespace hearth::audio
