#include <limits>

#include "core/ops/arithmetic.h"
#include "core/ops/integrals.h"
#include "core/ops/linalg.h"
#include "core/ops/linalg_names.h"
#include "core/ops/matmul.h"
#include "tests/core/linalg/cases.h"

namespace hearth::testing {
namespace {

void add_norms(Cases& m) {
  using linalg::MatrixNorm;
  const double inf = std::numeric_limits<double>::infinity();
  for (const auto& [name, o] :
       {std::pair("1", 1.0), {"-1", -1.0}, {"2", 2.0}, {"-2", -2.0}, {"inf", inf}, {"-inf", -inf}}) {
    m[std::string("matrix_norm_") + name] = [ord = o](auto x) -> Tensors { return {linalg::matrix_norm(x[0], ord)}; };
    m[std::string("norm_") + name] = [ord = o](auto x) -> Tensors { return {linalg::norm(x[0], ord, {0, 2}, true)}; };
    m[std::string("cond_") + name] = [ord = o](auto x) -> Tensors { return {linalg::cond(x[0], ord)}; };
  }
  for (const auto& [name, o] : {std::pair("fro", MatrixNorm::kFro), {"nuc", MatrixNorm::kNuc}}) {
    m[std::string("matrix_norm_") + name] = [ord = o](auto x) -> Tensors { return {linalg::matrix_norm(x[0], ord)}; };
    m[std::string("norm_") + name] = [ord = o](auto x) -> Tensors { return {linalg::norm(x[0], ord, {0, 2}, true)}; };
    m[std::string("cond_") + name] = [ord = o](auto x) -> Tensors { return {linalg::cond(x[0], ord)}; };
  }
  for (const auto& [name, o] : {std::pair("0", 0.0),
                                {"0.5", 0.5},
                                {"1", 1.0},
                                {"2", 2.0},
                                {"3", 3.0},
                                {"-1", -1.0},
                                {"inf", inf},
                                {"-inf", -inf}})
    m[std::string("vector_norm_") + name] = [ord = o](auto x) -> Tensors {
      return {linalg::vector_norm(x[0], ord, {1})};
    };
  m["norm_default"] = HEARTH_CASE(linalg::norm(x[0]));
  m["norm_vector"] = HEARTH_CASE(linalg::norm(x[0], 3));
}

}  // namespace

void add_functions(Cases& m) {
  for (const char* name : {"det", "det_one", "det_empty"}) m[name] = HEARTH_CASE(linalg::det(x[0]));
  m["det_singular"] = HEARTH_CASE(linalg::det(matmul(x[0], x[1])));
  m["slogdet"] = m["slogdet_empty"] = [](auto x) -> Tensors {
    const auto d = linalg::slogdet(x[0]);
    return {d.sign, d.logabsdet};
  };
  m["matrix_exp"] = m["matrix_exp_empty"] = HEARTH_CASE(linalg::matrix_exp(x[0]));
  for (const auto& [name, s] : {std::pair("0.001", 1e-3), {"0.1", 0.1}, {"0.3", 0.3}, {"0.8", 0.8}, {"8", 8.0}})
    m[std::string("matrix_exp_") + name] = [scale = s](auto x) -> Tensors {
      return {linalg::matrix_exp(x[0] * scale)};
    };
  add_norms(m);
  m["matrix_rank"] = m["matrix_rank_deficient"] = HEARTH_CASE(linalg::matrix_rank(x[0]));
  m["matrix_rank_hermitian"] = HEARTH_CASE(linalg::matrix_rank(x[0], {.hermitian = true}));
  m["matrix_rank_atol"] = HEARTH_CASE(linalg::matrix_rank(x[0], {.atol = 1.0}));
  for (const int64_t n : {-3, -1, 0, 1, 2, 5})
    m["matrix_power_" + std::to_string(n)] = HEARTH_CASE(linalg::matrix_power(x[0], n));
  m["multi_dot"] = m["multi_dot_vectors"] = HEARTH_CASE(linalg::multi_dot(x));
  m["chain_matmul"] = HEARTH_CASE(chain_matmul(x));
  m["vecdot"] = HEARTH_CASE(linalg::vecdot(x[0], x[1]));
  m["vecdot_dim"] = HEARTH_CASE(linalg::vecdot(x[0], x[1], 0));
  m["cross"] = HEARTH_CASE(linalg::cross(x[0], x[1]));
  m["cross_dim"] = HEARTH_CASE(linalg::cross(x[0], x[1], 0));
  m["vander"] = HEARTH_CASE(linalg::vander(x[0]));
  m["vander_n"] = HEARTH_CASE(linalg::vander(x[0], 5));
  m["vander_falling"] = HEARTH_CASE(vander(x[0]));
  m["vander_rising"] = HEARTH_CASE(vander(x[0], {}, true));
  m["ger"] = HEARTH_CASE(ger(x[0], x[1]));
  m["diagonal"] = HEARTH_CASE(linalg::diagonal(x[0], 1));
  m["trapezoid"] = HEARTH_CASE(trapezoid(x[0], 0.5));
  m["trapezoid_x"] = HEARTH_CASE(trapezoid(x[0], x[1], 0));
  m["trapezoid_places"] = HEARTH_CASE(trapz(x[0], x[1]));
  m["cumulative_trapezoid"] = HEARTH_CASE(cumulative_trapezoid(x[0], 1, 1));
  m["cumulative_trapezoid_x"] = HEARTH_CASE(cumulative_trapezoid(x[0], x[1]));
}

}  // namespace hearth::testing
