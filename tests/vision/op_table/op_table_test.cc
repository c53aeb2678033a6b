// The vision room's op table: one row for each of its records, see core/testing/op_table.h.
#include "core/testing/op_table.h"

#include "core/op/run.h"
#include "core/testing/golden.h"
#include "core/testing/tensors.h"
#include "vision/ops/geometry.h"
#include "vision/ops/resize.h"

namespace hearth::vision {
namespace {

using testing::Accuracy;
using testing::Golden;
using testing::In;
using testing::OpRow;
using testing::Out;
using testing::Sample;

// Images of the samples: as IMAGES and IMAGE in tools/golden/vision_table.py.
const Shape kBatch{2, 2, 5, 6}, kSingle{2, 5, 6};

// More than one thread takes, and more than fits a vector.
Sample large(const char* name, TensorFunction call) {
  return {.name = name,
          .inputs = [](DType t) -> Out {
            return {testing::noise({3, 3, 211, 190}, t, 0, 255)};
          },
          .call = std::move(call),
          .large = true};
}

// A resizing and its gradient, which is run with both shapes. kGradient: the weights are rounded, and summed twice.
void resize_rows(std::vector<OpRow>& rows, const Golden& golden) {
  OpRow resized{.op = "vision::resize", .accuracy = Accuracy::kGradient},
      grad{.op = "vision::resize_grad", .accuracy = Accuracy::kGradient};
  const struct {
    const char* name;
    Extent2 size;
    ResizeOptions options;
    const Shape& images;
  } cases[] = {
      {"bilinear", {3, 4}, {}, kBatch},
      {"bilinear up", {9, 13}, {}, kSingle},
      {"bilinear plain", {3, 2}, {.antialias = false}, kBatch},
      {"bicubic", {4, 11}, {.interpolation = Interpolation::kBicubic}, kBatch},
      {"bicubic plain", {7, 3}, {.interpolation = Interpolation::kBicubic, .antialias = false}, kSingle},
      {"same", {5, 6}, {}, kSingle},
      {"one pixel", {1, 1}, {.interpolation = Interpolation::kBicubic}, kSingle},
  };
  for (const auto& c : cases) {
    const ResizeAttrs back{.size = {c.size.h, c.size.w},
                           .interpolation = c.options.interpolation,
                           .antialias = c.options.antialias,
                           .shape = c.images};
    const bool batched = c.images.rank() == 4;
    resized.samples.push_back(golden.sample(
        concat("resize/", c.name), [size = c.size, o = c.options](In in) -> Out { return {resize(in[0], size, o)}; },
        {.smooth = true, .batch = batched ? 1U : 0, .terms = 30}));
    grad.samples.push_back(golden.sample(concat("resize_grad/", c.name),
                                         [back](In in) -> Out {
                                           ResizeAttrs a = back;
                                           a.shape[0] = in[0].size(0);
                                           return {run(kResizeGrad, {in[0]}, a)};
                                         },
                                         {.smooth = true, .batch = batched ? 1U : 0, .terms = 30}));
  }
  resized.samples.push_back(golden.sample("resize/shorter side", HEARTH_CALL(resize_shorter_side(in[0], 3)),
                                          {.smooth = true, .batch = 1, .terms = 30}));
  // Pillow's bytes are compared in ops_test.
  resized.samples.push_back(large("large", HEARTH_CALL(resize(in[0], {97, 222}))));
  resized.samples.push_back(
      large("large bicubic", HEARTH_CALL(resize(in[0], {97, 222}, {.interpolation = Interpolation::kBicubic}))));
  resized.samples.push_back(large("large plain", HEARTH_CALL(resize(in[0], {97, 222}, {.antialias = false}))));
  grad.samples.push_back(large("large", [](In in) -> Out {
    return {run(kResizeGrad, {in[0]}, ResizeAttrs{.size = {211, 190}, .shape = {3, 3, 97, 222}})};
  }));
  rows.push_back(std::move(resized));
  rows.push_back(std::move(grad));
}

void nearest_rows(std::vector<OpRow>& rows, const Golden& golden) {
  OpRow resized{.op = "vision::resize_nearest"}, grad{.op = "vision::resize_nearest_grad", .accuracy = Accuracy::kSum};
  const struct {
    const char* name;
    Extent2 size;
    Interpolation interpolation;
  } cases[] = {{"down", {3, 4}, Interpolation::kNearest},
               {"up", {9, 13}, Interpolation::kNearest},
               {"exact down", {3, 4}, Interpolation::kNearestExact},
               {"exact up", {8, 7}, Interpolation::kNearestExact}};
  for (const auto& c : cases) {
    resized.samples.push_back(golden.sample(
        concat("resize_nearest/", c.name),
        [size = c.size, i = c.interpolation](In in) -> Out { return {resize(in[0], size, {.interpolation = i})}; },
        {.smooth = true, .batch = 1}));
    const ResizeAttrs back{.size = {c.size.h, c.size.w}, .interpolation = c.interpolation, .shape = kBatch};
    grad.samples.push_back(golden.sample(concat("resize_nearest_grad/", c.name),
                                         [back](In in) -> Out {
                                           ResizeAttrs a = back;
                                           a.shape[0] = in[0].size(0);
                                           return {run(kResizeNearestGrad, {in[0]}, a)};
                                         },
                                         {.smooth = true, .batch = 1, .terms = 9}));
  }
  resized.samples.push_back(
      large("large", HEARTH_CALL(resize(in[0], {97, 222}, {.interpolation = Interpolation::kNearest}))));
  rows.push_back(std::move(resized));
  rows.push_back(std::move(grad));
}

void crop_rows(std::vector<OpRow>& rows, const Golden& golden) {
  OpRow cropped{.op = "vision::crop"}, centered{.op = "vision::center_crop"};
  const struct {
    const char* name;
    int64_t top, left;
    Extent2 size;
  } places[] = {{"inside", 1, 2, {3, 4}}, {"across", -1, 4, {5, 4}}, {"outside", 20, 0, {2, 2}}};
  for (const auto& p : places) {
    cropped.samples.push_back(golden.sample(concat("crop/", p.name),
                                            [=](In in) -> Out { return {crop(in[0], p.top, p.left, p.size)}; },
                                            {.smooth = true, .batch = 1}));
  }
  const struct {
    const char* name;
    Extent2 size;
    bool batched;
  } sizes[] = {{"even", {3, 4}, true}, {"odd", {2, 3}, true}, {"larger", {8, 3}, false}, {"whole", {5, 6}, false}};
  for (const auto& s : sizes) {
    centered.samples.push_back(golden.sample(concat("center_crop/", s.name),
                                             [size = s.size](In in) -> Out { return {center_crop(in[0], size)}; },
                                             {.smooth = true, .batch = s.batched ? 1U : 0}));
  }
  cropped.samples.push_back(large("large", HEARTH_CALL(crop(in[0], -3, 5, {205, 190}))));
  rows.push_back(std::move(cropped));
  rows.push_back(std::move(centered));
}

void pad_rows(std::vector<OpRow>& rows, const Golden& golden) {
  OpRow pads{.op = "vision::pad"}, grad{.op = "vision::pad_grad", .accuracy = Accuracy::kSum};
  const struct {
    const char* name;
    PadAttrs attrs;
  } cases[] = {{"constant", {1, 2, 3, 0, PadMode::kConstant, 1}},
               {"zero", {0, 1, 0, 2, PadMode::kConstant, 0}},
               {"reflect", {5, 4, 3, 4, PadMode::kReflect, 0}},
               {"replicate", {9, 0, 3, 2, PadMode::kReplicate, 0}},
               {"symmetric", {6, 5, 6, 5, PadMode::kSymmetric, 0}}};
  for (const auto& c : cases) {
    const PadAttrs a = c.attrs;
    pads.samples.push_back(
        golden.sample(concat("pad/", c.name),
                      [a](In in) -> Out {
                        return {pad(in[0], {a.left, a.top, a.right, a.bottom}, {.mode = a.mode, .fill = a.fill})};
                      },
                      {.smooth = true, .batch = 1}));
    grad.samples.push_back(golden.sample(concat("pad_grad/", c.name),
                                         [a](In in) -> Out { return {run(kPadGrad, {in[0]}, a)}; },
                                         {.smooth = true, .batch = 1, .terms = 12}));
  }
  pads.samples.push_back(large("large", HEARTH_CALL(pad(in[0], 31, {.mode = PadMode::kSymmetric}))));
  rows.push_back(std::move(pads));
  rows.push_back(std::move(grad));
}

}  // namespace
}  // namespace hearth::vision

int main(int argc, char** argv) {
  using namespace hearth;
  return testing::run_op_table(argc, argv, [] {
    const testing::Golden golden("tests/vision/op_table/golden.safetensors");
    testing::OpTable table;
    table.owns = [](std::string_view name) { return name.starts_with("vision::"); };
    for (auto* family : {vision::resize_rows, vision::nearest_rows, vision::crop_rows, vision::pad_rows})
      family(table.rows, golden);
    return table;
  });
}
