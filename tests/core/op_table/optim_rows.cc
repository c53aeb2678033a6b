#include "core/op/attrs/optim.h"
#include "core/op/run.h"
#include "core/ops/create.h"
#include "core/optim/optimizer.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

constexpr const char* kBeside = "the optimizer's state is written beside the result";

// Three steps by the public optimizer, with the gradients in[1] to in[3]; what they leave of in[0].
template <class Optimizer, class Options>
TensorFunction steps(const Options& options) {
  return [options](In in) -> Out {
    Tensor p = in[0].detach().clone();
    p.requires_grad_();
    Optimizer optimizer({p}, options);
    for (size_t i = 1; i < in.size(); ++i) {
      p.set_grad(in[i]);
      optimizer.step();
    }
    return {p.detach()};
  };
}

// f16 and bf16 round the parameter after each step, which the golden values do not: half_optim_test compares those.
void only_wide(OpRow& row, const TensorFunction& call) {
  for (Sample& s : row.samples) s.dtypes = DTypeSet{f32, f64};
  row.samples.push_back({.name = "16 bits",
                         .inputs = [](DType t) -> Out {
                           return {noise({3, 4}, t), noise({3, 4}, t, -1, 1, 2)};
                         },
                         .call = call,
                         .dtypes = DTypeSet{f16, bf16}});
}

}  // namespace

void optim_rows(Rows& rows) {
  OpRow sgd{.op = "sgd_step", .accuracy = Accuracy::kGradient, .gradient = false, .untraced = kBeside};
  using optim::SGD, optim::SGDOptions, optim::Adam, optim::AdamW, optim::AdamOptions, optim::AdamWOptions;
  add_golden(sgd, "sgd_step/plain", steps<SGD>(SGDOptions{.lr = 0.125, .weight_decay = 0.0625}));
  add_golden(sgd, "sgd_step/momentum", steps<SGD>(SGDOptions{.lr = 0.125, .momentum = 0.75, .dampening = 0.25}));
  add_golden(sgd, "sgd_step/nesterov",
             steps<SGD>(SGDOptions{
                 .lr = 0.125, .momentum = 0.75, .weight_decay = 0.0625, .nesterov = true, .maximize = true}));
  only_wide(sgd, steps<SGD>(SGDOptions{.lr = 0.125, .momentum = 0.75}));
  rows.push_back(std::move(sgd));

  OpRow adam{.op = "adam_step", .accuracy = Accuracy::kGradient, .gradient = false, .untraced = kBeside};
  add_golden(adam, "adam_step/adam",
             steps<Adam>(AdamOptions{.lr = 0.125, .beta1 = 0.75, .beta2 = 0.875, .weight_decay = 0.0625}));
  add_golden(adam, "adam_step/adamw",
             steps<AdamW>(AdamWOptions{.lr = 0.125, .beta1 = 0.75, .beta2 = 0.875, .weight_decay = 0.0625}));
  add_golden(adam, "adam_step/amsgrad",
             steps<Adam>(AdamOptions{.lr = 0.125, .beta1 = 0.75, .beta2 = 0.5, .amsgrad = true, .maximize = true}));
  only_wide(adam, steps<Adam>(AdamOptions{.lr = 0.125}));
  rows.push_back(std::move(adam));
}

}  // namespace hearth::testing
