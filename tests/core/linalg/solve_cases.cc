#include "core/ops/linalg.h"
#include "core/ops/linalg_names.h"
#include "core/ops/matmul.h"
#include "tests/core/linalg/cases.h"

namespace hearth::testing {

void add_solves(Cases& m) {
  using namespace linalg;
  m["inv"] = HEARTH_CASE(inv(x[0]));
  for (const char* name : {"solve", "solve_vector", "solve_vectors", "solve_one_vector", "solve_broadcast",
                           "solve_empty", "solve_nothing"})
    m[name] = HEARTH_CASE(solve(x[0], x[1]));
  m["solve_right"] = HEARTH_CASE(solve(x[0], x[1], false));
  for (const bool upper : {false, true}) {
    const std::string name = std::string("solve_triangular_") + (upper ? "upper" : "lower");
    m[name] = HEARTH_CASE(solve_triangular(x[0], x[1], upper));
    m[name + "_unit"] = HEARTH_CASE(solve_triangular(x[0], x[1], upper, {.unitriangular = true}));
    m[name + "_right"] = HEARTH_CASE(solve_triangular(x[0], x[1], upper, {.left = false}));
  }
  m["triangular_solve"] = HEARTH_CASE(triangular_solve(x[0], x[1], {.transpose = true}).first);
  m["triangular_solve_plain"] = HEARTH_CASE(triangular_solve(x[0], x[1]).first);
  m["triangular_solve_unit"] = HEARTH_CASE(triangular_solve(x[0], x[1], {.upper = false, .unitriangular = true}).first);
  m["lu_solve_broadcast"] = [](std::span<const Tensor> x) -> Tensors {
    const auto f = lu_factor(x[0]);
    return {linalg::lu_solve(f.lu, f.pivots, x[1])};
  };
  for (const bool left : {true, false}) {
    for (const bool adjoint : {false, true}) {
      m[std::string("lu_solve") + (left ? "" : "_right") + (adjoint ? "_adjoint" : "")] =
          [=](std::span<const Tensor> x) -> Tensors {
        const auto f = lu_factor(x[0]);
        return {linalg::lu_solve(f.lu, f.pivots, x[1], {.left = left, .adjoint = adjoint})};
      };
    }
  }
  for (const std::string kind : {"square", "tall", "wide"}) {
    m["pinv_" + kind] = HEARTH_CASE(pinv(x[0]));
    m["lstsq_" + kind] = HEARTH_CASE(lstsq(x[0], x[1]).solution);
  }
  m["pinv_empty"] = HEARTH_CASE(pinv(x[0]));
  m["pinv_deficient"] = HEARTH_CASE(pinv(matmul(x[0], x[1])));
  m["pinv_rtol"] = HEARTH_CASE(pinv(x[0], {.rtol = 0.3}));
  m["pinv_atol"] = HEARTH_CASE(pinv(x[0], {.atol = 0.4}));
  m["pinverse"] = HEARTH_CASE(pinverse(x[0]));
  for (const auto& [name, driver] :
       {std::pair("gels", LstsqDriver::kGels), {"gelsd", LstsqDriver::kGelsd}, {"gelss", LstsqDriver::kGelss}}) {
    m[std::string("lstsq_") + name] = [d = driver](std::span<const Tensor> x) -> Tensors {
      const auto r = lstsq(x[0], x[1], {}, d);
      return {r.solution, r.residuals};
    };
  }
  m["lstsq_deficient"] = [](std::span<const Tensor> x) -> Tensors {
    const auto r = lstsq(x[0], x[1], {}, LstsqDriver::kGelsd);
    return {r.solution, r.rank, r.singular_values};
  };
  m["lstsq_deficient_y"] = [](std::span<const Tensor> x) -> Tensors {
    const auto r = lstsq(x[0], x[1]);
    return {r.solution, r.rank};
  };
  m["lstsq_vector"] = HEARTH_CASE(lstsq(x[0], x[1]).solution);
}

}  // namespace hearth::testing
