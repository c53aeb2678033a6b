#include "core/nn/weight_norm.h"

#include <utility>
#include <vector>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/nn/older_state.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/distance.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::nn {
namespace {

struct WeightNorm {
  std::optional<int64_t> dim;

  Tensor lengths(const Tensor& v) const {
    if (!dim) return norm(v);
    Dims others;
    for (int d = 0; d < v.dim(); ++d) {
      if (d != *dim) others.push_back(d);
    }
    return others.empty() ? abs(v) : norm(v, 2, others, true);
  }
  Tensor forward(const std::vector<Tensor>& originals) const {
    return originals[1] * (originals[0] / lengths(originals[1]));
  }
  std::vector<Tensor> right_inverse(const Tensor& value) const { return {lengths(value), value}; }
  // As torch.nn.utils.weight_norm named them.
  void upgrade_state(StateDict& state, const std::string& prefix, const std::string& name) const {
    const std::string g = prefix + name + "_g", v = prefix + name + "_v";
    if (!state.contains(g) || !state.contains(v)) return;
    const std::string original = prefix + "parametrizations." + name + ".original";
    detail::rename(state, g, original + "0");
    detail::rename(state, v, original + "1");
  }
};

class SpectralNorm : public Module<SpectralNorm> {
 public:
  SpectralNorm(const Tensor& weight, const SpectralNormOptions& options)
      : dim_(wrap_dim(options.dim, weight.dim(), "spectral_norm")),
        options_(options),
        u_(this, "_u", vector(weight, 0)),
        v_(this, "_v", vector(weight, 1)) {
    if (weight.dim() >= 2) iterate(matrix(weight.detach()), 15);
  }
  Tensor forward(const Tensor& weight) {
    if (weight.dim() < 2) return unit(weight);
    const Tensor m = matrix(weight);
    if (training()) iterate(m.detach(), options_.n_power_iterations);
    // Of their own memory: the next call writes to the buffers.
    const Tensor u = u_.clone(), v = v_.clone();
    return weight / dot(u, mv(m, v));
  }
  // The values that it has are kept, and divided at the next call. Vectors drawn anew are brought near to them.
  Tensor right_inverse(const Tensor& value) {
    if (std::exchange(drawn_, false)) iterate(matrix(value.detach()), 15);
    return value;
  }
  // As far as they can be without the weight, which gets its values later.
  void reset_parameters() {
    if (!u_.defined()) return;
    const NoGrad off;
    for (Buffer* b : {&u_, &v_}) b->copy_(unit(randn_like(*b)));
    drawn_ = true;
  }

 private:
  Tensor unit(const Tensor& t) const { return normalize(t, 2, 0, options_.eps); }
  // A random one for dimension d of the matrix; undefined where there is no matrix.
  Tensor vector(const Tensor& weight, int d) const {
    if (weight.dim() < 2) return {};
    const NoGrad off;
    const int64_t length = matrix(weight).size(d);
    return unit(randn({length}, {.dtype = weight.dtype(), .device = weight.device()}));
  }
  Tensor matrix(const Tensor& weight) const { return flatten(movedim(weight, dim_, 0), 1); }
  void iterate(const Tensor& m, int64_t times) {
    const NoGrad off;
    for (int64_t i = 0; i < times; ++i) {
      u_.copy_(unit(mv(m, v_)));
      v_.copy_(unit(mv(m.t(), u_)));
    }
  }

  int dim_;
  SpectralNormOptions options_;
  Buffer u_, v_;        // undefined for a vector, which is divided by its length
  bool drawn_ = false;  // and not yet brought near to the weight
};

}  // namespace

void weight_norm(ModuleBase& module, const std::string& name, std::optional<int64_t> dim) {
  const Tensor weight = detail::parameter_of(module, name, "weight_norm");
  HEARTH_CHECK(!dim || (*dim >= 0 && *dim < weight.dim()), "weight_norm: dimension ", dim.value_or(0),
               " is out of range for a parameter of shape ", weight.shape());
  register_parametrization(module, name, WeightNorm{dim});
}

void spectral_norm(ModuleBase& module, const std::string& name, const SpectralNormOptions& options) {
  HEARTH_CHECK(options.n_power_iterations >= 1, "spectral_norm: n_power_iterations must be at least 1, but is ",
               options.n_power_iterations);
  const Tensor weight = detail::parameter_of(module, name, "spectral_norm");
  HEARTH_CHECK(weight.dim() >= 1, "spectral_norm: the parameter '", name, "' has no dimensions");
  SpectralNorm step(weight, options);
  step.train(module.training());
  register_parametrization(module, name, std::move(step));
}

}  // namespace hearth::nn
