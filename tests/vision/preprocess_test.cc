// Preprocess graphs: they give what the function gives, at sizes never traced, from many threads.
#include "vision/preprocess.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/data/loader.h"
#include "core/data/preprocessed.h"
#include "core/graph/trace.h"
#include "core/op/op_def.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/random.h"
#include "core/ops/view.h"
#include "vision/ops/color.h"
#include "vision/ops/geometry.h"
#include "vision/ops/resize.h"

namespace hearth::vision {
namespace {

Tensor image(int64_t c, int64_t h, int64_t w, uint64_t seed = 1) {
  Generator g(seed);
  return randint(0, 256, {c, h, w}, {.dtype = u8}, &g);
}
void fails(const std::function<void()>& f, const std::string& part) {
  try {
    f();
    FAIL() << "no error with \"" << part << '"';
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

Tensor classification(const Tensor& x) {
  return normalize(to_float(center_crop(resize_shorter_side(x, 40), 32)), {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225});
}

TEST(Preprocess, RunsAtAnySize) {
  const std::pair<const char*, ImageFunction> functions[] = {
      {"classification", classification},
      {"square", [](const Tensor& x) { return to_float(resize(x, 28, {.interpolation = Interpolation::kBicubic})); }},
      {"pad",
       [](const Tensor& x) {
         return resize(to_float(pad(x, {3, 1, 2, 9}, {.mode = PadMode::kReflect})), 20);
       }},
      {"nearest", [](const Tensor& x) { return to_float(resize(x, 9, {.interpolation = Interpolation::kNearest})); }},
      {"crop of a padding",
       [](const Tensor& x) {
         return to_float(crop(pad(x, 4), 2, 3, {30, 31}));
       }},
      {"flip and grey",
       [](const Tensor& x) {
         return to_float(center_crop(rgb_to_grayscale(horizontal_flip(x)), {10, 70}));
       }},
      {"colours",
       [](const Tensor& x) {
         return to_float(resize(adjust_hue(adjust_contrast(adjust_saturation(x, 1.4), 0.8), 0.1), {8, 9}));
       }},
  };
  for (const auto& [name, f] : functions) {
    const graph::Graph g = trace_preprocess(f);
    ASSERT_EQ(g.inputs.size(), 1u);
    EXPECT_EQ(g.inputs[0].name, "image");
    ASSERT_EQ(g.dims.size(), 2u);
    for (const auto& [h, w] : {std::pair<int64_t, int64_t>{64, 64}, {33, 200}, {200, 33}, {10, 10}, {47, 48}}) {
      const Tensor x = image(3, h, w), want = f(x), got = g(x);
      EXPECT_EQ(got.dtype(), f32);
      EXPECT_TRUE(got.equal(want)) << name << ' ' << h << " x " << w << '\n' << to_string(g);
    }
    fails([&] { g(image(1, 40, 40)); }, "input \"image\" has shape [1, 40, 40]; expected [3, height, width]");
    fails([&] { g(to_float(image(3, 40, 40))); }, "input \"image\" must be u8, but is f32");
  }
}

TEST(Preprocess, FunctionsThatDoNotFitAreRefused) {
  fails([] { trace_preprocess([](const Tensor& x) { return resize(x, 8); }); }, "must give f32 [c, h, w]");
  fails([] { trace_preprocess([](const Tensor& x) { return to_float(x); }); }, "a size that depends on the image's");
  fails([] { trace_preprocess([](const Tensor& x) { return to_float(resize_shorter_side(x, 8)); }); },
        "the shape of output \"output\" depends on the sizes in another way");
  fails([] { trace_preprocess([](const Tensor& x) { return to_float(resize_shorter_side(x, 200)); }); },
        "depends on the sizes");
  fails([] { trace_preprocess([](const Tensor& x) { return to_float(resize(x, 8)).unsqueeze(0); }); }, "of rank 4");
  fails([] { trace_preprocess([](const Tensor& x) { return normalize(resize(x, 8), {0.5}, {0.5}); }); },
        "normalize: dtype u8");
}

TEST(Preprocess, OpsAreFoundByName) {
  for (const char* name :
       {"vision::resize", "vision::resize_grad", "vision::resize_nearest", "vision::resize_nearest_grad",
        "vision::crop", "vision::center_crop", "vision::pad", "vision::pad_grad"}) {
    const OpDef* op = find_op(name);
    ASSERT_NE(op, nullptr) << name;
    EXPECT_STREQ(op->name, name);
  }
}

class Pictures final : public data::Dataset {
 public:
  int64_t size() const override { return 60; }
  data::Example get(int64_t i, Generator&) const override {
    return {image(3, 30 + i % 17, 35 + i * 7 % 23, static_cast<uint64_t>(i)), scalar_tensor(i)};
  }
};

TEST(Preprocess, RunsInLoaderThreads) {
  const auto g = std::make_shared<const graph::Graph>(trace_preprocess(classification));
  const auto pictures = std::make_shared<Pictures>();
  const data::DatasetPtr all = data::preprocessed(pictures, g);
  std::vector<Tensor> alone;
  for (auto [x, y] : data::DataLoader(all, {.batch_size = 7})) alone.push_back(x);
  ASSERT_EQ(alone.size(), 9u);
  EXPECT_EQ(alone[0].shape(), (Shape{7, 3, 32, 32}));
  Generator random;
  EXPECT_TRUE(alone[1][2].equal(classification(pictures->get(9, random)["input"])));
  data::DataLoader loader(all, {.batch_size = 7, .workers = 4});
  for (int epoch = 0; epoch < 2; ++epoch) {
    size_t batch = 0;
    for (auto [x, y] : loader) {
      ASSERT_LT(batch, alone.size());
      EXPECT_TRUE(x.equal(alone[batch])) << batch;
      ++batch;
    }
    EXPECT_EQ(batch, alone.size());
  }
}

}  // namespace
}  // namespace hearth::vision
