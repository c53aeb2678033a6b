// Convolution layers.
#pragma once

#include <optional>

#include "core/nn/module.h"
#include "core/ops/conv.h"

namespace hearth::nn {

struct Conv2dOptions {
  Extent2 stride = 1, padding = 0, dilation = 1;
  int64_t groups = 1;
  bool bias = true;
};
// See hearth::conv2d. Weights and bias start uniform in +-1 / sqrt(in / groups * kh * kw), as in PyTorch.
class Conv2d : public Module<Conv2d> {
 public:
  Conv2d(int64_t in, int64_t out, Extent2 kernel, const Conv2dOptions& options = {})
      : Conv2d(nullptr, "", in, out, kernel, options) {}
  Conv2d(ModuleBase* parent, const char* name, int64_t in, int64_t out, Extent2 kernel,
         const Conv2dOptions& options = {});
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  Parameter weight;               // [out, in / groups, kh, kw]
  std::optional<Parameter> bias;  // [out]

 private:
  hearth::Conv2dOptions options_;
};

struct Conv1dOptions {
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
  bool bias = true;
};
class Conv1d : public Module<Conv1d> {
 public:
  Conv1d(int64_t in, int64_t out, int64_t kernel, const Conv1dOptions& options = {})
      : Conv1d(nullptr, "", in, out, kernel, options) {}
  Conv1d(ModuleBase* parent, const char* name, int64_t in, int64_t out, int64_t kernel,
         const Conv1dOptions& options = {});
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  Parameter weight;               // [out, in / groups, kernel]
  std::optional<Parameter> bias;  // [out]

 private:
  hearth::Conv1dOptions options_;
};

}  // namespace hearth::nn
