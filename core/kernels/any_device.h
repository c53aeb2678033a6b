// HEARTH_SPECIAL: how a function is compiled that the kernels of every device share.
#pragma once

#if defined(__CUDACC__)
#define HEARTH_SPECIAL __host__ __device__ inline
#else
#define HEARTH_SPECIAL inline
#endif
