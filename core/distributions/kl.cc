#include "core/distributions/kl.h"

#include <utility>
#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/distributions/event_internal.h"
#include "core/distributions/independent.h"
#include "core/distributions/kl_internal.h"

namespace hearth::distributions {
namespace {

Tensor of_independent(const Independent& p, const Independent& q) {
  HEARTH_CHECK(p.reinterpreted_batch_ndims() == q.reinterpreted_batch_ndims(), "kl_divergence: of ",
               p.reinterpreted_batch_ndims(), " and ", q.reinterpreted_batch_ndims(),
               " dimensions of two Independent distributions");
  return sum_of_last(detail::wide(kl_divergence(p.base(), q.base())), p.reinterpreted_batch_ndims());
}

struct Rules {
  Mutex mutex;
  std::vector<detail::KlRule> list ABSL_GUARDED_BY(mutex);
  Rules() {
    detail::add_rules_of_one_family(list);
    detail::add_rules_of_two_families(list);
    detail::rule<Independent, Independent>(list, of_independent);
  }
  static Rules& all() {
    static Rules rules;
    return rules;
  }
};

std::function<Tensor(const Distribution&, const Distribution&)> rule_for(const Distribution& p, const Distribution& q) {
  Rules& rules = Rules::all();
  const MutexLock lock(rules.mutex);
  for (auto r = rules.list.rbegin(); r != rules.list.rend(); ++r) {
    if (*r->p == typeid(p) && *r->q == typeid(q)) return r->divergence;
  }
  for (auto r = rules.list.rbegin(); r != rules.list.rend(); ++r) {
    if (r->fits(p, q)) return r->divergence;
  }
  return nullptr;
}

}  // namespace

void detail::add_kl_rule(KlRule rule) {
  Rules& rules = Rules::all();
  const MutexLock lock(rules.mutex);
  rules.list.push_back(std::move(rule));
}

Tensor kl_divergence(const Distribution& p, const Distribution& q) {
  const CalledAs called("kl_divergence");
  const auto divergence = rule_for(p, q);
  if (!divergence) fail(ErrorKind::kUnsupported, "kl_divergence: none is known of ", p.name(), " from ", q.name());
  const DType t = promote(p.dtype(), q.dtype());
  const Tensor result = divergence(p, q);
  return is_half(t) ? machinery::cast(result, t) : result;
}

}  // namespace hearth::distributions
