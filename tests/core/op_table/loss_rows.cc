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

void loss_rows(Rows& rows) {
  OpRow entropy = loss("cross_entropy"), nll = loss("nll_loss"), bce = loss("binary_cross_entropy_with_logits");
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

}  // namespace hearth::testing
