#include "core/nn/init_patterns.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/random.h"

namespace hearth::nn::init {

Tensor& eye_(Tensor& t) {
  HEARTH_CHECK(t.dim() == 2, "eye_: expected 2 dimensions, but the shape is ", t.shape());
  if (t.device().is_meta()) return t;
  const NoGrad off;
  return t.copy_(eye(t.size(0), t.size(1), {.dtype = t.dtype(), .device = t.device()}));
}

Tensor& dirac_(Tensor& t, int64_t groups) {
  HEARTH_CHECK(t.dim() >= 3 && t.dim() <= 5, "dirac_: expected 3 to 5 dimensions, but the shape is ", t.shape());
  HEARTH_CHECK(groups >= 1 && t.size(0) % groups == 0, "dirac_: ", t.size(0), " outputs do not divide into ", groups,
               " groups");
  if (t.device().is_meta()) return t;
  const NoGrad off;
  const int64_t out = t.size(0) / groups;
  Tensor values = zeros(t.shape(), {.dtype = f64, .device = kCpu});
  int64_t kernel = 1, middle = 0;
  for (int d = 2; d < t.dim(); ++d) {
    kernel *= t.size(d);
    middle = middle * t.size(d) + t.size(d) / 2;
  }
  if (kernel > 0) {
    double* p = values.mutable_data<double>();
    for (int64_t g = 0; g < groups; ++g) {
      for (int64_t i = 0; i < std::min(out, t.size(1)); ++i) p[((g * out + i) * t.size(1) + i) * kernel + middle] = 1;
    }
  }
  return t.copy_(values.to(t.device()));
}

Tensor& sparse_(Tensor& t, double sparsity, double std, Generator* g) {
  HEARTH_CHECK(t.dim() == 2, "sparse_: expected 2 dimensions, but the shape is ", t.shape());
  HEARTH_CHECK(sparsity >= 0 && sparsity <= 1, "sparse_: the share of zeros must be from 0 to 1, but is ", sparsity);
  if (t.device().is_meta()) return t;
  const NoGrad off;
  normal_(t, 0, std, g);
  const int64_t rows = t.size(0);
  const auto zeros_each = static_cast<int64_t>(std::ceil(sparsity * static_cast<double>(rows)));
  Tensor kept = ones(t.shape(), {.dtype = f32, .device = kCpu});
  float* p = kept.mutable_data<float>();
  for (int64_t column = 0; column < t.size(1); ++column) {
    const std::vector<int64_t> order = randperm(rows, {.device = kCpu}, g).to_vector<int64_t>();
    for (int64_t i = 0; i < zeros_each; ++i) p[order[static_cast<size_t>(i)] * t.size(1) + column] = 0;
  }
  return t.mul_(kept.to(t.device(), t.dtype()));
}

}  // namespace hearth::nn::init
