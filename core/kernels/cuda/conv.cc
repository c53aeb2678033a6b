// Convolutions by cuDNN. Only algorithms that give the same bits every time, and none by FFT or Winograd: these round
// more, and spread an infinity over its neighbours.
#include <cudnn.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <vector>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/device/cuda/runtime.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/plan_cache.h"
#include "core/kernels/cuda/product.h"
#include "core/op/attrs/conv.h"
#include "core/op/machinery.h"
#include "core/op/op_call.h"
#include "core/op/unrecorded.h"

namespace hearth::cuda {
namespace {

constexpr size_t kWorkspace = size_t{512} << 20;

void check(cudnnStatus_t s, const OpCall& c, const char* what) {
  if (s != CUDNN_STATUS_SUCCESS) fail(ErrorKind::kInternal, c.op.name, ": cuDNN: ", what, ": ", cudnnGetErrorString(s));
}
// Codes from 3000 to 3999 say in several ways that the library cannot do it.
bool not_supported(cudnnStatus_t s) { return s >= CUDNN_STATUS_NOT_SUPPORTED && s < CUDNN_STATUS_INTERNAL_ERROR; }

// A handle serves one thread at a time; those that nobody uses are kept.
class Handle {
 public:
  Handle(const OpCall& c, cudaStream_t s) : free_(all()[static_cast<size_t>(c.device.index)]) {
    {
      const MutexLock lock(free_.mutex);
      if (!free_.handles.empty()) {
        handle_ = free_.handles.back();
        free_.handles.pop_back();
      }
    }
    if (!handle_) check(cudnnCreate(&handle_), c, "start");
    check(cudnnSetStream(handle_, s), c, "stream");
  }
  ~Handle() {
    const MutexLock lock(free_.mutex);
    free_.handles.push_back(handle_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator cudnnHandle_t() const { return handle_; }

 private:
  struct Free {
    Mutex mutex;
    std::vector<cudnnHandle_t> handles ABSL_GUARDED_BY(mutex);
  };
  static std::array<Free, kMaxDevices>& all() {
    static auto& a = *new std::array<Free, kMaxDevices>;
    return a;
  }
  Free& free_;
  cudnnHandle_t handle_ = nullptr;
};

enum class Kind : int32_t { kForward, kData, kWeights };

// Everything that a plan depends on. Sizes are [height, width].
struct Key {
  Kind kind;
  int32_t n, c, h, w, oc, oh, ow;
  int32_t kernel[2], stride[2], padding[2], dilation[2], groups;
  int32_t dtype, channels_last, bias, tf32, device;
};

struct Plan {
  cudnnTensorDescriptor_t x = nullptr, y = nullptr, bias = nullptr;
  cudnnFilterDescriptor_t w = nullptr;
  cudnnConvolutionDescriptor_t conv = nullptr;
  cudnnActivationDescriptor_t none = nullptr;
  int algo = -1;
  size_t workspace = 0;
  std::atomic<bool> possible = false;

  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() {
    for (cudnnTensorDescriptor_t d : {x, y, bias}) {
      if (d) cudnnDestroyTensorDescriptor(d);
    }
    if (w) cudnnDestroyFilterDescriptor(w);
    if (conv) cudnnDestroyConvolutionDescriptor(conv);
    if (none) cudnnDestroyActivationDescriptor(none);
  }
};

cudnnDataType_t type_of(DType t) {
  switch (t) {
    case DType::kF64:
      return CUDNN_DATA_DOUBLE;
    case DType::kF16:
      return CUDNN_DATA_HALF;
    case DType::kBF16:
      return CUDNN_DATA_BFLOAT16;
    default:
      return CUDNN_DATA_FLOAT;
  }
}

// In f16 and bf16 the bias belongs into the convolution, so that the sum is rounded once.
bool fused(const Key& key) { return key.bias && is_half(static_cast<DType>(key.dtype)); }

// The first of the algorithms, the fastest one first, that is among the allowed.
template <class Perf, class F>
void choose(const OpCall& c, const Key& key, Plan& plan, std::initializer_list<int> allowed, F ask) {
  Perf found[CUDNN_CONVOLUTION_FWD_ALGO_COUNT] = {};
  int n = 0;
  const cudnnStatus_t s = ask(static_cast<int>(std::size(found)), &n, found);
  if (not_supported(s)) return;
  check(s, c, "choice of an algorithm");
  for (int i = 0; i < n; ++i) {
    const Perf& p = found[i];
    if (p.status != CUDNN_STATUS_SUCCESS || p.determinism != CUDNN_DETERMINISTIC || p.memory > kWorkspace ||
        std::ranges::find(allowed, static_cast<int>(p.algo)) == allowed.end())
      continue;
    // f32 takes TF32 only where that is allowed, whatever is faster.
    if (static_cast<DType>(key.dtype) != DType::kF32 || key.tf32)
      check(cudnnSetConvolutionMathType(plan.conv, p.mathType), c, "arithmetic");
    plan.algo = static_cast<int>(p.algo);
    plan.workspace = p.memory;
    plan.possible = true;
    return;
  }
}

std::shared_ptr<Plan> make_plan(const OpCall& c, const Key& key, cudnnHandle_t handle) {
  auto plan = std::make_shared<Plan>();
  const auto dtype = static_cast<DType>(key.dtype);
  const cudnnDataType_t type = type_of(dtype);
  const auto images = [&](cudnnTensorDescriptor_t& d, int n, int channels, int h, int w) {
    check(cudnnCreateTensorDescriptor(&d), c, "description of images");
    const int row = key.channels_last ? w * channels : w, image = channels * h * w;
    check(cudnnSetTensor4dDescriptorEx(d, type, n, channels, h, w, image, key.channels_last ? 1 : h * w, row,
                                       key.channels_last ? channels : 1),
          c, "description of images");
  };
  images(plan->x, key.n, key.c, key.h, key.w);
  images(plan->y, key.n, key.oc, key.oh, key.ow);
  if (key.bias) images(plan->bias, 1, key.oc, 1, 1);
  check(cudnnCreateFilterDescriptor(&plan->w), c, "description of weights");
  check(cudnnSetFilter4dDescriptor(plan->w, type, key.channels_last ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW, key.oc,
                                   key.c / key.groups, key.kernel[0], key.kernel[1]),
        c, "description of weights");
  check(cudnnCreateConvolutionDescriptor(&plan->conv), c, "description");
  check(cudnnSetConvolution2dDescriptor(plan->conv, key.padding[0], key.padding[1], key.stride[0], key.stride[1],
                                        key.dilation[0], key.dilation[1], CUDNN_CROSS_CORRELATION,
                                        dtype == DType::kF64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT),
        c, "description");
  check(cudnnSetConvolutionGroupCount(plan->conv, key.groups), c, "groups");
  const cudnnMathType_t math = is_half(dtype)                      ? CUDNN_TENSOR_OP_MATH
                               : dtype == DType::kF32 && !key.tf32 ? CUDNN_FMA_MATH
                                                                   : CUDNN_DEFAULT_MATH;
  check(cudnnSetConvolutionMathType(plan->conv, math), c, "arithmetic");

  switch (key.kind) {
    case Kind::kForward:
      if (fused(key)) {
        // The only algorithm that takes a bias without an activation.
        plan->algo = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
        check(cudnnCreateActivationDescriptor(&plan->none), c, "activation");
        check(cudnnSetActivationDescriptor(plan->none, CUDNN_ACTIVATION_IDENTITY, CUDNN_PROPAGATE_NAN, 0), c,
              "activation");
        const cudnnStatus_t s = cudnnGetConvolutionForwardWorkspaceSize(
            handle, plan->x, plan->w, plan->conv, plan->y, static_cast<cudnnConvolutionFwdAlgo_t>(plan->algo),
            &plan->workspace);
        if (not_supported(s)) return plan;
        check(s, c, "workspace");
        plan->possible = plan->workspace <= kWorkspace;
        return plan;
      }
      choose<cudnnConvolutionFwdAlgoPerf_t>(
          c, key, *plan,
          {CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
           CUDNN_CONVOLUTION_FWD_ALGO_GEMM},
          [&](int most, int* n, cudnnConvolutionFwdAlgoPerf_t* found) {
            return cudnnGetConvolutionForwardAlgorithm_v7(handle, plan->x, plan->w, plan->conv, plan->y, most, n,
                                                          found);
          });
      return plan;
    case Kind::kData:
      choose<cudnnConvolutionBwdDataAlgoPerf_t>(c, key, *plan, {CUDNN_CONVOLUTION_BWD_DATA_ALGO_1},
                                                [&](int most, int* n, cudnnConvolutionBwdDataAlgoPerf_t* found) {
                                                  return cudnnGetConvolutionBackwardDataAlgorithm_v7(
                                                      handle, plan->w, plan->y, plan->conv, plan->x, most, n, found);
                                                });
      return plan;
    case Kind::kWeights:
      choose<cudnnConvolutionBwdFilterAlgoPerf_t>(c, key, *plan, {CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1},
                                                  [&](int most, int* n, cudnnConvolutionBwdFilterAlgoPerf_t* found) {
                                                    return cudnnGetConvolutionBackwardFilterAlgorithm_v7(
                                                        handle, plan->x, plan->y, plan->conv, plan->w, most, n, found);
                                                  });
      return plan;
  }
  return plan;
}

cudnnStatus_t execute(cudnnHandle_t h, const Key& key, const Plan& p, void* workspace, void* x, void* w, void* y,
                      const void* bias) {
  const float one32 = 1, zero32 = 0;
  const double one64 = 1, zero64 = 0;
  const bool wide = static_cast<DType>(key.dtype) == DType::kF64;
  const void *one = wide ? static_cast<const void*>(&one64) : &one32,
             *zero = wide ? static_cast<const void*>(&zero64) : &zero32;
  if (key.kind == Kind::kData) {
    return cudnnConvolutionBackwardData(h, one, p.w, w, p.y, y, p.conv,
                                        static_cast<cudnnConvolutionBwdDataAlgo_t>(p.algo), workspace, p.workspace,
                                        zero, p.x, x);
  }
  if (key.kind == Kind::kWeights) {
    return cudnnConvolutionBackwardFilter(h, one, p.x, x, p.y, y, p.conv,
                                          static_cast<cudnnConvolutionBwdFilterAlgo_t>(p.algo), workspace, p.workspace,
                                          zero, p.w, w);
  }
  const auto algo = static_cast<cudnnConvolutionFwdAlgo_t>(p.algo);
  if (fused(key)) {
    return cudnnConvolutionBiasActivationForward(h, one, p.x, x, p.w, w, p.conv, algo, workspace, p.workspace, zero,
                                                 p.y, y, p.bias, bias, p.none, p.y, y);
  }
  const cudnnStatus_t s =
      cudnnConvolutionForward(h, one, p.x, x, p.w, w, p.conv, algo, workspace, p.workspace, zero, p.y, y);
  if (s != CUDNN_STATUS_SUCCESS || !key.bias) return s;
  return cudnnAddTensor(h, one, p.bias, bias, one, p.y, y);
}

Strides strides_for(const Shape& shape, bool channels_last) {
  return channels_last ? channels_last_strides(shape) : contiguous_strides(shape);
}
// Whether the tensor lies so; sizes of 1 may have any stride.
bool lies(const Tensor& t, DType dtype, bool channels_last) {
  if (t.dtype() != dtype) return false;
  const Strides wanted = strides_for(t.shape(), channels_last);
  for (int d = 0; d < t.dim(); ++d) {
    if (t.shape()[d] != 1 && t.strides()[d] != wanted[d]) return false;
  }
  return true;
}
Tensor room(const Tensor& t, DType dtype, bool channels_last) {
  if (lies(t, dtype, channels_last)) return t;
  return hearth::detail::empty_strided(t.shape(), strides_for(t.shape(), channels_last), dtype, t.device());
}

// The operands by their roles; one of them, by the kind of call, is the result.
struct Operands {
  Tensor x, w, y, bias;
};

// False if cuDNN cannot do it in this dtype and this order.
bool attempt(const OpCall& c, Key key, DType dtype, bool channels_last, const Operands& given) {
  static auto& plans = *new PlanCache<Key, Plan>;
  key.dtype = static_cast<int32_t>(dtype);
  key.channels_last = channels_last;
  key.tf32 = dtype == DType::kF32 && tf32_allowed();
  const cudaStream_t s = stream(c.device.index);
  const Handle handle(c, s);
  const std::shared_ptr<Plan> plan = plans.get(key, [&] { return make_plan(c, key, handle); });
  if (!plan->possible.load(std::memory_order_relaxed)) return false;
  const Tensor* const result = key.kind == Kind::kForward ? &given.y : key.kind == Kind::kData ? &given.x : &given.w;
  const auto usable = [&](const Tensor& t) {
    Tensor to = room(t, dtype, channels_last);
    if (&t != result && !to.is(t)) copy_tensor(to, t);
    return to;
  };
  const Operands o{usable(given.x), usable(given.w), usable(given.y),
                   given.bias.defined() ? row_major_as(given.bias, dtype) : Tensor()};
  const Workspace workspace(c.device.index, plan->workspace);
  const cudnnStatus_t status = execute(handle, key, *plan, workspace.get(), o.x.impl()->data(), o.w.impl()->data(),
                                       o.y.impl()->data(), o.bias.defined() ? o.bias.impl()->data() : nullptr);
  if (not_supported(status)) {
    plan->possible.store(false, std::memory_order_relaxed);
    return false;
  }
  check(status, c, "convolution");
  const Tensor& made = key.kind == Kind::kForward ? o.y : key.kind == Kind::kData ? o.x : o.w;
  if (!made.is(*result)) copy_tensor(*result, made);
  return true;
}

void convolve(const OpCall& c, Kind kind, const Operands& o) {
  const auto& a = c.attrs_as<ConvAttrs>();
  const Shape &x = o.x.shape(), &w = o.w.shape(), &y = o.y.shape();
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  bool fits = o.x.numel() <= kMost && o.w.numel() <= kMost && o.y.numel() <= kMost;
  for (int d = 0; d < 2; ++d) fits &= a.stride[d] <= kMost && a.padding[d] <= kMost && a.dilation[d] <= kMost;
  if (!fits) {
    fail(ErrorKind::kUnsupported, c.op.name, ": cuDNN takes at most 2^31 - 1 elements; the shapes are ", x, ", ", w,
         " and ", y);
  }
  const auto size = [](int64_t v) { return static_cast<int32_t>(v); };
  Key key = {};
  key.kind = kind;
  key.n = size(x[0]);
  key.c = size(x[1]);
  key.h = size(x[2]);
  key.w = size(x[3]);
  key.oc = size(y[1]);
  key.oh = size(y[2]);
  key.ow = size(y[3]);
  for (int d = 0; d < 2; ++d) {
    key.kernel[d] = size(w[2 + d]);
    key.stride[d] = size(a.stride[d]);
    key.padding[d] = size(a.padding[d]);
    key.dilation[d] = size(a.dilation[d]);
  }
  key.groups = size(a.groups);
  key.bias = o.bias.defined();
  key.device = c.device.index;
  // Results are channels-last, but not everything can be computed so: nothing in f64.
  if (c.dtype != DType::kF64 && attempt(c, key, c.dtype, true, o)) return;
  if (attempt(c, key, c.dtype, false, o)) return;
  if (is_half(c.dtype) && (attempt(c, key, DType::kF32, true, o) || attempt(c, key, DType::kF32, false, o))) return;
  fail(ErrorKind::kUnsupported, c.op.name, ": cuDNN has no algorithm that is always the same for an input of shape ", x,
       " and a weight of shape ", w, " in ", c.dtype, " with stride ", a.stride, ", padding ", a.padding, ", dilation ",
       a.dilation, " and ", a.groups, " groups");
}

}  // namespace

void conv2d(OpCall& c) {
  if (c.out[0].numel() == 0) return;
  convolve(c, Kind::kForward, {c.input(0), c.input(1), c.out[0], c.is_tensor(2) ? c.input(2) : Tensor()});
}

void conv2d_data(OpCall& c) {
  if (c.out[0].numel() == 0) return;
  convolve(c, Kind::kData, {c.out[0], c.input(1), c.input(0), Tensor()});
}

void conv2d_weights(OpCall& c) {
  const Tensor& dy = c.input(1);
  const Unrecorded step;
  if (dy.numel() > 0) {
    convolve(c, Kind::kWeights, {c.input(0), c.out[0], dy, Tensor()});
  } else {
    Tensor dw = c.out[0];
    machinery::fill_into(dw, 0);
  }
  if (!c.attrs_as<ConvAttrs>().bias) return;
  const Shape whole{1, dy.shape()[1], 1, 1};
  const Tensor& db = c.out[1];
  copy_tensor(hearth::detail::alias(db, Layout(whole, {0, db.strides()[0], 0, 0}, db.storage_offset()), true),
              machinery::sum_to(dy, whole));
}

}  // namespace hearth::cuda
