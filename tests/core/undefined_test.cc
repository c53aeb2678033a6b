// An undefined tensor in the place of each operand of each op: the answer names the op.
#include <gtest/gtest.h>

#include <functional>

#include "core/base/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/compare.h"
#include "core/ops/conv.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/einsum.h"
#include "core/ops/embedding.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/loss.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/norm.h"
#include "core/ops/order.h"
#include "core/ops/pool.h"
#include "core/ops/random.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

const Tensor u;
Tensor x() { return ones({2, 2}); }
Tensor i() { return zeros({2, 2}, {.dtype = i64}); }
Tensor m() { return ones({2, 2}, {.dtype = boolean}); }

struct Case {
  const char* op;  // what the message begins with
  std::function<void()> call;
};

#define ONE(f)       \
  {                  \
#f, [] { f(u); } \
  }
#define TWO(f)               \
  {#f, [] { f(u, x()); }}, { \
#f, [] { f(x(), u); }    \
  }

const Case kCases[] = {
    // arithmetic
    TWO(add),
    TWO(sub),
    TWO(mul),
    TWO(div),
    TWO(floor_divide),
    TWO(remainder),
    TWO(fmod),
    TWO(pow),
    TWO(maximum),
    TWO(minimum),
    TWO(atan2),
    TWO(xlogy),
    ONE(neg),
    ONE(abs),
    ONE(sign),
    ONE(square),
    ONE(reciprocal),
    ONE(sqrt),
    ONE(rsqrt),
    ONE(floor),
    ONE(ceil),
    ONE(trunc),
    ONE(round),
    ONE(frac),
    {"add", [] { u + 1; }},
    {"add", [] { 1 + u; }},
    {"add",
     [] {
       Tensor t;
       t += x();
     }},
    {"add",
     [] {
       Tensor t = x();
       t += u;
     }},
    {"div", [] { div(u, x(), Rounding::kTrunc); }},
    {"round", [] { round(u, 2); }},
    {"clamp", [] { clamp(u, 0, 1); }},
    {"clamp", [] { clamp(u, x(), x()); }},
    {"clamp_", [] { Tensor().clamp_(0, 1); }},
    {"where", [] { where(u, x(), x()); }},
    {"where", [] { where(m(), u, x()); }},
    {"where", [] { where(m(), 1.0, u); }},
    {"where", [] { where(u); }},
    {"lerp", [] { lerp(x(), u, 0.5); }},
    {"addcmul", [] { addcmul(x(), x(), u); }},
    {"addcdiv", [] { addcdiv(x(), u, x()); }},
    {"nan_to_num", [] { nan_to_num(u); }},
    {"masked_fill_", [] { Tensor().masked_fill_(m(), 1); }},
    {"masked_fill_", [] { x().masked_fill_(u, 1); }},
    // compare
    TWO(eq),
    TWO(ne),
    TWO(lt),
    TWO(le),
    TWO(gt),
    TWO(ge),
    TWO(logical_and),
    TWO(logical_or),
    TWO(logical_xor),
    TWO(bitwise_and),
    TWO(bitwise_or),
    TWO(bitwise_xor),
    TWO(isclose),
    TWO(equal),
    TWO(isin),
    ONE(logical_not),
    ONE(bitwise_not),
    ONE(isnan),
    ONE(isinf),
    ONE(isfinite),
    {"allclose", [] { allclose(x(), u); }},
    // math and activation
    ONE(exp),
    ONE(exp2),
    ONE(expm1),
    ONE(log),
    ONE(log2),
    ONE(log10),
    ONE(log1p),
    ONE(sin),
    ONE(cos),
    ONE(tan),
    ONE(asin),
    ONE(acos),
    ONE(atan),
    ONE(sinh),
    ONE(cosh),
    ONE(tanh),
    ONE(asinh),
    ONE(acosh),
    ONE(atanh),
    ONE(erf),
    ONE(erfc),
    ONE(erfinv),
    ONE(logit),
    ONE(sigmoid),
    ONE(relu),
    ONE(silu),
    ONE(gelu),
    ONE(log_sigmoid),
    ONE(mish),
    ONE(hardswish),
    ONE(hardsigmoid),
    ONE(leaky_relu),
    ONE(elu),
    ONE(softplus),
    ONE(glu),
    TWO(prelu),
    {"relu6", [] { relu6(u); }},
    // shapes
    {"reshape", [] { reshape(u, {1}); }},
    {"view", [] { view(u, {1}); }},
    {"expand", [] { expand(u, {1}); }},
    {"permute", [] { permute(u, {0}); }},
    {"transpose", [] { transpose(u, 0, 1); }},
    {"movedim", [] { movedim(u, 0, 1); }},
    {"unsqueeze", [] { unsqueeze(u, 0); }},
    {"unflatten", [] { unflatten(u, 0, {1}); }},
    {"select", [] { select(u, 0, 0); }},
    {"select", [] { u[0]; }},
    {"narrow", [] { narrow(u, 0, 0, 1); }},
    {"slice", [] { slice(u, 0, 0, 1); }},
    {"unfold", [] { unfold(u, 0, 1, 1); }},
    {"split", [] { split(u, 1); }},
    {"chunk", [] { chunk(u, 1); }},
    {"repeat", [] { repeat(u, {1}); }},
    {"tile", [] { Tensor().tile({1}); }},
    {"flip", [] { flip(u, {0}); }},
    {"roll", [] { roll(u, {1}); }},
    {"as_strided", [] { Tensor().as_strided({1}, {1}); }},
    {"broadcast_tensors",
     [] {
       broadcast_tensors(std::vector{x(), u});
     }},
    {"copy", [] { u.clone(); }},
    {"copy", [] { u.to(f64); }},
    {"copy", [] { x().copy_(u); }},
    {"copy", [] { Tensor().copy_(x()); }},
    {"fill", [] { Tensor().fill_(1); }},
    {"detach", [] { u.detach(); }},
    ONE(squeeze),
    ONE(flatten),
    ONE(diagonal),
    ONE(unbind),
    ONE(tril),
    ONE(triu),
    // indexing
    {"cat",
     [] {
       cat({x(), u});
     }},
    {"stack",
     [] {
       stack({u, x()});
     }},
    {"index_select", [] { index_select(u, 0, i()); }},
    {"index_select", [] { index_select(x(), 0, u); }},
    {"gather", [] { gather(u, 0, i()); }},
    {"gather", [] { gather(x(), 0, u); }},
    {"scatter", [] { scatter(x(), 0, i(), u); }},
    {"scatter", [] { scatter(x(), 0, u, 1.0); }},
    {"scatter_add", [] { scatter_add(x(), 0, u, x()); }},
    {"index_add", [] { index_add(x(), 0, i(), u); }},
    {"index_fill", [] { index_fill(x(), 0, u, 1); }},
    {"index_copy", [] { index_copy(u, 0, i(), x()); }},
    {"take_along_dim", [] { take_along_dim(x(), u, 0); }},
    {"masked_scatter", [] { masked_scatter(x(), m(), u); }},
    {"masked_select", [] { masked_select(x(), u); }},
    {"embedding", [] { embedding(u, i()); }},
    {"embedding", [] { embedding(x(), u); }},
    {"one_hot", [] { one_hot(u, 2); }},
    {"cumsum", [] { cumsum(u, 0); }},
    {"cumprod", [] { cumprod(u, 0); }},
    {"index", [] { u.index({0}); }},
    {"index", [] { x().index({u}); }},
    {"index_put_", [] { Tensor().index_put_({0}, x()); }},
    {"index_put_", [] { x().index_put_({0}, u); }},
    ONE(nonzero),
    ONE(unique),
    ONE(median),
    {"median", [] { median(u, 0); }},
    {"unique", [] { unique(u, 0); }},
    // reductions
    ONE(sum),
    ONE(mean),
    ONE(prod),
    ONE(amax),
    ONE(amin),
    ONE(any),
    ONE(all),
    ONE(argmax),
    ONE(argmin),
    ONE(var),
    ONE(norm),
    ONE(logsumexp),
    {"std", [] { std(u); }},
    {"max", [] { max(u, 0); }},
    {"count_nonzero", [] { count_nonzero(u); }},
    {"softmax", [] { softmax(u, 0); }},
    {"log_softmax", [] { log_softmax(u, 0); }},
    // products
    TWO(matmul),
    TWO(mm),
    TWO(bmm),
    TWO(mv),
    TWO(dot),
    TWO(outer),
    TWO(inner),
    TWO(vdot),
    TWO(linear),
    {"addmm", [] { addmm(u, x(), x()); }},
    {"addmm", [] { addmm(x(), x(), u); }},
    {"linear", [] { linear(x(), x(), u); }},
    {"einsum",
     [] {
       einsum("ij,jk", {x(), u});
     }},
    {"scaled_dot_product_attention", [] { scaled_dot_product_attention(x(), u, x()); }},
    // layers
    {"conv2d",
     [] {
       conv2d(u, ones({1, 1, 1, 1}));
     }},
    {"conv2d",
     [] {
       conv2d(ones({1, 1, 1, 1}), u);
     }},
    {"conv1d",
     [] {
       conv1d(u, ones({1, 1, 1}));
     }},
    {"max_pool2d", [] { max_pool2d(u, 2); }},
    {"avg_pool2d", [] { avg_pool2d(u, 2); }},
    {"max_pool1d", [] { max_pool1d(u, 2); }},
    {"layer_norm", [] { layer_norm(u, {2}); }},
    {"rms_norm", [] { rms_norm(u, {2}); }},
    {"group_norm", [] { group_norm(u, 1); }},
    {"batch_norm", [] { batch_norm(u, {}, {}, {}, {}, {.training = true}); }},
    {"dropout", [] { dropout(u); }},
    {"dropout2d", [] { dropout2d(u); }},
    // losses
    TWO(cross_entropy),
    TWO(nll_loss),
    TWO(mse_loss),
    TWO(l1_loss),
    TWO(smooth_l1_loss),
    TWO(huber_loss),
    TWO(binary_cross_entropy_with_logits),
    // random numbers
    ONE(rand_like),
    ONE(randn_like),
    ONE(bernoulli),
    {"multinomial", [] { multinomial(u, 1); }},
    {"uniform_", [] { Tensor().uniform_(); }},
    {"normal_", [] { Tensor().normal_(); }},
    {"random", [] { Tensor().bernoulli_(0.5); }},
    {"random_", [] { Tensor().random_(0, 2); }},
    {"normal", [] { normal(u, x()); }},
    {"empty_like", [] { empty_like(u); }},
    {"zeros_like", [] { zeros_like(u); }},
    {"backward", [] { u.backward(); }},
};

TEST(Undefined, EveryOpNamesItself) {
  for (const Case& c : kCases) {
    try {
      c.call();
      ADD_FAILURE() << c.op << ": no error";
    } catch (const Error& e) {
      const std::string text = e.what(), head = std::string(c.op) + ": ";
      EXPECT_EQ(text.substr(0, head.size()), head) << text;
      EXPECT_NE(text.find("undefined"), std::string::npos) << text;
      EXPECT_EQ(e.kind(), ErrorKind::kInvalidArgument);
    }
  }
}

TEST(Undefined, QuestionsAboutIt) {
  EXPECT_FALSE(u.defined());
  for (const auto& ask : std::vector<std::function<void()>>{
           [] { u.shape(); }, [] { u.dtype(); }, [] { u.dim(); }, [] { u.item(); }, [] { u.requires_grad(); },
           [] { u.grad(); }, [] { u.data<float>(); }, [] { u.to_vector<float>(); }}) {
    try {
      ask();
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_STREQ(e.what(), "the tensor is undefined: it was default-constructed and never assigned");
    }
  }
}

}  // namespace
}  // namespace hearth
