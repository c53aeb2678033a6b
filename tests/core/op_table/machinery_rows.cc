#include <cmath>

#include "core/op/machinery.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

// A value as another dtype holds it: floats lose what lies behind the point, integers wrap around.
long double as_dtype(long double v, DType t) {
  if (is_floating_point(t)) return v;
  if (t == DType::kBool) return v != 0;
  return visit(t, [&]<class T>() -> long double {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<int64_t>(v));
    else return v;
  });
}

// to() of the tensor's own dtype is no op.
DTypeSet others(DType to) {
  DTypeSet set;
  for (int t = 0; t < kDTypes; ++t) {
    if (static_cast<DType>(t) != to && !is_complex(static_cast<DType>(t))) set = set | DTypeSet{static_cast<DType>(t)};
  }
  return set;
}

Sample cast_to(DType to) {
  return {.name = "to " + hearth::to_string(to),
          .inputs = [](DType t) -> Out {
            return {noise({6, 7}, t, -100, 100)};
          },
          .call = [to](In in) -> Out { return {in[0].to(to)}; },
          .want = [to](In in, DType) -> std::vector<Want> {
            std::vector<long double> v = to_wide(in[0]);
            for (long double& e : v) e = as_dtype(e, to);
            return {{to, in[0].shape(), v}};
          },
          .dtypes = others(to),
          .batch = 1};
}

std::vector<Want> unchanged(In in, DType t) { return {{t, in[0].shape(), to_wide(in[0])}}; }

}  // namespace

static void machinery_rows(Rows& rows) {
  OpRow copy{.op = "copy"};
  for (int t = 0; t < kDTypes; ++t) {
    if (!is_complex(static_cast<DType>(t))) copy.samples.push_back(cast_to(static_cast<DType>(t)));
  }
  for (MemoryFormat format : {MemoryFormat::kContiguous, MemoryFormat::kChannelsLast, MemoryFormat::kPreserve}) {
    copy.samples.push_back({.name = hearth::to_string(format),
                            .inputs = [](DType t) -> Out {
                              return {noise({2, 3, 4, 5}, t)};
                            },
                            .call = [format](In in) -> Out { return {in[0].clone(format)}; },
                            .want = unchanged,
                            .batch = 1});
  }
  copy.samples.push_back({.name = "broadcast into another",
                          .inputs = [](DType t) -> Out {
                            return {noise({4, 3}, t), noise({3}, t, -2, 2, 2)};
                          },
                          .call = [](In in) -> Out {
                            Tensor t = in[0].clone();
                            return {t.copy_(in[1])};
                          },
                          .want = [](In in, DType t) -> std::vector<Want> {
                            const std::vector<long double> row = to_wide(in[1]);
                            std::vector<long double> v;
                            for (int i = 0; i < 4; ++i) v.insert(v.end(), row.begin(), row.end());
                            return {{t, {4, 3}, v}};
                          },
                          .smooth = true});
  copy.samples.push_back({.name = "extreme",
                          .inputs = [](DType t) -> Out {
                            const auto ends = extremes(t);
                            return {from_wide(ends, {static_cast<int64_t>(ends.size())}, t)};
                          },
                          .call = HEARTH_CALL(in[0].clone()),
                          .want = unchanged});
  rows.push_back(std::move(copy));

  OpRow fill{.op = "fill", .gradient = false};
  for (double number : {2.5, -3.0, 100.0}) {
    fill.samples.push_back({.name = concat("with ", number),
                            .inputs = [](DType t) -> Out {
                              return {noise({3, 4}, t)};
                            },
                            .call = [number](In in) -> Out {
                              Tensor t = in[0].clone();
                              return {t.fill_(number)};
                            },
                            .want = [number](In in, DType t) -> std::vector<Want> {
                              return {{t, {3, 4}, std::vector<long double>(12, as_dtype(number, t))}};
                            },
                            .batch = 1});
  }
  rows.push_back(std::move(fill));

  // What NumPy's arange and linspace give.
  OpRow sequence{.op = "arange", .gradient = false};
  const auto row = [](std::string name, TensorFunction call, std::vector<long double> values) {
    return Sample{.name = std::move(name),
                  .inputs = [](DType t) -> Out { return {noise({5}, t)}; },
                  .call = std::move(call),
                  .want = [values](In, DType t) -> std::vector<Want> {
                    std::vector<long double> v;
                    for (const long double x : values) v.push_back(as_dtype(x, t));
                    return {{t, {static_cast<int64_t>(v.size())}, v}};
                  },
                  .batch = 1};
  };
  sequence.samples.push_back(
      row("whole", HEARTH_CALL(arange(2, 2 + 3 * in[0].size(0), 3, {.dtype = in[0].dtype(), .device = in[0].device()})),
          {2, 5, 8, 11, 14}));
  sequence.samples.push_back(
      row("down", HEARTH_CALL(arange(in[0].size(0), 0, -2, {.dtype = in[0].dtype(), .device = in[0].device()})),
          {5, 3, 1}));
  sequence.samples.push_back(row("halves",
                                 HEARTH_CALL(arange(0.5, 3, 0.5, {.dtype = in[0].dtype(), .device = in[0].device()})),
                                 {0.5, 1, 1.5, 2, 2.5}));
  rows.push_back(std::move(sequence));

  OpRow spaced{.op = "linspace", .gradient = false};
  spaced.samples.push_back(
      row("five", HEARTH_CALL(linspace(1, 3, in[0].size(0), {.dtype = in[0].dtype(), .device = in[0].device()})),
          {1, 1.5, 2, 2.5, 3}));
  spaced.samples.push_back(
      row("one", HEARTH_CALL(linspace(2, 3, 1, {.dtype = in[0].dtype(), .device = in[0].device()})), {2}));
  rows.push_back(std::move(spaced));

  OpRow size{.op = "dim_size", .gradient = false};
  size.samples.push_back({.name = "of dimension 1",
                          .inputs = [](DType t) -> Out {
                            return {noise({2, 7}, t)};
                          },
                          .call = HEARTH_CALL(dim_size(in[0], -1)),
                          .want = [](In, DType) -> std::vector<Want> {
                            return {{i64, {}, {7}}};
                          }});
  rows.push_back(std::move(size));

  OpRow sum{.op = "sum_to", .accuracy = Accuracy::kSum};
  add_golden(sum, "sum_to/rows", HEARTH_CALL(sum_to(in[0], {1, 3})), {.smooth = true, .batch = 1, .terms = 4});
  add_golden(sum, "sum_to/scalar", HEARTH_CALL(sum_to(in[0], {})), {.smooth = true, .batch = 1, .terms = 12});
  rows.push_back(std::move(sum));

  OpRow strided{.op = "as_strided"};
  add_golden(strided, "as_strided/region", HEARTH_CALL(in[0].as_strided({2, 2}, {4, 1}, in[0].storage_offset() + 3)),
             {.smooth = true, .rearranged = false});
  strided.samples.push_back({.name = "windows",
                             .inputs = [](DType t) -> Out { return {noise({6}, t)}; },
                             .call = HEARTH_CALL(in[0].as_strided({4, 3}, {1, 1}, in[0].storage_offset())),
                             .want = [](In in, DType t) -> std::vector<Want> {
                               const std::vector<long double> v = to_wide(in[0]);
                               std::vector<long double> windows;
                               for (size_t i = 0; i < 12; ++i) windows.push_back(v[i / 3 + i % 3]);
                               return {{t, {4, 3}, windows}};
                             },
                             .smooth = true,
                             .rearranged = false});
  rows.push_back(std::move(strided));

  OpRow write{.op = "view_write"};
  add_golden(write, "view_write/region",
             HEARTH_CALL(machinery::view_write(in[0], in[1], StridedAttrs{{2, 2}, {4, 1}, 3})),
             {.smooth = true, .rearranged = false});
  rows.push_back(std::move(write));

  OpRow sums{.op = "view_add", .accuracy = Accuracy::kSum};
  sums.samples.push_back({.name = "windows",
                          .inputs = [](DType t) -> Out {
                            return {noise({6}, t), noise({4, 3}, t, -2, 2, 2)};
                          },
                          .call = HEARTH_CALL(machinery::view_add(in[0], in[1], StridedAttrs{{4, 3}, {1, 1}, 0})),
                          .want = [](In in, DType t) -> std::vector<Want> {
                            std::vector<long double> v = to_wide(in[0]), windows = to_wide(in[1]);
                            for (size_t i = 0; i < 4; ++i) {
                              for (size_t k = 0; k < 3; ++k) v[i + k] += windows[i * 3 + k];
                            }
                            for (long double& e : v) e = as_dtype(e, t);
                            return {{t, {6}, v}};
                          },
                          .smooth = true,
                          .rearranged = false,
                          .terms = 4});
  rows.push_back(std::move(sums));

  rows.push_back({.op = "transfer",
                  .samples = {{.name = "to the same device",
                               .inputs = [](DType t) -> Out {
                                 return {noise({3, 4}, t)};
                               },
                               .call = HEARTH_CALL(run(kTransfer, {in[0]}, TransferAttrs{kCpu})),
                               .want = unchanged,
                               .smooth = true,
                               .batch = 1,
                               .rearranged = false}}});

  rows.push_back({.op = "detach",
                  .samples = {{.name = "any",
                               .inputs = [](DType t) -> Out {
                                 return {noise({3, 4}, t)};
                               },
                               .call = HEARTH_CALL(in[0].detach()),
                               .want = unchanged,
                               .batch = 1}},
                  .gradient = false});
}

HEARTH_OP_ROWS(machinery_rows);

}  // namespace hearth::testing
