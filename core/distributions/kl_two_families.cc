// Of two families: minus the entropy of p, minus the mean of log q.
#include <numbers>

#include "core/distributions/bernoulli.h"
#include "core/distributions/dirichlet.h"
#include "core/distributions/gamma.h"
#include "core/distributions/kl_internal.h"
#include "core/distributions/location_scale.h"
#include "core/distributions/normal.h"
#include "core/distributions/poisson.h"
#include "core/distributions/uniform.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/special.h"

namespace hearth::distributions::detail {
namespace {

constexpr double kPi = std::numbers::pi, kEuler = std::numbers::egamma;

Tensor infinite(const Distribution& p, const Distribution& q) {
  return full(broadcast_shapes(p.batch_shape(), q.batch_shape(), "kl_divergence"), INFINITY,
              {.dtype = promote(p.dtype(), q.dtype()), .device = p.device()});
}

// p has values that q has not.
template <class P, class... Q>
void infinite_rules(std::vector<KlRule>& rules) {
  (rule<P, Q>(rules, infinite), ...);
}

// The mean of minus log q where that of x is `mean`, of its square `square`, of its logarithm `log_mean`.
Tensor from_exponential(const Tensor& mean, const Exponential& q) {
  return wide(q.rate()) * mean - log(wide(q.rate()));
}
Tensor from_gamma(const Tensor& mean, const Tensor& log_mean, const Gamma& q) {
  const Tensor a = wide(q.concentration()), rate = wide(q.rate());
  return lgamma(a) - a * log(rate) - (a - 1) * log_mean + rate * mean;
}
Tensor from_normal(const Tensor& mean, const Tensor& variance, const Normal& q) {
  const Tensor v = square(wide(q.scale()));
  return log(v * (2 * kPi)) * 0.5 + (variance + square(mean - wide(q.loc()))) / v * 0.5;
}
// Of y = (x - loc) / scale: the mean of y and that of e^-y.
Tensor from_gumbel(const Tensor& mean, const Tensor& exponential, const Gumbel& q) {
  return mean + exponential + log(wide(q.scale()));
}

// Of minus log q where q is any of these, whose entropy is known.
template <class P>
void moment_rules(std::vector<KlRule>& rules) {
  rule<P, Normal>(rules, [](const P& p, const Normal& q) {
    return from_normal(wide(p.mean()), wide(p.variance()), q) - wide(p.entropy());
  });
}

void add_rules_of_beta(std::vector<KlRule>& rules) {
  moment_rules<Beta>(rules);
  rule<Beta, Exponential>(rules, [](const Beta& p, const Exponential& q) {
    return from_exponential(wide(p.mean()), q) - wide(p.entropy());
  });
  rule<Beta, Gamma>(rules, [](const Beta& p, const Gamma& q) {
    const Tensor a = wide(p.concentration1()), b = wide(p.concentration0());
    return from_gamma(wide(p.mean()), digamma(a) - digamma(a + b), q) - wide(p.entropy());
  });
  rule<Beta, Uniform>(rules, [](const Beta& p, const Uniform& q) {
    const Tensor low = wide(q.low()), high = wide(q.high());
    return infinite_where(logical_or(gt(low, 0), lt(high, 1)), log(high - low) - wide(p.entropy()));
  });
}

void add_rules_of_exponential(std::vector<KlRule>& rules) {
  infinite_rules<Exponential, Beta, Uniform>(rules);
  moment_rules<Exponential>(rules);
  rule<Exponential, Gamma>(rules, [](const Exponential& p, const Gamma& q) {
    return from_gamma(wide(p.mean()), -(log(wide(p.rate())) + kEuler), q) - wide(p.entropy());
  });
  rule<Exponential, Gumbel>(rules, [](const Exponential& p, const Gumbel& q) {
    const Tensor scale = wide(q.scale()), steepness = wide(p.rate()) * scale, off = wide(q.loc()) / scale;
    return from_gumbel(1 / steepness - off, exp(off) * steepness / (steepness + 1), q) - wide(p.entropy());
  });
}

void add_rules_of_gamma(std::vector<KlRule>& rules) {
  infinite_rules<Gamma, Beta, Uniform>(rules);
  moment_rules<Gamma>(rules);
  rule<Gamma, Exponential>(rules, [](const Gamma& p, const Exponential& q) {
    return from_exponential(wide(p.mean()), q) - wide(p.entropy());
  });
  rule<Gamma, Gumbel>(rules, [](const Gamma& p, const Gumbel& q) {
    const Tensor scale = wide(q.scale()), off = wide(q.loc()) / scale, a = wide(p.concentration());
    const Tensor steepness = wide(p.rate()) * scale;
    return from_gumbel(a / steepness - off, exp(off - a * log1p(1 / steepness)), q) - wide(p.entropy());
  });
}

void add_rules_of_real_numbers(std::vector<KlRule>& rules) {
  infinite_rules<Gumbel, Beta, Exponential, Gamma, Uniform>(rules);
  infinite_rules<Laplace, Beta, Exponential, Gamma, Uniform>(rules);
  infinite_rules<Normal, Beta, Exponential, Gamma, Uniform>(rules);
  moment_rules<Gumbel>(rules);
  moment_rules<Laplace>(rules);
  rule<Normal, Gumbel>(rules, [](const Normal& p, const Gumbel& q) {
    const Tensor scale = wide(q.scale()), off = (wide(p.loc()) - wide(q.loc())) / scale;
    return from_gumbel(off, exp(square(wide(p.scale()) / scale) * 0.5 - off), q) - wide(p.entropy());
  });
  rule<Normal, Laplace>(rules, [](const Normal& p, const Laplace& q) {
    const Tensor off = wide(p.loc()) - wide(q.loc()), s = wide(p.scale()), z = off / s;
    const Tensor distance = s * std::sqrt(2 / kPi) * exp(square(z) * -0.5) + off * erf(z * std::numbers::sqrt2 / 2);
    return distance / wide(q.scale()) + log(wide(q.scale()) * 2) - wide(p.entropy());
  });
}

// The mean of log x between low and high.
Tensor mean_logarithm(const Tensor& low, const Tensor& high) {
  return (xlogy(high, high) - xlogy(low, low)) / (high - low) - 1;
}

void add_rules_of_uniform(std::vector<KlRule>& rules) {
  moment_rules<Uniform>(rules);
  rule<Uniform, Beta>(rules, [](const Uniform& p, const Beta& q) {
    const Tensor low = wide(p.low()), high = wide(p.high()), a = wide(q.concentration1()), b = wide(q.concentration0());
    const Tensor finite = lgamma(a) + lgamma(b) - lgamma(a + b) - (a - 1) * mean_logarithm(low, high) -
                          (b - 1) * mean_logarithm(1 - high, 1 - low) - wide(p.entropy());
    return infinite_where(logical_or(gt(high, 1), lt(low, 0)), finite);
  });
  rule<Uniform, Exponential>(rules, [](const Uniform& p, const Exponential& q) {
    return infinite_where(lt(wide(p.low()), 0), from_exponential(wide(p.mean()), q) - wide(p.entropy()));
  });
  rule<Uniform, Gamma>(rules, [](const Uniform& p, const Gamma& q) {
    const Tensor low = wide(p.low()), high = wide(p.high());
    return infinite_where(lt(low, 0), from_gamma(wide(p.mean()), mean_logarithm(low, high), q) - wide(p.entropy()));
  });
  rule<Uniform, Gumbel>(rules, [](const Uniform& p, const Gumbel& q) {
    const Tensor scale = wide(q.scale()), loc = wide(q.loc()), low = (wide(p.low()) - loc) / scale,
                 high = (wide(p.high()) - loc) / scale;
    return from_gumbel((low + high) * 0.5, (exp(-low) - exp(-high)) / (high - low), q) - wide(p.entropy());
  });
}

}  // namespace

void add_rules_of_two_families(std::vector<KlRule>& rules) {
  add_rules_of_beta(rules);
  add_rules_of_exponential(rules);
  add_rules_of_gamma(rules);
  add_rules_of_real_numbers(rules);
  add_rules_of_uniform(rules);
  infinite_rules<Poisson, Bernoulli, Binomial>(rules);
  rule<Bernoulli, Poisson>(rules, [](const Bernoulli& p, const Poisson& q) {
    return wide(q.rate()) - wide(p.probs()) * log(wide(q.rate())) - wide(p.entropy());
  });
}

}  // namespace hearth::distributions::detail
