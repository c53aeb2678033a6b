// Attention against plain loops over f64, for sizes on both sides of the kernels' blocks; dropout, layouts, memory.
#include "core/ops/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/base/parallel.h"
#include "core/device/allocator.h"
#include "core/op/machinery.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"
#include "core/testing/tensors.h"

// What a case was made with is there.
// NOLINTBEGIN(bugprone-unchecked-optional-access)
namespace hearth {
namespace {

using testing::error_of;
using testing::noise;
using testing::same_bits;
constexpr double inf = std::numeric_limits<double>::infinity();
using V = std::vector<double>;

V values(const Tensor& t) { return t.detach().to(f64).contiguous().to_vector<double>(); }

// One call: q [batch, heads, m, e], k [batch, key heads, n, e], v [batch, key heads, n, f].
struct Case {
  const char* name;
  int64_t batch, heads, key_heads, m, n, e, f;
  AttentionOptions options = {};
  Shape mask = {};  // rank 0: none
  bool added = false;
};

struct Reference {
  V y, dq, dk, dv, dmask;
};

// factors: the dropout's, of all weights, or empty.
Reference reference(const Case& c, const Tensor& q_in, const Tensor& k_in, const Tensor& v_in,
                    const std::optional<Tensor>& mask, const Tensor& dy_in, const V& factors = {}) {
  const V q = values(q_in), k = values(k_in), v = values(v_in), dy = values(dy_in);
  const Shape scores{c.batch, c.heads, c.m, c.n};
  const V masked = mask ? values(expand(mask->to(f64), scores)) : V();
  const double scale = c.options.scale.value_or(1 / std::sqrt(static_cast<double>(c.e)));
  Reference r;
  r.y.assign(static_cast<size_t>(c.batch * c.heads * c.m * c.f), 0);
  r.dq.assign(q.size(), 0);
  r.dk.assign(k.size(), 0);
  r.dv.assign(v.size(), 0);
  V dscores(static_cast<size_t>(scores.numel()), 0);
  V p(static_cast<size_t>(c.n)), dp(static_cast<size_t>(c.n));
  for (int64_t b = 0; b < c.batch; ++b) {
    for (int64_t h = 0; h < c.heads; ++h) {
      const int64_t own = b * c.key_heads + h / (c.heads / c.key_heads);
      const double *keys = k.data() + own * c.n * c.e, *vals = v.data() + own * c.n * c.f;
      double *dkeys = r.dk.data() + own * c.n * c.e, *dvals = r.dv.data() + own * c.n * c.f;
      for (int64_t i = 0; i < c.m; ++i) {
        const int64_t row = (b * c.heads + h) * c.m + i;
        const double *query = q.data() + row * c.e, *dout = dy.data() + row * c.f;
        double top = -inf;
        for (int64_t j = 0; j < c.n; ++j) {
          double s = 0;
          for (int64_t x = 0; x < c.e; ++x) s += query[x] * keys[j * c.e + x];
          s *= scale;
          if (mask && !c.added && masked[static_cast<size_t>(row * c.n + j)] == 0) s = -inf;
          if (mask && c.added) s += masked[static_cast<size_t>(row * c.n + j)];
          if (c.options.causal && j > i) s = -inf;
          if (c.options.window && std::abs(i - j) > *c.options.window) s = -inf;
          p[static_cast<size_t>(j)] = s;
          top = std::max(top, s);
        }
        if (top == -inf) continue;
        double total = 0;
        for (double& s : p) total += s = std::exp(s - top);
        double delta = 0;
        for (int64_t j = 0; j < c.n; ++j) {
          const auto at = static_cast<size_t>(j);
          p[at] /= total;
          const double keep = factors.empty() ? 1 : factors[static_cast<size_t>(row * c.n + j)];
          dp[at] = 0;
          for (int64_t x = 0; x < c.f; ++x) {
            r.y[static_cast<size_t>(row * c.f + x)] += p[at] * keep * vals[j * c.f + x];
            dp[at] += dout[x] * vals[j * c.f + x] * keep;
            dvals[j * c.f + x] += p[at] * keep * dout[x];
          }
          delta += p[at] * dp[at];
        }
        for (int64_t j = 0; j < c.n; ++j) {
          const auto at = static_cast<size_t>(j);
          const double ds = p[at] * (dp[at] - delta);
          dscores[static_cast<size_t>(row * c.n + j)] = ds;
          for (int64_t x = 0; x < c.e; ++x) {
            r.dq[static_cast<size_t>(row * c.e + x)] += scale * ds * keys[j * c.e + x];
            dkeys[j * c.e + x] += scale * ds * query[x];
          }
        }
      }
    }
  }
  if (c.added) {
    const Tensor all = from_values(dscores, scores, {.dtype = f64});
    r.dmask = values(machinery::sum_to(all, c.mask));
  }
  return r;
}

// What neighbouring 16-bit numbers at x are apart; 0 for wider dtypes.
double ulp(double x, DType t) {
  if (!is_half(t)) return 0;
  const int digits = t == f16 ? 10 : 7, lowest = t == f16 ? -24 : -133;
  return std::ldexp(1.0, std::max((x == 0 ? -1000 : std::ilogb(x)) - digits, lowest));
}

void expect_near(const Tensor& got, const V& want, const std::string& what) {
  ASSERT_TRUE(got.defined()) << what;
  const V g = values(got);
  ASSERT_EQ(g.size(), want.size()) << what;
  // The numbers that are added are of this size, also where nothing is left of them.
  double largest = 0.25;
  for (double w : want) largest = std::max(largest, std::abs(w));
  // Sums of a few hundred terms in the computing dtype (of f64 also the loops'), and one rounding to 16 bits.
  const double part = got.dtype() == f64 ? 4e-15 : 2e-6;
  for (size_t i = 0; i < g.size(); ++i) {
    const double allowed = 0.51 * ulp(want[i], got.dtype()) + part * largest;
    if (std::abs(g[i] - want[i]) <= allowed) continue;
    ADD_FAILURE() << what << ": element " << i << " is " << g[i] << "; expected " << want[i] << " within " << allowed;
    return;
  }
}

const Case kCases[] = {
    {"one of each", 1, 1, 1, 1, 1, 1, 1},
    {"odd", 2, 3, 3, 5, 7, 3, 5},
    {"a block", 1, 2, 2, 64, 64, 64, 64},
    {"beyond a block", 1, 2, 2, 65, 129, 17, 80},
    {"large heads", 1, 1, 1, 70, 66, 256, 96},
    {"few queries", 2, 2, 2, 3, 131, 33, 20},
    {"few queries, causal", 1, 2, 1, 4, 70, 8, 16, {.causal = true}},
    {"few queries, window", 1, 2, 1, 4, 70, 8, 16, {.window = 1}},
    {"few queries, masked", 2, 2, 2, 2, 70, 8, 16, {}, {2, 1, 1, 70}},
    {"few queries, added", 2, 2, 2, 2, 70, 8, 16, {}, {2, 2, 1}, true},
    {"causal", 1, 2, 2, 130, 130, 16, 16, {.causal = true}},
    {"causal, more keys", 1, 2, 2, 70, 150, 9, 16, {.causal = true}},
    {"causal, more queries", 1, 2, 2, 150, 70, 9, 16, {.causal = true}},
    {"window", 1, 2, 2, 150, 140, 8, 8, {.window = 20}},
    {"window of one", 1, 1, 1, 70, 70, 8, 8, {.causal = true, .window = 0}},
    {"window, causal", 1, 2, 2, 200, 130, 8, 8, {.causal = true, .window = 65}},
    {"window beyond all", 1, 1, 1, 70, 70, 8, 8, {.window = INT64_MAX}},
    {"shared heads", 2, 4, 2, 66, 70, 8, 8, {.causal = true}},
    {"one key head", 1, 3, 1, 66, 70, 8, 8},
    {"padding", 2, 2, 2, 70, 140, 8, 8, {}, {2, 1, 1, 140}},
    {"mask", 2, 2, 1, 70, 140, 8, 8, {.scale = 0.3}, {70, 140}},
    {"mask for each", 2, 2, 2, 70, 80, 8, 8, {.causal = true}, {2, 2, 70, 80}},
    {"mask of rows", 1, 2, 2, 70, 80, 8, 8, {}, {70, 1}},
    {"one mask for all", 1, 2, 2, 70, 80, 8, 8, {}, {1}},
    {"added", 2, 2, 1, 70, 140, 8, 8, {}, {70, 140}, true},
    {"added for each head", 2, 2, 2, 70, 80, 8, 8, {.causal = true, .window = 30}, {2, 70, 80}, true},
    {"added padding", 2, 2, 2, 70, 80, 8, 8, {}, {2, 1, 1, 80}, true},
    {"added to rows", 2, 2, 2, 70, 80, 8, 8, {}, {1, 70, 1}, true},
    {"keys in parts", 1, 1, 1, 140, 700, 8, 8},
    {"keys in parts, causal", 1, 2, 1, 600, 600, 4, 4, {.causal = true}},
};

Tensor mask_of(const Case& c, DType t) {
  if (c.added) {
    // A tenth is left out.
    const Tensor m = noise(c.mask, t, -2, 2, 5);
    return where(m < -1.6, Scalar(-inf), m);
  }
  return noise(c.mask, f32, 0, 1, 5) > 0.3;
}

struct Leaves {
  Tensor q, k, v;
  std::optional<Tensor> mask;
};

// turned: as [batch, time, heads, size], transposed.
Leaves leaves_of(const Case& c, DType t, bool turned) {
  const auto make = [&](int64_t heads, int64_t time, int64_t size, uint64_t seed) {
    Tensor x = noise({c.batch, heads, time, size}, t, -1.5, 1.5, seed);
    if (turned) x = transpose(transpose(x, 1, 2).contiguous(), 1, 2);
    return x.requires_grad_();
  };
  Leaves l{make(c.heads, c.m, c.e, 1), make(c.key_heads, c.n, c.e, 2), make(c.key_heads, c.n, c.f, 3), {}};
  if (c.mask.rank()) {
    l.mask = mask_of(c, t);
    if (c.added) l.mask->requires_grad_();
  }
  return l;
}

Tensor call(const Case& c, const Leaves& l) {
  AttentionOptions o = c.options;
  o.mask = l.mask;
  return scaled_dot_product_attention(l.q, l.k, l.v, o);
}

TEST(Attention, MatchesLoops) {
  for (const Case& c : kCases) {
    for (DType t : {f32, f64, f16, bf16}) {
      const bool turned = t == f32 || t == bf16;
      const Leaves l = leaves_of(c, t, turned);
      const Tensor dy = noise({c.batch, c.heads, c.m, c.f}, t, -1, 1, 4);
      const Reference want = reference(c, l.q, l.k, l.v, l.mask, dy);
      const std::string what = std::string(c.name) + ", " + to_string(t);
      const Tensor y = call(c, l);
      EXPECT_EQ(y.dtype(), t) << what;
      expect_near(y, want.y, what);
      y.backward(dy);
      expect_near(l.q.grad(), want.dq, what + ", dq");
      expect_near(l.k.grad(), want.dk, what + ", dk");
      expect_near(l.v.grad(), want.dv, what + ", dv");
      if (c.added) expect_near(l.mask->grad(), want.dmask, what + ", dmask");
    }
  }
}

// With a graph of the gradient, which is made of ops.
TEST(Attention, GradientsWithAGraphAreTheSame) {
  for (const Case& c : kCases) {
    const Leaves l = leaves_of(c, f64, false);
    const Tensor dy = noise({c.batch, c.heads, c.m, c.f}, f64, -1, 1, 4);
    const Reference want = reference(c, l.q, l.k, l.v, l.mask, dy);
    std::vector<Tensor> inputs{l.q, l.k, l.v};
    if (c.added) inputs.push_back(*l.mask);
    const Tensor y = call(c, l);
    const auto g = grad({&y, 1}, inputs, {&dy, 1}, {}, true);
    expect_near(g[0], want.dq, std::string(c.name) + ", dq");
    expect_near(g[1], want.dk, std::string(c.name) + ", dk");
    expect_near(g[2], want.dv, std::string(c.name) + ", dv");
    if (c.added) expect_near(g[3], want.dmask, std::string(c.name) + ", dmask");
  }
}

TEST(Attention, OnlyTheGradientsThatAreWanted) {
  const Case c{"", 1, 2, 2, 70, 80, 8, 8, {}, {70, 80}, true};
  const Tensor dy = noise({1, 2, 70, 8}, f32, -1, 1, 4);
  const Leaves all = leaves_of(c, f32, false);
  call(c, all).backward(dy);
  const Tensor want[] = {all.q.grad(), all.k.grad(), all.v.grad(), all.mask->grad()};
  for (int i = 0; i < 4; ++i) {
    const Leaves made = leaves_of(c, f32, false);
    Tensor x[] = {made.q.detach(), made.k.detach(), made.v.detach(), made.mask->detach()};
    x[i].requires_grad_();
    scaled_dot_product_attention(x[0], x[1], x[2], {.mask = x[3]}).backward(dy);
    EXPECT_TRUE(same_bits(x[i].grad(), want[i])) << i;
  }
}

TEST(Attention, DropoutDrawsAsDropoutDoes) {
  for (const Case& c : {Case{"few", 2, 2, 1, 3, 70, 8, 5}, Case{"blocks", 1, 2, 2, 70, 131, 8, 5, {.causal = true}}}) {
    for (double p : {0.25, 1.0}) {
      for (DType t : {f32, f64}) {
        Case dropped = c;
        dropped.options.dropout = p;
        manual_seed(11);
        Tensor keep = empty({c.batch, c.heads, c.m, c.n});
        keep.bernoulli_(1 - p);
        const GeneratorState after = get_rng_state();
        V factors = values(keep);
        for (double& f : factors) f = p < 1 ? f / (1 - p) : 0;
        const Tensor dy = noise({c.batch, c.heads, c.m, c.f}, t, -1, 1, 4);
        for (bool graph : {false, true}) {
          const Leaves l = leaves_of(c, t, false);
          const Reference want = reference(c, l.q, l.k, l.v, {}, dy, factors);
          manual_seed(11);
          const Tensor y = call(dropped, l);
          EXPECT_EQ(get_rng_state(), after) << "counters taken";
          expect_near(y, want.y, c.name);
          const Tensor x[] = {l.q, l.k, l.v};
          const auto g = grad({&y, 1}, x, {&dy, 1}, {}, graph);
          EXPECT_EQ(get_rng_state(), after) << "backward draws nothing";
          expect_near(g[0], want.dq, "dq");
          expect_near(g[1], want.dk, "dk");
          expect_near(g[2], want.dv, "dv");
        }
      }
    }
  }
}

TEST(Attention, TheSameBitsForAnyNumberOfThreads) {
  for (const Case& c : kCases) {
    if (c.m * c.n < 4000) continue;
    std::vector<Tensor> first;
    for (int width : {1, 2, 4}) {
      const ThreadWidth guard(width);
      const Leaves l = leaves_of(c, f32, false);
      const Tensor y = call(c, l);
      y.backward(noise(y.shape(), f32, -1, 1, 4));
      std::vector<Tensor> got{y.detach(), l.q.grad(), l.k.grad(), l.v.grad()};
      if (c.added) got.push_back(l.mask->grad());
      for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(same_bits(got[i], first[i])) << c.name << " " << i;
      if (width == 1) first = got;
    }
  }
}

TEST(Attention, ResultsLieAsQueriesDo) {
  const Case c{"", 2, 3, 3, 70, 70, 8, 8};
  const Leaves l = leaves_of(c, f32, true);
  const Tensor y = call(c, l);
  EXPECT_TRUE(transpose(y, 1, 2).is_contiguous());
  y.backward(y.detach());
  for (const Tensor& x : {l.q, l.k, l.v}) EXPECT_TRUE(transpose(x.grad(), 1, 2).is_contiguous());
  EXPECT_TRUE(call(c, leaves_of(c, f32, false)).is_contiguous());
}

// A matrix of scores would take 64 MiB.
TEST(Attention, KeepsNoMatrixOfScores) {
  const Tensor x = noise({1, 1, 4096, 8}, f32, -1, 1, 1);
  Tensor q = x.clone().requires_grad_();
  const uint64_t before = memory::stats().in_use;
  const Tensor y = scaled_dot_product_attention(q, x, x, {.dropout = 0.1, .causal = true});
  y.backward(x);
  EXPECT_LT(memory::stats().peak - before, uint64_t{16} << 20);
}

TEST(Attention, NaNPropagates) {
  for (int64_t m : {2, 70}) {
    const Tensor k = noise({1, 80, 8}, f32, -1, 1, 2);
    Tensor q = noise({1, m, 8}, f32, -1, 1, 1);
    q.index({0, 1, 3}) = full({}, std::nan(""));
    const Tensor y = scaled_dot_product_attention(q, k, k);
    EXPECT_TRUE(y.index({0, 1}).isnan().all().item<bool>());
    EXPECT_TRUE(y.index({0, 0}).isfinite().all().item<bool>());
    Tensor mask = zeros({m, 80});
    mask.index({1, 5}) = full({}, std::nan(""));
    EXPECT_TRUE(
        scaled_dot_product_attention(k.slice(1, 0, m), k, k, {.mask = mask}).index({0, 1}).isnan().all().item<bool>());
    // A NaN that a bool mask leaves out is not seen.
    const Tensor without = ones({m, 80}).to(boolean);
    without.index({1}) = zeros({80}).to(boolean);
    const Tensor z = scaled_dot_product_attention(q, k, k, {.mask = without});
    EXPECT_TRUE((z.index({0, 1}) == 0).all().item<bool>());
    // All scores -infinity without a mask: as softmax has it.
    const Tensor low = full({1, m, 8}, -1e30), high = full({1, 80, 8}, 1e30);
    EXPECT_TRUE(scaled_dot_product_attention(low, high, k).isnan().all().item<bool>());
  }
}

TEST(Attention, Sizes) {
  const auto shape = [](const Shape& q, const Shape& k, const Shape& v, AttentionOptions o = {}) {
    Tensor a = ones(q).requires_grad_(), b = ones(k).requires_grad_(), c = ones(v).requires_grad_();
    const Tensor y = scaled_dot_product_attention(a, b, c, o);
    y.sum().backward();
    EXPECT_EQ(a.grad().shape(), q);
    EXPECT_EQ(b.grad().shape(), k);
    EXPECT_EQ(c.grad().shape(), v);
    for (const Tensor& g : {a.grad(), b.grad(), c.grad()}) EXPECT_TRUE(g.isfinite().all().item<bool>());
    return y.shape();
  };
  EXPECT_EQ(shape({0, 4}, {5, 4}, {5, 3}), (Shape{0, 3}));
  EXPECT_EQ(shape({2, 4}, {0, 4}, {0, 3}), (Shape{2, 3}));
  EXPECT_EQ(shape({2, 0}, {5, 0}, {5, 3}, {.scale = 1}), (Shape{2, 3}));
  EXPECT_EQ(shape({2, 4}, {5, 4}, {5, 0}), (Shape{2, 0}));
  EXPECT_EQ(shape({0, 2, 4}, {1, 5, 4}, {1, 5, 3}), (Shape{0, 2, 3}));
  EXPECT_EQ(shape({2, 4, 2, 4}, {2, 2, 5, 4}, {2, 4, 5, 3}), (Shape{2, 4, 2, 3}));
  EXPECT_EQ(shape({3, 1, 6, 2, 4}, {1, 2, 1, 5, 4}, {2, 3, 5, 3}), (Shape{3, 2, 6, 2, 3}));
  EXPECT_EQ(shape({2, 4}, {5, 4}, {5, 3}, {.mask = ones({2, 3, 1, 5})}), (Shape{2, 3, 2, 3}));
}

TEST(Attention, DtypesMeet) {
  const Tensor q = noise({1, 3, 4}, bf16, -1, 1, 1), k = noise({1, 5, 4}, f32, -1, 1, 2);
  const Tensor y = scaled_dot_product_attention(q, k, k);
  EXPECT_EQ(y.dtype(), bf16);
  EXPECT_TRUE(same_bits(y, scaled_dot_product_attention(q.to(f32), k, k).to(bf16)));
}

TEST(Attention, Errors) {
  const Tensor x = ones({2, 4, 3, 8});
  const auto with = [&](const AttentionOptions& o) {
    return error_of([&] { scaled_dot_product_attention(x, x, x, o); });
  };
  const std::string name = "scaled_dot_product_attention: attention: ";
  EXPECT_EQ(with({.dropout = 1.5}), name + "the dropout must be from 0 to 1, but is 1.5");
  EXPECT_EQ(with({.window = -1}), name + "the window must be at least 0, but is -1");
  EXPECT_EQ(with({.mask = ones({4, 3})}), name + "a mask of shape [4, 3] does not fit 3 queries and 3 keys");
  EXPECT_EQ(with({.mask = ones({3, 3}).to(i64)}), name + "the mask must be bool or floating-point, but is i64");
  EXPECT_EQ(with({.mask = ones({3, 3, 3})}), name + "the mask has 3 heads, but there are 4 query heads");
  EXPECT_EQ(error_of([&] {
              scaled_dot_product_attention(x, ones({2, 3, 3, 8}), ones({2, 3, 3, 8}));
            }),
            name + "4 query heads cannot share 3 key heads");
  EXPECT_EQ(error_of([&] {
              scaled_dot_product_attention(x, ones({2, 4, 3, 7}), x);
            }),
            name + "q has head size 8, but k 7");
  EXPECT_EQ(error_of([&] {
              scaled_dot_product_attention(x, x, ones({2, 4, 5, 8}));
            }),
            name + "k has 3 positions, but v 5");
}

}  // namespace
}  // namespace hearth
// NOLINTEND(bugprone-unchecked-optional-access)
