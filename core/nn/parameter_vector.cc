#include "core/nn/parameter_vector.h"

#include <vector>

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/ops/join.h"
#include "core/ops/view.h"

namespace hearth::nn {

Tensor parameters_to_vector(std::span<const Tensor> parameters) {
  const CalledAs called("parameters_to_vector");
  HEARTH_CHECK(!parameters.empty(), "parameters_to_vector: there is no parameter");
  std::vector<Tensor> flat;
  for (const Tensor& t : parameters) {
    HEARTH_CHECK(t.device() == parameters[0].device() && t.dtype() == parameters[0].dtype(),
                 "parameters_to_vector: parameters are of ", parameters[0].dtype(), " on ", parameters[0].device(),
                 " and of ", t.dtype(), " on ", t.device());
    flat.push_back(reshape(t, {-1}));
  }
  return cat(flat);
}

void vector_to_parameters(const Tensor& vector, std::span<const Tensor> parameters) {
  const CalledAs called("vector_to_parameters");
  int64_t count = 0;
  for (const Tensor& t : parameters) count += t.numel();
  HEARTH_CHECK(vector.dim() == 1 && vector.numel() == count, "vector_to_parameters: expected a vector of ", count,
               " elements, but the shape is ", vector.shape());
  const NoGrad off;
  int64_t at = 0;
  for (const Tensor& t : parameters) {
    Tensor to = t;
    to.copy_(reshape(narrow(vector, 0, at, t.numel()), t.shape()));
    at += t.numel();
  }
}

}  // namespace hearth::nn
