// The kind "graph": models that graph::save() wrote.
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/device/stream.h"
#include "core/io/file.h"
#include "core/ops/create.h"
#include "core/ops/view.h"
#include "serve/base/error_status.h"
#include "serve/model/servable.h"

namespace hearth::serve {
namespace {

constexpr uint64_t kMaxGraphBytes = uint64_t{256} << 20, kMaxWeightBytes = uint64_t{1} << 40;

absl::StatusOr<std::vector<Tensor>> run_graph(const graph::Graph& g, std::span<const Tensor> in) {
  const InferenceMode no_gradients;
  try {
    std::vector<Tensor> out = g.run(in);
    out.resize(g.outputs.size());  // without the buffers that training would update
    return out;
  } catch (...) {
    return current_exception_status();
  }
}

class GraphServable final : public TensorServable {
 public:
  explicit GraphServable(graph::Exported model) : model_(std::move(model)) {}

  const graph::Signature& signature() const override { return model_.signature; }
  absl::StatusOr<std::vector<Tensor>> run_tensors(std::span<const Tensor> in) const override {
    for (const Placed& p : placed_) {
      if (p.device == default_device()) return run_placed(p, in);
    }
    return run_graph(model_.main, in);
  }

  absl::Status place(std::span<const Device> devices) override {
    try {
      for (const Device d : devices) placed_.push_back({d, model_.main.to(d)});
    } catch (...) {
      return current_exception_status();
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Tensor>> preprocess(std::span<const Tensor> example) const override {
    if (!model_.preprocess) return Servable::preprocess(example);
    auto inputs = run_graph(*model_.preprocess, example);
    if (!inputs.ok()) return inputs.status();
    for (Tensor& t : *inputs) t = unsqueeze(t, 0);
    return inputs;
  }

  std::vector<Value> example(int64_t rows) const override {
    std::vector<int64_t> sizes;
    for (const graph::Dim& d : model_.main.dims) sizes.push_back(d.name == "batch" ? rows : d.example);
    std::vector<Value> inputs;
    for (const graph::Input& in : model_.main.inputs) {
      Shape shape;
      for (const graph::SizeExpr& extent : in.shape) shape.push_back(extent.value(sizes));
      inputs.emplace_back(zeros(shape, {.dtype = in.dtype, .device = kCpu}));
    }
    return inputs;
  }

 private:
  struct Placed {
    Device device;
    graph::Graph graph;
  };

  // Through pinned memory, which is copied without a stop on the way; the end is waited for once.
  static absl::StatusOr<std::vector<Tensor>> run_placed(const Placed& p, std::span<const Tensor> in) {
    try {
      std::vector<Tensor> there;
      there.reserve(in.size());
      for (const Tensor& t : in) there.push_back(t.pin_memory().to(p.device, {.non_blocking = true}));
      auto out = run_graph(p.graph, there);
      if (!out.ok()) return out;
      for (Tensor& t : *out) t = t.to(kCpu, {.non_blocking = true});
      synchronize(p.device);
      return out;
    } catch (...) {
      return current_exception_status();
    }
  }

  graph::Exported model_;
  std::vector<Placed> placed_;
};

// Reads the files and does not map them: a later change of the directory changes nothing here.
absl::StatusOr<std::unique_ptr<Servable>> load_graph(const std::string& directory) {
  const auto graph = io::read_file(concat(directory, "/graph.json"), kMaxGraphBytes);
  if (!graph.ok()) return graph.status();
  const auto weights = io::read_file(concat(directory, "/weights.safetensors"), kMaxWeightBytes);
  if (!weights.ok()) return weights.status();
  const auto signature = io::read_file(concat(directory, "/signature.json"), kMaxGraphBytes);
  if (!signature.ok()) return signature.status();
  auto model = graph::parse_exported({.graph = *graph, .weights = *weights, .signature = *signature}, directory);
  if (!model.ok()) return model.status();
  for (const auto* ports : {&model->signature.inputs, &model->signature.outputs}) {
    for (const auto& port : *ports) {
      if (!is_complex(port.dtype)) continue;
      return absl::UnimplementedError(concat(directory, ": \"", port.name, "\" is of ", port.dtype,
                                             ", for which the protocol has no datatype; view_as_real() makes it real"));
    }
  }
  return std::make_unique<GraphServable>(*std::move(model));
}

}  // namespace

constexpr ServableKind kGraphKind{"graph", load_graph};
HEARTH_SERVABLE(kGraphKind);

}  // namespace hearth::serve
