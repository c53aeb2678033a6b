#include "examples/common/canvas.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <cairo.h>

#include "absl/strings/str_format.h"
#include "core/io/atomic_file.h"

namespace hearth::examples {
namespace {

constexpr double kScale = 2;  // pixels for each point

}  // namespace

Canvas::Canvas(double height)
    : surface_(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(kWidth * kScale),
                                          static_cast<int>(height * kScale))),
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

Canvas::~Canvas() {
  cairo_destroy(cr_);
  cairo_surface_destroy(surface_);
}

void Canvas::colour(Colour c, double alpha) { cairo_set_source_rgba(cr_, c.r, c.g, c.b, alpha); }
void Canvas::fill(const Box& b, Colour c, double radius, double alpha) {
  colour(c, alpha);
  outline(b, radius);
  cairo_fill(cr_);
}

void Canvas::card(const Box& b) {
  fill(b, kCard, 10);
  colour(kLine);
  cairo_set_line_width(cr_, 1);
  outline(b, 10);
  cairo_stroke(cr_);
}

void Canvas::line(double x0, double y0, double x1, double y1, Colour c, double width) {
  colour(c);
  cairo_set_line_width(cr_, width);
  cairo_move_to(cr_, x0, y0);
  cairo_line_to(cr_, x1, y1);
  cairo_stroke(cr_);
}

void Canvas::curve(const std::vector<std::pair<double, double>>& points, Colour c, double width) {
  colour(c);
  cairo_set_line_width(cr_, width);
  for (const auto& [x, y] : points) cairo_line_to(cr_, x, y);
  cairo_stroke(cr_);
}

void Canvas::dot(double x, double y, double radius, Colour c) {
  colour(c);
  cairo_new_sub_path(cr_);
  cairo_arc(cr_, x, y, radius, 0, 2 * M_PI);
  cairo_fill(cr_);
}

double Canvas::text_width(const std::string& s, double size, bool bold) {
  font(size, bold);
  cairo_text_extents_t e;
  cairo_text_extents(cr_, s.c_str(), &e);
  return e.x_advance;
}

void Canvas::text(std::string s, double x, double y, double size, Colour c, Align align, bool bold, double max_width) {
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

void Canvas::turned_text(const std::string& s, double x, double y, double angle, double size, Colour c) {
  cairo_save(cr_);
  cairo_translate(cr_, x, y);
  cairo_rotate(cr_, angle);
  text(s, 0, 0, size, c);
  cairo_restore(cr_);
}

void Canvas::picture(const std::vector<uint8_t>& pixels, int height, int width, const Box& b) {
  const int stride = cairo_format_stride_for_width(CAIRO_FORMAT_RGB24, width);
  std::vector<unsigned char> data(static_cast<size_t>(stride) * static_cast<size_t>(height));
  for (int y = 0; y < height; ++y) {
    auto* row = reinterpret_cast<uint32_t*>(data.data() + static_cast<size_t>(y) * static_cast<size_t>(stride));
    for (int x = 0; x < width; ++x) {
      const uint32_t v = 255u - pixels[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)];
      row[x] = v << 16 | v << 8 | v;
    }
  }
  cairo_surface_t* image = cairo_image_surface_create_for_data(data.data(), CAIRO_FORMAT_RGB24, width, height, stride);
  cairo_save(cr_);
  outline(b, 6);
  cairo_clip(cr_);
  cairo_translate(cr_, b.x, b.y);
  cairo_scale(cr_, b.w / width, b.h / height);
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

absl::Status Canvas::save(const std::string& path) {
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

void Canvas::font(double size, bool bold) {
  cairo_select_font_face(cr_, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                         bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cr_, size);
}

void Canvas::outline(const Box& b, double r) {
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

}  // namespace hearth::examples
