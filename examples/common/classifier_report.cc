#include "examples/common/classifier_report.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>

#include "absl/strings/str_format.h"

namespace hearth::examples {
namespace {

constexpr double kHeight = 1116;

void draw_confusion(Canvas& c, const ClassifierReport& r, const Box& card) {
  c.card(card);
  c.text("Confusion matrix", card.x + kPadding, card.y + 30, 14, kInk, Align::kLeft, true);
  c.text("percent of each true class", card.right() - kPadding, card.y + 30, 11, kSoft, Align::kRight);
  const auto n = static_cast<int>(r.classes.size());
  if (n == 0) return;
  const Box grid = card.inset(98, 116, kPadding + 4, 40);
  const double w = grid.w / n, h = grid.h / n;
  for (int t = 0; t < n; ++t) {
    const int64_t* row = r.confusion.data() + static_cast<ptrdiff_t>(t) * n;
    const auto total = static_cast<double>(std::accumulate(row, row + n, int64_t{0}));
    c.text(r.classes[static_cast<size_t>(t)], grid.x - 10, grid.y + (t + 0.5) * h + 3.8, 11, kInk, Align::kRight, false,
           84);
    c.turned_text(r.classes[static_cast<size_t>(t)], grid.x + (t + 0.5) * w + 2, grid.y - 9, -M_PI / 4, 11, kInk);
    for (int g = 0; g < n; ++g) {
      const double p = total > 0 ? static_cast<double>(row[g]) / total : 0;
      const Box cell{grid.x + g * w + 1.5, grid.y + t * h + 1.5, w - 3, h - 3};
      // Mistakes are a few percent: the root makes them visible beside the diagonal.
      const double strength = t == g ? 0.08 + 0.77 * p * p : std::min(1.0, std::sqrt(p) * 1.25);
      c.fill(cell, p > 0 ? mix(kCard, t == g ? kBlue : kEmber, strength) : rgb(0xFAF9F6), 4);
      if (p <= 0) continue;
      const bool light = strength > 0.55;
      c.text(absl::StrFormat("%.1f", p * 100), cell.x + cell.w / 2, cell.y + cell.h / 2 + 3.8, t == g ? 11.5 : 10.5,
             light    ? kCard
             : t == g ? kInk
                      : mix(kInk, kEmber, 0.25),
             Align::kCentre, t == g);
    }
  }
  c.text("predicted class across, true class down", grid.x + grid.w / 2, card.bottom() - 16, 10, kSoft, Align::kCentre);
}

void draw_sample(Canvas& c, const ClassifierReport& r, const Sample& s, const Box& b) {
  // A wide picture, such as a spectrogram, gets more of the line.
  const double side = 74, wide = s.width > s.height ? 1.5 * side : side;
  c.picture(s.pixels, s.height, s.width, {b.x, b.y + (b.h - side) / 2, wide, side});
  std::vector<int> order(s.probabilities.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int i, int j) {
    return s.probabilities[static_cast<size_t>(i)] > s.probabilities[static_cast<size_t>(j)];
  });
  order.resize(std::min<size_t>(order.size(), 3));
  const double x = b.x + wide + 14, w = b.right() - x;
  double y = b.y + (b.h - 74) / 2 + 10;
  c.text(r.classes[static_cast<size_t>(s.truth)], x, y, 11.5, kInk, Align::kLeft, true, w);
  y += 10;
  for (int k : order) {
    const double p = std::clamp(s.probabilities[static_cast<size_t>(k)], 0.0, 1.0);
    const Colour colour = k == s.truth ? kBlue : kEmber;
    const double bar_w = w - 36;
    c.fill({x, y, bar_w, 15}, kTrack, 3);
    if (p > 0.004) c.fill({x, y, bar_w * p, 15}, mix(kCard, colour, 0.38), 3);
    c.text(r.classes[static_cast<size_t>(k)], x + 6, y + 11, 9.5, kInk, Align::kLeft, false, bar_w - 10);
    c.text(absl::StrFormat("%.0f %%", p * 100), b.right(), y + 11, 9.5, kSoft, Align::kRight);
    y += 18.5;
  }
}

void draw_samples(Canvas& c, const ClassifierReport& r, const Box& card) {
  c.card(card);
  c.text(r.samples_title, card.x + kPadding, card.y + 30, 14, kInk, Align::kLeft, true);
  c.text("the truth in bold, its three best guesses below", card.right() - kPadding, card.y + 30, 11, kSoft,
         Align::kRight);
  const Box body = card.inset(kPadding, 76, kPadding, 16);
  const double column = (body.w - 28) / 2, row = body.h / 5;
  const struct {
    const char* title;
    const std::vector<Sample>& samples;
    double x;
    Colour colour;
  } columns[] = {{"right", r.right, body.x, kBlue}, {"mistaken", r.mistakes, body.x + column + 28, kEmber}};
  for (const auto& [title, samples, x, colour] : columns) {
    c.dot(x + 4, card.y + 56, 4, colour);
    c.text(title, x + 14, card.y + 60, 11, kInk);
    for (size_t i = 0; i < std::min<size_t>(samples.size(), 5); ++i) {
      draw_sample(c, r, samples[i], {x, body.y + static_cast<double>(i) * row, column, row});
    }
    if (samples.empty()) c.text("none", x, body.y + 20, 11, kSoft);
  }
}

absl::Status check(const ClassifierReport& r) {
  const auto bad = [](const char* what) { return absl::InvalidArgumentError(std::string("report: ") + what); };
  if (r.confusion.size() != r.classes.size() * r.classes.size()) return bad("the confusion matrix is not classes²");
  for (const auto* list : {&r.right, &r.mistakes}) {
    for (const Sample& s : *list) {
      if (s.height <= 0 || s.width <= 0 ||
          s.pixels.size() != static_cast<size_t>(s.height) * static_cast<size_t>(s.width))
        return bad("a sample's pixels do not match its size");
      if (s.truth < 0 || static_cast<size_t>(s.truth) >= r.classes.size()) return bad("a sample's class is unknown");
      if (s.probabilities.size() != r.classes.size()) return bad("a sample needs one probability for each class");
    }
  }
  return absl::OkStatus();
}

// Five of the examples in `from`, each of another class as long as there is one.
std::vector<int64_t> five(const std::vector<int64_t>& from, std::span<const int64_t> truths) {
  std::vector<int64_t> out;
  std::set<int64_t> classes;
  for (bool any : {false, true}) {
    for (int64_t i : from) {
      if (out.size() == 5) return out;
      if (std::ranges::find(out, i) != out.end()) continue;
      if (any || classes.insert(truths[static_cast<size_t>(i)]).second) out.push_back(i);
    }
  }
  return out;
}

}  // namespace

void add_answers(ClassifierReport& report, std::span<const float> probabilities, std::span<const int64_t> truths,
                 const std::function<Sample(int64_t)>& picture) {
  const size_t classes = report.classes.size();
  report.confusion.assign(classes * classes, 0);
  std::vector<int64_t> right, mistakes;
  const auto row = [&](int64_t i) { return probabilities.subspan(static_cast<size_t>(i) * classes, classes); };
  const auto surety = [&](int64_t i) { return std::ranges::max(row(i)); };
  for (size_t i = 0; i < truths.size(); ++i) {
    const auto p = row(static_cast<int64_t>(i));
    const auto truth = static_cast<size_t>(truths[i]),
               guess = static_cast<size_t>(std::ranges::max_element(p) - p.begin());
    ++report.confusion[truth * classes + guess];
    (truth == guess ? right : mistakes).push_back(static_cast<int64_t>(i));
  }
  std::ranges::stable_sort(mistakes, std::greater<>(), surety);
  const auto samples = [&](const std::vector<int64_t>& from) {
    std::vector<Sample> out;
    for (int64_t i : five(from, truths)) {
      Sample s = picture(i);
      s.truth = static_cast<int>(truths[static_cast<size_t>(i)]);
      s.probabilities.assign(row(i).begin(), row(i).end());
      out.push_back(std::move(s));
    }
    return out;
  };
  report.right = samples(right);
  report.mistakes = samples(mistakes);
}

absl::Status draw_report(const ClassifierReport& r, const std::string& path) {
  if (absl::Status s = check(r); !s.ok()) return s;
  Canvas c(kHeight);
  const Box rest = draw_page(c, r.page, kHeight);
  const double left = 610;
  draw_confusion(c, r, {rest.x, rest.y, left, rest.h});
  draw_samples(c, r, {rest.x + left + kGap, rest.y, rest.w - left - kGap, rest.h});
  return c.save(path);
}

}  // namespace hearth::examples
