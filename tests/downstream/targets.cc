// What README names, found from a user's workspace.
#include <cstdlib>
#include <iostream>

#include "core/autograd/gradcheck.h"
#include "core/hearth.h"
#include "core/io/npy.h"
#include "core/io/npz.h"
#include "core/op/run.h"
#include "serve/model/servable.h"
#include "vision/vision.h"

using namespace hearth;

int main() {
  const Tensor a = randn({2, 3}), b = randn({3, 4});
  if (!einsum("ij,jk->ik", {a, b}).allclose(matmul(a, b), 1e-4, 1e-5)) return 1;
  gradcheck([](std::span<const Tensor> x) { return std::vector<Tensor>{sin(x[0])}; },
            std::vector<Tensor>{randn({3}, {.dtype = f64, .requires_grad = true})});
  const auto path = std::string(std::getenv("TEST_TMPDIR") ? std::getenv("TEST_TMPDIR") : "/tmp") + "/downstream.npy";
  if (!io::save_npy(path, a).ok() || !io::load_npy(path)->equal(a)) return 2;
  std::cout << all_ops().size() << " ops\n";
  return find_op("conv2d") ? 0 : 3;
}
