#include "audio/kernels/power_spectra.h"

#include "audio/ops/frame_blocks_internal.h"
#include "audio/ops/frame_product.h"
#include "audio/ops/power_spectra_internal.h"
#include "core/base/error.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/fft.h"

namespace hearth::audio {
namespace {

void infer_power_spectra(OpCall& c) {
  const auto& a = c.attrs_as<PowerSpectraAttrs>();
  const Tensor &x = c.input(0), &window = c.input(1);
  expect_same_dtype(c);
  expect_rank(c, 1, 1);
  HEARTH_CHECK(x.dim() >= 1 && x.size(-1) == window.size(0), "power_spectra: frames of shape ", x.shape(),
               " do not fit a window of shape ", window.shape());
  HEARTH_CHECK(a.n_fft >= 2 && a.n_fft % 2 == 0 && a.n_fft >= x.size(-1),
               "power_spectra: n_fft must be even and at least ", x.size(-1), ", but is ", a.n_fft);
  int64_t width = a.n_fft / 2 + 1;
  if (c.in[2].is_tensor()) {
    expect_rank(c, 2, 2);
    HEARTH_CHECK(c.input(2).size(0) == width, "power_spectra: a matrix of shape ", c.input(2).shape(),
                 " does not fit spectra of ", width, " frequencies");
    width = c.input(2).size(1);
  }
  Shape shape = x.shape();
  shape[x.dim() - 1] = width;
  c.make(0, shape, c.dtype);
}

Tensor composed(const Tensor& frames, const Tensor& window, const PowerSpectraAttrs& a, const Tensor* matrix) {
  const Tensor power =
      abs_square(fft::rfft(frames * window, a.n_fft, -1, a.ortho ? fft::Norm::kOrtho : fft::Norm::kBackward));
  return matrix ? frame_product(power, *matrix) : power;
}

}  // namespace

extern constinit const OpDef kPowerSpectra = {
    .name = "audio::power_spectra",
    .dtypes = DTypeSet{f32, f64},
    .min_inputs = 3,
    .max_inputs = 3,
    .absent = 0b100,
    .internal = true,
    .attrs = &attrs_type<PowerSpectraAttrs>,
    .infer = infer_power_spectra,
    .kernel = {cpu::power_spectra},
    .compose =
        [](OpCall& c) {
          const Operand& matrix = c.in[2];
          c.give(0, composed(c.input(0), c.input(1), c.attrs_as<PowerSpectraAttrs>(),
                             matrix.is_tensor() ? &matrix.tensor() : nullptr));
        },
};
HEARTH_OP(kPowerSpectra);

bool detail::in_one_step(const Tensor& frames, const Tensor& window, const PowerSpectraAttrs& a,
                         const std::optional<Tensor>& matrix) {
  // Longer transforms are cut in two (core/kernels/cpu/fft.cc), which gives other bits.
  return frames.device().is_cpu() && a.n_fft % 2 == 0 && a.n_fft < 2048 &&
         !recorded({frames, window, matrix ? *matrix : window});
}

Tensor detail::power_spectra(const Tensor& frames, const Tensor& window, const PowerSpectraAttrs& a,
                             const std::optional<Tensor>& matrix) {
  if (!in_one_step(frames, window, a, matrix)) return composed(frames, window, a, matrix ? &*matrix : nullptr);
  return run(kPowerSpectra, {frames, window, matrix}, a);
}

}  // namespace hearth::audio
