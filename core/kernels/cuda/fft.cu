// Fourier transforms by cuFFT: over up to three dimensions at a time where numbers are complex, over one where they are
// real. cuFFT takes arrays whose transformed dimensions are the last ones, without gaps.
#include "core/kernels/fft.h"

#include <cufft.h>

#include <algorithm>
#include <memory>
#include <span>

#include "core/base/mutex.h"
#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/cuda/plan_cache.h"
#include "core/op/attrs/fft.h"

namespace hearth::cuda {
namespace {

constexpr int kMostDims = 3;

void check(cufftResult r, const OpCall& c, const char* what) {
  if (r != CUFFT_SUCCESS) fail(ErrorKind::kInternal, c.op.name, ": cuFFT: ", what, ": status ", static_cast<int>(r));
}

struct Key {
  int64_t n[kMostDims], batch;
  int32_t rank, type, device, unused;
};

// A plan serves one call at a time: its stream and its work area are set for each.
struct Plan {
  Mutex mutex;
  cufftHandle handle = -1;
  size_t work = 0;

  Plan(const OpCall& c, const Key& key) {
    check(cufftCreate(&handle), c, "plan");
    check(cufftSetAutoAllocation(handle, 0), c, "plan");
    long long n[kMostDims];
    std::copy_n(key.n, kMostDims, n);
    check(cufftMakePlanMany64(handle, key.rank, n, nullptr, 1, 0, nullptr, 1, 0, static_cast<cufftType>(key.type),
                              key.batch, &work),
          c, "plan");
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() { cufftDestroy(handle); }
};

// Transforms `batch` arrays of the sizes n. `in` and `out` are row-major; they may be the same where both are complex.
void execute(const OpCall& c, cufftType type, std::span<const int64_t> n, int64_t batch, void* in, void* out,
             bool inverse) {
  static auto& plans = *new PlanCache<Key, Plan>;
  Key key = {};
  std::copy(n.begin(), n.end(), key.n);
  key.batch = batch;
  key.rank = static_cast<int32_t>(n.size());
  key.type = type;
  key.device = c.device.index;
  const cudaStream_t s = stream(c.device.index);
  const std::shared_ptr<Plan> plan = plans.get(key, [&] { return std::make_shared<Plan>(c, key); });
  const MutexLock lock(plan->mutex);
  check(cufftSetStream(plan->handle, s), c, "stream");
  const Workspace work(c.device.index, plan->work);
  if (work.get()) check(cufftSetWorkArea(plan->handle, work.get()), c, "workspace");
  const int direction = inverse ? CUFFT_INVERSE : CUFFT_FORWARD;
  cufftResult r = CUFFT_SUCCESS;
  switch (type) {
    case CUFFT_C2C:
      r = cufftExecC2C(plan->handle, static_cast<cufftComplex*>(in), static_cast<cufftComplex*>(out), direction);
      break;
    case CUFFT_Z2Z:
      r = cufftExecZ2Z(plan->handle, static_cast<cufftDoubleComplex*>(in), static_cast<cufftDoubleComplex*>(out),
                       direction);
      break;
    case CUFFT_R2C:
      r = cufftExecR2C(plan->handle, static_cast<cufftReal*>(in), static_cast<cufftComplex*>(out));
      break;
    case CUFFT_D2Z:
      r = cufftExecD2Z(plan->handle, static_cast<cufftDoubleReal*>(in), static_cast<cufftDoubleComplex*>(out));
      break;
    case CUFFT_C2R:
      r = cufftExecC2R(plan->handle, static_cast<cufftComplex*>(in), static_cast<cufftReal*>(out));
      break;
    case CUFFT_Z2D:
      r = cufftExecZ2D(plan->handle, static_cast<cufftDoubleComplex*>(in), static_cast<cufftDoubleReal*>(out));
      break;
  }
  check(r, c, "transform");
}

// x *= factor
template <class T>
HEARTH_KERNEL void scale_kernel(T* x, int64_t n, T factor) {
  for_each_item(n, [&](int64_t i) { x[i] *= factor; });
}
// Imaginary parts *= sign.
template <class T>
HEARTH_KERNEL void turn_kernel(T* z, int64_t n, T sign) {
  for_each_item(n, [&](int64_t i) { z[2 * i + 1] *= sign; });
}
// Makes the ends of lines of n / 2 + 1 complex numbers real, for n real ones.
template <class T>
HEARTH_KERNEL void real_ends_kernel(T* z, int64_t lines, int64_t n) {
  const int64_t half = n / 2 + 1;
  for_each_item(lines, [&](int64_t i) {
    T* const line = z + 2 * i * half;
    line[1] = T(0);
    if (n % 2 == 0) line[2 * (half - 1) + 1] = T(0);
  });
}

// The kernel with the type of a tensor's real numbers.
template <class F>
void by_real(const Tensor& t, F&& f) {
  if (real_type(t.dtype()) == DType::kF64) f.template operator()<double>();
  else f.template operator()<float>();
}
int64_t reals_in(const Tensor& t) { return is_complex(t.dtype()) ? 2 * t.numel() : t.numel(); }

void scale(const OpCall& c, const Tensor& t, double factor) {
  if (factor == 1) return;
  by_real(t, [&]<class T>() {
    launch(over(c, reals_in(t)), scale_kernel<T>, static_cast<T*>(t.impl()->data()), reals_in(t),
           static_cast<T>(factor));
  });
}
void conjugate(const OpCall& c, const Tensor& t) {
  by_real(t, [&]<class T>() {
    launch(over(c, t.numel()), turn_kernel<T>, static_cast<T*>(t.impl()->data()), t.numel(), T(-1));
  });
}

// Dimensions in the order in which some of them come last.
Dims order_with_last(int rank, std::span<const int64_t> last) {
  Dims order;
  for (int64_t d = 0; d < rank; ++d) {
    if (std::ranges::find(last, d) == last.end()) order.push_back(d);
  }
  for (int64_t d : last) order.push_back(d);
  return order;
}
// `t` with its dimensions in this order.
Tensor permuted(const Tensor& t, const Dims& order) {
  Shape shape;
  Strides strides;
  for (int64_t d : order) {
    shape.push_back(t.shape()[static_cast<int>(d)]);
    strides.push_back(t.strides()[static_cast<int>(d)]);
  }
  return hearth::detail::alias(t, Layout(shape, strides, t.storage_offset()), true);
}
// The other way: `t` has its dimensions in this order.
Tensor unpermuted(const Tensor& t, const Dims& order) {
  Dims back = order;
  for (int i = 0; i < order.rank(); ++i) back[static_cast<int>(order[i])] = i;
  return permuted(t, back);
}
// A row-major copy that may be overwritten.
Tensor copy_of(const Tensor& t) {
  Tensor to = hearth::detail::empty(t.shape(), t.dtype(), t.device());
  copy_tensor(to, t);
  return to;
}
// `t` row-major and at an address that suits cuFFT, which reads real numbers in pairs.
Tensor ready(const Tensor& t) {
  const Tensor r = row_major(t);
  const size_t pair = 2 * size_of(real_type(t.dtype()));
  return reinterpret_cast<uintptr_t>(r.impl()->data()) % pair == 0 ? r : copy_of(r);
}

Dims without_last(const Dims& dims) { return std::span(dims.data(), dims.size() - 1); }

// The transforms of complex numbers along these dimensions. The result has x's shape and any strides.
Tensor complex_transforms(const OpCall& c, const Tensor& x, const Dims& dims, bool inverse) {
  Tensor z = x;
  for (int left = dims.rank(); left > 0;) {
    const int n = std::min(left, kMostDims);
    left -= n;
    const std::span<const int64_t> group(dims.data() + left, static_cast<size_t>(n));
    const Dims order = order_with_last(x.dim(), group);
    const Tensor in = ready(permuted(z, order)), out = hearth::detail::empty(in.shape(), in.dtype(), in.device());
    int64_t sizes[kMostDims], each = 1;
    for (int i = 0; i < n; ++i) each *= sizes[i] = in.shape()[in.dim() - n + i];
    execute(c, x.dtype() == DType::kC128 ? CUFFT_Z2Z : CUFFT_C2C, {sizes, static_cast<size_t>(n)}, in.numel() / each,
            in.impl()->data(), out.impl()->data(), inverse);
    z = unpermuted(out, order);
  }
  return z;
}

}  // namespace

void fft_c2c(OpCall& c) {
  const auto& a = c.attrs_as<FftAttrs>();
  const Tensor& x = c.input(0);
  if (x.numel() == 0) return;
  const Tensor z = complex_transforms(c, x, a.dims, a.inverse);
  scale(c, z, a.factor);
  copy_tensor(c.out[0], z);
}

void fft_r2c(OpCall& c) {
  const auto& a = c.attrs_as<FftAttrs>();
  const Tensor& x = c.input(0);
  if (c.out[0].numel() == 0) return;
  const int64_t last[] = {a.dims.back()};
  const Dims order = order_with_last(x.dim(), last);
  const Tensor in = ready(permuted(x, order));
  Shape shape = in.shape();
  const int64_t n = shape.back();
  shape[shape.rank() - 1] = n / 2 + 1;
  const Tensor halves = hearth::detail::empty(shape, c.out[0].dtype(), c.device);
  execute(c, x.dtype() == DType::kF64 ? CUFFT_D2Z : CUFFT_R2C, {&n, 1}, in.numel() / n, in.impl()->data(),
          halves.impl()->data(), false);
  // The inverse transform of real numbers is the conjugate of the forward one.
  if (a.inverse) conjugate(c, halves);
  scale(c, halves, a.factor);
  copy_tensor(c.out[0], complex_transforms(c, unpermuted(halves, order), without_last(a.dims), a.inverse));
}

void fft_c2r(OpCall& c) {
  const auto& a = c.attrs_as<FftAttrs>();
  const Tensor& x = c.input(0);
  if (c.out[0].numel() == 0) return;
  const int64_t last[] = {a.dims.back()};
  const Dims order = order_with_last(x.dim(), last);
  // cuFFT may overwrite what it is given.
  const Tensor halves = copy_of(permuted(complex_transforms(c, x, without_last(a.dims), a.inverse), order));
  Shape shape = halves.shape();
  const int64_t n = a.size, lines = halves.numel() / shape.back();
  shape[shape.rank() - 1] = n;
  const Tensor reals = hearth::detail::empty(shape, c.out[0].dtype(), c.device);
  // The forward transform gives the real numbers of the conjugate.
  if (!a.inverse) conjugate(c, halves);
  by_real(halves, [&]<class T>() {
    launch(over(c, lines), real_ends_kernel<T>, static_cast<T*>(halves.impl()->data()), lines, n);
  });
  execute(c, x.dtype() == DType::kC128 ? CUFFT_Z2D : CUFFT_C2R, {&n, 1}, lines, halves.impl()->data(),
          reals.impl()->data(), true);
  scale(c, reals, a.factor);
  copy_tensor(c.out[0], unpermuted(reals, order));
}

}  // namespace hearth::cuda
