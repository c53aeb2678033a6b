/// Kullback and Leibler's divergence of one distribution from another.
#pragma once

#include <functional>
#include <typeinfo>

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// The mean of log p(x) - log q(x) of values x drawn from p, for each pair of the batches, which broadcast. Infinite
/// where p has values that q has not. Throws Error(kUnsupported), naming both, for families between which none is
/// known: PyTorch's pairs are, and those of register_kl().
Tensor kl_divergence(const Distribution& p, const Distribution& q);

namespace detail {
struct KlRule {
  const std::type_info* p;
  const std::type_info* q;
  bool (*fits)(const Distribution& p, const Distribution& q);
  std::function<Tensor(const Distribution&, const Distribution&)> divergence;
};
template <class P, class Q>
KlRule kl_rule(std::function<Tensor(const P&, const Q&)> f) {
  return {&typeid(P), &typeid(Q),
          [](const Distribution& p, const Distribution& q) {
            return dynamic_cast<const P*>(&p) != nullptr && dynamic_cast<const Q*>(&q) != nullptr;
          },
          [f = std::move(f)](const Distribution& p, const Distribution& q) {
            return f(dynamic_cast<const P&>(p), dynamic_cast<const Q&>(q));
          }};
}
void add_kl_rule(KlRule rule);
}  // namespace detail

/// Says what kl_divergence() of these classes, and of classes that are derived from them, is; also where one is known.
/// Rules for the classes themselves go before those for their bases, later ones before earlier ones.
template <class P, class Q>
void register_kl(std::function<Tensor(const P&, const Q&)> divergence) {
  detail::add_kl_rule(detail::kl_rule<P, Q>(std::move(divergence)));
}

}  // namespace hearth::distributions
