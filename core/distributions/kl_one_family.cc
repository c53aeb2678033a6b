#include <numbers>

#include "core/base/error.h"
#include "core/distributions/bernoulli.h"
#include "core/distributions/categorical.h"
#include "core/distributions/dirichlet.h"
#include "core/distributions/gamma.h"
#include "core/distributions/heavy_tails.h"
#include "core/distributions/kl_internal.h"
#include "core/distributions/location_scale.h"
#include "core/distributions/multivariate_normal.h"
#include "core/distributions/normal.h"
#include "core/distributions/poisson.h"
#include "core/distributions/uniform.h"
#include "core/ops/activation.h"
#include "core/ops/linalg_solves.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/special.h"
#include "core/ops/view.h"

namespace hearth::distributions::detail {
namespace {

constexpr double kEuler = std::numbers::egamma;

Tensor of_normals(const Tensor& loc, const Tensor& scale, const Tensor& q_loc, const Tensor& q_scale) {
  const Tensor ratio = square(scale / q_scale);
  return (ratio + square((loc - q_loc) / q_scale) - 1 - log(ratio)) * 0.5;
}

// The sum over classes of p (log p - log q).
Tensor of_classes(const Tensor& probs, const Tensor& logits, const Tensor& q_probs, const Tensor& q_logits) {
  const Tensor each = infinite_where(eq(q_probs, 0), probs * (logits - q_logits));
  return where(eq(probs, 0), Scalar(0.0), each).sum(-1);
}

Tensor of_bernoullis(const Bernoulli& p, const Bernoulli& q) {
  const Tensor probs = wide(p.probs()), logits = wide(p.logits()), q_probs = wide(q.probs()),
               q_logits = wide(q.logits());
  const Tensor one = infinite_where(eq(q_probs, 0), probs * (log_sigmoid(logits) - log_sigmoid(q_logits)));
  const Tensor none = infinite_where(eq(q_probs, 1), (1 - probs) * (log_sigmoid(-logits) - log_sigmoid(-q_logits)));
  return where(eq(probs, 0), Scalar(0.0), one) + where(eq(probs, 1), Scalar(0.0), none);
}

Tensor of_binomials(const Binomial& p, const Binomial& q) {
  const Tensor count = wide(p.total_count()), q_count = wide(q.total_count()), probs = wide(p.probs());
  if (count.device().is_cpu() && lt(count, q_count).any().item<bool>())
    fail(ErrorKind::kUnsupported, "kl_divergence: none is known of Binomial from Binomial of more trials");
  const Tensor each = probs * (wide(p.logits()) - wide(q.logits())) + log1p(-probs) - log1p(-wide(q.probs()));
  return infinite_where(gt(count, q_count), count * each);
}

Tensor of_betas(const Beta& p, const Beta& q) {
  const Tensor a = wide(p.concentration1()), b = wide(p.concentration0()), c = wide(q.concentration1()),
               d = wide(q.concentration0());
  return lgamma(c) + lgamma(d) + lgamma(a + b) - lgamma(a) - lgamma(b) - lgamma(c + d) + (a - c) * digamma(a) +
         (b - d) * digamma(b) + (c + d - a - b) * digamma(a + b);
}

Tensor of_dirichlets(const Dirichlet& p, const Dirichlet& q) {
  const Tensor a = wide(p.concentration()), b = wide(q.concentration()), sum = a.sum(-1);
  const Tensor off = (a - b) * (digamma(a) - digamma(unsqueeze(sum, -1)));
  return lgamma(sum) - lgamma(b.sum(-1)) - (lgamma(a) - lgamma(b)).sum(-1) + off.sum(-1);
}

template <class D>
Tensor of_gammas(const D& p, const D& q) {
  const Tensor a = wide(p.concentration()), rate = wide(p.rate()), b = wide(q.concentration()), q_rate = wide(q.rate());
  return b * log(rate / q_rate) + lgamma(b) - lgamma(a) + (a - b) * digamma(a) + (q_rate - rate) * (a / rate);
}

Tensor of_gumbels(const Gumbel& p, const Gumbel& q) {
  const Tensor scale = wide(q.scale()), ratio = wide(p.scale()) / scale, off = (wide(p.loc()) - wide(q.loc())) / scale;
  return off - log(ratio) + ratio * kEuler + exp(lgamma(ratio + 1) - off) - (1 + kEuler);
}

Tensor of_laplaces(const Laplace& p, const Laplace& q) {
  const Tensor ratio = wide(p.scale()) / wide(q.scale()), off = abs(wide(p.loc()) - wide(q.loc()));
  return off / wide(q.scale()) - log(ratio) + ratio * exp(-off / wide(p.scale())) - 1;
}

Tensor of_cauchys(const Cauchy& p, const Cauchy& q) {
  const Tensor a = wide(p.scale()), b = wide(q.scale());
  return log(square(a + b) + square(wide(p.loc()) - wide(q.loc()))) - log(a * b * 4);
}

Tensor of_paretos(const Pareto& p, const Pareto& q) {
  const Tensor scale = wide(p.scale()), q_scale = wide(q.scale()), ratio = wide(q.alpha()) / wide(p.alpha());
  return infinite_where(lt(scale, q_scale), wide(q.alpha()) * log(scale / q_scale) - log(ratio) + ratio - 1);
}

Tensor of_uniforms(const Uniform& p, const Uniform& q) {
  const Tensor low = wide(p.low()), high = wide(p.high()), q_low = wide(q.low()), q_high = wide(q.high());
  return infinite_where(logical_or(gt(q_low, low), lt(q_high, high)), log((q_high - q_low) / (high - low)));
}

Tensor of_multivariate_normals(const MultivariateNormal& p, const MultivariateNormal& q) {
  HEARTH_CHECK(p.event_shape() == q.event_shape(), "kl_divergence: of vectors of ", p.event_shape()[0],
               " from those of ", q.event_shape()[0], " elements");
  const Tensor a = wide(p.scale_tril()), b = wide(q.scale_tril());
  const auto log_det = [](const Tensor& l) { return log(diagonal(l, 0, -2, -1)).sum(-1); };
  const Tensor spread = square(linalg::solve_triangular(b, a, false)).sum({-2, -1});
  const auto n = static_cast<double>(p.event_shape()[0]);
  return log_det(b) - log_det(a) + (spread + q.mahalanobis(wide(p.loc())) - n) * 0.5;
}

void add_location_scale_rules(std::vector<KlRule>& rules) {
  rule<Normal, Normal>(rules, [](const Normal& p, const Normal& q) {
    return of_normals(wide(p.loc()), wide(p.scale()), wide(q.loc()), wide(q.scale()));
  });
  rule<LogNormal, LogNormal>(rules, [](const LogNormal& p, const LogNormal& q) {
    return of_normals(wide(p.loc()), wide(p.scale()), wide(q.loc()), wide(q.scale()));
  });
  rule<HalfNormal, HalfNormal>(rules, [](const HalfNormal& p, const HalfNormal& q) {
    const Tensor ratio = square(wide(p.scale()) / wide(q.scale()));
    return (ratio - 1 - log(ratio)) * 0.5;
  });
  rule<Gumbel, Gumbel>(rules, of_gumbels);
  rule<Laplace, Laplace>(rules, of_laplaces);
  rule<Cauchy, Cauchy>(rules, of_cauchys);
  rule<Pareto, Pareto>(rules, of_paretos);
  rule<Uniform, Uniform>(rules, of_uniforms);
  rule<MultivariateNormal, MultivariateNormal>(rules, of_multivariate_normals);
}

}  // namespace

void add_rules_of_one_family(std::vector<KlRule>& rules) {
  add_location_scale_rules(rules);
  rule<Bernoulli, Bernoulli>(rules, of_bernoullis);
  rule<Binomial, Binomial>(rules, of_binomials);
  rule<Geometric, Geometric>(rules, [](const Geometric& p, const Geometric& q) {
    return -wide(p.entropy()) - log1p(-wide(q.probs())) / wide(p.probs()) - wide(q.logits());
  });
  rule<Categorical, Categorical>(rules, [](const Categorical& p, const Categorical& q) {
    return of_classes(wide(p.probs()), wide(p.logits()), wide(q.probs()), wide(q.logits()));
  });
  rule<OneHotCategorical, OneHotCategorical>(rules, [](const OneHotCategorical& p, const OneHotCategorical& q) {
    return of_classes(wide(p.probs()), wide(p.logits()), wide(q.probs()), wide(q.logits()));
  });
  rule<Beta, Beta>(rules, of_betas);
  rule<Dirichlet, Dirichlet>(rules, of_dirichlets);
  rule<Gamma, Gamma>(rules, of_gammas<Gamma>);
  rule<InverseGamma, InverseGamma>(rules, of_gammas<InverseGamma>);
  rule<Exponential, Exponential>(rules, [](const Exponential& p, const Exponential& q) {
    const Tensor ratio = wide(q.rate()) / wide(p.rate());
    return ratio - log(ratio) - 1;
  });
  rule<Poisson, Poisson>(rules, [](const Poisson& p, const Poisson& q) {
    const Tensor rate = wide(p.rate()), q_rate = wide(q.rate());
    return rate * (log(rate) - log(q_rate)) - (rate - q_rate);
  });
}

}  // namespace hearth::distributions::detail
