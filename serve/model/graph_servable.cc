// The kind "graph": models that graph::save() wrote.
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/device/stream.h"
#include "core/graph/captured_runs.h"
#include "core/io/file.h"
#include "core/ops/create.h"
#include "core/ops/view.h"
#include "serve/base/error_status.h"
#include "serve/model/servable.h"

namespace hearth::serve {
namespace {

constexpr uint64_t kMaxGraphBytes = uint64_t{256} << 20, kMaxWeightBytes = uint64_t{1} << 40;

// run: of a graph that has so many outputs.
template <class Run>
absl::StatusOr<std::vector<Tensor>> outputs_of(size_t outputs, Run run) {
  const InferenceMode no_gradients;
  try {
    std::vector<Tensor> out = run();
    out.resize(outputs);  // without the buffers that training would update
    return out;
  } catch (...) {
    return current_exception_status();
  }
}

absl::StatusOr<std::vector<Tensor>> run_graph(const graph::Graph& g, std::span<const Tensor> in) {
  return outputs_of(g.outputs.size(), [&] { return g.run(in); });
}

// A graph on a GPU, which several threads run: each by captures of its own, that are kept for whoever comes next.
class PlacedGraph {
 public:
  PlacedGraph(Device device, graph::Graph g) : device_(device), graph_(std::move(g)) {}
  Device device() const { return device_; }

  // Through pinned memory, which is copied without a stop on the way; the end is waited for once.
  absl::StatusOr<std::vector<Tensor>> run(std::span<const Tensor> in) {
    try {
      std::vector<Tensor> there;
      there.reserve(in.size());
      for (const Tensor& t : in) there.push_back(t.pin_memory().to(device_, {.non_blocking = true}));
      std::unique_ptr<graph::CapturedRuns> runs = take();
      auto out = outputs_of(graph_.outputs.size(), [&] { return runs->run(there); });
      if (!out.ok()) return out;
      for (Tensor& t : *out) t = t.to(kCpu, {.non_blocking = true});
      synchronize(device_);
      give_back(std::move(runs));
      return out;
    } catch (...) {
      return current_exception_status();
    }
  }

 private:
  std::unique_ptr<graph::CapturedRuns> take() {
    const MutexLock lock(mutex_);
    if (idle_.empty()) return std::make_unique<graph::CapturedRuns>(graph_);
    std::unique_ptr<graph::CapturedRuns> runs = std::move(idle_.back());
    idle_.pop_back();
    return runs;
  }
  void give_back(std::unique_ptr<graph::CapturedRuns> runs) {
    const MutexLock lock(mutex_);
    idle_.push_back(std::move(runs));
  }

  const Device device_;
  const graph::Graph graph_;
  Mutex mutex_;
  std::vector<std::unique_ptr<graph::CapturedRuns>> idle_ ABSL_GUARDED_BY(mutex_);  // none after an error
};

class GraphServable final : public TensorServable {
 public:
  explicit GraphServable(graph::Exported model) : model_(std::move(model)) {}

  const graph::Signature& signature() const override { return model_.signature; }
  absl::StatusOr<std::vector<Tensor>> run_tensors(std::span<const Tensor> in) const override {
    for (const auto& p : placed_) {
      if (p->device() == default_device()) return p->run(in);
    }
    return run_graph(model_.main, in);
  }

  absl::Status place(std::span<const Device> devices) override {
    try {
      for (const Device d : devices) placed_.push_back(std::make_unique<PlacedGraph>(d, model_.main.to(d)));
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
  graph::Exported model_;
  std::vector<std::unique_ptr<PlacedGraph>> placed_;
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
