// The cases of golden.safetensors, which tools/golden/distributions.py made.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/distributions/distribution.h"

namespace hearth::distributions {

using Tensors = std::vector<Tensor>;
using Pointer = std::shared_ptr<const Distribution>;
// A distribution of a case's parameters.
using Maker = std::function<Pointer(const Tensors&)>;

template <class D, class... A>
Pointer make(A&&... a) {
  return std::make_shared<const D>(std::forward<A>(a)...);
}

// Makes D of that many of them.
template <class D>
Maker of(size_t count) {
  return [count](const Tensors& x) -> Pointer {
    HEARTH_CHECK(x.size() == count, "the case has ", x.size(), " parameters");
    if constexpr (std::is_constructible_v<D, Tensor, Tensor, Tensor>) {
      if (count == 3) return make<D>(x[0], x[1], x[2]);
    }
    if constexpr (std::is_constructible_v<D, Tensor, Tensor>) {
      if (count == 2) return make<D>(x[0], x[1]);
    }
    if constexpr (std::is_constructible_v<D, Tensor>) return make<D>(x[0]);
    return nullptr;
  };
}
template <class D>
Maker of_logits() {
  return [](const Tensors& x) { return make<D>(ProbsOrLogits{.logits = x[0]}); };
}

// What is in the file.
const std::map<std::string, Tensor>& golden();
// How the distributions of the cases are made.
const std::map<std::string, Maker>& makers();
// The dtypes in which a case is compared. PyTorch limits probabilities to [eps, 1 - eps], so that those at the ends are
// not the same in f32.
std::vector<DType> compared(const std::string& name);
// Fails unless each value is near the wanted one, by a share of its size or of 1; NaN and infinities are the same.
void expect_near(const Tensor& got, const Tensor& want, double most, const std::string& what);

class Case {
 public:
  Case(std::string name, DType t);
  const Tensors& params() const { return params_; }
  bool has(const std::string& part) const { return golden().contains(key(part)); }
  // A tensor that takes gradients, if it is floating-point.
  Tensor leaf(const std::string& part) const;
  Tensor want(const std::string& part) const { return golden().at(key(part)); }
  // A result and its gradients, of x too.
  void check(const std::string& part, const Tensor& got, const Tensor& x = {}) const;

 private:
  std::string key(const std::string& part) const { return name_ + "/" + part; }
  void check_gradient(const std::string& part, const std::string& which, Tensor leaf) const;
  std::string name_;
  DType dtype_;
  Tensors params_;
};

}  // namespace hearth::distributions
