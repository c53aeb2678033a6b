#include "examples/common/classifier_report.h"

#include <cmath>

#include "core/io/file.h"
#include "gtest/gtest.h"

// Fontconfig keeps what it has read until the process ends.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig"; }

namespace hearth::examples {
namespace {

ClassifierReport example() {
  ClassifierReport r;
  r.page.title = "Fashion-MNIST";
  r.page.subtitle = "three convolutions, AdamW, one cycle, 12 epochs";
  r.page.footer = "55,000 images to learn from, 5,000 held out, 10,000 to test on";
  r.page.figures = {
      {"92.87 %", "test accuracy"}, {"96.4 s", "training"}, {"6,840", "images/s"}, {"1.2 M", "parameters"}};
  Series train{"training", {}}, valid{"held out", {}, true}, right{"training", {}}, seen{"held out", {}, true},
      rate{"", {}};
  for (int i = 0; i <= 240; ++i) {
    const double e = i / 20.0;
    train.points.emplace_back(e, 0.1 + 1.1 * std::exp(-e / 1.7) + 0.03 * std::sin(i * 1.7));
    right.points.emplace_back(e, 0.965 - 0.4 * std::exp(-e / 1.3) + 0.008 * std::sin(i * 2.3));
    rate.points.emplace_back(e, 3e-3 * (e < 3 ? e / 3 : 0.5 + 0.5 * std::cos((e - 3) / 9 * M_PI)));
    if (i % 20 == 0 && i > 0) {
      valid.points.emplace_back(e, 0.2 + 0.6 * std::exp(-e / 1.5));
      seen.points.emplace_back(e, 0.93 - 0.2 * std::exp(-e / 1.5));
    }
  }
  r.page.charts = {{"Loss", "epoch", {train, valid}},
                   {"Accuracy", "epoch", {right, seen}, true},
                   {"Learning rate", "epoch", {rate}}};
  r.classes = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
               "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  for (int t = 0; t < 10; ++t) {
    for (int g = 0; g < 10; ++g)
      r.confusion.push_back(t == g ? 900 + 8 * t : (t * 7 + g * 3) % 5 == 0 ? 11 * ((t + g) % 4) : 0);
  }
  for (int k = 0; k < 10; ++k) {
    Sample s;
    for (int y = 0; y < 28; ++y) {
      for (int x = 0; x < 28; ++x) {
        const double d = std::hypot(x - 14, y - 14);
        s.pixels.push_back(static_cast<uint8_t>(d < 5 + k ? 230 - 12 * d : 0));
      }
    }
    s.truth = k;
    s.probabilities.assign(10, 0.01);
    s.probabilities[static_cast<size_t>(k)] = k < 5 ? 0.9 : 0.3;
    s.probabilities[static_cast<size_t>((k + 3) % 10)] = k < 5 ? 0.02 : 0.62;
    (k < 5 ? r.right : r.mistakes).push_back(s);
  }
  return r;
}

TEST(ReportTest, DrawsAPng) {
  const char* directory = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  const std::string path = (directory ? std::string(directory) : testing::TempDir()) + "/report.png";
  const absl::Status s = draw_report(example(), path);
  ASSERT_TRUE(s.ok()) << s;
  const std::string png = io::read_file(path, 10 << 20).value();
  EXPECT_EQ(png.substr(1, 3), "PNG");
  EXPECT_EQ(png.substr(16, 8), std::string("\0\0\x09\x60\0\0\x08\xb8", 8));  // 2400 x 2232
}

TEST(ReportTest, DrawsWithoutData) {
  ClassifierReport r;
  r.page.charts = {{"Loss", "epoch", {{"a", {{0, NAN}}}}}, {"One", "epoch", {{"a", {{0, 1}}}}}};
  EXPECT_TRUE(draw_report(r, testing::TempDir() + "/empty.png").ok());
}

TEST(ReportTest, RefusesPartsThatDoNotFit) {
  ClassifierReport r = example();
  r.confusion.pop_back();
  EXPECT_EQ(draw_report(r, "/none.png").code(), absl::StatusCode::kInvalidArgument);
  r = example();
  r.right[0].truth = 10;
  EXPECT_EQ(draw_report(r, "/none.png").code(), absl::StatusCode::kInvalidArgument);
  r = example();
  r.right[0].pixels.pop_back();
  EXPECT_EQ(draw_report(r, "/none.png").code(), absl::StatusCode::kInvalidArgument);
  r = example();
  r.mistakes[0].probabilities.clear();
  EXPECT_EQ(draw_report(r, "/none.png").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(draw_report(example(), "/no/such/place.png").ok());
}

}  // namespace
}  // namespace hearth::examples
