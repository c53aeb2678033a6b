// An op of one's own: its record, and the op table that it is put through.
#include "core/hearth.h"
#include "core/op/grad_context.h"
#include "core/op/op_call.h"
#include "core/op/run.h"
#include "core/testing/op_table.h"

using namespace hearth;

extern constinit const OpDef kCube = {
    .name = "mine::cube",
    .dtypes = DTypeSet{f32, f64},
    .infer = [](OpCall& c) { c.make(0, c.input(0).shape(), c.dtype); },
    .save = {.input = {1}},
    .kernel = {[](OpCall& c) {
      const Tensor x = c.input(0).contiguous();
      visit(x.dtype(), [&]<class T>() {
        if constexpr (std::is_floating_point_v<T>) {
          const T* from = x.data<T>();
          T* to = c.out[0].mutable_data<T>();
          for (int64_t i = 0; i < x.numel(); ++i) to[i] = from[i] * from[i] * from[i];
        }
      });
    }},
    .backward = [](GradContext& g) { g.set(0, g.grad() * g.input(0) * g.input(0) * 3); },
};
HEARTH_OP(kCube);

Tensor cube(const Tensor& x) { return run(kCube, {x}); }

int main(int argc, char** argv) {
  return testing::run_op_table(argc, argv, [] {
    testing::OpRow row{.op = "mine::cube", .accuracy = testing::Accuracy::kSteps};
    row.samples.push_back({
        .name = "small",
        .inputs =
            [](DType t) {
              return std::vector<Tensor>{tensor({{-1.5, 0.0, 2.0}, {0.25, 1.0, -3.0}}, {.dtype = t})};
            },
        .call = HEARTH_CALL(cube(in[0])),
        .want =
            [](std::span<const Tensor> in, DType t) {
              testing::Want want{.dtype = t, .shape = in[0].shape()};
              for (const double v : in[0].to_vector<double>()) want.values.push_back(v * v * v);
              return std::vector<testing::Want>{want};
            },
        .smooth = true,
    });
    return testing::OpTable{.rows = {row}, .owns = [](std::string_view name) { return name.starts_with("mine::"); }};
  });
}
