#include "core/graph/save.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/graph/json_internal.h"
#include "core/io/atomic_directory.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "core/io/safetensors.h"

namespace hearth::graph {
namespace {

using Json = nlohmann::json;
using Tensors = std::map<std::string, Tensor>;

constexpr const char* kGraph = "graph.json";
constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kSignature = "signature.json";
constexpr uint64_t kMaxJson = 64 << 20;
constexpr int kMaxDepth = 16;
constexpr int64_t kVersion = 1;

absl::Status status_of(const Error& e, const std::string& path) {
  const std::string text = absl::StrCat(path, ": ", e.what());
  switch (e.kind()) {
    case ErrorKind::kUnsupported:
      return absl::UnimplementedError(text);
    case ErrorKind::kOutOfMemory:
      return absl::ResourceExhaustedError(text);
    default:
      return absl::InvalidArgumentError(text);
  }
}

// Runs f, which throws Error.
template <class F>
absl::Status guarded(const std::string& path, F f) {
  try {
    f();
  } catch (const Error& e) {
    return status_of(e, path);
  }
  return absl::OkStatus();
}

void check_graph(const Graph& g, const char* which) {
  try {
    g.validate();
  } catch (const Error& e) {
    fail(e.kind(), which, ": ", e.message());
  }
  for (const Input& in : g.inputs) HEARTH_CHECK(!in.name.empty(), which, ": an input has no name");
  for (const Output& out : g.outputs) HEARTH_CHECK(!out.name.empty(), which, ": an output has no name");
}

void check(const Exported& m) {
  check_graph(m.main, "main");
  if (!m.preprocess) return;
  check_graph(*m.preprocess, "preprocess");
  HEARTH_CHECK(m.preprocess->updates.empty(), "preprocess: it must not write to its constants");
  HEARTH_CHECK(m.preprocess->outputs.size() == m.main.inputs.size(), "preprocess gives ", m.preprocess->outputs.size(),
               " tensors, but main takes ", m.main.inputs.size());
  for (size_t i = 0; i < m.main.inputs.size(); ++i) {
    const Output& from = m.preprocess->outputs[i];
    const Input& to = m.main.inputs[i];
    bool fits = from.dtype == to.dtype && from.shape.size() + 1 == to.shape.size();
    for (size_t d = 0; fits && d < from.shape.size(); ++d) {
      const SizeExpr &a = from.shape[d], &b = to.shape[d + 1];
      fits = !a.constant() || !b.constant() || a.offset == b.offset;
    }
    HEARTH_CHECK(fits, "preprocess: output \"", from.name, "\" is not one example of main's input \"", to.name, "\"");
  }
}

void take_from_graphs(Signature& s, const Exported& m) {
  s.inputs = ports(m.main.dims, m.main.inputs);
  s.outputs = ports(m.main.dims, m.main.outputs);
  s.preprocess.clear();
  if (m.preprocess) s.preprocess = ports(m.preprocess->dims, m.preprocess->inputs);
}

// Names each constant of a graph in the weights file; one that is there already is not written again.
WeightNames name_weights(const Graph& g, const std::string& prefix, Tensors& weights) {
  WeightNames out;
  for (const Constant& c : g.constants) {
    const auto known = std::ranges::find_if(weights, [&](const auto& w) {
      return w.second.impl()->storage.get() == c.value.impl()->storage.get() && w.second.dtype() == c.value.dtype() &&
             w.second.layout() == c.value.layout();
    });
    if (known != weights.end()) {
      out.push_back(known->first);
      continue;
    }
    std::string name = prefix + c.name;
    while (weights.contains(name) || name == "__metadata__") name += "'";
    weights[name] = c.value;
    out.push_back(std::move(name));
  }
  return out;
}

absl::StatusOr<Json> parse(const std::string& path, std::string_view text) {
  absl::StatusOr<Json> j = io::parse_json(text, kMaxDepth);
  if (!j.ok()) return absl::InvalidArgumentError(absl::StrCat(path, ": ", j.status().message()));
  return j;
}

absl::StatusOr<Signature> parse_signature(const std::string& path, std::string_view text) {
  const absl::StatusOr<Json> j = parse(path, text);
  if (!j.ok()) return j.status();
  Signature s;
  if (absl::Status bad = guarded(path, [&] { s = signature_from_json(*j, "signature"); }); !bad.ok()) return bad;
  return s;
}

absl::StatusOr<Exported> assemble(const std::string& directory, std::string_view graph, const Tensors& weights,
                                  std::string_view signature, std::string_view kind) {
  const std::string path = absl::StrCat(directory, "/", kGraph);
  const absl::StatusOr<Json> j = parse(path, graph);
  if (!j.ok()) return j.status();
  absl::StatusOr<Signature> s = parse_signature(absl::StrCat(directory, "/", kSignature), signature);
  if (!s.ok()) return s.status();
  Exported m;
  m.signature = *std::move(s);
  const absl::Status bad = guarded(path, [&] {
    HEARTH_CHECK(m.signature.kind == kind, "the signature is of the kind \"", m.signature.kind, "\"; expected \"", kind,
                 "\"");
    JsonObject o(*j, "graph");
    HEARTH_CHECK(o.text("format") == "hearth.graph", "it is not a graph");
    if (const int64_t v = o.whole("version"); v != kVersion)
      fail(ErrorKind::kUnsupported, "the format has version ", v, "; this program reads version ", kVersion);
    std::map<std::string, bool> used;
    m.main = graph_from_json(o.at("main"), "main", weights, used);
    if (const Json* p = o.find("preprocess")) m.preprocess = graph_from_json(*p, "preprocess", weights, used);
    o.done();
    for (const auto& [name, t] : weights)
      HEARTH_CHECK(used.contains(name), kWeights, " has a tensor \"", name, "\", which no graph takes");
    check(m);
    Signature real = m.signature;
    take_from_graphs(real, m);
    HEARTH_CHECK(real.inputs == m.signature.inputs && real.outputs == m.signature.outputs &&
                     real.preprocess == m.signature.preprocess,
                 kSignature, " names other inputs or outputs than the graph has");
  });
  if (!bad.ok()) return bad;
  return m;
}

}  // namespace

absl::Status save(const Exported& model, const std::string& directory) {
  Tensors weights;
  std::string graph, signature;
  absl::Status bad = guarded(directory, [&] {
    check(model);
    std::vector<const Graph*> graphs{&model.main};
    if (model.preprocess) graphs.push_back(&*model.preprocess);
    for (const Graph* g : graphs) {
      for (const Node& n : g->nodes) {
        HEARTH_CHECK(find_op(n.op->name) == n.op, "the op \"", n.op->name, "\" is not listed by HEARTH_OP");
        HEARTH_CHECK(!n.op->internal, "the op \"", n.op->name, "\" is not for graphs");
      }
    }
    Signature s = model.signature;
    HEARTH_CHECK(!s.kind.empty(), "the signature needs a kind");
    HEARTH_CHECK(model.preprocess || s.preprocess_input.empty(), "preprocess_input is given, but no preprocess graph");
    take_from_graphs(s, model);
    try {
      signature = to_json(s);
      graph = concat("{\"format\": \"hearth.graph\", \"version\": ", kVersion,
                     ",\n\"main\": ", to_json(model.main, name_weights(model.main, "", weights)));
      if (model.preprocess)
        graph +=
            ",\n\"preprocess\": " + to_json(*model.preprocess, name_weights(*model.preprocess, "preprocess/", weights));
      graph += "}\n";
    } catch (const Json::exception& e) {
      fail("cannot be written as JSON: ", e.what());
    }
  });
  if (!bad.ok()) return bad;
  absl::StatusOr<io::AtomicDirectory> to = io::AtomicDirectory::create(directory, {kGraph, kWeights, kSignature});
  if (!to.ok()) return to.status();
  if (absl::Status s = io::save_safetensors(to->file(kWeights), weights, {{"format", "pt"}}); !s.ok()) return s;
  if (absl::Status s = io::write_file(to->file(kSignature), signature); !s.ok()) return s;
  if (absl::Status s = io::write_file(to->file(kGraph), graph); !s.ok()) return s;
  return to->commit();
}

absl::StatusOr<Exported> load(const std::string& directory, std::string_view kind) {
  absl::StatusOr<Exported> out = absl::UnknownError("");
  const absl::Status s = io::with_directory(directory, [&](const std::string& at) -> absl::Status {
    const absl::StatusOr<std::string> graph = io::read_file(absl::StrCat(at, "/", kGraph), kMaxJson);
    if (!graph.ok()) return graph.status();
    const absl::StatusOr<std::string> signature = io::read_file(absl::StrCat(at, "/", kSignature), kMaxJson);
    if (!signature.ok()) return signature.status();
    const absl::StatusOr<io::Safetensors> weights = io::load_safetensors(absl::StrCat(at, "/", kWeights));
    if (!weights.ok()) return weights.status();
    out = assemble(directory, *graph, weights->tensors, *signature, kind);
    return out.status();
  });
  if (!s.ok()) return s;
  return out;
}

namespace {

std::optional<size_t> index_in(const std::vector<Signature::Port>& ports, std::string_view name) {
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return i;
  }
  return {};
}

}  // namespace

std::optional<size_t> Signature::input_index(std::string_view name) const { return index_in(inputs, name); }
std::optional<size_t> Signature::output_index(std::string_view name) const { return index_in(outputs, name); }

absl::StatusOr<Signature> load_signature(const std::string& directory) {
  absl::StatusOr<std::string> text = absl::UnknownError("");
  const absl::Status s = io::with_directory(directory, [&](const std::string& at) {
    text = io::read_file(absl::StrCat(at, "/", kSignature), kMaxJson);
    return text.status();
  });
  if (!s.ok()) return s;
  return parse_signature(absl::StrCat(directory, "/", kSignature), *text);
}

absl::StatusOr<Exported> parse_exported(const ExportedBytes& bytes, const std::string& name, std::string_view kind) {
  const absl::StatusOr<io::Safetensors> weights =
      io::parse_safetensors(bytes.weights, absl::StrCat(name, "/", kWeights));
  if (!weights.ok()) return weights.status();
  return assemble(name, bytes.graph, weights->tensors, bytes.signature, kind);
}

}  // namespace hearth::graph
