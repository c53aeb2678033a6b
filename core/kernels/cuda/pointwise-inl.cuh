// The kernels of one list of core/kernels/pointwise_lists.h: a .cu defines HEARTH_FAMILY_OPS and includes this.
#include "core/kernels/cuda/functors.cuh"
#include "core/kernels/cuda/pointwise.cuh"
#include "core/kernels/pointwise.h"

namespace hearth::cuda {

#define HEARTH_RUN_F(Functor, n)                   \
  switch (compute_type(c.dtype)) {                 \
    case DType::kF32:                              \
      return run_pointwise<Functor, float, n>(c);  \
    case DType::kF64:                              \
      return run_pointwise<Functor, double, n>(c); \
    default:                                       \
      no_cuda_kernel(c, c.dtype);                  \
  }
#define HEARTH_RUN_A(Functor, n)                                                          \
  if (compute_type(c.dtype) == DType::kI64) return run_pointwise<Functor, int64_t, n>(c); \
  HEARTH_RUN_F(Functor, n)
#define HEARTH_RUN_I(Functor, n) run_pointwise<Functor, int64_t, n>(c);
#define HEARTH_RUN_C(Functor, n)                                                                       \
  if (c.dtype == DType::kC128) return run_pointwise<complex_functors::Functor, Complex<double>, n>(c); \
  if (c.dtype == DType::kC64) return run_pointwise<complex_functors::Functor, Complex<float>, n>(c);
#define HEARTH_RUN_FC(Functor, n) HEARTH_RUN_C(Functor, n) HEARTH_RUN_F(Functor, n)
#define HEARTH_RUN_AC(Functor, n) HEARTH_RUN_C(Functor, n) HEARTH_RUN_A(Functor, n)
#define HEARTH_KERNEL_OF(name, Functor, n, types) \
  void name(OpCall& c) { HEARTH_RUN_##types(Functor, n) }
HEARTH_FAMILY_OPS(HEARTH_KERNEL_OF)

}  // namespace hearth::cuda
