#include "core/nn/orthogonal.h"

#include <algorithm>
#include <limits>

#include "core/autograd/autocast.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/linalg.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::nn {
namespace {

Tensor identity(const Tensor& like, int64_t rows, int64_t columns) {
  return eye(rows, columns, {.dtype = like.dtype(), .device = like.device()});
}
Tensor tall(const Tensor& x) { return x.size(-2) < x.size(-1) ? x.mT() : x; }

// The Q of x = Q R with a positive diagonal of R.
Tensor orthonormal(const Tensor& x) {
  const linalg::Qr f = linalg::qr(x);
  const Tensor flip = lt(diagonal(f.r, 0, -2, -1), 0);
  return f.q * where(unsqueeze(flip, -2), Scalar(-1.0), Scalar(1.0)).to(x.dtype());
}
bool is_orthogonal(const Tensor& q) {
  const double eps =
      q.dtype() == f64 ? std::numeric_limits<double>::epsilon() : double{std::numeric_limits<float>::epsilon()};
  return matmul(q.mT(), q).allclose(identity(q, q.size(-1), q.size(-1)), 1e-5,
                                    10 * static_cast<double>(q.size(-2)) * eps);
}

// The first columns of the product of reflections 1 - 2 v v^T / (v^T v); column i of x, below the diagonal, is v below
// a 1 (the compact form of Joffrin and Puglisi). Each is multiplied with the diagonal's number, 1 or -1.
Tensor reflected(const Tensor& x) {
  const int64_t n = x.size(-2), k = x.size(-1);
  const Tensor v = tril(x, -1) + identity(x, n, k);
  const Tensor products = matmul(v.mT(), v);
  const Tensor triangle = triu(products) - triu(tril(products)) * 0.5;
  const Tensor q = identity(x, n, k) - matmul(v, linalg::solve_triangular(triangle, v.narrow(-2, 0, k).mT(), true));
  // By their signs: weight decay makes 1 a little less.
  const Tensor down = lt(diagonal(x.detach(), 0, -2, -1), 0);
  const Tensor signs = where(down, Scalar(-1.0), Scalar(1.0)).to(x.dtype());
  return q * unsqueeze(signs, -2);
}
// The first columns of the map of the skew-symmetric matrix that the lower triangle of x makes.
Tensor rotated(const Tensor& x, OrthogonalMap map) {
  const int64_t n = x.size(-2), k = x.size(-1);
  Tensor lower = tril(x);
  if (n != k) {
    Shape beside = x.shape();
    beside[x.dim() - 1] = n - k;
    lower = cat({lower, zeros(beside, {.dtype = x.dtype(), .device = x.device()})}, -1);
  }
  const Tensor a = lower - lower.mT(), one = identity(x, n, n);
  const Tensor q =
      map == OrthogonalMap::kMatrixExp ? linalg::matrix_exp(a) : linalg::solve(one - a * 0.5, one + a * 0.5);
  return n == k ? q : q.narrow(-1, 0, k);
}

class Orthogonal : public Module<Orthogonal> {
 public:
  Orthogonal(const Tensor& weight, OrthogonalMap map) : map_(map), base_(this, "base", square(weight)) {}
  Tensor forward(const Tensor& original) const {
    const Autocast off(std::nullopt);  // products in bf16 are not orthogonal
    const Tensor x = tall(original);
    const Tensor q = matmul(base_, map_ == OrthogonalMap::kHouseholder ? reflected(x) : rotated(x, map_));
    return original.size(-2) < original.size(-1) ? q.mT() : q;
  }
  // The base becomes the value, and the original what the map makes the identity of.
  Tensor right_inverse(const Tensor& value) {
    const NoGrad off;
    const Autocast exact(std::nullopt);
    if (!value.device().is_meta()) base_.copy_(completed(tall(value)));
    const Tensor start = identity(value, value.size(-2), value.size(-1)) * -1;
    return expand(start, value.shape()).clone();
  }
  // The base gets its values together with the original.
  static void reset_parameters() {}

 private:
  static Tensor square(const Tensor& weight) {
    const int64_t n = std::max(weight.size(-2), weight.size(-1));
    Shape shape = weight.shape();
    shape[weight.dim() - 2] = shape[weight.dim() - 1] = n;
    return zeros(shape, {.dtype = weight.dtype(), .device = weight.device()});
  }
  static Tensor completed(const Tensor& x) {
    const int64_t n = x.size(-2), k = x.size(-1);
    if (n == k) return is_orthogonal(x) ? x : orthonormal(x);
    Shape beside = x.shape();
    beside[x.dim() - 1] = n - k;
    return orthonormal(cat({x, randn(beside, {.dtype = x.dtype(), .device = x.device()})}, -1));
  }

  OrthogonalMap map_;
  Buffer base_;
};

}  // namespace

void orthogonal(ModuleBase& module, const std::string& name, std::optional<OrthogonalMap> map) {
  const Tensor weight = detail::parameter_of(module, name, "orthogonal");
  HEARTH_CHECK(weight.dim() >= 2, "orthogonal: the parameter '", name, "' of shape ", weight.shape(),
               " is neither a matrix nor a batch of matrices");
  HEARTH_CHECK(weight.dtype() == f32 || weight.dtype() == f64, "orthogonal: the parameter '", name, "' is ",
               weight.dtype(), "; expected f32 or f64");
  const bool square = weight.size(-2) == weight.size(-1);
  register_parametrization(
      module, name, Orthogonal(weight, map.value_or(square ? OrthogonalMap::kMatrixExp : OrthogonalMap::kHouseholder)));
}

}  // namespace hearth::nn
