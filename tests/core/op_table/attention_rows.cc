#include "core/op/attrs/attention.h"
#include "core/op/run.h"
#include "core/ops/attention.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

TensorFunction attend(const AttentionOptions& o = {}) {
  return [o](In in) -> Out { return {scaled_dot_product_attention(in[0], in[1], in[2], o)}; };
}
// With operand 3 as the mask.
TensorFunction masked(AttentionOptions o = {}) {
  return [o](In in) -> Out {
    AttentionOptions with = o;
    with.mask = in[3];
    return {scaled_dot_product_attention(in[0], in[1], in[2], with)};
  };
}

// Operands dy, q, k, v, y, the log-sum-exp, and a mask if there is one.
TensorFunction grad(bool causal) {
  return [causal, record = find_op("attention_grad")](In in) -> Out {
    const DType computed = in[0].dtype() == f64 ? f64 : f32;
    const std::optional<Tensor> mask = in.size() > 6 ? std::optional(in[6]) : std::nullopt;
    AttentionGradAttrs a;
    a.causal = causal;
    a.dmask = mask.has_value();
    // Values of other dtypes are for a call that must be refused.
    const bool floats = in[0].is_floating_point();
    auto r = run_all(*record,
                     {in[0], in[1], in[2], in[3], floats ? in[4].to(computed) : in[4],
                      floats ? in[5].to(computed) : in[5], mask, std::nullopt},
                     a);
    Out out{r[0], r[1], r[2]};
    if (mask) out.push_back(r[3]);
    return out;
  };
}

}  // namespace

static void attention_rows(Rows& rows) {
  OpRow row{.op = "attention", .accuracy = Accuracy::kGradient};
  const auto add = [&](const char* name, const TensorFunction& call, double terms, unsigned batch) {
    add_golden(row, std::string("scaled_dot_product_attention/") + name, call,
               {.smooth = true, .batch = batch, .terms = terms});
  };
  add("plain", attend(), 5, 7);
  add("causal", attend({.causal = true}), 4, 7);
  add("causal, wide", attend({.causal = true}), 5, 7);
  add("causal, tall", attend({.causal = true}), 4, 7);
  add("causal, decode", attend({.causal = true}), 6, 7);
  add("masked", masked({.scale = 0.5}), 4, 7);
  add("added", masked(), 4, 7);
  add("masked and causal", masked({.causal = true}), 4, 15);
  add("added and causal", masked({.causal = true}), 4, 7);
  add("shared heads", attend(), 4, 7);
  add("window, both sides", attend({.window = 1}), 6, 7);
  add("window, causal", attend({.causal = true, .window = 2}), 5, 7);
  add("window, nothing seen", attend({.causal = true, .window = 1}), 4, 7);
  add_golden(row, "scaled_dot_product_attention/blocks", masked(), {.batch = 7, .terms = 130});
  add_golden(row, "scaled_dot_product_attention/blocks, causal", attend({.causal = true}), {.batch = 7, .terms = 130});
  rows.push_back(std::move(row));

  OpRow gradient{.op = "attention_grad", .accuracy = Accuracy::kGradient, .gradient = false};
  add_golden(gradient, "attention_grad/masked", grad(false), {.batch = 0b111111, .terms = 30});
  add_golden(gradient, "attention_grad/causal, shared heads", grad(true), {.batch = 0b111111, .terms = 30});
  rows.push_back(std::move(gradient));
}

HEARTH_OP_ROWS(attention_rows);

}  // namespace hearth::testing
