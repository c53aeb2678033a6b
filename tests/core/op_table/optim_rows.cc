#include <algorithm>
#include <cmath>

#include "core/ops/create.h"
#include "core/optim/optim.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

constexpr const char* kInPlace = "it changes its operands";

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

// f16 and bf16 round the parameter after each step, which the golden values do not: optim/half_test compares those.
void only_wide(OpRow& row, const TensorFunction& call) {
  for (Sample& s : row.samples) s.dtypes = DTypeSet{f32, f64};
  row.samples.push_back({.name = "16 bits",
                         .inputs = [](DType t) -> Out {
                           return {noise({3, 4}, t), noise({3, 4}, t, -1, 1, 2)};
                         },
                         .call = call,
                         .dtypes = DTypeSet{f16, bf16}});
}

// The p-norm of all elements of all operands, in one.
long double norm_of(In in, double p) {
  long double sum = 0, largest = 0;
  for (const Tensor& t : in) {
    for (long double v : to_wide(t)) {
      sum += std::pow(std::abs(v), static_cast<long double>(p));
      largest = std::max(largest, std::abs(v));
    }
  }
  return std::isinf(p) ? largest : std::pow(sum, 1 / static_cast<long double>(p));
}

// Parameters with these gradients.
Out with_gradients(In gradients) {
  Out p;
  for (const Tensor& g : gradients) {
    p.push_back(zeros_like(g));
    p.back().set_grad(g);
  }
  return p;
}

OpRow power_sum_row() {
  OpRow row{.op = "power_sum", .accuracy = Accuracy::kSum, .gradient = false};
  for (const double p : {0.5, 1.0, 2.0, 3.0, static_cast<double>(INFINITY)}) {
    row.samples.push_back({.name = concat("p ", p),
                           .inputs = [](DType t) -> Out {
                             return {noise({3, 4}, t), noise({0, 2}, t), noise({}, t), noise({37}, t)};
                           },
                           .call = [p](In in) -> Out { return {optim::grad_norm(with_gradients(in), p)}; },
                           .want = [p](In in, DType t) -> std::vector<Want> {
                             return {{t == f64 ? f64 : f32, {}, {norm_of(in, p)}}};
                           },
                           .terms = 50});
  }
  row.samples.push_back({.name = "large",
                         .inputs = [](DType t) -> Out {
                           return {noise({300, 700}, t), noise({9001}, t, -1, 1, 2)};
                         },
                         .call = [](In in) -> Out { return {optim::grad_norm(with_gradients(in))}; },
                         .want = [](In in, DType t) -> std::vector<Want> {
                           return {{t == f64 ? f64 : f32, {}, {norm_of(in, 2)}}};
                         },
                         .large = true,
                         .terms = 219001});
  return row;
}

OpRow scale_each_row() {
  OpRow row{.op = "scale_each", .accuracy = Accuracy::kSteps, .gradient = false, .untraced = kInPlace};
  for (const bool large : {false, true}) {
    row.samples.push_back({.name = large ? "large" : "small",
                           .inputs = [large](DType t) -> Out {
                             if (large) return {noise({300, 700}, t), noise({9001}, t, -1, 1, 2)};
                             return {noise({3, 4}, t), noise({0, 2}, t), noise({}, t), noise({37}, t)};
                           },
                           .call = [](In in) -> Out {
                             Out gradients;
                             for (const Tensor& g : in) gradients.push_back(g.clone());
                             (void)optim::clip_grad_norm_(with_gradients(gradients), 0.5);
                             return gradients;
                           },
                           .want = [](In in, DType t) -> std::vector<Want> {
                             const long double factor = std::min(0.5L / (norm_of(in, 2) + 1e-6L), 1.0L);
                             std::vector<Want> all;
                             for (const Tensor& g : in) {
                               all.push_back({t, g.shape(), to_wide(g)});
                               for (long double& v : all.back().values) v *= factor;
                             }
                             return all;
                           },
                           .large = large});
  }
  return row;
}

}  // namespace

static void optim_rows(Rows& rows) {
  OpRow sgd{.op = "sgd_step", .accuracy = Accuracy::kGradient, .gradient = false, .untraced = kInPlace};
  using optim::SGD, optim::SGDOptions, optim::Adam, optim::AdamW, optim::AdamOptions, optim::AdamWOptions;
  add_golden(sgd, "sgd_step/plain", steps<SGD>(SGDOptions{.lr = 0.125, .weight_decay = 0.0625}));
  add_golden(sgd, "sgd_step/momentum", steps<SGD>(SGDOptions{.lr = 0.125, .momentum = 0.75, .dampening = 0.25}));
  add_golden(sgd, "sgd_step/nesterov",
             steps<SGD>(SGDOptions{
                 .lr = 0.125, .momentum = 0.75, .weight_decay = 0.0625, .nesterov = true, .maximize = true}));
  only_wide(sgd, steps<SGD>(SGDOptions{.lr = 0.125, .momentum = 0.75}));
  rows.push_back(std::move(sgd));

  OpRow adam{.op = "adam_step", .accuracy = Accuracy::kGradient, .gradient = false, .untraced = kInPlace};
  add_golden(adam, "adam_step/adam",
             steps<Adam>(AdamOptions{.lr = 0.125, .beta1 = 0.75, .beta2 = 0.875, .weight_decay = 0.0625}));
  add_golden(adam, "adam_step/adamw",
             steps<AdamW>(AdamWOptions{.lr = 0.125, .beta1 = 0.75, .beta2 = 0.875, .weight_decay = 0.0625}));
  add_golden(adam, "adam_step/amsgrad",
             steps<Adam>(AdamOptions{.lr = 0.125, .beta1 = 0.75, .beta2 = 0.5, .amsgrad = true, .maximize = true}));
  only_wide(adam, steps<Adam>(AdamOptions{.lr = 0.125}));
  rows.push_back(std::move(adam));

  OpRow rmsprop{.op = "rmsprop_step", .accuracy = Accuracy::kGradient, .gradient = false, .untraced = kInPlace};
  using optim::RMSprop, optim::RMSpropOptions;
  add_golden(rmsprop, "rmsprop_step/plain",
             steps<RMSprop>(RMSpropOptions{.lr = 0.125, .alpha = 0.75, .weight_decay = 0.0625}));
  add_golden(rmsprop, "rmsprop_step/momentum",
             steps<RMSprop>(RMSpropOptions{.lr = 0.125, .alpha = 0.75, .momentum = 0.5, .maximize = true}));
  add_golden(rmsprop, "rmsprop_step/centered",
             steps<RMSprop>(RMSpropOptions{.lr = 0.125, .alpha = 0.75, .momentum = 0.5, .centered = true}));
  only_wide(rmsprop, steps<RMSprop>(RMSpropOptions{.lr = 0.125, .momentum = 0.75}));
  rows.push_back(std::move(rmsprop));

  rows.push_back(power_sum_row());
  rows.push_back(scale_each_row());
}

HEARTH_OP_ROWS(optim_rows);

}  // namespace hearth::testing
