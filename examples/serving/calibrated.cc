// A kind of model of one's own: an exported graph whose scores are divided by a temperature (metadata "temperature" of
// its signature) and made probabilities, as calibration on held-out examples asks for.
// Guo et al., "On Calibration of Modern Neural Networks", 2017.
#include <cstdlib>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/softmax.h"
#include "serve/model/servable.h"

namespace example {
namespace {

using namespace hearth;

class Calibrated final : public serve::TensorServable {
 public:
  Calibrated(graph::Exported model, double temperature) : model_(std::move(model)), temperature_(temperature) {
    model_.signature.metadata["scores"] = "probabilities";
  }
  const graph::Signature& signature() const override { return model_.signature; }

  absl::StatusOr<std::vector<Tensor>> run_tensors(std::span<const Tensor> inputs) const override {
    const InferenceMode no_gradients;
    try {
      return std::vector<Tensor>{softmax(model_.main.run(inputs)[0] / temperature_, -1)};
    } catch (const Error& e) {
      return absl::InvalidArgumentError(e.what());
    }
  }

 private:
  graph::Exported model_;
  double temperature_;
};

absl::StatusOr<std::unique_ptr<serve::Servable>> load(const std::string& directory) {
  auto model = graph::load(directory, "calibrated");
  if (!model.ok()) return model.status();
  const auto entry = model->signature.metadata.find("temperature");
  const double temperature = entry == model->signature.metadata.end() ? 0 : std::atof(entry->second.c_str());
  if (!(temperature > 0))
    return absl::InvalidArgumentError(directory + ": the metadata need a \"temperature\" above 0");
  return std::make_unique<Calibrated>(*std::move(model), temperature);
}

}  // namespace

constexpr serve::ServableKind kCalibrated{"calibrated", load};
HEARTH_SERVABLE(kCalibrated);

}  // namespace example
