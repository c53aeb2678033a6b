#include "audio/kernels/frame_product.h"

#include <algorithm>
#include <vector>

#include "audio/kernels/cpu/frame_sums.h"
#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/cpu/fft_scratch.h"
#include "core/op/op_call.h"

namespace hearth::audio::cpu {
namespace {

constexpr int64_t kGrain = 1 << 15;  // numbers for which a second thread is worth waking

template <class T>
void run(OpCall& c) {
  const Tensor &matrix = c.input(1), &y = c.out[0];
  if (y.numel() == 0) return;
  const int64_t n = matrix.size(0), m = matrix.size(1), count = y.numel() / m;
  const hearth::cpu::DenseValues<T> weights(c.in[1]);
  const hearth::cpu::DenseReader<T> in(c.input(0));
  const hearth::cpu::DenseWriter<T> out(y);
  const hearth::cpu::FftLanes<T>& f = hearth::cpu::fft_lanes<T>();
  const FrameSums<T> sums(weights.data(), n, m);
  const int64_t most = kMostGroups * f.lanes;  // frames at once
  parallel_for(count, most * std::max<int64_t>(kGrain / (most * (n + m)), 1), [&](int64_t begin, int64_t end) {
    const hearth::cpu::FftScratch<T> groups(kMostGroups * (sums.group_in() + sums.group_out()));
    T *const x = groups.data(), *const s = x + kMostGroups * sums.group_in();
    std::vector<T> rows(static_cast<size_t>(most * n)), made(static_cast<size_t>(most * m));
    for (int64_t i = begin; i < end; i += most) {
      const int64_t size = std::min(most, end - i), full = (size + f.lanes - 1) / f.lanes;
      const T* from = in.read(i * n, size * n, rows.data());
      if (size % f.lanes != 0) {
        // Lanes without a frame become 0.
        if (from != rows.data()) std::copy_n(from, size * n, rows.data());
        std::fill(rows.begin() + size * n, rows.begin() + full * f.lanes * n, T(0));
        from = rows.data();
      }
      for (int64_t g = 0; g < full; ++g) load_group(f, from + g * f.lanes * n, n, n, x + g * sums.group_in());
      sums(x, full, s);
      T* const place = size % f.lanes == 0 ? out.place(i * m, made.data()) : made.data();
      for (int64_t g = 0; g < full; ++g) store_group(f, s + g * sums.group_out(), m, place + g * f.lanes * m, m);
      if (place == made.data() && !out.converts()) std::copy_n(place, size * m, out.place(i * m, nullptr));
      else out.write(i * m, size * m, place);
    }
  });
}

}  // namespace

void frame_product(OpCall& c) { c.dtype == DType::kF64 ? run<double>(c) : run<float>(c); }

}  // namespace hearth::audio::cpu
