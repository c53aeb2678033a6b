/// A layer of bilinear forms.
#pragma once

#include <optional>

#include "core/nn/linear.h"

namespace hearth::nn {

/// x1^T weight x2 + bias for each output. See hearth::bilinear(). Weights and bias start uniform in +-1 / sqrt(in1).
class Bilinear : public Module<Bilinear> {
 public:
  /// Of `in1` and `in2` features to `out`. Throws Error if one is below 1.
  Bilinear(int64_t in1, int64_t in2, int64_t out, const LinearOptions& options = {})
      : Bilinear(nullptr, "", in1, in2, out, options) {}
  /// The same as a member of `parent`.
  Bilinear(ModuleBase* parent, const char* name, int64_t in1, int64_t in2, int64_t out,
           const LinearOptions& options = {});
  /// x1 [..., in1] and x2 [..., in2] give [..., out].
  Tensor forward(const Tensor& x1, const Tensor& x2) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  /// [out, in1, in2].
  Parameter weight;
  /// [out], if the options ask for it.
  std::optional<Parameter> bias;
};

}  // namespace hearth::nn
