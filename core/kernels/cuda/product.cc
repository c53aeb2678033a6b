// Row-major C = A B is column-major C' = B' A', which is what cuBLASLt is asked for.
#include "core/kernels/cuda/product.h"

#include <cublasLt.h>

#include <algorithm>
#include <memory>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/device/cuda/runtime.h"
#include "core/device/matmul_precision.h"
#include "core/kernels/cuda/plan_cache.h"

namespace hearth::cuda {
namespace {

constexpr size_t kWorkspace = 32 << 20;

void check(cublasStatus_t s, const OpCall& c, const char* what) {
  if (s != CUBLAS_STATUS_SUCCESS)
    fail(ErrorKind::kInternal, c.op.name, ": cuBLASLt: ", what, ": status ", static_cast<int>(s));
}

cublasLtHandle_t handle(int device) {
  struct All {
    Mutex mutex;
    cublasLtHandle_t made[kMaxDevices] ABSL_GUARDED_BY(mutex) = {};
  };
  static All& all = *new All;
  const MutexLock lock(all.mutex);
  cublasLtHandle_t& h = all.made[device];
  if (!h && cublasLtCreate(&h) != CUBLAS_STATUS_SUCCESS) fail(ErrorKind::kInternal, "cuBLASLt cannot be started");
  return h;
}

cudaDataType_t type_of(DType t) {
  switch (t) {
    case DType::kF64:
      return CUDA_R_64F;
    case DType::kF16:
      return CUDA_R_16F;
    case DType::kBF16:
      return CUDA_R_16BF;
    default:
      return CUDA_R_32F;
  }
}

// Everything that a product's plan depends on. Compared as bytes.
struct Key {
  int64_t m, n, k, count, a_ld, b_ld, a_batch, b_batch, out_batch;
  int32_t dtype, a_turned, b_turned, bias, tf32, device, alignment, unused = 0;
};

// What cuBLASLt has been told and has chosen for a kind of product.
struct Plan {
  cublasLtMatmulDesc_t desc = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, out = nullptr;
  cublasLtMatmulAlgo_t algo = {};
  size_t workspace = 0;
  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() {
    for (cublasLtMatrixLayout_t l : {a, b, out}) {
      if (l) cublasLtMatrixLayoutDestroy(l);
    }
    if (desc) cublasLtMatmulDescDestroy(desc);
  }
};

// The product itself, but for the address of a bias.
cublasLtMatmulDesc_t describe(const OpCall& c, const Key& key) {
  const bool wide = static_cast<DType>(key.dtype) == DType::kF64;
  const cublasComputeType_t compute = wide       ? CUBLAS_COMPUTE_64F
                                      : key.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                 : CUBLAS_COMPUTE_32F;
  cublasLtMatmulDesc_t desc = nullptr;
  check(cublasLtMatmulDescCreate(&desc, compute, wide ? CUDA_R_64F : CUDA_R_32F), c, "description");
  const auto attribute = [&](cublasLtMatmulDescAttributes_t name, int32_t v) {
    check(cublasLtMatmulDescSetAttribute(desc, name, &v, sizeof v), c, "attribute");
  };
  attribute(CUBLASLT_MATMUL_DESC_TRANSA, key.b_turned ? CUBLAS_OP_T : CUBLAS_OP_N);
  attribute(CUBLASLT_MATMUL_DESC_TRANSB, key.a_turned ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (key.bias) attribute(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
  return desc;
}

std::shared_ptr<Plan> make_plan(const OpCall& c, const Key& key) {
  auto plan = std::make_shared<Plan>();
  const auto dtype = static_cast<DType>(key.dtype);
  plan->desc = describe(c, key);
  const auto layout = [&](cublasLtMatrixLayout_t& l, int64_t rows, int64_t columns, int64_t ld, int64_t batch) {
    check(cublasLtMatrixLayoutCreate(&l, type_of(dtype), static_cast<uint64_t>(rows), static_cast<uint64_t>(columns),
                                     std::max(ld, rows)),
          c, "layout");
    const auto count = static_cast<int32_t>(key.count);
    check(cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count), c, "layout");
    check(cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &batch, sizeof batch), c,
          "layout");
  };
  if (key.b_turned) layout(plan->b, key.k, key.n, key.b_ld, key.b_batch);
  else layout(plan->b, key.n, key.k, key.b_ld, key.b_batch);
  if (key.a_turned) layout(plan->a, key.m, key.k, key.a_ld, key.a_batch);
  else layout(plan->a, key.k, key.m, key.a_ld, key.a_batch);
  layout(plan->out, key.n, key.m, key.n, key.out_batch);

  cublasLtMatmulPreference_t preference = nullptr;
  check(cublasLtMatmulPreferenceCreate(&preference), c, "preference");
  const std::unique_ptr<std::remove_pointer_t<cublasLtMatmulPreference_t>, decltype(&cublasLtMatmulPreferenceDestroy)>
      owner(preference, &cublasLtMatmulPreferenceDestroy);
  const size_t most = kWorkspace;
  check(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most),
        c, "preference");
  // Parts of a sum that is split are added in f32, not in the 16 bits of the result.
  const uint32_t sums = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  check(
      cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &sums, sizeof sums),
      c, "preference");
  const auto alignment = static_cast<uint32_t>(key.alignment);
  for (auto which : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                     CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    check(cublasLtMatmulPreferenceSetAttribute(preference, which, &alignment, sizeof alignment), c, "preference");
  }
  cublasLtMatmulHeuristicResult_t best = {};
  int found = 0;
  check(cublasLtMatmulAlgoGetHeuristic(handle(key.device), plan->desc, plan->b, plan->a, plan->out, plan->out,
                                       preference, 1, &best, &found),
        c, "choice of an algorithm");
  if (found == 0) {
    fail(ErrorKind::kUnsupported, c.op.name, ": cuBLASLt has no algorithm for a product of ", key.m, " x ", key.k,
         " by ", key.k, " x ", key.n, " in ", dtype);
  }
  plan->algo = best.algo;
  plan->workspace = best.workspaceSize;
  return plan;
}

int32_t alignment_of(const Product& p) {
  const uintptr_t all = reinterpret_cast<uintptr_t>(p.a.data) | reinterpret_cast<uintptr_t>(p.b.data) |
                        reinterpret_cast<uintptr_t>(p.out) | 256;
  return static_cast<int32_t>(all & (~all + 1));
}

}  // namespace

bool tf32_allowed() { return get_float32_matmul_precision() != MatmulPrecision::kHighest; }

void multiply(const OpCall& c, const Product& p) { multiply(c, c.dtype, p); }

void multiply(const OpCall& c, DType dtype, const Product& p) {
  if (!is_floating_point(dtype)) return multiply_whole(c, p);
  static auto& plans = *new PlanCache<Key, Plan>;
  const cudaStream_t s = stream(c.device.index);
  // A matrix of one row or column may be read either way.
  const auto turned = [](const Matrix& x, int64_t rows, int64_t columns) {
    return !(x.column == 1 || columns == 1) && (x.row == 1 || rows == 1);
  };
  Key key = {};
  key.m = p.m;
  key.n = p.n;
  key.k = p.k;
  key.count = p.count;
  key.a_turned = turned(p.a, p.m, p.k);
  key.b_turned = turned(p.b, p.k, p.n);
  key.a_ld = key.a_turned ? p.a.column : p.a.row;
  key.b_ld = key.b_turned ? p.b.column : p.b.row;
  key.a_batch = p.a.batch;
  key.b_batch = p.b.batch;
  key.out_batch = p.out_batch;
  key.dtype = static_cast<int32_t>(dtype);
  key.bias = p.bias != nullptr;
  key.tf32 = dtype == DType::kF32 && tf32_allowed();
  key.device = int32_t{c.device.index};
  key.alignment = alignment_of(p);
  const std::shared_ptr<Plan> plan = plans.get(key, [&] { return make_plan(c, key); });

  // Calls in several threads must not set one description's bias.
  cublasLtMatmulDesc_t desc = plan->desc;
  Plan own;
  if (p.bias) {
    own.desc = describe(c, key);
    check(cublasLtMatmulDescSetAttribute(own.desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p.bias, sizeof p.bias), c,
          "bias");
    desc = own.desc;
  }
  const Workspace workspace(c.device.index, plan->workspace);
  const float one = 1, old = p.add ? 1 : 0;
  const double one64 = 1, old64 = old;
  const bool wide = dtype == DType::kF64;
  const cublasStatus_t status =
      cublasLtMatmul(handle(c.device.index), desc, wide ? static_cast<const void*>(&one64) : &one, p.b.data, plan->b,
                     p.a.data, plan->a, wide ? static_cast<const void*>(&old64) : &old, p.out, plan->out, p.out,
                     plan->out, &plan->algo, workspace.get(), plan->workspace, s);
  check(status, c, "product");
}

}  // namespace hearth::cuda
