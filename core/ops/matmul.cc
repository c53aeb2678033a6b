#include "core/ops/matmul.h"

#include "core/autograd/autocast.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/matmul.h"
#include "core/op/attrs/matmul.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void infer_matmul(OpCall& c) {
  const Shape &a = c.input(0).shape(), &b = c.input(1).shape();
  const int ra = a.rank(), rb = b.rank();
  HEARTH_CHECK(ra >= 2 && rb >= 2, "matmul: the record takes operands with at least 2 dimensions, but got ", a, " x ",
               b);
  HEARTH_CHECK(a[ra - 1] == b[rb - 2], "matmul: inner sizes differ: ", a, " x ", b);
  expect_same_dtype(c);
  Shape lead_a, lead_b;
  for (int d = 0; d < ra - 2; ++d) lead_a.push_back(a[d]);
  for (int d = 0; d < rb - 2; ++d) lead_b.push_back(b[d]);
  Shape out = broadcast_shapes(lead_a, lead_b, "matmul");
  out.push_back(a[ra - 2]);
  out.push_back(b[rb - 1]);
  c.make(0, out, c.dtype);
}

void infer_linear(OpCall& c) {
  const Shape &x = c.input(0).shape(), &w = c.input(1).shape();
  expect_same_dtype(c);
  HEARTH_CHECK(w.rank() == 2, "linear: weight must have 2 dimensions, but its shape is ", w);
  HEARTH_CHECK(x.rank() >= 1 && x.back() == w[1], "linear: input of shape ", x, " does not fit a weight of shape ", w,
               ": the last dimension must be ", w[1]);
  HEARTH_CHECK(!c.is_tensor(2) || c.input(2).shape() == Shape{w[0]}, "linear: bias has shape ",
               c.is_tensor(2) ? c.input(2).shape() : Shape{}, "; expected [", w[0], "]");
  Shape out = x;
  out[out.rank() - 1] = w[0];
  c.make(0, out, c.dtype);
}

Tensor rows(const Tensor& t) {
  if (t.dim() == 2) return t;
  int64_t n = 1;
  for (int d = 0; d + 1 < t.dim(); ++d) n *= t.size(d);
  return reshape(t, {n, t.size(-1)});
}

Tensor as_rows(const Tensor& t) { return t.dim() == 1 ? unsqueeze(t, 0) : rows(t); }

void infer_linear_weights(OpCall& c) {
  const Shape &x = c.input(0).shape(), &d = c.input(1).shape();
  expect_same_dtype(c);
  HEARTH_CHECK(x.rank() >= 1 && d.rank() == x.rank(), "linear_weights: the input has shape ", x, ", but the gradient ",
               d);
  for (int k = 0; k + 1 < x.rank(); ++k)
    HEARTH_CHECK(x[k] == d[k], "linear_weights: the input has shape ", x, ", but the gradient ", d);
  c.make(0, {d.back(), x.back()}, c.dtype);
  c.make(1, {c.attrs_as<LinearWeightsAttrs>().bias ? d.back() : 0}, c.dtype);
}

// a b, the gradient of operand i. Where that was broadcast, products are summed: f16 and bf16 ones are not rounded
// before.
Tensor operand_gradient(const GradContext& g, int i, const Tensor& a, const Tensor& b) {
  const Shape &operand = g.input_shape(i), &d = g.grad().shape();
  bool stretched = operand.rank() != d.rank();
  for (int k = 0; !stretched && k < d.rank() - 2; ++k) stretched = operand[k] != d[k];
  return stretched ? matmul(machinery::widened(a), machinery::widened(b)) : matmul(a, b);
}

}  // namespace

extern constinit const OpDef kMatmul = {
    .name = "matmul",
    .dtypes = kNumberTypes | kComplexTypes,
    .autocast = AutocastPolicy::kLow,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer_matmul,
    .save = {.input = {0b10, 0b01}},
    .kernel = {cpu::matmul, cuda::matmul},
    .backward =
        [](GradContext& g) {
          const Tensor& d = g.grad();
          if (g.needs(0)) g.set(0, operand_gradient(g, 0, d, machinery::conj(transpose(g.input(1), -2, -1))));
          if (!g.needs(1)) return;
          const Tensor a = machinery::conj(g.input(0));
          // One B for all of A's leading dimensions: one product over all rows, not a sum over many.
          if (g.input_shape(1).rank() == 2 && a.dim() > 2) g.set(1, matmul(transpose(rows(a), 0, 1), rows(d)));
          else g.set(1, operand_gradient(g, 1, transpose(a, -2, -1), d));
        },
};
HEARTH_OP(kMatmul);

extern constinit const OpDef kLinear = {
    .name = "linear",
    .dtypes = kNumberTypes,
    .autocast = AutocastPolicy::kLow,
    .min_inputs = 3,
    .max_inputs = 3,
    .absent = 0b100,
    .infer = infer_linear,
    .save = {.input = {0b10, 0b01}},
    .kernel = {cpu::linear, cuda::linear},
    .backward =
        [](GradContext& g) {
          const Tensor& d = g.grad();
          if (g.needs(0)) {
            g.set(0, d.dim() == 1 ? matmul(d, g.input(1)) : reshape(matmul(rows(d), g.input(1)), g.input_shape(0)));
          }
          if (g.needs(1)) {
            const auto r = run_all(kLinearWeights, {g.input(0), d}, LinearWeightsAttrs{g.needs(2)});
            g.set(1, r[0]);
            if (g.needs(2)) g.set(2, r[1]);
          } else if (g.needs(2)) {
            g.set(2, sum(as_rows(d), {0}));
          }
        },
};
HEARTH_OP(kLinear);

extern constinit const OpDef kLinearWeights = {
    .name = "linear_weights",
    .dtypes = kNumberTypes,
    .autocast = AutocastPolicy::kLow,
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 2,
    .visible = 2,
    .internal = true,
    .attrs = &attrs_type<LinearWeightsAttrs>,
    .infer = infer_linear_weights,
    .save = {.input = {0b10, 0b01}},
    .kernel = {cpu::linear_weights, cuda::linear_weights},
    .compose =
        [](OpCall& c) {
          const Tensor d = as_rows(c.input(1));
          c.give(0, matmul(transpose(d, 0, 1), as_rows(c.input(0))));
          if (c.attrs_as<LinearWeightsAttrs>().bias)
            c.give(1, reshape(machinery::sum_to(d, {1, d.size(1)}), {d.size(1)}));
        },
    .backward =
        [](GradContext& g) {
          // dweight = dy^T x, dbias = the sums of dy.
          const bool bias = g.attrs<LinearWeightsAttrs>().bias && g.has_grad(1);
          if (g.needs(0) && g.has_grad(0)) g.set(0, reshape(matmul(as_rows(g.input(1)), g.grad(0)), g.input_shape(0)));
          if (!g.needs(1)) return;
          if (g.has_grad(0))
            g.set(1, run(kLinear, {g.input(0), g.grad(0), bias ? Operand(g.grad(1)) : Operand(std::nullopt)}));
          else if (bias) g.set(1, expand(g.grad(1), g.input_shape(1)));
        },
};
HEARTH_OP(kLinearWeights);

Tensor matmul(const Tensor& a, const Tensor& b) {
  const CalledAs called("matmul");
  expect_defined("matmul", {a, b});
  const int ra = a.dim(), rb = b.dim();
  if (ra >= 2 && rb >= 2) [[likely]]
    return run(kMatmul, {a, b});
  HEARTH_CHECK(ra >= 1 && rb >= 1, "matmul: operands need at least one dimension, but their shapes are ", a.shape(),
               " and ", b.shape());
  HEARTH_CHECK(a.size(-1) == b.size(rb == 1 ? 0 : -2), "matmul: inner sizes differ: ", a.shape(), " x ", b.shape());
  Tensor out = run(kMatmul, {ra == 1 ? unsqueeze(a, 0) : a, rb == 1 ? unsqueeze(b, 1) : b});
  if (rb == 1) out = squeeze(out, -1);
  if (ra == 1) out = squeeze(out, rb == 1 ? -1 : -2);
  return out;
}

namespace {
void expect_dims(const char* op, const Tensor& a, int ra, const Tensor& b, int rb) {
  expect_defined(op, {a, b});
  HEARTH_CHECK(a.dim() == ra && b.dim() == rb, op, ": expected ", ra, " and ", rb, " dimensions, but the shapes are ",
               a.shape(), " and ", b.shape());
}
}  // namespace

Tensor mm(const Tensor& a, const Tensor& b) {
  const CalledAs called("mm");
  expect_dims("mm", a, 2, b, 2);
  return matmul(a, b);
}
Tensor bmm(const Tensor& a, const Tensor& b) {
  const CalledAs called("bmm");
  expect_dims("bmm", a, 3, b, 3);
  HEARTH_CHECK(a.size(0) == b.size(0), "bmm: batch sizes differ: ", a.shape(), " x ", b.shape());
  return matmul(a, b);
}
Tensor mv(const Tensor& a, const Tensor& x) {
  const CalledAs called("mv");
  expect_dims("mv", a, 2, x, 1);
  return matmul(a, x);
}
Tensor dot(const Tensor& a, const Tensor& b) {
  const CalledAs called("dot");
  expect_dims("dot", a, 1, b, 1);
  return matmul(a, b);
}
Tensor outer(const Tensor& a, const Tensor& b) {
  const CalledAs called("outer");
  expect_dims("outer", a, 1, b, 1);
  return unsqueeze(a, 1) * unsqueeze(b, 0);
}

namespace {
// input * beta + product(a, b) * alpha
template <class Product>
Tensor add_product(const char* op, const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha,
                   Product multiply) {
  expect_defined(op, {input});
  if (const std::optional<DType> low = Autocast::current()) {
    // As Autocast casts the operands of a product, and then as if there were none.
    const Autocast off(std::nullopt);
    const auto narrowed = [&](const Tensor& x) { return x.dtype() == f32 || is_half(x.dtype()) ? x.to(*low) : x; };
    return add_product(op, narrowed(input), narrowed(a), narrowed(b), beta, alpha, multiply);
  }
  const DType t = input.dtype();
  if (is_half(t) && a.dtype() == t && b.dtype() == t) {
    return machinery::cast(
        add_product(op, machinery::widened(input), machinery::widened(a), machinery::widened(b), beta, alpha, multiply),
        t);
  }
  const Tensor plain = multiply(a, b);
  const Tensor product = alpha.to<double>() == 1 ? plain : plain * alpha;
  HEARTH_CHECK(broadcastable_to(input.shape(), product.shape()), op, ": input of shape ", input.shape(),
               " does not broadcast to ", product.shape());
  HEARTH_CHECK(input.dtype() == product.dtype(), op, ": input is ", input.dtype(), ", but the product ",
               product.dtype());
  if (beta.to<double>() == 0) return product;
  return beta.to<double>() == 1 ? input + product : input * beta + product;
}
Tensor plain_product(const Tensor& a, const Tensor& b) { return matmul(a, b); }
}  // namespace
Tensor addmm(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  const CalledAs called("addmm");
  expect_dims("addmm", a, 2, b, 2);
  return add_product("addmm", input, a, b, beta, alpha, plain_product);
}
Tensor baddbmm(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  const CalledAs called("baddbmm");
  expect_dims("baddbmm", a, 3, b, 3);
  HEARTH_CHECK(a.size(0) == b.size(0), "baddbmm: batch sizes differ: ", a.shape(), " x ", b.shape());
  return add_product("baddbmm", input, a, b, beta, alpha, plain_product);
}
Tensor addbmm(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  const CalledAs called("addbmm");
  expect_dims("addbmm", a, 3, b, 3);
  HEARTH_CHECK(a.size(0) == b.size(0) && a.size(2) == b.size(1), "addbmm: sizes do not fit: ", a.shape(), " x ",
               b.shape());
  // One product over batch and inner dimension together.
  const Tensor left = reshape(permute(a, {1, 0, 2}), {a.size(1), a.size(0) * a.size(2)});
  const Tensor right = reshape(b, {b.size(0) * b.size(1), b.size(2)});
  return add_product("addbmm", input, left, right, beta, alpha, plain_product);
}
Tensor addmv(const Tensor& input, const Tensor& a, const Tensor& x, Scalar beta, Scalar alpha) {
  const CalledAs called("addmv");
  expect_dims("addmv", a, 2, x, 1);
  return add_product("addmv", input, a, x, beta, alpha, plain_product);
}
Tensor addr(const Tensor& input, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
  const CalledAs called("addr");
  expect_dims("addr", a, 1, b, 1);
  return add_product("addr", input, a, b, beta, alpha,
                     [](const Tensor& x, const Tensor& y) { return unsqueeze(x, 1) * unsqueeze(y, 0); });
}
Tensor vdot(const Tensor& a, const Tensor& b) {
  const CalledAs called("vdot");
  expect_dims("vdot", a, 1, b, 1);
  return matmul(machinery::conj(a), b);
}
Tensor inner(const Tensor& a, const Tensor& b) {
  const CalledAs called("inner");
  expect_defined("inner", {a, b});
  if (a.dim() == 0 || b.dim() == 0) return a * b;
  HEARTH_CHECK(a.size(-1) == b.size(-1), "inner: the last sizes differ: ", a.shape(), " and ", b.shape());
  Shape shape = a.shape();
  shape.erase(a.dim() - 1);
  for (int d = 0; d + 1 < b.dim(); ++d) shape.push_back(b.shape()[d]);
  return reshape(
      matmul(rows(a.dim() == 1 ? unsqueeze(a, 0) : a), transpose(rows(b.dim() == 1 ? unsqueeze(b, 0) : b), 0, 1)),
      shape);
}

Tensor linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  const CalledAs called("linear");
  if (weight.defined() && weight.dim() == 1) {  // one output, without a dimension of its own
    HEARTH_CHECK(!bias || (bias->defined() && bias->dim() == 0),
                 "linear: a weight of one dimension takes a 0-dim bias");
    const std::optional<Tensor> one = bias ? std::optional(reshape(*bias, {1})) : std::nullopt;
    return squeeze(run(kLinear, {x, unsqueeze(weight, 0), one}), -1);
  }
  return run(kLinear, {x, weight, bias});
}

Tensor Tensor::matmul(const Tensor& o) const { return hearth::matmul(*this, o); }
Tensor Tensor::mm(const Tensor& o) const { return hearth::mm(*this, o); }
Tensor Tensor::bmm(const Tensor& o) const { return hearth::bmm(*this, o); }
Tensor Tensor::dot(const Tensor& o) const { return hearth::dot(*this, o); }
Tensor Tensor::mv(const Tensor& x) const { return hearth::mv(*this, x); }
Tensor Tensor::outer(const Tensor& o) const { return hearth::outer(*this, o); }
Tensor Tensor::inner(const Tensor& o) const { return hearth::inner(*this, o); }
Tensor Tensor::vdot(const Tensor& o) const { return hearth::vdot(*this, o); }

}  // namespace hearth
