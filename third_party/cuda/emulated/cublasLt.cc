#include "cublasLt.h"

#include "half.h"
#include "internal.h"

struct cublasLtContext {};
struct cublasLtMatmulDescOpaque {
  cublasComputeType_t compute;
  cudaDataType scale;
  int32_t a = CUBLAS_OP_N, b = CUBLAS_OP_N, epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void* bias = nullptr;
};
struct cublasLtMatrixLayoutOpaque {
  cudaDataType type;
  uint64_t rows, columns;
  int64_t ld;
  int32_t batch = 1;
  int64_t batch_stride = 0;
};
struct cublasLtMatmulPreferenceOpaque {
  uint64_t workspace = 0;
};

using namespace cuda_emulated;

namespace {
double element(cudaDataType t, const void* p, int64_t i) {
  switch (t) {
    case CUDA_R_32F:
      return static_cast<const float*>(p)[i];
    case CUDA_R_64F:
      return static_cast<const double*>(p)[i];
    case CUDA_R_16BF:
      return of_bfloat16(static_cast<const uint16_t*>(p)[i]);
    case CUDA_R_16F:
      return of_half(static_cast<const uint16_t*>(p)[i]);
    default:
      break;
  }
  fail("cublasLtMatmul: a type that is not emulated");
}
void set_element(cudaDataType t, void* p, int64_t i, double v) {
  switch (t) {
    case CUDA_R_32F:
      static_cast<float*>(p)[i] = static_cast<float>(v);
      return;
    case CUDA_R_64F:
      static_cast<double*>(p)[i] = v;
      return;
    case CUDA_R_16BF:
      static_cast<uint16_t*>(p)[i] = to_bfloat16(v);
      return;
    case CUDA_R_16F:
      static_cast<uint16_t*>(p)[i] = to_half(v);
      return;
    default:
      return;
  }
}
template <class T>
cublasStatus_t set(T& to, const void* value, size_t bytes) {
  if (bytes != sizeof(T)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&to, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}
}  // namespace

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = new cublasLtContext;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* desc, cublasComputeType_t compute, cudaDataType_t scale) {
  *desc = new cublasLtMatmulDescOpaque{compute, scale};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
  delete desc;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t a, const void* v,
                                              size_t n) {
  switch (a) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return set(d->a, v, n);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return set(d->b, v, n);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return set(d->epilogue, v, n);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return set(d->bias, v, n);
  }
  return CUBLAS_STATUS_NOT_SUPPORTED;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* l, cudaDataType_t t, uint64_t rows, uint64_t columns,
                                          int64_t ld) {
  if (ld < static_cast<int64_t>(rows)) return CUBLAS_STATUS_INVALID_VALUE;
  *l = new cublasLtMatrixLayoutOpaque{t, rows, columns, ld};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l) {
  delete l;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t l, cublasLtMatrixLayoutAttribute_t a,
                                                const void* v, size_t n) {
  return a == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT ? set(l->batch, v, n) : set(l->batch_stride, v, n);
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* p) {
  *p = new cublasLtMatmulPreferenceOpaque;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p) {
  delete p;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p,
                                                    cublasLtMatmulPreferenceAttributes_t a, const void* v, size_t n) {
  if (a == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) return set(p->workspace, v, n);
  return n == sizeof(uint32_t) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t p, int wanted,
                                              cublasLtMatmulHeuristicResult_t* results, int* found) {
  *found = wanted > 0 ? 1 : 0;
  if (wanted > 0) {
    results[0] = {};
    results[0].workspaceSize = static_cast<size_t>(p->workspace < 4096 ? p->workspace : 4096);
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t la, const void* b, cublasLtMatrixLayout_t lb, const void* beta,
                              const void* c, cublasLtMatrixLayout_t lc, void* d, cublasLtMatrixLayout_t ld,
                              const cublasLtMatmulAlgo_t*, void* workspace, size_t workspace_bytes,
                              cudaStream_t stream) {
  const cublasLtMatmulDescOpaque m = *desc;
  const cublasLtMatrixLayoutOpaque A = *la, B = *lb, C = *lc, D = *ld;
  const double x = element(m.scale, alpha, 0), y = element(m.scale, beta, 0);
  const uint64_t n_rows = m.a == CUBLAS_OP_N ? A.rows : A.columns, inner = m.a == CUBLAS_OP_N ? A.columns : A.rows,
                 n_columns = m.b == CUBLAS_OP_N ? B.columns : B.rows;
  if ((m.b == CUBLAS_OP_N ? B.rows : B.columns) != inner || D.rows != n_rows || D.columns != n_columns ||
      A.batch != D.batch || B.batch != D.batch)
    return CUBLAS_STATUS_INVALID_VALUE;
  enqueue(stream, [=] {
    // As a library would: a part of the workspace is overwritten.
    if (workspace_bytes) std::memset(workspace, 0xff, workspace_bytes);
    for (int64_t batch = 0; batch < D.batch; ++batch) {
      for (uint64_t j = 0; j < n_columns; ++j) {
        for (uint64_t i = 0; i < n_rows; ++i) {
          double sum = 0;
          for (uint64_t k = 0; k < inner; ++k) {
            const auto at = static_cast<int64_t>(m.a == CUBLAS_OP_N ? i + k * A.ld : k + i * A.ld);
            const auto bt = static_cast<int64_t>(m.b == CUBLAS_OP_N ? k + j * B.ld : j + k * B.ld);
            sum += element(A.type, a, batch * A.batch_stride + at) * element(B.type, b, batch * B.batch_stride + bt);
          }
          sum *= x;
          const auto to = static_cast<int64_t>(i + j * D.ld);
          if (y != 0) sum += y * element(C.type, c, batch * C.batch_stride + static_cast<int64_t>(i + j * C.ld));
          if (m.epilogue == CUBLASLT_EPILOGUE_BIAS) sum += element(D.type, m.bias, static_cast<int64_t>(i));
          set_element(D.type, d, batch * D.batch_stride + to, sum);
        }
      }
    }
  });
  return CUBLAS_STATUS_SUCCESS;
}
