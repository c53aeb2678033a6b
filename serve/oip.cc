#include "serve/oip.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "core/base/error.h"
#include "core/ops/create.h"
#include "serve/json_writer.h"

namespace hearth::serve {
namespace {

namespace dom = simdjson::dom;
using Port = graph::Signature::Port;

constexpr int kMaxDepth = 32;
constexpr size_t kKeptText = 256 << 10;

// A name from outside, for a message.
std::string quote(std::string_view s) {
  return s.size() <= 80 ? concat("\"", s, "\"") : concat("\"", s.substr(0, 77), "...\"");
}
template <class... Args>
absl::Status bad(const Args&... args) {
  return absl::InvalidArgumentError(concat(args...));
}

std::string shape_text(const std::vector<graph::Signature::Extent>& shape) {
  std::string s = "[";
  for (const auto& e : shape) s += concat(s.size() > 1 ? ", " : "", e.size >= 0 ? concat(e.size) : e.name);
  return s + "]";
}

// The elements of "data": nested as the shape says, or all in one list.
template <class T>
class DataReader {
 public:
  DataReader(T* to, const Shape& shape, std::string_view name) : to_(to), shape_(shape), name_(name) {}

  absl::Status read(const dom::array& data) {
    const dom::array& top = data;
    bool nested = false;
    for (const dom::element e : top) {
      nested = e.is_array();
      break;
    }
    absl::Status s = nested ? read_nested(top, 0) : read_flat(top, shape_.numel(), "");
    return s;
  }

 private:
  absl::Status read_flat(const dom::array& list, int64_t n, const char* of) {
    int64_t i = 0;
    for (const dom::element e : list) {
      if (i == n) break;
      if (absl::Status s = read_one(e); !s.ok()) return s;
      ++i;
    }
    const auto size = static_cast<int64_t>(list.size());
    if (i == n && (size == n || size == 0xFFFFFF)) {
      if (size == 0xFFFFFF) {  // simdjson counts no further
        int64_t all = 0;
        for ([[maybe_unused]] const dom::element e : list) ++all;
        if (all != n) return count_is_wrong(all, n, of);
      }
      return absl::OkStatus();
    }
    return count_is_wrong(size, n, of);
  }
  absl::Status count_is_wrong(int64_t size, int64_t n, const char* of) const {
    return bad("input ", quote(name_), ": data has ", size, " elements", of, ", but the shape says ", n);
  }

  absl::Status read_nested(const dom::array& list, int d) {
    if (d + 1 >= shape_.rank()) return read_flat(list, shape_.rank() == 0 ? 1 : shape_[d], " in a row");
    int64_t n = 0;
    for (const dom::element e : list) {
      dom::array inner;
      if (e.get(inner)) return bad("input ", quote(name_), ": data mixes lists and numbers");
      if (++n > shape_[d]) break;
      if (absl::Status s = read_nested(inner, d + 1); !s.ok()) return s;
    }
    if (n != shape_[d]) {
      return bad("input ", quote(name_), ": data has ", n, n > shape_[d] ? " or more" : "", " lists in dimension ", d,
                 ", but the shape says ", shape_[d]);
    }
    return absl::OkStatus();
  }

  absl::Status read_one(const dom::element& e) {
    if constexpr (std::is_same_v<T, bool>) {
      bool v = false;
      if (e.get(v)) {
        int64_t n = 0;
        if (e.get(n) || (n != 0 && n != 1))
          return bad("input ", quote(name_), ": data holds something else than true and false");
        v = n == 1;
      }
      *to_++ = v;
    } else if constexpr (std::is_floating_point_v<T>) {
      double v = 0;
      if (e.get(v)) return bad("input ", quote(name_), ": data holds something that is no number");
      const T t = static_cast<T>(v);
      if (std::isinf(t)) return bad("input ", quote(name_), ": ", v, " is too large for its datatype");
      *to_++ = t;
    } else {
      int64_t v = 0;
      if (e.get(v)) {
        double f = 0;  // 3.0 is a whole number too
        if (e.get(f) || f != std::floor(f) || std::abs(f) > 9e15)
          return bad("input ", quote(name_), ": data holds something that is no whole number");
        v = static_cast<int64_t>(f);
      }
      if (v < static_cast<int64_t>(std::numeric_limits<T>::min()) ||
          v > static_cast<int64_t>(std::numeric_limits<T>::max()))
        return bad("input ", quote(name_), ": ", v, " does not fit its datatype");
      *to_++ = static_cast<T>(v);
    }
    return absl::OkStatus();
  }

  T* to_;
  const Shape& shape_;
  std::string_view name_;
};

absl::Status read_data(const dom::array& data, Tensor& t, std::string_view name) {
  return visit(t.dtype(), [&]<class T>() -> absl::Status {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      return bad("input ", quote(name), ": ", oip_datatype(t.dtype()), " has no form in JSON; send it as binary data");
    } else {
      return DataReader<T>(t.mutable_data<T>(), t.shape(), name).read(data);
    }
  });
}

// The parameters of a request, an input or an output that are known.
struct Parameters {
  std::optional<int64_t> binary_data_size, priority, timeout, classification;
  std::optional<bool> binary_data, binary_data_output;
};
absl::StatusOr<Parameters> read_parameters(const dom::object& owner, std::string_view of) {
  Parameters p;
  dom::element value;
  if (owner["parameters"].get(value)) return p;
  dom::object parameters;
  if (value.get(parameters)) return bad(of, ": \"parameters\" must be an object");
  const auto whole = [&](const char* key, std::optional<int64_t>& to) -> absl::Status {
    dom::element e;
    if (parameters[key].get(e)) return absl::OkStatus();
    int64_t v = 0;
    if (e.get(v)) return bad(of, ": the parameter \"", key, "\" must be a whole number");
    to = v;
    return absl::OkStatus();
  };
  const auto flag = [&](const char* key, std::optional<bool>& to) -> absl::Status {
    dom::element e;
    if (parameters[key].get(e)) return absl::OkStatus();
    bool v = false;
    if (e.get(v)) return bad(of, ": the parameter \"", key, "\" must be true or false");
    to = v;
    return absl::OkStatus();
  };
  absl::Status s = whole("binary_data_size", p.binary_data_size);
  s.Update(whole("priority", p.priority));
  s.Update(whole("timeout", p.timeout));
  s.Update(whole("classification", p.classification));
  s.Update(flag("binary_data", p.binary_data));
  s.Update(flag("binary_data_output", p.binary_data_output));
  if (!s.ok()) return s;
  return p;
}

absl::StatusOr<Shape> read_shape(const dom::object& input, std::string_view name) {
  dom::array list;
  if (input["shape"].get(list)) return bad("input ", quote(name), ": \"shape\" is missing or no list");
  Shape shape;
  int64_t n = 1;
  for (const dom::element e : list) {
    int64_t size = 0;
    if (e.get(size) || size < 0)
      return bad("input ", quote(name), ": a size in \"shape\" is no whole number of at least 0");
    if (shape.rank() == kMaxRank) return bad("input ", quote(name), ": at most ", kMaxRank, " dimensions are possible");
    if (__builtin_mul_overflow(n, size, &n) || n > (int64_t{1} << 40))
      return bad("input ", quote(name), ": the shape is too large");
    shape.push_back(size);
  }
  return shape;
}

absl::StatusOr<Tensor> read_input(const dom::object& input, const Port& port, size_t json_bytes,
                                  std::string_view& blobs, bool binary) {
  std::string_view datatype;
  if (input["datatype"].get(datatype)) return bad("input ", quote(port.name), ": \"datatype\" is missing or no text");
  const auto dtype = parse_oip_datatype(datatype);
  if (!dtype)
    return bad("input ", quote(port.name), ": the datatype ", quote(datatype), " is none that this server takes");
  const auto shape = read_shape(input, port.name);
  if (!shape.ok()) return shape.status();
  if (absl::Status s = check_input(port, *dtype, *shape); !s.ok()) return s;
  const auto parameters = read_parameters(input, concat("input ", quote(port.name)));
  if (!parameters.ok()) return parameters.status();

  dom::element data;
  const bool has_data = !input["data"].get(data);
  const int64_t bytes = shape->numel() * static_cast<int64_t>(size_of(*dtype));
  if (parameters->binary_data_size) {
    const int64_t size = parameters->binary_data_size.value_or(0);
    if (!binary)
      return bad("input ", quote(port.name), ": binary data needs the header Inference-Header-Content-Length");
    if (has_data) return bad("input ", quote(port.name), ": it has \"data\" and \"binary_data_size\"");
    if (size != bytes)
      return bad("input ", quote(port.name), ": \"binary_data_size\" is ", size, ", but shape and datatype say ",
                 bytes);
    if (size > static_cast<int64_t>(blobs.size())) {
      return bad("input ", quote(port.name), ": \"binary_data_size\" is ", size, ", but only ", blobs.size(),
                 " bytes are left in the body");
    }
    Tensor t = empty(*shape, {.dtype = *dtype});
    if (*dtype == DType::kBool) {
      for (int64_t i = 0; i < size; ++i) t.mutable_data<bool>()[i] = blobs[static_cast<size_t>(i)] != 0;
    } else if (size > 0) {
      std::memcpy(t.mutable_raw_data(), blobs.data(), static_cast<size_t>(size));
    }
    blobs.remove_prefix(static_cast<size_t>(size));
    return t;
  }
  dom::array list;
  if (!has_data || data.get(list)) return bad("input ", quote(port.name), ": \"data\" is missing or no list");
  // Each element takes a character and a comma, so a shape cannot ask for memory that the body does not pay for.
  if (shape->numel() > static_cast<int64_t>(json_bytes / 2) + 1) {
    return bad("input ", quote(port.name), ": the shape says ", shape->numel(),
               " elements, more than the body can hold");
  }
  Tensor t = empty(*shape, {.dtype = *dtype});
  if (absl::Status s = read_data(list, t, port.name); !s.ok()) return s;
  return t;
}

absl::Status read_inputs(const dom::object& request, const graph::Signature& s, size_t json_bytes,
                         std::string_view blobs, bool binary, std::vector<Tensor>& inputs) {
  dom::array list;
  if (request["inputs"].get(list)) return bad("\"inputs\" is missing or no list");
  inputs.resize(s.inputs.size());
  for (const dom::element e : list) {
    dom::object input;
    std::string_view name;
    if (e.get(input)) return bad("an entry of \"inputs\" is no object");
    if (input["name"].get(name)) return bad("an input has no \"name\"");
    const auto port = std::find_if(s.inputs.begin(), s.inputs.end(), [&](const Port& p) { return p.name == name; });
    if (port == s.inputs.end()) {
      std::string known;
      for (const Port& p : s.inputs) known += concat(known.empty() ? "" : ", ", quote(p.name));
      return bad("the model has no input ", quote(name), "; it has ", known);
    }
    Tensor& t = inputs[static_cast<size_t>(port - s.inputs.begin())];
    if (t.defined()) return bad("input ", quote(name), " stands twice");
    auto value = read_input(input, *port, json_bytes, blobs, binary);
    if (!value.ok()) return value.status();
    t = *std::move(value);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined()) return bad("input ", quote(s.inputs[i].name), " is missing");
  }
  if (!blobs.empty()) return bad(blobs.size(), " bytes of the body belong to no input");
  return check_inputs(s, inputs);
}

absl::Status read_outputs(const dom::object& request, const graph::Signature& s, bool binary_by_default,
                          InferRequest& r) {
  dom::element value;
  dom::array list;
  if (request["outputs"].get(value)) {
    for (size_t i = 0; i < s.outputs.size(); ++i) r.outputs.push_back({i, binary_by_default});
    return absl::OkStatus();
  }
  if (value.get(list)) return bad("\"outputs\" must be a list");
  for (const dom::element e : list) {
    dom::object output;
    std::string_view name;
    if (e.get(output)) return bad("an entry of \"outputs\" is no object");
    if (output["name"].get(name)) return bad("an output has no \"name\"");
    const auto port = std::find_if(s.outputs.begin(), s.outputs.end(), [&](const Port& p) { return p.name == name; });
    if (port == s.outputs.end()) {
      std::string known;
      for (const Port& p : s.outputs) known += concat(known.empty() ? "" : ", ", quote(p.name));
      return bad("the model has no output ", quote(name), "; it has ", known);
    }
    const auto parameters = read_parameters(output, concat("output ", quote(name)));
    if (!parameters.ok()) return parameters.status();
    if (parameters->classification)
      return bad("output ", quote(name), ": the parameter \"classification\" is not supported");
    const auto index = static_cast<size_t>(port - s.outputs.begin());
    for (const auto& o : r.outputs) {
      if (o.index == index) return bad("output ", quote(name), " stands twice");
    }
    r.outputs.push_back({index, parameters->binary_data.value_or(binary_by_default)});
  }
  return absl::OkStatus();
}

// The whole body is the model's only input; a size that the signature leaves open follows from its length.
absl::StatusOr<InferRequest> parse_raw(std::string_view body, const graph::Signature& s) {
  if (s.inputs.size() != 1) return bad("a raw request is for models with one input; this one has ", s.inputs.size());
  const Port& port = s.inputs[0];
  const auto item = static_cast<int64_t>(size_of(port.dtype)), bytes = static_cast<int64_t>(body.size());
  Shape shape;
  int64_t known = item;
  int open = -1;
  for (size_t d = 0; d < port.shape.size(); ++d) {
    const int64_t size = port.shape[d].size;
    if (size < 0 && open >= 0)
      return bad("a raw request is for inputs with one open size at most; the shape is ", shape_text(port.shape));
    if (size < 0) open = static_cast<int>(d);
    else known *= size;
    shape.push_back(std::max<int64_t>(size, 1));
  }
  if (open >= 0 && known > 0) shape[open] = bytes / known;
  if (bytes == 0 || known == 0 || (open >= 0 ? bytes % known : bytes - known) != 0) {
    return bad("the body's ", bytes, " bytes are no input of shape ", shape_text(port.shape), " and datatype ",
               oip_datatype(port.dtype));
  }
  Tensor t = empty(shape, {.dtype = port.dtype});
  if (port.dtype == DType::kBool) {
    for (int64_t i = 0; i < bytes; ++i) t.mutable_data<bool>()[i] = body[static_cast<size_t>(i)] != 0;
  } else {
    std::memcpy(t.mutable_raw_data(), body.data(), body.size());
  }
  InferRequest r;
  r.inputs = {std::move(t)};
  for (size_t i = 0; i < s.outputs.size(); ++i) r.outputs.push_back({i, true});
  return r;
}

}  // namespace

const char* oip_datatype(DType t) {
  switch (t) {
    case DType::kBool:
      return "BOOL";
    case DType::kU8:
      return "UINT8";
    case DType::kI8:
      return "INT8";
    case DType::kI16:
      return "INT16";
    case DType::kI32:
      return "INT32";
    case DType::kI64:
      return "INT64";
    case DType::kF16:
      return "FP16";
    case DType::kBF16:
      return "BF16";
    case DType::kF32:
      return "FP32";
    case DType::kF64:
      return "FP64";
    default:
      return nullptr;
  }
}

std::optional<DType> parse_oip_datatype(std::string_view name) {
  for (int i = 0; i < kDTypes; ++i) {
    const auto t = static_cast<DType>(i);
    if (const char* own = oip_datatype(t); own && name == own) return t;
  }
  return {};
}

absl::Status check_input(const Port& port, DType dtype, const Shape& shape) {
  if (dtype != port.dtype) {
    return bad("input ", quote(port.name), ": the datatype is ", oip_datatype(dtype), ", but the model takes ",
               oip_datatype(port.dtype));
  }
  bool fits = shape.rank() == static_cast<int>(port.shape.size());
  for (int d = 0; fits && d < shape.rank(); ++d) {
    const auto& e = port.shape[static_cast<size_t>(d)];
    fits = e.size >= 0 ? shape[d] == e.size : shape[d] >= 1;
  }
  if (!fits) {
    return bad("input ", quote(port.name), ": the shape is ", hearth::to_string(shape), ", but the model takes ",
               shape_text(port.shape));
  }
  for (int d = 0; d < shape.rank(); ++d) {
    const auto& e = port.shape[static_cast<size_t>(d)];
    if (e.max && shape[d] > *e.max) {
      return bad("input ", quote(port.name), ": dimension ", quote(e.name), " is ", shape[d],
                 ", the model takes at most ", *e.max);
    }
  }
  return absl::OkStatus();
}

absl::Status check_inputs(const graph::Signature& s, const std::vector<Tensor>& inputs) {
  if (inputs.size() != s.inputs.size()) return bad("the model takes ", s.inputs.size(), " inputs, not ", inputs.size());
  std::map<std::string_view, int64_t> sizes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Port& port = s.inputs[i];
    if (absl::Status status = check_input(port, inputs[i].dtype(), inputs[i].shape()); !status.ok()) return status;
    for (size_t d = 0; d < port.shape.size(); ++d) {
      const auto& e = port.shape[d];
      if (e.size >= 0) continue;
      const int64_t size = inputs[i].shape()[static_cast<int>(d)];
      const auto [at, fresh] = sizes.emplace(e.name, size);
      if (!fresh && at->second != size) {
        return bad("input ", quote(port.name), ": its size \"", e.name, "\" is ", size, ", but another input's is ",
                   at->second);
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<InferRequest> parse_infer(std::string_view body, std::optional<int64_t> header_length,
                                         const graph::Signature& signature) {
  std::string_view json = body, blobs;
  if (header_length) {
    if (*header_length < 0 || *header_length > static_cast<int64_t>(body.size())) {
      return bad("Inference-Header-Content-Length is ", *header_length, ", but the body has ", body.size(), " bytes");
    }
    if (*header_length == 0) return parse_raw(body, signature);
    json = body.substr(0, static_cast<size_t>(*header_length));
    blobs = body.substr(json.size());
  }
  // A parser's memory is many times its text. That of small requests is kept for the next; that of large ones is not.
  thread_local dom::parser kept;
  dom::parser once;
  dom::parser& parser = json.size() <= kKeptText ? kept : once;
  if (parser.capacity() == 0 && parser.allocate(4096, kMaxDepth)) return absl::ResourceExhaustedError("out of memory");
  dom::object request;
  dom::element document;
  if (const auto error = parser.parse(json.data(), json.size()).get(document)) {
    return bad("the request is no JSON: ", simdjson::error_message(error));
  }
  if (document.get(request)) return bad("the request is no JSON object");

  InferRequest r;
  dom::element id;
  if (!request["id"].get(id)) {
    std::string_view text;
    if (id.get(text)) return bad("\"id\" must be a text");
    r.id = text;
  }
  const auto parameters = read_parameters(request, "the request");
  if (!parameters.ok()) return parameters.status();
  if (const auto& priority = parameters->priority) {
    if (*priority < 0 || *priority > 2) return bad("the parameter \"priority\" must be 0, 1 or 2");
    r.urgent = *priority == 1;
  }
  if (const auto& timeout = parameters->timeout) {
    if (*timeout < 0) return bad("the parameter \"timeout\" must be a number of microseconds");
    if (*timeout > 0) r.timeout = std::chrono::microseconds(std::min(*timeout, int64_t{86'400'000'000}));
  }
  if (absl::Status s = read_inputs(request, signature, json.size(), blobs, header_length.has_value(), r.inputs);
      !s.ok())
    return s;
  if (absl::Status s = read_outputs(request, signature, parameters->binary_data_output.value_or(false), r); !s.ok())
    return s;
  return r;
}

namespace {

absl::Status append_data(std::string& out, const Tensor& t, const std::string& name) {
  return visit(t.dtype(), [&]<class T>() -> absl::Status {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      return bad("output ", quote(name), ": ", oip_datatype(t.dtype()), " has no form in JSON; ask for binary data");
    } else {
      JsonWriter json(out);
      const T* from = t.data<T>();
      json.begin_array();
      for (int64_t i = 0; i < t.numel(); ++i) {
        if constexpr (std::is_floating_point_v<T>) {
          if (!std::isfinite(from[i])) {
            return bad("output ", quote(name), " holds NaN or infinity, which JSON has not; ask for binary data");
          }
          json.value(from[i]);
        } else if constexpr (std::is_same_v<T, bool>) {
          json.value(from[i]);
        } else {
          json.value(static_cast<int64_t>(from[i]));
        }
      }
      json.end_array();
      return absl::OkStatus();
    }
  });
}

}  // namespace

absl::StatusOr<InferResponse> write_infer(std::string_view model, int64_t version, const InferRequest& request,
                                          const graph::Signature& signature, const std::vector<Tensor>& outputs) {
  InferResponse r;
  std::vector<Tensor> blobs;
  JsonWriter json(r.body);
  json.begin_object().field("model_name", model).field("model_version", concat(version));
  if (!request.id.empty()) json.field("id", request.id);
  json.key("outputs").begin_array();
  for (const auto& o : request.outputs) {
    const Tensor t = outputs[o.index].contiguous();
    const std::string& name = signature.outputs[o.index].name;
    json.begin_object().field("name", name).field("datatype", oip_datatype(t.dtype())).key("shape").begin_array();
    for (int d = 0; d < t.dim(); ++d) json.value(t.shape()[d]);
    json.end_array();
    if (o.binary) {
      json.key("parameters").begin_object();
      json.field("binary_data_size", t.numel() * static_cast<int64_t>(t.itemsize())).end_object();
      blobs.push_back(t);
    } else {
      std::string data;
      data.reserve(static_cast<size_t>(t.numel()) * 12 + 2);
      if (absl::Status s = append_data(data, t, name); !s.ok()) return s;
      json.key("data").raw(data);
    }
    json.end_object();
  }
  json.end_array().end_object();
  if (!blobs.empty()) {
    r.json_length = static_cast<int64_t>(r.body.size());
    for (const Tensor& t : blobs)
      r.body.append(static_cast<const char*>(t.raw_data()), static_cast<size_t>(t.numel()) * t.itemsize());
  }
  return r;
}

bool is_bearer(std::string_view header, const std::vector<std::string>& tokens) {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() < kScheme.size()) return false;
  for (size_t i = 0; i < kScheme.size(); ++i) {
    if ((header[i] | 0x20) != (kScheme[i] | 0x20)) return false;
  }
  header.remove_prefix(kScheme.size());
  bool found = false;
  for (const std::string& t : tokens) {
    unsigned char differ = t.size() == header.size() ? 0 : 1;
    for (size_t i = 0; i < std::min(t.size(), header.size()); ++i)
      differ = static_cast<unsigned char>(differ | (t[i] ^ header[i]));
    found |= differ == 0;
  }
  return found;
}

std::string ports_json(const std::vector<Port>& ports) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const Port& p : ports) {
    json.begin_object().field("name", p.name).field("datatype", oip_datatype(p.dtype)).key("shape").begin_array();
    for (const auto& e : p.shape) json.value(e.size);
    json.end_array().end_object();
  }
  json.end_array();
  return out;
}

}  // namespace hearth::serve
