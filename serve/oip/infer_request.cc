#include "serve/oip/infer_request.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "serve/base/json_reader_internal.h"
#include "serve/base/quote.h"
#include "serve/model/datatype.h"
#include "serve/model/raw_bytes.h"
#include "serve/model/signature.h"
#include "serve/oip/json_internal.h"

namespace hearth::serve {

namespace {

namespace dom = simdjson::dom;
using Port = graph::Signature::Port;

// The known parameters of a request, an input or an output.
struct Parameters {
  std::optional<int64_t> binary_data_size, priority, timeout, classification;
  std::optional<bool> binary_data, binary_data_output;
};

absl::StatusOr<Parameters> read_parameters(const dom::object& owner, std::string_view of,
                                           std::initializer_list<std::string_view> known) {
  Parameters p;
  if (absl::Status s = unique_keys(owner, of); !s.ok()) return s;
  dom::element value;
  if (owner["parameters"].get(value)) return p;
  dom::object parameters;
  if (value.get(parameters)) return bad(of, ": \"parameters\" must be an object");
  if (absl::Status s = unique_keys(parameters, of); !s.ok()) return s;
  for (const dom::key_value_pair field : parameters) {
    if (std::find(known.begin(), known.end(), field.key) == known.end()) return unknown_parameter(field.key, of);
  }
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
  if (input["shape"].get(list)) return bad("input ", quote(name), ": \"shape\" is missing or not a list");
  Shape shape;
  int64_t n = 1;
  for (const dom::element e : list) {
    int64_t size = 0;
    if (e.get(size) || size < 0)
      return bad("input ", quote(name), ": a size in \"shape\" is not a whole number of at least 0");
    if (shape.rank() == kMaxRank) return bad("input ", quote(name), ": at most ", kMaxRank, " dimensions are possible");
    if (__builtin_mul_overflow(n, size, &n) || n > (int64_t{1} << 40))
      return bad("input ", quote(name), ": the shape is too large");
    shape.push_back(size);
  }
  return shape;
}

// The bytes of an input that come behind the JSON; nothing if its data is in the JSON.
absl::StatusOr<std::optional<std::string_view>> take_blob(const Parameters& parameters, std::string_view name,
                                                          bool has_data, std::string_view& blobs, bool binary) {
  if (!parameters.binary_data_size) return std::nullopt;
  const int64_t size = *parameters.binary_data_size;
  if (!binary) return bad("input ", quote(name), ": binary data needs the header Inference-Header-Content-Length");
  if (has_data) return bad("input ", quote(name), ": both \"data\" and \"binary_data_size\" are given");
  if (size < 0 || size > static_cast<int64_t>(blobs.size())) {
    return bad("input ", quote(name), ": \"binary_data_size\" is ", size, ", but only ", blobs.size(),
               " bytes are left in the body");
  }
  const std::string_view blob = blobs.substr(0, static_cast<size_t>(size));
  blobs.remove_prefix(blob.size());
  return blob;
}

absl::Status more(Reservation* memory, int64_t bytes) {
  return memory ? memory->resize(memory->bytes() + bytes) : absl::OkStatus();
}

// The elements of a BYTES tensor, behind the JSON or in it.
absl::StatusOr<Value> read_bytes(const Shape& shape, std::optional<std::string_view> blob, const dom::array& list,
                                 size_t json_bytes, const std::string& name, Reservation* memory) {
  const int64_t before = memory ? memory->bytes() : 0;
  const auto most = static_cast<int64_t>(blob ? blob->size() : json_bytes);
  // The shape may say more than there is, which is then an error.
  const int64_t strings = blob ? std::min(shape.numel(), most / kBytesLength) : shape.numel();
  if (absl::Status s = more(memory, bytes_tensor_memory(strings, most)); !s.ok()) return s;
  BytesTensor value{.shape = shape, .elements = {}};
  if (blob) {
    auto elements = read_raw_bytes(*blob, shape.numel(), name);
    if (!elements.ok()) return elements.status();
    value.elements = *std::move(elements);
  } else {
    value.elements.resize(static_cast<size_t>(shape.numel()));
    if (absl::Status s = read_strings(list, shape, name, value.elements); !s.ok()) return s;
  }
  Value read(std::move(value));
  if (memory) memory->resize(before + read.nbytes()).IgnoreError();  // less than before
  return read;
}

absl::StatusOr<Value> read_input(const dom::object& input, const Port& port, size_t json_bytes, std::string_view& blobs,
                                 bool binary, Reservation* memory) {
  const auto parameters = read_parameters(input, concat("input ", quote(port.name)), {"binary_data_size"});
  if (!parameters.ok()) return parameters.status();
  std::string_view datatype;
  if (input["datatype"].get(datatype))
    return bad("input ", quote(port.name), ": \"datatype\" is missing or not a string");
  const auto width = check_datatype(port, datatype);
  if (!width.ok()) return width.status();
  const auto shape = read_shape(input, port.name);
  if (!shape.ok()) return shape.status();
  if (absl::Status s = check_shape(port, *shape); !s.ok()) return s;

  dom::element data;
  const bool has_data = !input["data"].get(data);
  const int64_t wire = shape->numel() * *width;
  if (const auto size = parameters->binary_data_size; size && binary && !has_data && !port.bytes && *size != wire) {
    return bad("input ", quote(port.name), ": \"binary_data_size\" is ", *size, ", but shape and datatype say ", wire);
  }
  const auto taken = take_blob(*parameters, port.name, has_data, blobs, binary);
  if (!taken.ok()) return taken.status();
  const std::optional<std::string_view> blob = *taken;
  dom::array list;
  if (!blob) {
    if (!has_data || data.get(list)) return bad("input ", quote(port.name), ": \"data\" is missing or not a list");
    // An element takes at least a character and a comma, so a small body cannot ask for a large tensor.
    if (shape->numel() > static_cast<int64_t>(json_bytes / 2) + 1) {
      return bad("input ", quote(port.name), ": the shape says ", shape->numel(),
                 " elements, more than the body can hold");
    }
  }
  if (port.bytes) return read_bytes(*shape, blob, list, json_bytes, port.name, memory);
  const bool convert = is_wider_unsigned(datatype);
  const int64_t bytes = shape->numel() * static_cast<int64_t>(size_of(port.dtype));
  if (absl::Status s = more(memory, bytes); !s.ok()) return s;
  Tensor t = empty(*shape, {.dtype = port.dtype});
  absl::Status s;
  if (blob) {
    s = read_raw(*blob, datatype, t, port.name);
  } else if (convert) {
    const int64_t scratch = shape->numel() * static_cast<int64_t>(sizeof(uint64_t));
    if (s = more(memory, scratch); !s.ok()) return s;
    std::vector<uint64_t> values(static_cast<size_t>(shape->numel()));
    s = read_unsigned(list, *shape, port.name, values);
    if (s.ok()) s = fill_exactly(t, port.name, *width, [&](int64_t i) { return values[static_cast<size_t>(i)]; });
    more(memory, -scratch).IgnoreError();
  } else {
    s = read_data(list, t, port.name);
  }
  if (!s.ok()) return s;
  return t;
}

// A BYTES tensor of one element for the model's own preprocessing: its length and bytes behind the JSON, or base64 in
// it.
absl::StatusOr<std::string> read_file(const dom::object& input, const Port& port, std::string_view& blobs, bool binary,
                                      Reservation* memory) {
  const auto parameters = read_parameters(input, concat("input ", quote(port.name)), {"binary_data_size"});
  if (!parameters.ok()) return parameters.status();
  const auto shape = read_shape(input, port.name);
  if (!shape.ok()) return shape.status();
  dom::element data;
  const bool has_data = !input["data"].get(data);
  const auto taken = take_blob(*parameters, port.name, has_data, blobs, binary);
  if (!taken.ok()) return taken.status();
  const std::optional<std::string_view> blob = *taken;
  const auto wrong = [&] {
    return bad("input ", quote(port.name),
               ": a file is a BYTES tensor of one element: its length and its bytes as binary data, or base64 in JSON");
  };
  if (shape->numel() != 1) return wrong();
  std::string file;
  if (blob) {
    const auto element = only_bytes_element(*blob);
    if (!element) return wrong();
    if (absl::Status s = more(memory, static_cast<int64_t>(element->size())); !s.ok()) return s;
    file = *element;
  } else {
    dom::array list;
    std::string_view text;
    if (!has_data || data.get(list) || list.size() != 1 || list.at(0).get(text)) return wrong();
    if (absl::Status s = more(memory, static_cast<int64_t>(text.size())); !s.ok()) return s;
    if (!absl::Base64Unescape({text.data(), text.size()}, &file)) return wrong();
  }
  return file;
}

std::string names_of(const std::vector<Port>& ports) {
  std::string names;
  for (const Port& p : ports) names += concat(names.empty() ? "" : ", ", quote(p.name));
  return names;
}

absl::Status read_inputs(const dom::object& request, const graph::Signature& s, size_t json_bytes,
                         std::string_view blobs, bool binary, InferRequest& r, Reservation* memory) {
  dom::array list;
  if (request["inputs"].get(list)) return bad("\"inputs\" is missing or not a list");
  std::vector<Value>& inputs = r.inputs;
  inputs.resize(s.inputs.size());
  for (const dom::element e : list) {
    dom::object input;
    std::string_view name;
    if (e.get(input)) return bad("an entry of \"inputs\" is not an object");
    if (input["name"].get(name)) return bad("an input has no \"name\"");
    const std::optional<size_t> index = s.input_index(name);
    if (!index) return bad("the model has no input ", quote(name), "; it has ", names_of(s.inputs));
    const Port& port = s.inputs[*index];
    Value& at = inputs[*index];
    if (at.defined()) return bad("input ", quote(name), " is given twice");
    std::string_view datatype;
    if (!s.preprocess_input.empty() && !port.bytes && list.size() == 1 && !input["datatype"].get(datatype) &&
        datatype == "BYTES") {
      auto file = read_file(input, port, blobs, binary, memory);
      if (!file.ok()) return file.status();
      if (!blobs.empty()) return bad(blobs.size(), " bytes of the body belong to no input");
      inputs.clear();
      r.file = *std::move(file);
      return absl::OkStatus();
    }
    auto value = read_input(input, port, json_bytes, blobs, binary, memory);
    if (!value.ok()) return value.status();
    at = *std::move(value);
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
    for (size_t i = 0; i < s.outputs.size(); ++i) r.outputs.push_back({.index = i, .binary = binary_by_default});
    return absl::OkStatus();
  }
  if (value.get(list)) return bad("\"outputs\" must be a list");
  for (const dom::element e : list) {
    dom::object output;
    std::string_view name;
    if (e.get(output)) return bad("an entry of \"outputs\" is not an object");
    if (output["name"].get(name)) return bad("an output has no \"name\"");
    const std::optional<size_t> index = s.output_index(name);
    if (!index) return bad("the model has no output ", quote(name), "; it has ", names_of(s.outputs));
    const auto parameters = read_parameters(output, concat("output ", quote(name)), {"binary_data", "classification"});
    if (!parameters.ok()) return parameters.status();
    InferRequest::Output wanted{.index = *index, .binary = parameters->binary_data.value_or(binary_by_default)};
    if (const auto& k = parameters->classification) {
      if (absl::Status status = set_classes(*k, s.outputs[*index], wanted); !status.ok()) return status;
    }
    for (const auto& o : r.outputs) {
      if (o.index == *index) return bad("output ", quote(name), " is given twice");
    }
    r.outputs.push_back(wanted);
  }
  return absl::OkStatus();
}

InferRequest of_one_input(Value input, const graph::Signature& s) {
  InferRequest r;
  r.inputs = {std::move(input)};
  for (size_t i = 0; i < s.outputs.size(); ++i) r.outputs.push_back({.index = i, .binary = true});
  return r;
}

// The whole body is the only element of the model's only input, which is of BYTES.
absl::StatusOr<InferRequest> parse_raw_element(std::string_view body, const graph::Signature& s, Reservation* memory) {
  const Port& port = s.inputs[0];
  Shape one;
  for (size_t d = 0; d < port.shape.size(); ++d) one.push_back(1);
  if (!check_shape(port, one).ok())
    return bad("a raw request is for a BYTES input that may have one element; the shape is ", shape_text(port.shape));
  if (absl::Status status = more(memory, bytes_tensor_memory(1, static_cast<int64_t>(body.size()))); !status.ok())
    return status;
  return of_one_input(BytesTensor{.shape = one, .elements = {std::string(body)}}, s);
}

// The whole body is the model's only input. A size that the signature leaves open follows from the body's length.
absl::StatusOr<InferRequest> parse_raw(std::string_view body, const graph::Signature& s, Reservation* memory) {
  if (s.inputs.size() != 1) return bad("a raw request is for models with one input; this one has ", s.inputs.size());
  const Port& port = s.inputs[0];
  if (port.bytes) return parse_raw_element(body, s, memory);
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
    return bad("the body's ", bytes, " bytes are not an input of shape ", shape_text(port.shape), " and datatype ",
               oip_datatype(port.dtype));
  }
  if (absl::Status status = more(memory, bytes); !status.ok()) return status;
  Tensor t = empty(shape, {.dtype = port.dtype});
  if (absl::Status status = read_raw(body, oip_datatype(port.dtype), t, port.name); !status.ok()) return status;
  return of_one_input(std::move(t), s);
}

}  // namespace

absl::StatusOr<InferRequest> parse_infer(std::string_view body, std::optional<int64_t> header_length,
                                         const graph::Signature& signature, Reservation* memory) {
  std::string_view json = body, blobs;
  if (header_length) {
    if (*header_length < 0 || *header_length > static_cast<int64_t>(body.size())) {
      return bad("Inference-Header-Content-Length is ", *header_length, ", but the body has ", body.size(), " bytes");
    }
    if (*header_length == 0) return parse_raw(body, signature, memory);
    json = body.substr(0, static_cast<size_t>(*header_length));
    blobs = body.substr(json.size());
  }
  const auto document = JsonRequest::parse(json, memory);
  if (!document.ok()) return document.status();
  const dom::object& request = document->object();

  InferRequest r;
  dom::element id;
  if (!request["id"].get(id)) {
    std::string_view text;
    if (id.get(text)) return bad("\"id\" must be a string");
    r.id = text;
  }
  const auto parameters = read_parameters(request, "the request", {"priority", "timeout", "binary_data_output"});
  if (!parameters.ok()) return parameters.status();
  if (const auto& priority = parameters->priority) {
    if (absl::Status s = set_priority(*priority, r); !s.ok()) return s;
  }
  if (const auto& timeout = parameters->timeout) {
    if (absl::Status s = set_timeout(*timeout, r); !s.ok()) return s;
  }
  if (absl::Status s = read_inputs(request, signature, json.size(), blobs, header_length.has_value(), r, memory);
      !s.ok())
    return s;
  if (absl::Status s = read_outputs(request, signature, parameters->binary_data_output.value_or(false), r); !s.ok())
    return s;
  return r;
}

absl::Status unknown_parameter(std::string_view key, std::string_view of) {
  return bad(of, ": the parameter ", quote(key), " is not supported");
}

absl::Status set_classes(int64_t k, const Port& port, InferRequest::Output& output) {
  if (k < 1) return bad("output ", quote(port.name), ": the parameter \"classification\" must be at least 1");
  if (port.bytes) return bad("output ", quote(port.name), ": BYTES has no classification, which is of numbers");
  output.classes = k;
  return absl::OkStatus();
}

absl::Status set_priority(int64_t priority, InferRequest& r) {
  if (priority < 0 || priority > 2) return bad("the parameter \"priority\" must be 0, 1 or 2");
  r.urgent = priority == 1;
  return absl::OkStatus();
}

absl::Status set_timeout(int64_t microseconds, InferRequest& r) {
  if (microseconds < 0) return bad("the parameter \"timeout\" must be a number of microseconds");
  if (microseconds > 0) r.timeout = std::chrono::microseconds(std::min(microseconds, int64_t{86'400'000'000}));
  return absl::OkStatus();
}

}  // namespace hearth::serve
