#include "examples/common/page.h"

#include <algorithm>

namespace hearth::examples {

Box draw_page(Canvas& c, const Page& page, double height) {
  c.fill({0, 0, kWidth, height}, kPaper);
  const double inner = kWidth - 2 * kMargin;

  c.fill({kMargin, 40, 5, 46}, kEmber, 2.5);
  c.text(page.title, kMargin + 18, 62, 25, kInk, Align::kLeft, true);
  c.text(page.subtitle, kMargin + 18, 84, 12, kSoft);
  double x = kWidth - kMargin;
  for (size_t i = std::min<size_t>(page.figures.size(), 5); i-- > 0;) {
    const Figure& f = page.figures[i];
    const double size = i == 0 ? 27 : 21;
    c.text(f.value, x, 63, size, i == 0 ? kEmber : kInk, Align::kRight, true);
    c.text(f.label, x, 84, 11, kSoft, Align::kRight);
    x -= std::max(c.text_width(f.value, size, true), c.text_width(f.label, 11)) + 34;
  }

  const double charts_top = 112, charts_height = 282;
  const size_t n = std::min<size_t>(page.charts.size(), 3);
  for (size_t i = 0; i < n; ++i) {
    const double w = (inner - kGap * static_cast<double>(n - 1)) / static_cast<double>(n);
    draw_chart(c, page.charts[i], {kMargin + static_cast<double>(i) * (w + kGap), charts_top, w, charts_height});
  }
  c.text(page.footer, kMargin, height - 24, 10.5, kSoft);
  c.text("drawn by Hearth", kWidth - kMargin, height - 24, 10.5, kSoft, Align::kRight);
  const double top = charts_top + charts_height + kGap;
  return {kMargin, top, inner, height - top - 54};
}

}  // namespace hearth::examples
