#include <algorithm>
#include <string_view>

#include "core/profiler/flops_internal.h"

namespace hearth {
namespace {

// Each element of x meets `others` numbers.
int64_t products(const Tensor& x, int64_t others) { return 2 * x.numel() * others; }
// Of a weight [n, ...]: the numbers of one row.
int64_t row_size(const Tensor& w) { return w.numel() / std::max<int64_t>(w.size(0), 1); }

int64_t matmul(const OpCall& c) { return products(c.out[0], c.input(0).size(-1)); }
int64_t linear(const OpCall& c) { return products(c.out[0], c.input(1).size(1)); }
int64_t linear_weights(const OpCall& c) { return products(c.input(0), c.input(1).size(-1)); }
int64_t conv(const OpCall& c) { return products(c.out[0], row_size(c.input(1))); }
int64_t conv_data(const OpCall& c) { return products(c.input(0), row_size(c.input(1))); }
int64_t conv_weights(const OpCall& c) { return products(c.input(1), row_size(c.out[0])); }

// Scores, and with them the values: [L, E] [E, S] and [L, S] [S, V].
int64_t attention(const OpCall& c) {
  const Tensor &k = c.input(1), &y = c.out[0];
  return products(y, k.size(-2)) + 2 * (y.numel() / std::max<int64_t>(y.size(-1), 1)) * k.size(-2) * k.size(-1);
}
// The scores again, the gradients of q and k, which have as many numbers each, and of the values and weights. The
// operands are the result's gradient, q, k and v.
int64_t attention_grad(const OpCall& c) {
  const Tensor &d = c.input(0), &k = c.input(2), &v = c.input(3);
  const int64_t rows = d.numel() / std::max<int64_t>(d.size(-1), 1);
  return 2 * rows * k.size(-2) * (3 * k.size(-1) + 2 * v.size(-1));
}

struct Rule {
  std::string_view op;
  int64_t (*count)(const OpCall&);
};
constexpr Rule kRules[] = {{"matmul", matmul},
                           {"linear", linear},
                           {"linear_weights", linear_weights},
                           {"conv2d", conv},
                           {"conv2d_data", conv_data},
                           {"conv2d_weights", conv_weights},
                           {"attention", attention},
                           {"attention_grad", attention_grad}};

}  // namespace

int64_t flops_of(const OpCall& call) {
  const auto rule = std::ranges::find(kRules, std::string_view(call.op.name), &Rule::op);
  return rule == std::end(kRules) ? 0 : rule->count(call);
}

}  // namespace hearth
