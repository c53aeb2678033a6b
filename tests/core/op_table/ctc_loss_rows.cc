// The reference adds up every path of classes through the steps.
#include "core/ops/ctc_loss.h"

#include <cmath>

#include "core/op/attrs/ctc_loss.h"
#include "core/op/run.h"
#include "core/ops/softmax.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

using Values = std::vector<long double>;

constexpr size_t kSteps = 4, kSequences = 3, kClasses = 3;

struct Reference {
  long double loss = 0;
  Values shares = Values(kSteps * kClasses);  // of all paths' probability, those through each class at each step
};

// What a path says: repeated classes once, without blanks (class 0).
Values said(const Values& path) {
  Values out;
  for (size_t t = 0; t < path.size(); ++t) {
    if (path[t] != 0 && (t == 0 || path[t] != path[t - 1])) out.push_back(path[t]);
  }
  return out;
}

Reference reference(const Values& x, size_t n, size_t steps, const Values& target) {
  Reference r;
  long double total = 0;
  size_t paths = 1;
  for (size_t t = 0; t < steps; ++t) paths *= kClasses;
  for (size_t p = 0; p < paths; ++p) {
    Values path(steps);
    long double probability = 0;
    for (size_t t = 0, rest = p; t < steps; ++t, rest /= kClasses) {
      path[t] = static_cast<long double>(rest % kClasses);
      probability += x[(t * kSequences + n) * kClasses + rest % kClasses];
    }
    if (said(path) != target) continue;
    total += std::exp(probability);
    for (size_t t = 0; t < steps; ++t) r.shares[t * kClasses + static_cast<size_t>(path[t])] += std::exp(probability);
  }
  r.loss = -std::log(total);
  for (long double& s : r.shares) s /= total;
  return r;
}

// Operands x, targets [3, 2], input lengths, target lengths.
std::vector<Reference> references(In in) {
  const Values x = to_wide(in[0]), targets = to_wide(in[1]), steps = to_wide(in[2]), labels = to_wide(in[3]);
  std::vector<Reference> all;
  for (size_t n = 0; n < kSequences; ++n) {
    const auto first = targets.begin() + static_cast<int64_t>(2 * n);
    all.push_back(
        reference(x, n, static_cast<size_t>(steps[n]), Values(first, first + static_cast<int64_t>(labels[n]))));
  }
  return all;
}

Out operands(DType t) {
  return {noise({kSteps, kSequences, kClasses}, t, -2, 0, 1), from_wide(Values{1, 2, 1, 1, 2, 0}, {3, 2}, i64),
          from_wide(Values{4, 3, 4}, {3}, i64), from_wide(Values{2, 2, 0}, {3}, i64)};
}

}  // namespace

static void ctc_loss_rows(Rows& rows) {
  // A second gradient is refused.
  OpRow row{.op = "ctc_loss", .accuracy = Accuracy::kGradient, .takes = kFloatTypes, .second = false};
  row.samples.push_back({.name = "each",
                         .inputs = operands,
                         .call = HEARTH_CALL(ctc_loss(in[0], in[1], in[2], in[3], {.reduction = Reduction::kNone})),
                         .want =
                             [](In in, DType t) {
                               Want want{t, {3}, {}};
                               for (const Reference& r : references(in)) want.values.push_back(r.loss);
                               return std::vector<Want>{want};
                             },
                         .terms = 27});
  // Behind a log_softmax its gradient is the loss's own.
  row.samples.push_back(
      {.name = "behind log_softmax",
       .inputs = operands,
       .call = HEARTH_CALL(ctc_loss(log_softmax(in[0], 2), in[1], in[2], in[3], {.reduction = Reduction::kNone})),
       .smooth = true,
       .terms = 27});
  rows.push_back(std::move(row));

  OpRow gradient{.op = "ctc_loss_grad", .accuracy = Accuracy::kGradient, .gradient = false};
  gradient.samples.push_back(
      {.name = "each",
       .inputs = [](DType t) -> Out {
         Out in = operands(t);
         in.insert(in.begin(), noise({3}, t, -2, 2, 2));
         return in;
       },
       .call = HEARTH_CALL(run(kCtcLossGrad, {in[0], in[1], in[2], in[3], in[4]}, CtcLossAttrs{})),
       .want =
           [](In in, DType t) {
             const Values g = to_wide(in[0]), x = to_wide(in[1]), steps = to_wide(in[3]);
             const auto all = references(in.subspan(1));
             Want want{t, in[1].shape(), Values(x.size())};
             for (size_t i = 0; i < x.size(); ++i) {
               const size_t n = i / kClasses % kSequences, step = i / kClasses / kSequences;
               if (step >= static_cast<size_t>(steps[n])) continue;
               const long double share = all[n].shares[step * kClasses + i % kClasses];
               want.values[i] = g[n] * (std::exp(x[i]) - share);
             }
             return std::vector<Want>{want};
           },
       .terms = 27});
  rows.push_back(std::move(gradient));
}

HEARTH_OP_ROWS(ctc_loss_rows);

}  // namespace hearth::testing
