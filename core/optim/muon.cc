#include "core/optim/muon.h"

#include <algorithm>
#include <cmath>

#include "core/ops/arithmetic.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/optim/composed_internal.h"

namespace hearth::optim {
namespace {

// The singular values of g brought near 1: X = a X + (b A + c A^2) X with A = X X^T, again and again.
Tensor orthogonal(const Tensor& g, double eps, int64_t steps) {
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315;
  const bool tall = g.size(0) > g.size(1);
  Tensor x = tall ? g.t() : g;
  x = x / maximum(norm(x), eps);
  for (int64_t i = 0; i < steps; ++i) {
    const Tensor square = matmul(x, x.t());
    x = x * a + matmul(square * b + matmul(square, square) * c, x);
  }
  return tall ? x.t() : x;
}

}  // namespace

void check_options(const char* name, const MuonOptions& o) {
  HEARTH_CHECK(o.lr >= 0 && o.weight_decay >= 0, name, ": lr and weight_decay must not be negative, but are ", o.lr,
               " and ", o.weight_decay);
  HEARTH_CHECK(o.momentum >= 0 && o.momentum < 1, name, ": momentum must be in [0, 1), but is ", o.momentum);
  HEARTH_CHECK(o.eps > 0, name, ": eps must be above 0, but is ", o.eps);
  HEARTH_CHECK(o.ns_steps >= 1 && o.ns_steps < 100, name, ": ns_steps must be from 1 to 99, but is ", o.ns_steps);
}

Muon::Muon(const Parameters& parameters, const MuonOptions& options) : Muon() { add_group(parameters, options); }
std::vector<Muon::Column> Muon::columns(size_t, double) const { return {{"momentum_buffer", Use::kAlways}}; }
int64_t Muon::phase(size_t, const Slot&) const { return 0; }
void Muon::update(size_t group, int64_t, std::span<const Operand> rows) const {
  const MuonOptions& o = options(group);
  for (size_t r = 0; r < rows.size(); r += 3) {
    const Tensor& p = rows[r].tensor();
    HEARTH_CHECK(p.dim() == 2, name(), ": a parameter must be a matrix, but one has the shape ", p.shape());
  }
  composed_step<1>(name(), rows, [&](ComposedRow<1>& r) {
    Tensor& average = r.states[0];
    average.lerp_(r.gradient, 1 - o.momentum);
    if (r.parameter.numel() == 0) return r.parameter;
    const Tensor step = o.nesterov ? lerp(r.gradient, average, o.momentum) : average;
    const auto a = static_cast<double>(r.parameter.size(0)), b = static_cast<double>(r.parameter.size(1));
    const double rate = o.lr * (o.scale == MuonOptions::Scale::kOriginal ? std::sqrt(std::max(1.0, a / b))
                                                                         : 0.2 * std::sqrt(std::max(a, b)));
    return r.parameter * (1 - o.lr * o.weight_decay) - orthogonal(step, o.eps, o.ns_steps) * rate;
  });
}

}  // namespace hearth::optim
