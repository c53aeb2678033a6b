#include "examples/common/chart.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace hearth::examples {
namespace {

// Round numbers that span [low, high].
struct Axis {
  double low, high, step;
  Axis(double a, double b, int ticks) {
    if (!(b > a)) b = a + (a == 0 ? 1 : std::abs(a) * 0.1);
    const double raw = (b - a) / ticks, power = std::pow(10, std::floor(std::log10(raw)));
    const double m = raw / power;
    step = power * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 2.5 ? 2.5 : m <= 5 ? 5 : 10);
    low = std::floor(a / step + 1e-9) * step;
    high = std::ceil(b / step - 1e-9) * step;
  }
  int ticks() const { return static_cast<int>(std::lround((high - low) / step)); }
  double tick(int i) const { return low + i * step; }
  std::string label(double v, bool percent) const {
    const double shown = percent ? v * 100 : v, s = percent ? step * 100 : step;
    if (!percent && std::max(std::abs(low), std::abs(high)) < 0.005) {
      return v == 0 ? "0" : absl::StrFormat("%.1e", v);
    }
    int decimals = 0;
    for (double d = s; decimals < 6 && std::abs(d - std::round(d)) > 1e-6; d *= 10) ++decimals;
    return absl::StrFormat("%.*f%s", decimals, shown, percent ? " %" : "");
  }
};

}  // namespace

Series smoothed(const std::string& name, const std::vector<double>& values, double last) {
  Series s{name, {}};
  const size_t n = values.size(), width = std::max<size_t>(1, n / 150);
  for (size_t i = 0; i < n; i += width) {
    const size_t end = std::min(i + width, n);
    double sum = 0;
    for (size_t k = i; k < end; ++k) sum += values[k];
    s.points.emplace_back(static_cast<double>(i + end) / 2 / static_cast<double>(n) * last,
                          sum / static_cast<double>(end - i));
  }
  return s;
}

void draw_chart(Canvas& c, const Chart& chart, const Box& card) {
  c.card(card);
  c.text(chart.title, card.x + kPadding, card.y + 30, 14, kInk, Align::kLeft, true);
  double left = 1e300, right = -1e300, low = 1e300, high = -1e300;
  for (const Series& s : chart.series) {
    for (const auto& [x, y] : s.points) {
      if (!std::isfinite(x) || !std::isfinite(y)) continue;
      left = std::min(left, x), right = std::max(right, x);
      low = std::min(low, y), high = std::max(high, y);
    }
  }
  const Box plot = card.inset(58, 48, kPadding, 44);
  if (left > right) {
    c.text("no data", card.x + card.w / 2, card.y + card.h / 2, 12, kSoft, Align::kCentre);
    return;
  }
  const Axis ys(low, high, 4), xs(left, right, 5);
  const double span = right > left ? right - left : 1;
  const auto px = [&](double x) { return plot.x + (x - left) / span * plot.w; };
  const auto py = [&](double y) { return plot.bottom() - (y - ys.low) / (ys.high - ys.low) * plot.h; };
  for (int i = 0; i <= ys.ticks(); ++i) {
    const double y = py(ys.tick(i));
    c.line(plot.x, y, plot.right(), y, i == 0 ? mix(kLine, kSoft, 0.5) : kLine, 1);
    c.text(ys.label(ys.tick(i), chart.percent), plot.x - 9, y + 3.5, 10, kSoft, Align::kRight);
  }
  for (int i = 0; i <= xs.ticks(); ++i) {
    const double x = xs.tick(i);
    if (x < left - 1e-9 || x > right + 1e-9) continue;
    c.text(xs.label(x, false), px(x), plot.bottom() + 16, 10, kSoft, Align::kCentre);
  }
  c.text(chart.x_label, plot.x + plot.w / 2, plot.bottom() + 32, 10, kSoft, Align::kCentre);

  double legend = card.right() - kPadding;
  for (auto s = chart.series.rbegin(); s != chart.series.rend(); ++s) {
    const Colour colour = s->second ? kBlue : kEmber;
    std::vector<std::pair<double, double>> line;
    for (const auto& [x, y] : s->points) {
      if (std::isfinite(x) && std::isfinite(y)) line.emplace_back(px(x), py(y));
    }
    c.curve(line, colour, 1.8);
    if (s->second) {
      for (const auto& [x, y] : line) c.dot(x, y, 2.8, colour);
    }
    if (chart.series.size() > 1) {
      c.text(s->name, legend, card.y + 30, 11, kSoft, Align::kRight);
      legend -= c.text_width(s->name, 11) + 20;
      c.line(legend, card.y + 26, legend + 13, card.y + 26, colour, 2.4);
      legend -= 16;
    }
  }
}

}  // namespace hearth::examples
