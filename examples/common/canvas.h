// A page to draw on with Cairo: what the examples' reports are made of.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

// Cairo's own types.
struct _cairo;
struct _cairo_surface;

namespace hearth::examples {

struct Colour {
  double r, g, b;
};
constexpr Colour rgb(int hex) { return {(hex >> 16 & 255) / 255.0, (hex >> 8 & 255) / 255.0, (hex & 255) / 255.0}; }
constexpr Colour kPaper = rgb(0xF6F4F0), kCard = rgb(0xFFFFFF), kLine = rgb(0xE3DFD8), kInk = rgb(0x23262B),
                 kSoft = rgb(0x767B83), kEmber = rgb(0xD1541F), kBlue = rgb(0x2A6F97), kTrack = rgb(0xEFECE6);
constexpr Colour mix(Colour a, Colour b, double t) {
  return {a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

// All lengths are in points of a page 1200 wide, which is drawn with two pixels for each.
constexpr double kWidth = 1200, kMargin = 40, kGap = 20, kPadding = 20;

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
  explicit Canvas(double height);
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  void fill(const Box& b, Colour c, double radius = 0, double alpha = 1);
  void card(const Box& b);
  void line(double x0, double y0, double x1, double y1, Colour c, double width);
  void curve(const std::vector<std::pair<double, double>>& points, Colour c, double width);
  void dot(double x, double y, double radius, Colour c);
  double text_width(const std::string& s, double size, bool bold = false);
  // The baseline is at y. Text longer than max_width is cut and ends in an ellipsis.
  void text(std::string s, double x, double y, double size, Colour c, Align align = Align::kLeft, bool bold = false,
            double max_width = 1e9);
  void turned_text(const std::string& s, double x, double y, double angle, double size, Colour c);
  // height * width greys, 255 is ink, with dark ink on white and sharp pixels, within a rounded frame.
  void picture(const std::vector<uint8_t>& pixels, int height, int width, const Box& b);
  // As a PNG.
  absl::Status save(const std::string& path);

 private:
  void colour(Colour c, double alpha = 1);
  void font(double size, bool bold);
  void outline(const Box& b, double radius);
  _cairo_surface* surface_;
  _cairo* cr_;
};

}  // namespace hearth::examples
