#include "core/kernels/sequence.h"

#include "core/base/parallel.h"
#include "core/op/attrs/reduce.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

constexpr int64_t kGrain = 1 << 15;

template <class F>
void generate(const Tensor& t, F value) {
  visit(t.dtype(), [&]<class T>() {
    T* p = static_cast<T*>(t.impl()->data());
    parallel_for(t.numel(), kGrain, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) p[i] = convert<T>(value(i));
    });
  });
}

}  // namespace

void arange(OpCall& c) {
  const Scalar start = c.scalar(0), step = c.scalar(1);
  if (start.kind() != DTypeKind::kFloat && step.kind() != DTypeKind::kFloat) {
    // Unsigned, which may wrap around where a graph asks for more than 63 bits hold.
    const auto a = static_cast<uint64_t>(start.to<int64_t>()), b = static_cast<uint64_t>(step.to<int64_t>());
    return generate(c.out[0], [=](int64_t i) { return static_cast<int64_t>(a + static_cast<uint64_t>(i) * b); });
  }
  const double a = start.to<double>(), b = step.to<double>();
  generate(c.out[0], [=](int64_t i) { return a + static_cast<double>(i) * b; });
}

void linspace(OpCall& c) {
  const double start = c.scalar(0).to<double>(), end = c.scalar(1).to<double>();
  const int64_t steps = c.out[0].numel();
  const double step = steps > 1 ? (end - start) / static_cast<double>(steps - 1) : 0;
  // From the nearer end, so that both are met exactly.
  generate(c.out[0], [=](int64_t i) {
    return i < (steps + 1) / 2 ? start + step * static_cast<double>(i)
                               : end - step * static_cast<double>(steps - 1 - i);
  });
}

void size(OpCall& c) {
  const Tensor& x = c.input(0);
  int64_t d = c.attrs_as<DimAttrs>().dim;
  if (d < 0) d += x.dim();
  *static_cast<int64_t*>(c.out[0].impl()->data()) = x.shape()[static_cast<int>(d)];
}

}  // namespace hearth::cpu
