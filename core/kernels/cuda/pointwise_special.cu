#define HEARTH_FAMILY_OPS HEARTH_SPECIAL_OPS
#include "core/kernels/cuda/pointwise-inl.cuh"
