// The smallest program there is: what it weighs is what every program of a user's weighs at least.

#include <cstdio>

#include "core/ops/arithmetic.h"
#include "core/ops/create.h"

int main() {
  const hearth::Tensor sum = hearth::ones({8}) + hearth::ones({8});
  std::printf("%lld\n", static_cast<long long>(sum.numel()));
  return 0;
}
