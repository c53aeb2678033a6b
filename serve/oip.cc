#include "serve/oip.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "absl/strings/escaping.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "serve/classify.h"
#include "serve/json_writer.h"
#include "serve/servable.h"

namespace hearth::serve {

namespace {

namespace dom = simdjson::dom;
using Port = graph::Signature::Port;

constexpr int kMaxDepth = 32;
constexpr size_t kKeptText = 256 << 10;
// What the parser takes for each byte of text: the text again, an index of 4 bytes, and up to 8 of the document.
constexpr int64_t kParserBytes = 13;

template <class... Args>
absl::Status bad(const Args&... args) {
  return absl::InvalidArgumentError(concat(args...));
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
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      uint64_t v = 0;
      if (e.get(v)) return bad("input ", quote(name_), ": data holds something that is no whole number of at least 0");
      *to_++ = v;
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
absl::Status unique_keys(const dom::object& object, std::string_view of) {
  std::vector<std::string_view> keys;
  for (const dom::key_value_pair field : object) keys.push_back(field.key);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return absl::OkStatus();
  return bad(of, ": the key ", quote(*twice), " stands twice");
}

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

// The bytes of an input that stand behind the JSON; nothing if its data stand in it.
absl::StatusOr<std::optional<std::string_view>> take_blob(const Parameters& parameters, std::string_view name,
                                                          bool has_data, std::string_view& blobs, bool binary) {
  if (!parameters.binary_data_size) return std::nullopt;
  const int64_t size = *parameters.binary_data_size;
  if (!binary) return bad("input ", quote(name), ": binary data needs the header Inference-Header-Content-Length");
  if (has_data) return bad("input ", quote(name), ": it has \"data\" and \"binary_data_size\"");
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

absl::StatusOr<Tensor> read_input(const dom::object& input, const Port& port, size_t json_bytes,
                                  std::string_view& blobs, bool binary, Reservation* memory) {
  const auto parameters = read_parameters(input, concat("input ", quote(port.name)), {"binary_data_size"});
  if (!parameters.ok()) return parameters.status();
  std::string_view datatype;
  if (input["datatype"].get(datatype)) return bad("input ", quote(port.name), ": \"datatype\" is missing or no text");
  const auto width = check_datatype(port, datatype);
  if (!width.ok()) return width.status();
  const auto shape = read_shape(input, port.name);
  if (!shape.ok()) return shape.status();
  if (absl::Status s = check_shape(port, *shape); !s.ok()) return s;

  dom::element data;
  const bool has_data = !input["data"].get(data);
  const int64_t wire = shape->numel() * *width;
  if (const auto size = parameters->binary_data_size; size && binary && !has_data && *size != wire) {
    return bad("input ", quote(port.name), ": \"binary_data_size\" is ", *size, ", but shape and datatype say ", wire);
  }
  const auto taken = take_blob(*parameters, port.name, has_data, blobs, binary);
  if (!taken.ok()) return taken.status();
  const std::optional<std::string_view> blob = *taken;
  dom::array list;
  if (!blob) {
    if (!has_data || data.get(list)) return bad("input ", quote(port.name), ": \"data\" is missing or no list");
    // Each element takes a character and a comma, so a shape cannot ask for memory that the body does not pay for.
    if (shape->numel() > static_cast<int64_t>(json_bytes / 2) + 1) {
      return bad("input ", quote(port.name), ": the shape says ", shape->numel(),
                 " elements, more than the body can hold");
    }
  }
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
    s = DataReader<uint64_t>(values.data(), *shape, port.name).read(list);
    if (s.ok()) s = fill_exactly(t, port.name, *width, [&](int64_t i) { return values[static_cast<size_t>(i)]; });
    more(memory, -scratch).IgnoreError();
  } else {
    s = read_data(list, t, port.name);
  }
  if (!s.ok()) return s;
  return t;
}

// A BYTES tensor of one element for the model's own preprocessing: behind the JSON its length and bytes; in JSON,
// which has no bytes, a text in base64.
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

absl::Status read_inputs(const dom::object& request, const graph::Signature& s, size_t json_bytes,
                         std::string_view blobs, bool binary, InferRequest& r, Reservation* memory) {
  dom::array list;
  if (request["inputs"].get(list)) return bad("\"inputs\" is missing or no list");
  std::vector<Tensor>& inputs = r.inputs;
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
    std::string_view datatype;
    if (!s.preprocess_input.empty() && list.size() == 1 && !input["datatype"].get(datatype) && datatype == "BYTES") {
      auto file = read_file(input, *port, blobs, binary, memory);
      if (!file.ok()) return file.status();
      if (!blobs.empty()) return bad(blobs.size(), " bytes of the body belong to no input");
      inputs.clear();
      r.file = *std::move(file);
      return absl::OkStatus();
    }
    auto value = read_input(input, *port, json_bytes, blobs, binary, memory);
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
    for (size_t i = 0; i < s.outputs.size(); ++i) r.outputs.push_back({.index = i, .binary = binary_by_default});
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
    const auto parameters = read_parameters(output, concat("output ", quote(name)), {"binary_data", "classification"});
    if (!parameters.ok()) return parameters.status();
    const int64_t classes = parameters->classification.value_or(0);
    if (parameters->classification && classes < 1)
      return bad("output ", quote(name), ": the parameter \"classification\" must be at least 1");
    const auto index = static_cast<size_t>(port - s.outputs.begin());
    for (const auto& o : r.outputs) {
      if (o.index == index) return bad("output ", quote(name), " stands twice");
    }
    r.outputs.push_back(
        {.index = index, .binary = parameters->binary_data.value_or(binary_by_default), .classes = classes});
  }
  return absl::OkStatus();
}

// The whole body is the model's only input; a size that the signature leaves open follows from its length.
absl::StatusOr<InferRequest> parse_raw(std::string_view body, const graph::Signature& s, Reservation* memory) {
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
  if (absl::Status status = more(memory, bytes); !status.ok()) return status;
  Tensor t = empty(shape, {.dtype = port.dtype});
  if (absl::Status status = read_raw(body, oip_datatype(port.dtype), t, port.name); !status.ok()) return status;
  InferRequest r;
  r.inputs = {std::move(t)};
  for (size_t i = 0; i < s.outputs.size(); ++i) r.outputs.push_back({.index = i, .binary = true});
  return r;
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
  const auto parsing = static_cast<int64_t>(json.size()) * kParserBytes;
  if (absl::Status s = more(memory, parsing); !s.ok()) return s;
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
  more(memory, -parsing).IgnoreError();
  return r;
}

absl::Status unknown_parameter(std::string_view key, std::string_view of) {
  return bad(of, ": the parameter ", quote(key), " is not supported");
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
  struct Blob {
    Tensor tensor;
    std::string texts;
  };
  std::vector<Blob> blobs;
  JsonWriter json(r.body);
  json.begin_object().field("model_name", model).field("model_version", concat(version));
  if (!request.id.empty()) json.field("id", request.id);
  json.key("outputs").begin_array();
  for (const auto& o : request.outputs) {
    const Tensor t = outputs[o.index].contiguous();
    const std::string& name = signature.outputs[o.index].name;
    Classes classes;
    if (o.classes > 0) {
      auto c = classify(t, o.classes, is_batched(signature), labels_of(signature, o.index));
      if (!c.ok()) return c.status();
      classes = *std::move(c);
    }
    const Shape& shape = o.classes > 0 ? classes.shape : t.shape();
    json.begin_object().field("name", name).field("datatype", o.classes > 0 ? "BYTES" : oip_datatype(t.dtype()));
    json.key("shape").begin_array();
    for (int d = 0; d < shape.rank(); ++d) json.value(shape[d]);
    json.end_array();
    if (o.binary) {
      Blob blob;
      if (o.classes == 0) blob.tensor = t;
      for (const std::string& text : classes.texts) append_bytes_element(text, blob.texts);
      const size_t size = o.classes > 0 ? blob.texts.size() : t.nbytes();
      json.key("parameters").begin_object();
      json.field("binary_data_size", static_cast<int64_t>(size)).end_object();
      blobs.push_back(std::move(blob));
    } else if (o.classes > 0) {
      json.key("data").begin_array();
      for (const std::string& text : classes.texts) json.value(text);
      json.end_array();
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
    for (const Blob& blob : blobs) {
      r.body += blob.texts;
      if (blob.tensor.defined()) r.body.append(static_cast<const char*>(blob.tensor.raw_data()), blob.tensor.nbytes());
    }
  }
  return r;
}

int64_t response_bytes(const InferRequest& request, const graph::Signature& signature,
                       const std::vector<Tensor>& outputs) {
  constexpr int64_t kDigits = 26;  // of a number, with a comma
  int64_t bytes = 0;
  for (const auto& o : request.outputs) {
    const Tensor& t = outputs[o.index];
    if (o.classes > 0) {
      bytes += classes_bytes(t, o.classes, is_batched(signature), labels_of(signature, o.index));
      continue;
    }
    bytes += 2 * (o.binary ? static_cast<int64_t>(t.nbytes()) : t.numel() * kDigits);
  }
  return bytes;
}

absl::StatusOr<bool> parse_repository_request(std::string_view body, bool unload) {
  if (body.empty()) return false;
  dom::parser parser;
  if (parser.allocate(4096, kMaxDepth)) return absl::ResourceExhaustedError("out of memory");
  dom::element document;
  dom::object request, parameters;
  if (const auto error = parser.parse(body.data(), body.size()).get(document))
    return bad("the request is no JSON: ", simdjson::error_message(error));
  if (document.get(request)) return bad("the request is no JSON object");
  if (absl::Status s = unique_keys(request, "the request"); !s.ok()) return s;
  if (!request["parameters"].get(document)) {
    if (document.get(parameters)) return bad("the request: \"parameters\" must be an object");
    for (const dom::key_value_pair field : parameters) {
      // No model depends on another.
      if (!unload || field.key != "unload_dependents") return unknown_parameter(field.key, "the request");
    }
  }
  bool ready = false;
  if (!request["ready"].get(document) && document.get(ready)) return bad("\"ready\" must be true or false");
  return ready;
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
