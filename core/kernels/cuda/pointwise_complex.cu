#define HEARTH_FAMILY_OPS HEARTH_COMPLEX_OPS
#include "core/kernels/cuda/pointwise-inl.cuh"
