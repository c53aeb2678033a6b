#include <cmath>

#include "core/op/attrs/loss.h"
#include "core/op/run.h"
#include "core/ops/arithmetic.h"
#include "core/ops/loss.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

constexpr std::pair<const char*, Reduction> kReductions[] = {
    {"/mean", Reduction::kMean}, {"/sum", Reduction::kSum}, {"/none", Reduction::kNone}};

OpRow loss(const char* name) {
  return {.op = name, .accuracy = Accuracy::kGradient, .takes = kFloatTypes, .composed = true};
}

// Whole losses divide by numbers of elements that depend on the batch in ways a graph does not express.
constexpr SampleOptions kWhole{.smooth = true, .terms = 12};

template <class F>
void elementwise(Rows& rows, const char* name, F f, const char* variant = nullptr, TensorFunction with = nullptr) {
  OpRow row = loss(name);
  for (const auto& [label, reduction] : kReductions) {
    const Reduction r = reduction;
    add_golden(row, name + std::string(label), [f, r](In in) -> Out { return {f(in[0], in[1], r)}; },
               {.smooth = true, .batch = r == Reduction::kNone ? 3u : 0u, .terms = 12});
  }
  if (variant) add_golden(row, variant, std::move(with), kWhole);
  // Operands at distances where none of the losses has a kink.
  for (Sample& s : row.samples) s.smooth = false;
  row.samples.push_back({.name = "smooth",
                         .inputs = [](DType t) -> Out {
                           return {noise({2, 3}, t, 0.2, 0.8, 1), noise({2, 3}, t, -3, -0.9, 2)};
                         },
                         .call = [f](In in) -> Out { return {f(in[0], in[1], Reduction::kNone)}; },
                         .smooth = true,
                         .batch = 3});
  row.samples.push_back({.name = "smooth, close",
                         .inputs = [](DType t) -> Out {
                           return {noise({2, 3}, t, 0.5, 0.9, 1), noise({2, 3}, t, 0, 0.4, 2)};
                         },
                         .call = [f](In in) -> Out { return {f(in[0], in[1], Reduction::kMean)}; },
                         .smooth = true});
  rows.push_back(std::move(row));
}

}  // namespace

namespace {

// What cross entropy's gradient must be, from the definition: classes along dimension 1 of [2, 3, 2].
Want entropy_gradient(In in, DType t, int64_t ignored, long double smoothing) {
  const std::vector<long double> g = to_wide(in[0]), x = to_wide(in[1]), target = to_wide(in[2]), w = to_wide(in[3]);
  Want want{t, {2, 3, 2}, std::vector<long double>(12)};
  for (size_t n = 0; n < 2; ++n) {
    for (size_t i = 0; i < 2; ++i) {
      const size_t line = n * 2 + i;
      const auto at = [&](size_t c) { return (n * 3 + c) * 2 + i; };
      const auto own = static_cast<int64_t>(target[line]);
      if (own == ignored) continue;
      long double total = 0;
      for (size_t c = 0; c < 3; ++c) total += std::exp(x[at(c)]);
      for (size_t c = 0; c < 3; ++c) {
        const long double share = (static_cast<int64_t>(c) == own ? (1 - smoothing) * w[c] : 0) + smoothing / 3 * w[c];
        for (size_t k = 0; k < 3; ++k)
          want.values[at(k)] += g[line] * share * (std::exp(x[at(k)]) / total - (k == c ? 1 : 0));
      }
    }
  }
  return want;
}

void entropy_gradient_rows(Rows& rows) {
  OpRow row{.op = "cross_entropy_grad", .accuracy = Accuracy::kGradient, .gradient = false};
  for (const double smoothing : {0.0, 0.25}) {
    const CrossEntropyAttrs attrs{.ignore_index = 1, .label_smoothing = smoothing};
    row.samples.push_back({.name = smoothing > 0 ? "smoothed" : "plain",
                           .inputs = [](DType t) -> Out {
                             const DType kept = t == f64 ? f64 : f32;
                             Tensor x = noise({2, 3, 2}, t, -2, 2, 3);
                             // What the forward leaves: the largest of each line, and the logarithm of the sum above
                             // it.
                             const std::vector<long double> v = to_wide(x);
                             std::vector<long double> top(4), rest(4);
                             for (size_t l = 0; l < 4; ++l) {
                               const size_t first = l / 2 * 6 + l % 2;
                               top[l] = std::max({v[first], v[first + 2], v[first + 4]});
                               for (size_t c = 0; c < 3; ++c) rest[l] += std::exp(v[first + 2 * c] - top[l]);
                               rest[l] = std::log(rest[l]);
                             }
                             return {noise({2, 2}, kept, -2, 2, 4),
                                     x,
                                     from_wide(std::vector<long double>{0, 2, 1, 0}, {2, 2}, i64),
                                     noise({3}, t, 0.5, 2, 5),
                                     from_wide(top, {2, 2}, kept),
                                     from_wide(rest, {2, 2}, kept)};
                           },
                           .call = [attrs](In in) -> Out {
                             return {run(kCrossEntropyGrad, {in[0], in[1], in[2], in[3], in[4], in[5]}, attrs)};
                           },
                           .want = [attrs](In in, DType t) -> std::vector<Want> {
                             return {entropy_gradient(in, t, attrs.ignore_index, attrs.label_smoothing)};
                           },
                           .batch = 0b110111,
                           .terms = 12});
  }
  rows.push_back(std::move(row));
}

}  // namespace

static void loss_rows(Rows& rows) {
  OpRow entropy{.op = "cross_entropy", .accuracy = Accuracy::kGradient, .takes = kFloatTypes},
      nll = loss("nll_loss"), bce = loss("binary_cross_entropy_with_logits");
  for (const auto& [label, reduction] : kReductions) {
    const Reduction r = reduction;
    const unsigned batch = r == Reduction::kNone ? ~0u : 0u;
    add_golden(entropy, entropy.op + label, HEARTH_CALL(cross_entropy(in[0], in[1], {.reduction = r})),
               {.smooth = true, .batch = batch & 3, .terms = 12});
    add_golden(nll, nll.op + label, HEARTH_CALL(nll_loss(in[0], in[2], {.weight = in[1], .reduction = r})),
               {.smooth = true, .batch = batch & 5, .terms = 12});
    add_golden(bce, bce.op + label, HEARTH_CALL(binary_cross_entropy_with_logits(in[0], in[1], {}, {}, r)),
               {.smooth = true, .batch = batch & 3, .terms = 12});
  }
  add_golden(entropy, "cross_entropy/smoothed",
             HEARTH_CALL(cross_entropy(in[0], in[2], {.weight = in[1], .ignore_index = 3, .label_smoothing = 0.25})),
             kWhole);
  add_golden(entropy, "cross_entropy/pixels", HEARTH_CALL(cross_entropy(in[0], in[1])), kWhole);
  add_golden(bce, "binary_cross_entropy_with_logits/weighted",
             HEARTH_CALL(binary_cross_entropy_with_logits(in[0], in[1], in[2], in[3])), kWhole);
  rows.push_back(std::move(entropy));
  entropy_gradient_rows(rows);
  rows.push_back(std::move(nll));
  rows.push_back(std::move(bce));

  elementwise(rows, "mse_loss", mse_loss);
  elementwise(rows, "l1_loss", l1_loss);
  elementwise(
      rows, "smooth_l1_loss", [](const Tensor& x, const Tensor& t, Reduction r) { return smooth_l1_loss(x, t, 1, r); },
      "smooth_l1_loss/beta", HEARTH_CALL(smooth_l1_loss(in[0], in[1], 0.7)));
  elementwise(
      rows, "huber_loss", [](const Tensor& x, const Tensor& t, Reduction r) { return huber_loss(x, t, 1, r); },
      "huber_loss/delta", HEARTH_CALL(huber_loss(in[0], in[1], 0.7)));
}

HEARTH_OP_ROWS(loss_rows);

}  // namespace hearth::testing
