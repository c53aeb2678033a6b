#include "examples/fashion/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>
#include <numeric>

#include <cairo.h>

#include "absl/strings/str_format.h"
#include "core/io/atomic_file.h"

namespace hearth::fashion {
namespace {

// All lengths are in points of a page 1200 wide, drawn at kScale pixels each.
constexpr double kScale = 2, kWidth = 1200, kHeight = 1116, kMargin = 40, kGap = 20, kPadding = 20;

struct Colour {
  double r, g, b;
};
constexpr Colour rgb(int hex) { return {(hex >> 16 & 255) / 255.0, (hex >> 8 & 255) / 255.0, (hex & 255) / 255.0}; }
constexpr Colour kPaper = rgb(0xF6F4F0), kCard = rgb(0xFFFFFF), kLine = rgb(0xE3DFD8), kInk = rgb(0x23262B),
                 kSoft = rgb(0x767B83), kEmber = rgb(0xD1541F), kBlue = rgb(0x2A6F97), kTrack = rgb(0xEFECE6);
constexpr Colour mix(Colour a, Colour b, double t) {
  return {a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

struct Box {
  double x, y, w, h;
  double right() const { return x + w; }
  double bottom() const { return y + h; }
  Box inset(double left, double top, double right, double bottom) const {
    return {x + left, y + top, w - left - right, h - top - bottom};
  }
};

enum class Align { kLeft, kCentre, kRight };

class Canvas {
 public:
  Canvas()
      : surface_(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(kWidth * kScale),
                                            static_cast<int>(kHeight * kScale))),
        cr_(cairo_create(surface_)) {
    cairo_scale(cr_, kScale, kScale);
    cairo_font_options_t* options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(cr_, options);
    cairo_font_options_destroy(options);
    cairo_set_line_cap(cr_, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(cr_, CAIRO_LINE_JOIN_ROUND);
  }
  ~Canvas() {
    cairo_destroy(cr_);
    cairo_surface_destroy(surface_);
  }
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  void colour(Colour c, double alpha = 1) { cairo_set_source_rgba(cr_, c.r, c.g, c.b, alpha); }
  void fill(const Box& b, Colour c, double radius = 0, double alpha = 1) {
    colour(c, alpha);
    outline(b, radius);
    cairo_fill(cr_);
  }
  void card(const Box& b) {
    fill(b, kCard, 10);
    colour(kLine);
    cairo_set_line_width(cr_, 1);
    outline(b, 10);
    cairo_stroke(cr_);
  }
  void line(double x0, double y0, double x1, double y1, Colour c, double width) {
    colour(c);
    cairo_set_line_width(cr_, width);
    cairo_move_to(cr_, x0, y0);
    cairo_line_to(cr_, x1, y1);
    cairo_stroke(cr_);
  }
  void curve(const std::vector<std::pair<double, double>>& points, Colour c, double width) {
    colour(c);
    cairo_set_line_width(cr_, width);
    for (const auto& [x, y] : points) cairo_line_to(cr_, x, y);
    cairo_stroke(cr_);
  }
  void dot(double x, double y, double radius, Colour c) {
    colour(c);
    cairo_new_sub_path(cr_);
    cairo_arc(cr_, x, y, radius, 0, 2 * M_PI);
    cairo_fill(cr_);
  }
  double text_width(const std::string& s, double size, bool bold = false) {
    font(size, bold);
    cairo_text_extents_t e;
    cairo_text_extents(cr_, s.c_str(), &e);
    return e.x_advance;
  }
  // The baseline is at y. Text longer than max_width is cut and ends in an ellipsis.
  void text(std::string s, double x, double y, double size, Colour c, Align align = Align::kLeft, bool bold = false,
            double max_width = 1e9) {
    if (text_width(s, size, bold) > max_width) {
      while (!s.empty() && text_width(s + "…", size, bold) > max_width) {
        do {
          s.pop_back();
        } while (!s.empty() && (s.back() & 0xc0) == 0x80);
      }
      s += "…";
    }
    const double w = text_width(s, size, bold);
    colour(c);
    cairo_move_to(cr_, align == Align::kLeft ? x : align == Align::kRight ? x - w : x - w / 2, y);
    cairo_show_text(cr_, s.c_str());
    cairo_new_path(cr_);
  }
  void turned_text(const std::string& s, double x, double y, double angle, double size, Colour c) {
    cairo_save(cr_);
    cairo_translate(cr_, x, y);
    cairo_rotate(cr_, angle);
    text(s, 0, 0, size, c);
    cairo_restore(cr_);
  }
  // A grey picture with dark ink on white, its pixels kept sharp, within a rounded frame.
  void picture(const Sample& s, const Box& b) {
    const int stride = cairo_format_stride_for_width(CAIRO_FORMAT_RGB24, s.width);
    std::vector<unsigned char> data(static_cast<size_t>(stride) * static_cast<size_t>(s.height));
    for (int y = 0; y < s.height; ++y) {
      auto* row = reinterpret_cast<uint32_t*>(data.data() + static_cast<size_t>(y) * static_cast<size_t>(stride));
      for (int x = 0; x < s.width; ++x) {
        const uint32_t v =
            255u - s.pixels[static_cast<size_t>(y) * static_cast<size_t>(s.width) + static_cast<size_t>(x)];
        row[x] = v << 16 | v << 8 | v;
      }
    }
    cairo_surface_t* image =
        cairo_image_surface_create_for_data(data.data(), CAIRO_FORMAT_RGB24, s.width, s.height, stride);
    cairo_save(cr_);
    outline(b, 6);
    cairo_clip(cr_);
    cairo_translate(cr_, b.x, b.y);
    cairo_scale(cr_, b.w / s.width, b.h / s.height);
    cairo_set_source_surface(cr_, image, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr_), CAIRO_FILTER_NEAREST);
    cairo_paint(cr_);
    cairo_restore(cr_);
    cairo_surface_destroy(image);
    colour(kLine);
    cairo_set_line_width(cr_, 1);
    outline(b, 6);
    cairo_stroke(cr_);
  }

  absl::Status save(const std::string& path) {
    std::string png;
    const auto append = [](void* to, const unsigned char* data, unsigned int n) {
      static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(data), n);
      return CAIRO_STATUS_SUCCESS;
    };
    const cairo_status_t drawn = cairo_status(cr_);
    const cairo_status_t status =
        drawn != CAIRO_STATUS_SUCCESS ? drawn : cairo_surface_write_to_png_stream(surface_, append, &png);
    if (status != CAIRO_STATUS_SUCCESS) {
      return absl::InternalError(absl::StrFormat("cannot draw %s: %s", path, cairo_status_to_string(status)));
    }
    return io::write_file(path, png);
  }

 private:
  void font(double size, bool bold) {
    cairo_select_font_face(cr_, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr_, size);
  }
  void outline(const Box& b, double r) {
    cairo_new_path(cr_);
    if (r == 0) {
      cairo_rectangle(cr_, b.x, b.y, b.w, b.h);
      return;
    }
    r = std::min({r, b.w / 2, b.h / 2});
    cairo_arc(cr_, b.right() - r, b.y + r, r, -M_PI / 2, 0);
    cairo_arc(cr_, b.right() - r, b.bottom() - r, r, 0, M_PI / 2);
    cairo_arc(cr_, b.x + r, b.bottom() - r, r, M_PI / 2, M_PI);
    cairo_arc(cr_, b.x + r, b.y + r, r, M_PI, 3 * M_PI / 2);
    cairo_close_path(cr_);
  }

  cairo_surface_t* surface_;
  cairo_t* cr_;
};

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

void draw_confusion(Canvas& c, const Report& r, const Box& card) {
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

void draw_sample(Canvas& c, const Report& r, const Sample& s, const Box& b) {
  const double side = 74;
  c.picture(s, {b.x, b.y + (b.h - side) / 2, side, side});
  std::vector<int> order(s.probabilities.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int i, int j) {
    return s.probabilities[static_cast<size_t>(i)] > s.probabilities[static_cast<size_t>(j)];
  });
  order.resize(std::min<size_t>(order.size(), 3));
  const double x = b.x + side + 14, w = b.right() - x;
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

void draw_samples(Canvas& c, const Report& r, const Box& card) {
  c.card(card);
  c.text("What it sees", card.x + kPadding, card.y + 30, 14, kInk, Align::kLeft, true);
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

absl::Status check(const Report& r) {
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

}  // namespace

absl::Status draw_report(const Report& r, const std::string& path) {
  if (absl::Status s = check(r); !s.ok()) return s;
  Canvas c;
  c.fill({0, 0, kWidth, kHeight}, kPaper);
  const double inner = kWidth - 2 * kMargin;

  c.fill({kMargin, 40, 5, 46}, kEmber, 2.5);
  c.text(r.title, kMargin + 18, 62, 25, kInk, Align::kLeft, true);
  c.text(r.subtitle, kMargin + 18, 84, 12, kSoft);
  double x = kWidth - kMargin;
  for (size_t i = std::min<size_t>(r.figures.size(), 5); i-- > 0;) {
    const Figure& f = r.figures[i];
    const double size = i == 0 ? 27 : 21;
    c.text(f.value, x, 63, size, i == 0 ? kEmber : kInk, Align::kRight, true);
    c.text(f.label, x, 84, 11, kSoft, Align::kRight);
    x -= std::max(c.text_width(f.value, size, true), c.text_width(f.label, 11)) + 34;
  }

  const double charts_top = 112, charts_height = 282;
  const size_t n = std::min<size_t>(r.charts.size(), 3);
  for (size_t i = 0; i < n; ++i) {
    const double w = (inner - kGap * static_cast<double>(n - 1)) / static_cast<double>(n);
    draw_chart(c, r.charts[i], {kMargin + static_cast<double>(i) * (w + kGap), charts_top, w, charts_height});
  }
  const double top = charts_top + charts_height + kGap, height = kHeight - top - 54, left = 610;
  draw_confusion(c, r, {kMargin, top, left, height});
  draw_samples(c, r, {kMargin + left + kGap, top, inner - left - kGap, height});
  c.text(r.footer, kMargin, kHeight - 24, 10.5, kSoft);
  c.text("drawn by Hearth", kWidth - kMargin, kHeight - 24, 10.5, kSoft, Align::kRight);
  return c.save(path);
}

}  // namespace hearth::fashion
