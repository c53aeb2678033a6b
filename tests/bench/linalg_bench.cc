// Decompositions and solves. Items are matrices; the peer's numbers come from torch.linalg on the same machine. The
// argument is the number of threads.
#include <benchmark/benchmark.h>

#include "core/autograd/guards.h"
#include "core/base/parallel.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/linalg.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "core/ops/view.h"

namespace {

using hearth::Tensor;
namespace linalg = hearth::linalg;

template <class F>
void run(benchmark::State& state, const Tensor& x, F f) {
  const hearth::NoGrad off;
  const hearth::ThreadWidth width(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(f(x));
  state.SetItemsProcessed(state.iterations() * (x.dim() == 3 ? x.size(0) : 1));
}
Tensor small() { return hearth::randn({256, 32, 32}); }
Tensor large() { return hearth::randn({1024, 1024}); }
Tensor positive(const Tensor& x) {
  const auto n = x.size(-1);
  return hearth::matmul(x, x.mT()) / static_cast<double>(n) + hearth::eye(n);
}

void solve_32(benchmark::State& state) {
  const Tensor b = hearth::randn({256, 32, 8});
  run(state, small(), [&](const Tensor& x) { return linalg::solve(x, b); });
}
void solve_1024(benchmark::State& state) {
  const Tensor b = hearth::randn({1024, 8});
  run(state, large(), [&](const Tensor& x) { return linalg::solve(x, b); });
}
void inv_1024(benchmark::State& state) {
  run(state, large(), [](const Tensor& x) { return linalg::inv(x); });
}
void cholesky_32(benchmark::State& state) {
  run(state, positive(small()), [](const Tensor& x) { return linalg::cholesky(x); });
}
void cholesky_1024(benchmark::State& state) {
  run(state, positive(large()), [](const Tensor& x) { return linalg::cholesky(x); });
}
void svd_32(benchmark::State& state) {
  run(state, small(), [](const Tensor& x) { return linalg::svd(x).s; });
}
void svd_1024(benchmark::State& state) {
  run(state, large(), [](const Tensor& x) { return linalg::svd(x).s; });
}
void eigh_32(benchmark::State& state) {
  run(state, positive(small()), [](const Tensor& x) { return linalg::eigh(x).eigenvalues; });
}
void eigh_1024(benchmark::State& state) {
  run(state, positive(large()), [](const Tensor& x) { return linalg::eigh(x).eigenvalues; });
}
void qr_1024(benchmark::State& state) {
  run(state, large(), [](const Tensor& x) { return linalg::qr(x).r; });
}

}  // namespace

#define HEARTH_BOTH_WIDTHS(name) BENCHMARK(name)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond)
HEARTH_BOTH_WIDTHS(solve_32);
HEARTH_BOTH_WIDTHS(cholesky_32);
HEARTH_BOTH_WIDTHS(svd_32);
HEARTH_BOTH_WIDTHS(eigh_32);
HEARTH_BOTH_WIDTHS(solve_1024);
HEARTH_BOTH_WIDTHS(inv_1024);
HEARTH_BOTH_WIDTHS(cholesky_1024);
HEARTH_BOTH_WIDTHS(svd_1024);
HEARTH_BOTH_WIDTHS(eigh_1024);
HEARTH_BOTH_WIDTHS(qr_1024);

BENCHMARK_MAIN();
