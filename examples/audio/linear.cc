#include "examples/audio/linear.h"

#include "core/hearth.h"

namespace hearth::audio {

double linear_accuracy(const Tensor& features, const Tensor& labels, const Tensor& test_features,
                       const Tensor& test_labels, int64_t classes) {
  constexpr int64_t kFramesOfMean = 10, kSteps = 300;
  const auto inputs = [](const Tensor& x) {
    return x.reshape({x.size(0), x.size(2), x.size(3) / kFramesOfMean, kFramesOfMean}).mean({3}).flatten(1);
  };
  const Tensor x = inputs(features);
  nn::Linear model(x.size(1), classes);
  optim::AdamW optimizer(model.parameters(), {.lr = 3e-3, .weight_decay = 0.1});
  for (int64_t step = 0; step < kSteps; ++step) {
    optimizer.zero_grad();
    cross_entropy(model(x), labels).backward();
    optimizer.step();
  }
  const NoGrad off;
  return (model(inputs(test_features)).argmax(1) == test_labels).to(f64).mean().item<double>();
}

}  // namespace hearth::audio
