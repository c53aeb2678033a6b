#include <cmath>

#include "core/op/attrs/reduce.h"
#include "core/op/run.h"
#include "core/ops/reduce.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

using Reduce = Tensor (*)(const Tensor&, const Dims&, bool);

Out pair(std::pair<Tensor, Tensor> p) { return {std::move(p.first), std::move(p.second)}; }

struct Case {
  const char* name;
  Dims dims;
  bool smooth = false;
  double terms = 1;
  unsigned batch = 1;
};
void add(OpRow& row, Reduce f, const Case& c) {
  add_golden(row, row.op + "/" + c.name, [f, dims = c.dims](In in) -> Out { return {f(in[0], dims, false)}; },
             {.smooth = c.smooth, .batch = c.batch, .terms = c.terms});
}

// Sums of squares over dimension `dim` of [rows, columns], of the elements themselves or of what they differ from the
// mean by. Halves give f32.
std::vector<Want> squares(const Tensor& x, int64_t dim, bool centred, DType t) {
  const std::vector<long double> v = to_wide(x);
  const int64_t rows = x.size(0), columns = x.size(1), lines = dim ? rows : columns, n = dim ? columns : rows;
  Want w{t == f64 ? f64 : f32, {lines}, {}};
  for (int64_t line = 0; line < lines; ++line) {
    const auto at = [&](int64_t i) { return v[static_cast<size_t>(dim ? line * columns + i : i * columns + line)]; };
    long double mean = 0, sum = 0, size = 0;
    for (int64_t i = 0; centred && i < n; ++i) mean += at(i) / static_cast<long double>(n);
    for (int64_t i = 0; i < n; ++i) sum += (at(i) - mean) * (at(i) - mean), size += at(i) * at(i);
    w.values.push_back(sum);
    w.size.push_back(size);
  }
  return {w};
}

OpRow square_row(const char* op, bool centred) {
  OpRow row{.op = op, .accuracy = Accuracy::kSum, .takes = kFloatTypes};
  const auto add_sample = [&](const char* name, const Shape& shape, int64_t dim, bool smooth) {
    row.samples.push_back({.name = name,
                           .inputs = [shape](DType t) -> Out { return {noise(shape, t)}; },
                           .call = [op, dim](In in) -> Out {
                             return {run(*find_op(op), {in[0]}, ReduceAttrs{{dim}, false})};
                           },
                           .want = [dim, centred](In in, DType t) { return squares(in[0], dim, centred, t); },
                           .smooth = smooth,
                           .batch = dim && shape[0] ? 1u : 0u,
                           .terms = static_cast<double>(dim ? shape[1] : shape[0])});
  };
  add_sample("rows", {3, 4}, 1, true);
  add_sample("columns", {3, 4}, 0, true);
  add_sample("long", {2, 3001}, 1, false);
  add_sample("tall", {3001, 17}, 0, false);
  add_sample("pieces", {1, 150001}, 1, false);
  add_sample("nothing", {3, 0}, 1, false);
  add_sample("none left", {0, 3}, 1, false);
  return row;
}

// The same values as without keepdim, in a shape that keeps its rank.
void add_keepdim(OpRow& row, const std::string& sample, Reduce f, const Dims& dims, const Shape& shape) {
  add_golden(row, sample, [f, dims](In in) -> Out { return {f(in[0], dims, true)}; }, {.smooth = true, .terms = 6});
  Sample& s = row.samples.back();
  s.name += ", keepdim";
  s.want = [want = s.want, shape](In in, DType t) {
    std::vector<Want> w = want(in, t);
    w[0].shape = shape;
    return w;
  };
}

void extreme_rows(Rows& rows, const char* one, const char* with_place, const char* place, Reduce f,
                  std::pair<Tensor, Tensor> (*both)(const Tensor&, int64_t, bool),
                  Tensor (*arg)(const Tensor&, std::optional<int64_t>, bool)) {
  OpRow a{.op = one};
  add(a, f, {"all", {}, true});
  add(a, f, {"first", {0}, true});
  add(a, f, {"outer", {0, 2}, true});
  add(a, f, {"long", {1}});
  add(a, f, {"0-dim", {}, true, 1, 0});
  add(a, f, {"none left", {1}, false, 1, 0});
  add(a, f, {"nan", {1}});
  add_keepdim(a, a.op + "/outer", f, {0, -1}, {1, 4, 1});
  rows.push_back(std::move(a));

  OpRow b{.op = with_place}, c{.op = place, .gradient = false};
  for (const auto& [name, dim] : std::vector<std::pair<std::string, int64_t>>{
           {"first", 0}, {"last", -1}, {"long", 1}, {"0-dim", 0}, {"nan", 1}}) {
    const int64_t d = dim;
    const bool smooth = name != "long" && name != "nan";
    const unsigned batch = name == "0-dim" || name == "first" ? 0 : 1;
    add_golden(b, b.op + "/" + name, [both, d](In in) { return pair(both(in[0], d, false)); },
               {.smooth = smooth, .batch = batch});
    add_golden(c, c.op + "/" + name, [arg, d](In in) -> Out { return {arg(in[0], d, false)}; }, {.batch = batch});
  }
  add_golden(c, c.op + "/all", [arg](In in) -> Out { return {arg(in[0], std::nullopt, false)}; });
  rows.push_back(std::move(b));
  rows.push_back(std::move(c));
}

}  // namespace

static void reduce_rows(Rows& rows) {
  OpRow s{.op = "sum", .accuracy = Accuracy::kSum};
  add(s, sum, {"all", {}, true, 24});
  add(s, sum, {"first", {0}, true, 3});
  add(s, sum, {"last", {-1}, true, 2});
  add(s, sum, {"outer", {0, 2}, true, 6});
  add(s, sum, {"middle", {1}, false, 17});
  add(s, sum, {"0-dim", {}, true, 1, 0});
  add(s, sum, {"nothing", {0}, false, 1, 0});
  add(s, sum, {"none left", {1}, false, 3, 0});
  add(s, sum, {"long", {1}, false, 3001});
  add(s, sum, {"tall", {0}, false, 3001});
  add(s, sum, {"special", {1}});
  add_keepdim(s, "sum/outer", sum, {0, -1}, {1, 4, 1});
  rows.push_back(std::move(s));

  OpRow m{.op = "mean", .accuracy = Accuracy::kSum};
  add(m, mean, {"all", {}, true, 24});
  add(m, mean, {"first", {0}, true, 3});
  add(m, mean, {"outer", {0, 2}, true, 6});
  add(m, mean, {"long", {1}, false, 3001});
  add(m, mean, {"0-dim", {}, true, 1, 0});
  add(m, mean, {"nothing", {0}, false, 1, 0});
  add(m, mean, {"special", {1}});
  add_keepdim(m, "mean/outer", mean, {0, -1}, {1, 4, 1});
  rows.push_back(std::move(m));

  rows.push_back(square_row("square_sum", false));
  rows.push_back(square_row("deviation_sum", true));

  OpRow p{.op = "prod", .accuracy = Accuracy::kSum};
  add(p, prod, {"all", {}, true, 6});
  add(p, prod, {"last", {1}, true, 4});
  add(p, prod, {"0-dim", {}, true, 1, 0});
  add(p, prod, {"nothing", {0}, false, 1, 0});
  add(p, prod, {"special", {1}});
  // Zeros among the factors: none, one and two of them in a row.
  p.samples.push_back({.name = "zeros",
                       .inputs = [](DType t) -> Out {
                         return {from_wide(std::vector<long double>{2, 3, 4, 2, 0, 4, 0, 3, 0}, {3, 3}, t)};
                       },
                       .call = HEARTH_CALL(prod(in[0], {1})),
                       .want = [](In, DType t) -> std::vector<Want> {
                         const DType own = is_floating_point(t) ? t : i64;
                         return {{own, {3}, {t == DType::kBool ? 1.0L : 24.0L, 0, 0}}};
                       },
                       .smooth = true});
  rows.push_back(std::move(p));

  extreme_rows(rows, "amax", "max_dim", "argmax", amax, max, argmax);
  extreme_rows(rows, "amin", "min_dim", "argmin", amin, min, argmin);

  for (const char* op : {"any", "all"}) {
    const Reduce f = op == std::string("any") ? static_cast<Reduce>(any) : static_cast<Reduce>(all);
    // Numbers are compared with 0 first.
    OpRow row{.op = op, .takes = kAllTypes | kComplexTypes, .gradient = false};
    add(row, f, {"all", {}});
    add(row, f, {"rows", {1}});
    add(row, f, {"columns", {0}});
    add(row, f, {"0-dim", {}, false, 1, 0});
    add(row, f, {"nothing", {0}, false, 1, 0});
    row.samples.push_back({.name = "numbers",
                           .inputs = [](DType t) -> Out {
                             return {from_wide(std::vector<long double>{0, 0, 2, 0, 1, 3}, {3, 2}, t)};
                           },
                           .call = [f](In in) -> Out { return {f(in[0], {1}, false)}; },
                           .want = [op](In, DType) -> std::vector<Want> {
                             return {{boolean, {3}, {0, op == std::string("any") ? 1.0L : 0.0L, 1}}};
                           }});
    rows.push_back(std::move(row));
  }
}

HEARTH_OP_ROWS(reduce_rows);

}  // namespace hearth::testing
