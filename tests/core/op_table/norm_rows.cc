#include "core/op/attrs/norm.h"
#include "core/op/run.h"
#include "core/ops/norm.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

// Gradients of weights are as exact as what is kept: here they are rounded as the weight's gradient is.
Out three(std::array<Tensor, kMaxOutputs> r) { return {r[0], r[1].to(r[0].dtype()), r[2].to(r[0].dtype())}; }
// Statistics as the forward keeps them.
Tensor kept(const Tensor& t) { return t.to(t.dtype() == f64 ? f64 : f32); }

std::function<Out(DType)> noises(std::vector<Shape> shapes) {
  return [shapes](DType t) {
    Out in;
    for (size_t i = 0; i < shapes.size(); ++i) in.push_back(noise(shapes[i], t, 0.5, 2.5, i + 1));
    return in;
  };
}

}  // namespace

static void norm_rows(Rows& rows) {
  OpRow layer{.op = "layer_norm", .accuracy = Accuracy::kGradient, .takes = kFloatTypes};
  const TensorFunction affine = HEARTH_CALL(layer_norm(in[0], in[1].shape(), in[1], in[2]));
  add_golden(layer, "layer_norm/affine", affine, {.smooth = true, .batch = 1, .terms = 5});
  add_golden(layer, "layer_norm/plain", HEARTH_CALL(layer_norm(in[0], {3, 4}, {}, {}, 1e-3)),
             {.batch = 1, .terms = 12});
  add_golden(layer, "layer_norm/long", affine, {.batch = 1, .terms = 700});
  add_golden(layer, "layer_norm/rms", HEARTH_CALL(rms_norm(in[0], {6}, in[1], 1e-5)),
             {.smooth = true, .batch = 1, .terms = 6});
  add_golden(layer, "layer_norm/nothing", affine, {});
  layer.samples.push_back({.name = "smooth, plain",
                           .inputs = noises({{2, 2, 3}}),
                           .call = HEARTH_CALL(layer_norm(in[0], {2, 3})),
                           .smooth = true,
                           .batch = 1});
  rows.push_back(std::move(layer));

  const OpDef& layer_grad_record = *find_op("layer_norm_grad");
  OpRow layer_grad{.op = "layer_norm_grad", .accuracy = Accuracy::kGradient, .gradient = false};
  add_golden(layer_grad, "layer_norm_grad/affine",
             [&layer_grad_record](In in) {
               return three(run_all(layer_grad_record, {in[0], in[1], in[2], kept(in[3]), kept(in[4])},
                                    LayerNormAttrs{.dims = 1}));
             },
             {.batch = 0b11011, .terms = 24, .rearranged = false});
  rows.push_back(std::move(layer_grad));

  OpRow group{.op = "group_norm", .accuracy = Accuracy::kGradient, .takes = kFloatTypes};
  add_golden(group, "group_norm/affine", HEARTH_CALL(group_norm(in[0], 2, in[1], in[2])),
             {.smooth = true, .batch = 1, .terms = 6});
  add_golden(group, "group_norm/images", HEARTH_CALL(group_norm(in[0], 3, in[1], in[2], 1e-3)),
             {.batch = 1, .terms = 70});
  add_golden(group, "group_norm/plain", HEARTH_CALL(group_norm(in[0], 1)), {.batch = 1, .terms = 1200});
  add_golden(group, "group_norm/rows", HEARTH_CALL(group_norm(in[0], 2, in[1])),
             {.smooth = true, .batch = 1, .terms = 4});
  add_golden(group, "group_norm/nothing", HEARTH_CALL(group_norm(in[0], 2, in[1], in[2])), {});
  group.samples.push_back({.name = "smooth, images",
                           .inputs = noises({{2, 4, 2, 3}, {4}, {4}}),
                           .call = HEARTH_CALL(group_norm(in[0], 2, in[1], in[2])),
                           .smooth = true,
                           .batch = 1});
  rows.push_back(std::move(group));

  const OpDef& group_grad_record = *find_op("group_norm_grad");
  OpRow group_grad{.op = "group_norm_grad", .accuracy = Accuracy::kGradient, .gradient = false};
  add_golden(group_grad, "group_norm_grad/affine",
             [&group_grad_record](In in) {
               return three(run_all(group_grad_record, {in[0], in[1], in[2], kept(in[3]), kept(in[4])},
                                    GroupNormAttrs{.groups = 2}));
             },
             {.batch = 0b11011, .terms = 30, .rearranged = false});
  rows.push_back(std::move(group_grad));

  OpRow batch{.op = "batch_norm", .accuracy = Accuracy::kGradient, .takes = kFloatTypes};
  for (bool training : {true, false}) {
    const BatchNormOptions o{.training = training, .momentum = 0.25};
    const std::string label = training ? "batch_norm/training" : "batch_norm/evaluation";
    // The running statistics that it leaves are results too.
    const TensorFunction call = [o](In in) -> Out {
      Tensor mean = in[1].clone(), var = in[2].clone();
      const Tensor y = batch_norm(in[0], mean, var, in[3], in[4], o);
      return {y, mean, var};
    };
    // n / (n - 1) of the running variance is no whole multiple of a batch size.
    const unsigned any_size = training ? 0 : 1;
    add_golden(batch, label, call, {.batch = any_size, .terms = 18});
    add_golden(batch, label + ", rows", call, {.batch = any_size, .terms = 7});
    batch.samples.push_back({.name = training ? "smooth, training" : "smooth, evaluation",
                             .inputs = noises({{2, 2, 2, 2}, {2}, {2}, {2}, {2}}),
                             .call = [o](In in) -> Out {
                               const Tensor mean = in[1].clone(), var = in[2].clone();
                               return {batch_norm(in[0], mean, var, in[3], in[4], o)};
                             },
                             .smooth = true,
                             .constants = 0b110});
    batch.samples.push_back({.name = training ? "smooth, plain, training" : "smooth, plain, evaluation",
                             .inputs = noises({{3, 2}, {2}, {2}}),
                             .call = [o, training](In in) -> Out {
                               if (training) return {batch_norm(in[0], {}, {}, {}, {}, o)};
                               return {batch_norm(in[0], in[1], in[2], {}, {}, o)};
                             },
                             .smooth = true,
                             .constants = 0b110});
  }
  rows.push_back(std::move(batch));

  const OpDef& batch_grad_record = *find_op("batch_norm_grad");
  OpRow batch_grad{.op = "batch_norm_grad", .accuracy = Accuracy::kGradient, .gradient = false};
  for (bool training : {true, false}) {
    add_golden(batch_grad, training ? "batch_norm_grad/training" : "batch_norm_grad/evaluation",
               [&batch_grad_record, training](In in) {
                 const Tensor g = in[0].contiguous(MemoryFormat::kChannelsLast),
                              x = in[1].contiguous(MemoryFormat::kChannelsLast);
                 return three(run_all(batch_grad_record, {g, x, in[2], kept(in[3]), kept(in[4])},
                                      BatchNormAttrs{.training = training}));
               },
               {.batch = 0b11, .terms = 54, .rearranged = false});
  }
  rows.push_back(std::move(batch_grad));
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): std::function frees it

HEARTH_OP_ROWS(norm_rows);

}  // namespace hearth::testing
