#include "cudnn.h"

#include <initializer_list>
#include <utility>
#include <vector>

#include "half.h"
#include "internal.h"

struct cudnnContext {
  cudaStream_t stream = nullptr;
};
struct cudnnTensorStruct {
  cudnnDataType_t type;
  int64_t size[4], stride[4];
};
struct cudnnFilterStruct {
  cudnnDataType_t type;
  cudnnTensorFormat_t format;
  int64_t size[4];
};
struct cudnnConvolutionStruct {
  int64_t pad[2], stride[2], dilation[2];
  cudnnConvolutionMode_t mode;
  cudnnDataType_t compute;
  int64_t groups = 1;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};
struct cudnnActivationStruct {
  cudnnActivationMode_t mode;
};

using namespace cuda_emulated;

namespace {

constexpr size_t kWorkspace = 4096;

double element(cudnnDataType_t t, const void* p, int64_t i) {
  switch (t) {
    case CUDNN_DATA_FLOAT:
      return static_cast<const float*>(p)[i];
    case CUDNN_DATA_DOUBLE:
      return static_cast<const double*>(p)[i];
    case CUDNN_DATA_HALF:
      return of_half(static_cast<const uint16_t*>(p)[i]);
    case CUDNN_DATA_BFLOAT16:
      return of_bfloat16(static_cast<const uint16_t*>(p)[i]);
  }
  fail("cuDNN: a type that is not emulated");
}
void set_element(cudnnDataType_t t, void* p, int64_t i, double v) {
  switch (t) {
    case CUDNN_DATA_FLOAT:
      static_cast<float*>(p)[i] = static_cast<float>(v);
      return;
    case CUDNN_DATA_DOUBLE:
      static_cast<double*>(p)[i] = v;
      return;
    case CUDNN_DATA_HALF:
      static_cast<uint16_t*>(p)[i] = to_half(v);
      return;
    case CUDNN_DATA_BFLOAT16:
      static_cast<uint16_t*>(p)[i] = to_bfloat16(v);
      return;
  }
}

// alpha and beta are double beside f64, else float. Only the values that are emulated: 1 and 0.
bool is(cudnnDataType_t t, const void* number, double wanted) {
  return (t == CUDNN_DATA_DOUBLE ? *static_cast<const double*>(number)
                                 : static_cast<double>(*static_cast<const float*>(number))) == wanted;
}

int64_t place(const cudnnTensorStruct& d, int64_t n, int64_t c, int64_t h, int64_t w) {
  return n * d.stride[0] + c * d.stride[1] + h * d.stride[2] + w * d.stride[3];
}
int64_t place(const cudnnFilterStruct& d, int64_t k, int64_t c, int64_t h, int64_t w) {
  return d.format == CUDNN_TENSOR_NCHW ? ((k * d.size[1] + c) * d.size[2] + h) * d.size[3] + w
                                       : ((k * d.size[2] + h) * d.size[3] + w) * d.size[1] + c;
}

bool lies_as(const cudnnTensorStruct& d, cudnnTensorFormat_t format) {
  const int64_t c = d.size[1], h = d.size[2], w = d.size[3];
  return format == CUDNN_TENSOR_NCHW
             ? d.stride[3] == 1 && d.stride[2] == w && d.stride[1] == h * w && d.stride[0] == c * h * w
             : d.stride[1] == 1 && d.stride[3] == c && d.stride[2] == w * c && d.stride[0] == c * h * w;
}

// cuDNN cannot do everything, and versions differ in what. Here it is f64 in NHWC, as in the library, and all dilation
// in NHWC or in f16 and bf16, so that callers' other ways are tested.
cudnnStatus_t support(const cudnnTensorStruct& x, const cudnnFilterStruct& w, const cudnnConvolutionStruct& conv,
                      const cudnnTensorStruct& y) {
  if (x.type != w.type || x.type != y.type || conv.mode != CUDNN_CROSS_CORRELATION || !lies_as(x, w.format) ||
      !lies_as(y, w.format) || conv.groups < 1 || x.size[1] != w.size[1] * conv.groups || y.size[1] != w.size[0] ||
      w.size[0] % conv.groups != 0 || x.size[0] != y.size[0])
    return CUDNN_STATUS_BAD_PARAM;
  if ((conv.compute == CUDNN_DATA_DOUBLE) != (x.type == CUDNN_DATA_DOUBLE)) return CUDNN_STATUS_BAD_PARAM;
  for (int d = 0; d < 2; ++d) {
    const int64_t out =
        (x.size[2 + d] + 2 * conv.pad[d] - conv.dilation[d] * (w.size[2 + d] - 1) - 1) / conv.stride[d] + 1;
    if (out != y.size[2 + d]) return CUDNN_STATUS_BAD_PARAM;
  }
  const bool dilated = conv.dilation[0] > 1 || conv.dilation[1] > 1;
  const bool half = x.type == CUDNN_DATA_HALF || x.type == CUDNN_DATA_BFLOAT16;
  if (w.format == CUDNN_TENSOR_NHWC && (dilated || x.type == CUDNN_DATA_DOUBLE)) return CUDNN_STATUS_NOT_SUPPORTED;
  if (half && dilated) return CUDNN_STATUS_NOT_SUPPORTED;
  return CUDNN_STATUS_SUCCESS;
}

// Where f32 is asked for, TF32 is what is fastest.
template <class Algo>
cudnnStatus_t list(cudnnStatus_t supported, std::initializer_list<std::pair<Algo, cudnnDeterminism_t>> all, int wanted,
                   int* found, HearthEmulatedPerf<Algo>* results) {
  *found = 0;
  if (supported != CUDNN_STATUS_SUCCESS) return supported;
  for (const auto& [algo, determinism] : all) {
    if (*found == wanted) break;
    results[(*found)++] = {algo, CUDNN_STATUS_SUCCESS, 1, kWorkspace, determinism, CUDNN_DEFAULT_MATH, {}};
  }
  return CUDNN_STATUS_SUCCESS;
}

// f(image, output channel, input channel, its index in the weight, weight row and column, output and input pixel).
template <class F>
void each(const cudnnTensorStruct& x, const cudnnFilterStruct& w, const cudnnConvolutionStruct& conv,
          const cudnnTensorStruct& y, F f) {
  const int64_t per = w.size[0] / conv.groups;
  for (int64_t n = 0; n < x.size[0]; ++n) {
    for (int64_t k = 0; k < w.size[0]; ++k) {
      for (int64_t p = 0; p < y.size[2]; ++p) {
        for (int64_t q = 0; q < y.size[3]; ++q) {
          const int64_t to = place(y, n, k, p, q);
          for (int64_t c = 0; c < w.size[1]; ++c) {
            const int64_t own = k / per * w.size[1] + c;
            for (int64_t i = 0; i < w.size[2]; ++i) {
              const int64_t row = p * conv.stride[0] - conv.pad[0] + i * conv.dilation[0];
              if (row < 0 || row >= x.size[2]) continue;
              for (int64_t j = 0; j < w.size[3]; ++j) {
                const int64_t column = q * conv.stride[1] - conv.pad[1] + j * conv.dilation[1];
                if (column >= 0 && column < x.size[3]) f(place(x, n, own, row, column), place(w, k, c, i, j), to);
              }
            }
          }
        }
      }
    }
  }
}

int64_t count(const int64_t (&size)[4]) { return size[0] * size[1] * size[2] * size[3]; }

// As a library would: a part of the workspace is overwritten.
bool use(void* workspace, size_t bytes) {
  if (bytes < kWorkspace || !workspace) return false;
  spoil(static_cast<char*>(workspace), kWorkspace);
  return true;
}

cudnnStatus_t forward(cudnnHandle_t handle, cudnnTensorDescriptor_t xd, const void* x, cudnnFilterDescriptor_t wd,
                      const void* w, cudnnConvolutionDescriptor_t conv, void* workspace, size_t bytes, const void* bias,
                      cudnnTensorDescriptor_t yd, void* y) {
  if (const cudnnStatus_t s = support(*xd, *wd, *conv, *yd); s != CUDNN_STATUS_SUCCESS) return s;
  enqueue(handle->stream, [=, xd = *xd, wd = *wd, conv = *conv, yd = *yd] {
    if (!use(workspace, bytes)) fail("cuDNN: the workspace is too small");
    std::vector<double> sums(static_cast<size_t>(count(yd.size)));
    each(xd, wd, conv, yd, [&](int64_t from, int64_t weight, int64_t to) {
      sums[static_cast<size_t>(to)] += element(xd.type, x, from) * element(wd.type, w, weight);
    });
    const int64_t channels = yd.size[1], plane = yd.size[2] * yd.size[3];
    for (int64_t i = 0; i < count(yd.size); ++i) {
      const int64_t channel = wd.format == CUDNN_TENSOR_NHWC ? i % channels : i / plane % channels;
      set_element(yd.type, y, i, sums[static_cast<size_t>(i)] + (bias ? element(yd.type, bias, channel) : 0));
    }
  });
  return CUDNN_STATUS_SUCCESS;
}

template <class D>
cudnnStatus_t create(D** d) {
  *d = new D();
  return CUDNN_STATUS_SUCCESS;
}
template <class D>
cudnnStatus_t destroy(D* d) {
  delete d;
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace

const char* cudnnGetErrorString(cudnnStatus_t s) {
  switch (s) {
    case CUDNN_STATUS_SUCCESS:
      return "CUDNN_STATUS_SUCCESS";
    case CUDNN_STATUS_BAD_PARAM:
      return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_NOT_SUPPORTED:
      return "CUDNN_STATUS_NOT_SUPPORTED";
    case CUDNN_STATUS_INTERNAL_ERROR:
      return "CUDNN_STATUS_INTERNAL_ERROR";
  }
  return "CUDNN_UNKNOWN_STATUS";
}
cudnnStatus_t cudnnCreate(cudnnHandle_t* h) { return create(h); }
cudnnStatus_t cudnnDestroy(cudnnHandle_t h) { return destroy(h); }
cudnnStatus_t cudnnSetStream(cudnnHandle_t h, cudaStream_t s) {
  h->stream = s;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* d) { return create(d); }
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t d) { return destroy(d); }
cudnnStatus_t cudnnSetTensor4dDescriptorEx(cudnnTensorDescriptor_t d, cudnnDataType_t type, int n, int c, int h, int w,
                                           int n_stride, int c_stride, int h_stride, int w_stride) {
  if (n < 1 || c < 1 || h < 1 || w < 1) return CUDNN_STATUS_BAD_PARAM;
  *d = {type, {n, c, h, w}, {n_stride, c_stride, h_stride, w_stride}};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* d) { return create(d); }
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t d) { return destroy(d); }
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t d, cudnnDataType_t type, cudnnTensorFormat_t format,
                                         int k, int c, int h, int w) {
  if (k < 1 || c < 1 || h < 1 || w < 1) return CUDNN_STATUS_BAD_PARAM;
  *d = {type, format, {k, c, h, w}};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* d) { return create(d); }
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t d) { return destroy(d); }
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t d, int pad_h, int pad_w, int stride_h,
                                              int stride_w, int dilation_h, int dilation_w, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t compute) {
  if (pad_h < 0 || pad_w < 0 || stride_h < 1 || stride_w < 1 || dilation_h < 1 || dilation_w < 1)
    return CUDNN_STATUS_BAD_PARAM;
  *d = {{pad_h, pad_w}, {stride_h, stride_w}, {dilation_h, dilation_w}, mode, compute};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t d, int groups) {
  d->groups = groups;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t d, cudnnMathType_t math) {
  d->math = math;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateActivationDescriptor(cudnnActivationDescriptor_t* d) { return create(d); }
cudnnStatus_t cudnnDestroyActivationDescriptor(cudnnActivationDescriptor_t d) { return destroy(d); }
cudnnStatus_t cudnnSetActivationDescriptor(cudnnActivationDescriptor_t d, cudnnActivationMode_t mode,
                                           cudnnNanPropagation_t, double) {
  d->mode = mode;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                     cudnnFilterDescriptor_t w, cudnnConvolutionDescriptor_t conv,
                                                     cudnnTensorDescriptor_t y, int wanted, int* found,
                                                     cudnnConvolutionFwdAlgoPerf_t* results) {
  return list<cudnnConvolutionFwdAlgo_t>(support(*x, *w, *conv, *y),
                                         {{CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD, CUDNN_DETERMINISTIC},
                                          {CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, CUDNN_DETERMINISTIC}},
                                         wanted, found, results);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, cudnnFilterDescriptor_t w,
                                                          cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t conv,
                                                          cudnnTensorDescriptor_t dx, int wanted, int* found,
                                                          cudnnConvolutionBwdDataAlgoPerf_t* results) {
  return list<cudnnConvolutionBwdDataAlgo_t>(support(*dx, *w, *conv, *dy),
                                             {{CUDNN_CONVOLUTION_BWD_DATA_ALGO_0, CUDNN_NON_DETERMINISTIC},
                                              {CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, CUDNN_DETERMINISTIC}},
                                             wanted, found, results);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                            cudnnTensorDescriptor_t dy,
                                                            cudnnConvolutionDescriptor_t conv,
                                                            cudnnFilterDescriptor_t dw, int wanted, int* found,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* results) {
  return list<cudnnConvolutionBwdFilterAlgo_t>(support(*x, *dw, *conv, *dy),
                                               {{CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0, CUDNN_NON_DETERMINISTIC},
                                                {CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, CUDNN_DETERMINISTIC}},
                                               wanted, found, results);
}
cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                      cudnnFilterDescriptor_t w, cudnnConvolutionDescriptor_t conv,
                                                      cudnnTensorDescriptor_t y, cudnnConvolutionFwdAlgo_t,
                                                      size_t* bytes) {
  *bytes = kWorkspace;
  return support(*x, *w, *conv, *y);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t xd,
                                      const void* x, cudnnFilterDescriptor_t wd, const void* w,
                                      cudnnConvolutionDescriptor_t conv, cudnnConvolutionFwdAlgo_t, void* workspace,
                                      size_t bytes, const void* beta, cudnnTensorDescriptor_t yd, void* y) {
  if (!is(xd->type, alpha, 1) || !is(xd->type, beta, 0)) return CUDNN_STATUS_INTERNAL_ERROR;
  return forward(handle, xd, x, wd, w, conv, workspace, bytes, nullptr, yd, y);
}
cudnnStatus_t cudnnConvolutionBiasActivationForward(
    cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t xd, const void* x, cudnnFilterDescriptor_t wd,
    const void* w, cudnnConvolutionDescriptor_t conv, cudnnConvolutionFwdAlgo_t algo, void* workspace, size_t bytes,
    const void* alpha2, cudnnTensorDescriptor_t, const void*, cudnnTensorDescriptor_t bias_desc, const void* bias,
    cudnnActivationDescriptor_t activation, cudnnTensorDescriptor_t yd, void* y) {
  if (activation->mode != CUDNN_ACTIVATION_IDENTITY || algo != CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM ||
      bias_desc->size[1] != yd->size[1] || count(bias_desc->size) != yd->size[1])
    return CUDNN_STATUS_BAD_PARAM;
  if (!is(xd->type, alpha, 1) || !is(xd->type, alpha2, 0)) return CUDNN_STATUS_INTERNAL_ERROR;
  return forward(handle, xd, x, wd, w, conv, workspace, bytes, bias, yd, y);
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha, cudnnFilterDescriptor_t wd_,
                                           const void* w, cudnnTensorDescriptor_t dyd_, const void* dy,
                                           cudnnConvolutionDescriptor_t conv_, cudnnConvolutionBwdDataAlgo_t,
                                           void* workspace, size_t bytes, const void* beta,
                                           cudnnTensorDescriptor_t dxd_, void* dx) {
  if (!is(wd_->type, alpha, 1) || !is(wd_->type, beta, 0)) return CUDNN_STATUS_INTERNAL_ERROR;
  if (const cudnnStatus_t s = support(*dxd_, *wd_, *conv_, *dyd_); s != CUDNN_STATUS_SUCCESS) return s;
  enqueue(handle->stream, [=, dxd = *dxd_, wd = *wd_, conv = *conv_, dyd = *dyd_] {
    if (!use(workspace, bytes)) fail("cuDNN: the workspace is too small");
    std::vector<double> sums(static_cast<size_t>(count(dxd.size)));
    each(dxd, wd, conv, dyd, [&](int64_t to, int64_t weight, int64_t from) {
      sums[static_cast<size_t>(to)] += element(dyd.type, dy, from) * element(wd.type, w, weight);
    });
    for (int64_t i = 0; i < count(dxd.size); ++i) set_element(dxd.type, dx, i, sums[static_cast<size_t>(i)]);
  });
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t xd_,
                                             const void* x, cudnnTensorDescriptor_t dyd_, const void* dy,
                                             cudnnConvolutionDescriptor_t conv_, cudnnConvolutionBwdFilterAlgo_t,
                                             void* workspace, size_t bytes, const void* beta,
                                             cudnnFilterDescriptor_t dwd_, void* dw) {
  if (!is(xd_->type, alpha, 1) || !is(xd_->type, beta, 0)) return CUDNN_STATUS_INTERNAL_ERROR;
  if (const cudnnStatus_t s = support(*xd_, *dwd_, *conv_, *dyd_); s != CUDNN_STATUS_SUCCESS) return s;
  enqueue(handle->stream, [=, xd = *xd_, dwd = *dwd_, conv = *conv_, dyd = *dyd_] {
    if (!use(workspace, bytes)) fail("cuDNN: the workspace is too small");
    std::vector<double> sums(static_cast<size_t>(count(dwd.size)));
    each(xd, dwd, conv, dyd, [&](int64_t from, int64_t weight, int64_t other) {
      sums[static_cast<size_t>(weight)] += element(dyd.type, dy, other) * element(xd.type, x, from);
    });
    for (int64_t i = 0; i < count(dwd.size); ++i) set_element(dwd.type, dw, i, sums[static_cast<size_t>(i)]);
  });
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnAddTensor(cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t ad, const void* a,
                             const void* beta, cudnnTensorDescriptor_t cd, void* c) {
  if (!is(cd->type, alpha, 1) || !is(cd->type, beta, 1)) return CUDNN_STATUS_INTERNAL_ERROR;
  if (ad->type != cd->type || count(ad->size) != cd->size[1] || ad->size[1] != cd->size[1])
    return CUDNN_STATUS_BAD_PARAM;
  enqueue(handle->stream, [=, cd = *cd] {
    for (int64_t n = 0; n < cd.size[0]; ++n) {
      for (int64_t k = 0; k < cd.size[1]; ++k) {
        for (int64_t i = 0; i < cd.size[2]; ++i) {
          for (int64_t j = 0; j < cd.size[3]; ++j) {
            const int64_t at = place(cd, n, k, i, j);
            set_element(cd.type, c, at, element(cd.type, c, at) + element(cd.type, a, k));
          }
        }
      }
    }
  });
  return CUDNN_STATUS_SUCCESS;
}
