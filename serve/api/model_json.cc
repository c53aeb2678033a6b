#include "serve/api/model_json.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/ops/softmax.h"
#include "serve/base/json_writer.h"
#include "serve/model/ctc_text.h"
#include "serve/model/datatype.h"
#include "serve/model/signature.h"

namespace hearth::serve {
namespace {

// The inputs or outputs of a model.
std::string ports_json(const std::vector<graph::Signature::Port>& ports) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const graph::Signature::Port& p : ports) {
    json.begin_object().field("name", p.name).field("datatype", oip_datatype(p)).key("shape").begin_array();
    for (const auto& e : p.shape) json.value(e.size);
    json.end_array().end_object();
  }
  json.end_array();
  return out;
}

}  // namespace

std::string metadata_json(const Repository& models, const Model& model) {
  std::string out;
  JsonWriter json(out);
  const graph::Signature& s = model.servable->signature();
  json.begin_object().field("name", model.name).key("versions").begin_array();
  for (const ModelPtr& m : models.models()) {
    if (m->name == model.name) json.value(concat(m->version));
  }
  json.end_array().field("platform", concat("hearth_", s.kind));
  json.key("inputs").raw(ports_json(s.inputs)).key("outputs").raw(ports_json(s.outputs));
  if (!s.description.empty()) json.field("description", s.description);
  if (!s.labels.empty()) {
    json.key("labels").begin_array();
    for (const std::string& l : s.labels) json.value(l);
    json.end_array();
  }
  if (!s.preprocess_input.empty()) {
    json.key("file_input").begin_object();
    for (const auto& [k, v] : s.preprocess_input) json.field(k, v);
    json.end_object();
  }
  json.end_object();
  return out;
}

std::string config_json(const Model& model) {
  std::string out;
  JsonWriter json(out);
  const SchedulerOptions& o = model.scheduler->options();
  const graph::Signature& s = model.servable->signature();
  const bool batched = is_batched(s);
  json.begin_object().field("name", model.name).field("platform", concat("hearth_", s.kind)).field("backend", "hearth");
  json.field("max_batch_size", batched ? o.max_batch_size : int64_t{0});
  const auto ports = [&](const char* key, const std::vector<graph::Signature::Port>& all) {
    json.key(key).begin_array();
    for (const auto& p : all) {
      json.begin_object().field("name", p.name).field("data_type", config_datatype(p)).key("dims").begin_array();
      for (size_t d = batched ? 1 : 0; d < p.shape.size(); ++d) json.value(p.shape[d].size);
      json.end_array().end_object();
    }
    json.end_array();
  };
  ports("input", s.inputs);
  ports("output", s.outputs);
  json.key("instance_group")
      .begin_array()
      .begin_object()
      .field("kind", "KIND_CPU")
      .field("count", o.instances)
      .end_object()
      .end_array();
  json.key("dynamic_batching").begin_object();
  json.field("max_queue_delay_microseconds", static_cast<int64_t>(o.max_queue_delay.count()))
      .field("priority_levels", 2);
  json.key("default_queue_policy").begin_object().field("max_queue_size", o.max_queue_size).end_object();
  json.end_object().end_object();
  return out;
}

namespace {

absl::StatusOr<std::string> text_json(const Model& model, const Tensor& scores) {
  CtcText text(model.servable->signature());
  if (absl::Status s = text.add(scores); !s.ok()) return s;
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("model_name", model.name).field("model_version", concat(model.version));
  json.field("text", text.text()).key("predictions").begin_array().end_array().end_object();
  return out;
}

}  // namespace

absl::StatusOr<std::string> predictions_json(const Model& model, const std::vector<Value>& outputs, int64_t top) {
  const graph::Signature& s = model.servable->signature();
  const auto no_scores = [] {
    return absl::FailedPreconditionError(
        "the model's first output is not one row of scores; send its inputs as tensors");
  };
  if (outputs[0].is_bytes()) return no_scores();
  const Tensor& scores = outputs[0].tensor();
  if (is_ctc(s)) return text_json(model, scores);
  if (!scores.is_floating_point() || scores.dim() != 2 || scores.size(0) != 1) return no_scores();
  const auto as = s.metadata.find("scores");
  const Tensor probabilities = as != s.metadata.end() && as->second == "probabilities" ? scores : softmax(scores, -1);
  const std::vector<double> p = probabilities.to(f64).to_vector<double>();
  if (!std::all_of(p.begin(), p.end(), [](double v) { return std::isfinite(v); }))
    return absl::InternalError("the model's scores are not finite numbers");
  std::vector<size_t> order(p.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] > p[b]; });
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("model_name", model.name).field("model_version", concat(model.version));
  json.key("predictions").begin_array();
  for (size_t k = 0; k < std::min(order.size(), static_cast<size_t>(top)); ++k) {
    const size_t i = order[k];
    json.begin_object().field("label", i < s.labels.size() ? s.labels[i] : concat("class ", i));
    json.field("class", static_cast<int64_t>(i)).field("probability", static_cast<float>(p[i])).end_object();
  }
  json.end_array().end_object();
  return out;
}

}  // namespace hearth::serve
