// Distances, products, patches and sampled images.
#include <cmath>

#include "core/ops/arithmetic.h"
#include "core/ops/columns.h"
#include "core/ops/distance.h"
#include "core/ops/products.h"
#include "core/ops/sampling.h"
#include "tests/core/op_table/functions.h"

namespace hearth::testing {
namespace {

void sampling_rows(Rows& rows) {
  std::vector<FunctionCase> cases;
  static std::vector<std::string> names;  // what the cases point at
  names.reserve(64);
  for (const auto mode : {SampleMode::kBilinear, SampleMode::kNearest, SampleMode::kBicubic}) {
    const char* const of_mode[] = {"bilinear", "nearest", "bicubic"};
    for (const auto padding : {SamplePadding::kZeros, SamplePadding::kBorder, SamplePadding::kReflection}) {
      const char* const of_padding[] = {"zeros", "border", "reflection"};
      for (const bool corners : {false, true}) {
        for (const bool volume : {false, true}) {
          if (volume && mode == SampleMode::kBicubic) continue;
          names.push_back(std::string(volume ? "volume, " : "") + of_mode[static_cast<int>(mode)] + ", " +
                          of_padding[static_cast<int>(padding)] + (corners ? ", True" : ", False"));
          const GridSampleOptions o{mode, padding, corners};
          // Gradients of gradients of all would take the sanitizers minutes.
          const bool bilinear = mode == SampleMode::kBilinear;
          const bool smooth = volume     ? bilinear && padding == SamplePadding::kZeros && corners
                              : bilinear ? corners == (padding == SamplePadding::kReflection)
                                         : padding == SamplePadding::kBorder && !corners;
          cases.push_back({names.back().c_str(),
                           HEARTH_CALL(grid_sample(in[0], in[1], o)),
                           {.smooth = smooth, .batch = 3, .terms = mode == SampleMode::kBicubic ? 16. : 8.}});
        }
      }
    }
  }
  const GridSampleOptions reflected{SampleMode::kBilinear, SamplePadding::kReflection, true};
  const GridSampleOptions nearest{.mode = SampleMode::kNearest}, border{.padding_mode = SamplePadding::kBorder};
  cases.push_back({"one pixel", HEARTH_CALL(grid_sample(in[0], in[1], reflected)), {}});
  cases.push_back({"no numbers", HEARTH_CALL(grid_sample(in[0], in[1], nearest)), {}});
  cases.push_back({"no numbers, border", HEARTH_CALL(grid_sample(in[0], in[1], border)), {}});
  add_functions(rows, "grid_sample", cases, Accuracy::kGradient).takes = kFloatTypes;

  constexpr SampleOptions smooth{.smooth = true, .terms = 4};
  add_functions(rows, "affine_grid",
                {{"image, False", HEARTH_CALL(affine_grid(in[0], {2, 1, 3, 4})), smooth},
                 {"image, True", HEARTH_CALL(affine_grid(in[0], {2, 1, 3, 4}, true)), smooth},
                 {"volume, False", HEARTH_CALL(affine_grid(in[0], {1, 1, 2, 1, 3})), smooth},
                 {"volume, True", HEARTH_CALL(affine_grid(in[0], {1, 1, 2, 1, 3}, true)), smooth}},
                Accuracy::kGradient)
      .takes = kFloatTypes;
}

void patch_rows(Rows& rows) {
  const PatchOptions all{.dilation = {2, 1}, .padding = {1, 2}, .stride = {1, 2}};
  const PatchOptions padded{.padding = 1, .stride = 2};
  add_functions(rows, "unfold_patches",
                {{"plain", HEARTH_CALL(unfold(in[0], 2)), {.smooth = true, .batch = 1}},
                 {"all", HEARTH_CALL(unfold(in[0], {2, 3}, all))},
                 {"one image", HEARTH_CALL(unfold(in[0], 3, padded))}})
      .takes = kFloatTypes;
  add_functions(rows, "fold",
                {{"plain", HEARTH_CALL(fold(in[0], 3, 2)), {.smooth = true, .terms = 4}},
                 {"all", HEARTH_CALL(fold(in[0], {5, 4}, {2, 3}, all)), {.smooth = true, .terms = 6}},
                 {"one image", HEARTH_CALL(fold(in[0], 4, 3, padded)), {.smooth = true, .terms = 9}}},
                Accuracy::kSum)
      .takes = kFloatTypes;
}

void product_rows(Rows& rows) {
  constexpr Accuracy sum = Accuracy::kSum;
  add_functions(rows, "tensordot",
                {{"two", HEARTH_CALL(tensordot(in[0], in[1], 2)), {.smooth = true, .batch = 1, .terms = 12}},
                 {"none", HEARTH_CALL(tensordot(in[0], in[1], 0))},
                 {"named", HEARTH_CALL(tensordot(in[0], in[1], {2, 0}, {0, -1})), {.smooth = true, .terms = 8}},
                 {"stretched", HEARTH_CALL(tensordot(in[0], in[1], Dims{1}, Dims{0})), {.smooth = true, .terms = 3}},
                 {"all", HEARTH_CALL(tensordot(in[0], in[1])), {.smooth = true, .terms = 6}}},
                sum)
      .takes = kNumberTypes;
  add_functions(rows, "cross",
                {{"last", HEARTH_CALL(cross(in[0], in[1], -1)), {.smooth = true, .batch = 3, .terms = 2}},
                 {"first", HEARTH_CALL(cross(in[0], in[1], 0)), {.smooth = true, .terms = 2}},
                 {"found", HEARTH_CALL(cross(in[0], in[1])), {.smooth = true, .terms = 2}}},
                sum)
      .takes = kNumberTypes;
  add_functions(rows, "kron",
                {{"matrices", HEARTH_CALL(kron(in[0], in[1]))}, {"mixed", HEARTH_CALL(kron(in[0], in[1]))}},
                Accuracy::kGradient);
}

}  // namespace

static void distance_rows(Rows& rows) {
  constexpr SampleOptions smooth{.smooth = true, .batch = 1, .terms = 4}, plain{};
  constexpr Accuracy close = Accuracy::kGradient;
  add_functions(rows, "normalize",
                {{"rows", HEARTH_CALL(normalize(in[0])), smooth},
                 {"p", HEARTH_CALL(normalize(in[0], 1, 0)), {.terms = 4}},
                 {"two dimensions", HEARTH_CALL(normalize(in[0], 3, {0, 2})), {.terms = 4}},
                 {"zero", HEARTH_CALL(normalize(in[0])), plain},
                 {"great eps", HEARTH_CALL(normalize(in[0], 2, 1, 8)), smooth}},
                close)
      .takes = kFloatTypes;
  add_functions(rows, "cosine_similarity",
                {{"rows", HEARTH_CALL(cosine_similarity(in[0], in[1])), {.smooth = true, .batch = 3, .terms = 4}},
                 {"pairs", HEARTH_CALL(cosine_similarity(in[0], in[1], -1)), {.smooth = true, .terms = 4}},
                 {"stretched", HEARTH_CALL(cosine_similarity(in[0], in[1], 0)), {.smooth = true, .terms = 4}},
                 {"zero", HEARTH_CALL(cosine_similarity(in[0], in[1])), plain}},
                close)
      .takes = kFloatTypes;
  add_functions(rows, "pairwise_distance",
                {{"rows", HEARTH_CALL(pairwise_distance(in[0], in[1])), {.smooth = true, .batch = 3, .terms = 4}},
                 {"p", HEARTH_CALL(pairwise_distance(in[0], in[1], 1, 0.5, true)), {.terms = 4}}},
                close)
      .takes = kFloatTypes;
  OpRow& d = add_functions(rows, "cdist",
                           {{"0", HEARTH_CALL(cdist(in[0], in[1] + 0.0625, 0)), {.terms = 5}},
                            {"1", HEARTH_CALL(cdist(in[0], in[1] + 0.0625, 1)), {.smooth = true, .terms = 5}},
                            {"2", HEARTH_CALL(cdist(in[0], in[1] + 0.0625)), {.smooth = true, .terms = 5}},
                            {"1.5", HEARTH_CALL(cdist(in[0], in[1] + 0.0625, 1.5)), {.smooth = true, .terms = 5}},
                            {"3", HEARTH_CALL(cdist(in[0], in[1] + 0.0625, 3)), {.smooth = true, .terms = 5}},
                            {"inf", HEARTH_CALL(cdist(in[0], in[1] + 0.0625, INFINITY)), {.smooth = true, .terms = 5}},
                            {"long rows", HEARTH_CALL(cdist(in[0], in[1])), {.smooth = true, .terms = 37}},
                            {"stretched", HEARTH_CALL(cdist(in[0], in[1])), {.smooth = true, .terms = 3}},
                            {"equal rows", HEARTH_CALL(cdist(in[0], in[1])), plain},
                            {"no sizes", HEARTH_CALL(cdist(in[0], in[1])), plain},
                            {"no rows", HEARTH_CALL(cdist(in[0], in[1])), plain},
                            {"nan", HEARTH_CALL(cdist(in[0], in[1], INFINITY)), plain}},
                           close);
  d.composed = false;
  d.takes = kFloatTypes;
  add_functions(rows, "dist",
                {{"p", HEARTH_CALL(dist(in[0], in[1], 3)), {.smooth = true, .terms = 6}},
                 {"two", HEARTH_CALL(dist(in[0], in[1])), {.smooth = true, .terms = 6}}},
                close)
      .takes = kFloatTypes;
  add_functions(rows, "renorm",
                {{"rows", HEARTH_CALL(renorm(in[0], 2, 0, 2)), {.smooth = true, .terms = 4}},
                 {"columns", HEARTH_CALL(renorm(in[0], 1, 1, 3)), {.smooth = true, .terms = 6}}},
                close)
      .takes = kFloatTypes;
  product_rows(rows);
  patch_rows(rows);
  sampling_rows(rows);
}

HEARTH_OP_ROWS(distance_rows);

}  // namespace hearth::testing
