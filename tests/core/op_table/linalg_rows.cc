// Linear algebra: factors are multiplied again, determinants and exponentials follow from their definitions. More is in
// tests/core/linalg.
#include "core/ops/linalg.h"

#include <cmath>

#include "core/op/attrs/linalg.h"
#include "core/op/run.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/rearrange.h"
#include "core/ops/view.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

using Values = std::vector<long double>;

// Of square matrices that are far from singular.
Tensor regular(const Tensor& x) {
  return x + (eye(x.size(-1), {}, {.dtype = x.dtype(), .device = x.device()}) * 6).to(x.dtype());
}
Tensor symmetric(const Tensor& x) { return x + transpose(x, -2, -1); }

Sample of_matrices(const char* name, const Shape& shape, TensorFunction call, std::function<Values(In)> want,
                   const Shape& result, const std::vector<Shape>& more = {}) {
  return {.name = name,
          .inputs = [shape, more](DType t) -> Out {
            Out in{noise(shape, t, -1, 1)};
            for (const Shape& s : more) in.push_back(noise(s, t, -1, 1, 3 + in.size()));
            return in;
          },
          .call = std::move(call),
          .want = [want, result](In in, DType t) -> std::vector<Want> {
            return {{t, result, want(in)}};
          },
          .smooth = true,
          .batch = (2u << more.size()) - 1,
          .terms = 100};
}

// Numbers with 6 added on the diagonals of n x n matrices.
Values regular_values(const Tensor& x, size_t n) {
  Values v = to_wide(x);
  for (size_t i = 0; i < v.size(); ++i) v[i] += i % (n * n) % (n + 1) == 0 ? 6 : 0;
  return v;
}
Values symmetric_values(const Tensor& x, size_t n) {
  const Values v = to_wide(x);
  Values s = v;
  for (size_t i = 0; i < v.size(); ++i) {
    const size_t b = i / (n * n), r = i % (n * n) / n, c = i % n;
    s[i] = v[i] + v[b * n * n + c * n + r];
  }
  return s;
}

long double det3(const long double* a) {
  return a[0] * (a[4] * a[8] - a[5] * a[7]) - a[1] * (a[3] * a[8] - a[5] * a[6]) + a[2] * (a[3] * a[7] - a[4] * a[6]);
}
Values determinants(In in) {
  const Values v = regular_values(in[0], 3);
  Values d;
  for (size_t b = 0; b < v.size(); b += 9) d.push_back(det3(&v[b]));
  return d;
}

// The series, of 3 x 3 matrices.
Values exponentials(In in) {
  const Values v = to_wide(in[0]);
  Values e(v.size());
  for (size_t b = 0; b < v.size(); b += 9) {
    long double power[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    for (int k = 1; k < 60; ++k) {
      long double next[9] = {};
      for (size_t i = 0; i < 9; ++i) {
        e[b + i] += power[i];
        for (size_t j = 0; j < 3; ++j) next[i] += power[i / 3 * 3 + j] * v[b + j * 3 + i % 3] / k;
      }
      std::copy(next, next + 9, power);
    }
  }
  return e;
}

OpRow row(const char* op, std::vector<Sample> samples) {
  return {.op = op, .accuracy = Accuracy::kGradient, .samples = std::move(samples)};
}

Tensor multiplied(const linalg::Lu& d) { return matmul(d.p, matmul(d.l, d.u)); }

void factor_rows(Rows& rows) {
  const auto symmetric3 = [](In in) { return symmetric_values(in[0], 3); };
  const auto operand = [](In in) { return to_wide(in[0]); };
  rows.push_back(row("linalg_cholesky", {of_matrices("product", {2, 3, 3},
                                                     [](In in) -> Out {
                                                       const Tensor l = linalg::cholesky(regular(symmetric(in[0])));
                                                       const Tensor all = matmul(l, transpose(l, -2, -1));
                                                       return {all - regular(all * 0)};
                                                     },
                                                     symmetric3, {2, 3, 3})}));
  std::vector<Sample> lu, qr, svd;
  for (const Shape& shape : {Shape{2, 3, 3}, {2, 2, 4}, {2, 4, 2}}) {
    lu.push_back(of_matrices(
        "product", shape, [](In in) -> Out { return {multiplied(linalg::lu(in[0]))}; }, operand, shape));
    qr.push_back(of_matrices(
        "product", shape,
        [](In in) -> Out {
          const auto d = linalg::qr(in[0]);
          return {matmul(d.q, d.r)};
        },
        operand, shape));
    svd.push_back(of_matrices(
        "product", shape,
        [](In in) -> Out {
          const auto d = linalg::svd(in[0], false);
          return {matmul(d.u * unsqueeze(d.s, -2), d.vh)};
        },
        operand, shape));
  }
  rows.push_back(row("linalg_lu_factor", lu));
  rows.push_back(row("linalg_qr", qr));
  rows.push_back(row("linalg_svd", svd));
  rows.push_back(row("linalg_eigh", {of_matrices("product", {2, 3, 3},
                                                 [](In in) -> Out {
                                                   const auto [w, v] = linalg::eigh(symmetric(in[0]));
                                                   return {matmul(v * unsqueeze(w, -2), transpose(v, -2, -1))};
                                                 },
                                                 symmetric3, {2, 3, 3})}));
  rows.push_back(row("linalg_eig", {of_matrices("product", {2, 3, 3},
                                                [](In in) -> Out {
                                                  const auto [w, v] = linalg::eig(in[0]);
                                                  return {real(matmul(v * unsqueeze(w, -2), linalg::inv(v))).clone()};
                                                },
                                                operand, {2, 3, 3})}));
  OpRow permutation{.op = "linalg_permutation", .takes = DTypeSet{i32}, .gradient = false};
  permutation.samples.push_back({.name = "exchanges",
                                 .inputs = [](DType t) -> Out {
                                   return {from_wide(Values{3, 3, 3}, {1, 3}, t)};
                                 },
                                 .call = HEARTH_CALL(run(kLinalgPermutation, {in[0]}, PermutationAttrs{4, false})),
                                 // Rows 0 and 2, 1 and 2, 2 and 2 change places.
                                 .want = [](In, DType) -> std::vector<Want> {
                                   return {{i64, {1, 4}, {2, 0, 1, 3}}};
                                 }});
  rows.push_back(permutation);
}

void solve_rows(Rows& rows) {
  const auto right_side = [](In in) { return to_wide(in[1]); };
  rows.push_back(
      row("linalg_solve",
          {of_matrices("product", {2, 3, 3},
                       [](In in) -> Out { return {matmul(regular(in[0]), linalg::solve(regular(in[0]), in[1]))}; },
                       right_side, {2, 3, 2}, {{2, 3, 2}})}));
  rows.push_back(row("linalg_solve_triangular",
                     {of_matrices("product", {2, 3, 3},
                                  [](In in) -> Out {
                                    const Tensor upper = triu(regular(in[0]));
                                    return {matmul(upper, linalg::solve_triangular(regular(in[0]), in[1], true))};
                                  },
                                  right_side, {2, 3, 2}, {{2, 3, 2}})}));
  rows.push_back(
      row("linalg_pinv",
          {of_matrices(
              "product", {2, 4, 2}, [](In in) -> Out { return {matmul(in[0], matmul(linalg::pinv(in[0]), in[0]))}; },
              [](In in) { return to_wide(in[0]); }, {2, 4, 2})}));
  rows.push_back(row("linalg_lstsq",
                     {of_matrices("wide", {2, 2, 4},
                                  [](In in) -> Out { return {matmul(in[0], linalg::lstsq(in[0], in[1]).solution)}; },
                                  right_side, {2, 2, 3}, {{2, 2, 3}})}));
  rows.push_back(
      row("linalg_det", {of_matrices("formula", {2, 3, 3}, [](In in) -> Out { return {linalg::det(regular(in[0]))}; },
                                     determinants, {2})}));
  rows.push_back(row("linalg_slogdet", {of_matrices("formula", {2, 3, 3},
                                                    [](In in) -> Out {
                                                      const auto d = linalg::slogdet(regular(in[0]));
                                                      return {d.sign * exp(d.logabsdet)};
                                                    },
                                                    determinants, {2})}));
  rows.push_back(row("linalg_matrix_exp",
                     {of_matrices("series", {2, 3, 3}, [](In in) -> Out { return {linalg::matrix_exp(in[0])}; },
                                  exponentials, {2, 3, 3})}));
}

}  // namespace

static void linalg_rows(Rows& rows) {
  factor_rows(rows);
  solve_rows(rows);
}
HEARTH_OP_ROWS(linalg_rows);

}  // namespace hearth::testing
