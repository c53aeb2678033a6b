#include "serve/grpc/tensors.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/base/error.h"
#include "core/ops/create.h"
#include "serve/base/quote.h"
#include "serve/model/datatype.h"
#include "serve/model/raw_bytes.h"
#include "serve/model/signature.h"
#include "serve/oip/classify.h"

namespace hearth::serve {
namespace {

using Port = graph::Signature::Port;
using inference::InferParameter;
using inference::ModelInferRequest;
using Parameters = google::protobuf::Map<std::string, InferParameter>;

template <class... Args>
absl::Status bad(const Args&... args) {
  return absl::InvalidArgumentError(concat(args...));
}

// --- the memory of a message

std::optional<uint64_t> varint(std::string_view& in) {
  uint64_t v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (in.empty()) return {};
    const auto byte = static_cast<unsigned char>(in[0]);
    in.remove_prefix(1);
    v |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return v;
  }
  return {};
}

constexpr int64_t kField = 32, kText = 80, kMessage = 320;
constexpr int kDepth = 100;  // the parser refuses deeper nesting

enum class Level : uint8_t { kRequest, kInput, kContents, kOther };

// Packed numbers are written with as little as a byte each, and lists grow by doubling.
int64_t packed_factor(uint64_t field) {
  switch (field) {
    case 1:
      return 2;
    case 2:
    case 4:
      return 8;
    case 3:
    case 5:
      return 16;
    default:
      return 2;
  }
}

int64_t unpacked(std::string_view in, Level level, int depth) {
  int64_t bytes = 0;
  while (!in.empty()) {
    const auto tag = varint(in);
    if (!tag) return bytes;
    const uint64_t field = *tag >> 3;
    switch (*tag & 7) {
      case 0:
        if (!varint(in)) return bytes;
        bytes += kField;
        break;
      case 1:
      case 5: {
        const size_t n = (*tag & 7) == 1 ? 8 : 4;
        if (in.size() < n) return bytes;
        in.remove_prefix(n);
        bytes += kField;
        break;
      }
      case 2: {
        const auto n = varint(in);
        if (!n || *n > in.size()) return bytes;
        const std::string_view part = in.substr(0, static_cast<size_t>(*n));
        in.remove_prefix(part.size());
        const auto size = static_cast<int64_t>(part.size());
        if (level == Level::kRequest && field == 5) bytes += kMessage + unpacked(part, Level::kInput, depth + 1);
        else if (level == Level::kInput && field == 5) bytes += kMessage + unpacked(part, Level::kContents, depth + 1);
        else if (level == Level::kInput && field == 3) bytes += kText + 16 * size;
        else if (level == Level::kContents && field < 8) bytes += kText + packed_factor(field) * size;
        else if (level == Level::kContents || (level == Level::kRequest && field == 7)) bytes += kText + size;
        else bytes += kMessage + 2 * size + (depth < kDepth ? unpacked(part, Level::kOther, depth + 1) : 0);
        break;
      }
      default:
        bytes += kMessage;  // a group, which is kept as an unknown field
    }
  }
  return bytes;
}

// --- inputs

template <class T, class List>
absl::Status copy_list(const List& from, Tensor& to, const std::string& name) {
  T* out = to.mutable_data<T>();
  for (const auto v : from) {
    const T t = static_cast<T>(v);
    if (std::is_integral_v<T> && static_cast<int64_t>(t) != static_cast<int64_t>(v))
      return bad("input \"", name, "\": ", static_cast<int64_t>(v), " does not fit its datatype");
    *out++ = t;
  }
  return absl::OkStatus();
}

absl::Status count_is_wrong(const std::string& name, int64_t there, int64_t wanted) {
  return bad("input \"", name, "\": contents have ", there, " elements, but the shape says ", wanted);
}

absl::Status read_contents(const inference::InferTensorContents& c, Tensor& t, const std::string& name) {
  // Copies the list that the protocol has for the datatype.
  const auto copy = [&]<class T>(const auto& list) -> absl::Status {
    if (list.size() != t.numel()) return count_is_wrong(name, list.size(), t.numel());
    return t.numel() > 0 ? copy_list<T>(list, t, name) : absl::OkStatus();
  };
  switch (t.dtype()) {
    case DType::kBool:
      return copy.operator()<bool>(c.bool_contents());
    case DType::kU8:
      return copy.operator()<uint8_t>(c.uint_contents());
    case DType::kI8:
      return copy.operator()<int8_t>(c.int_contents());
    case DType::kI16:
      return copy.operator()<int16_t>(c.int_contents());
    case DType::kI32:
      return copy.operator()<int32_t>(c.int_contents());
    case DType::kI64:
      return copy.operator()<int64_t>(c.int64_contents());
    case DType::kF32:
      return copy.operator()<float>(c.fp32_contents());
    case DType::kF64:
      return copy.operator()<double>(c.fp64_contents());
    default:
      return bad("input \"", name, "\": ", oip_datatype(t.dtype()), " must be sent as raw contents");
  }
}

absl::Status read_unsigned(const inference::InferTensorContents& c, int width, Tensor& t, const std::string& name) {
  const int64_t there = width == 8 ? c.uint64_contents_size() : c.uint_contents_size();
  if (there != t.numel()) return count_is_wrong(name, there, t.numel());
  return fill_exactly(t, name, width, [&](int64_t i) {
    return width == 8 ? c.uint64_contents(static_cast<int>(i)) : uint64_t{c.uint_contents(static_cast<int>(i))};
  });
}

// The elements of a BYTES tensor of `n` elements.
absl::StatusOr<std::vector<std::string>> read_elements(const ModelInferRequest::InferInputTensor& in,
                                                       const std::string* raw, int64_t n, const std::string& name,
                                                       Reservation& memory) {
  int64_t characters = 0, strings = n;
  const auto& list = in.contents().bytes_contents();
  if (raw) {
    characters = static_cast<int64_t>(raw->size());
    strings = std::min(n, characters / kBytesLength);  // more would be an error
  } else {
    if (list.size() != n) return count_is_wrong(name, list.size(), n);
    for (const std::string& s : list) characters += static_cast<int64_t>(s.size());
  }
  if (absl::Status s = memory.resize(memory.bytes() + bytes_tensor_memory(strings, characters)); !s.ok()) return s;
  if (raw) return read_raw_bytes(*raw, n, name);
  return std::vector<std::string>(list.begin(), list.end());
}

absl::StatusOr<Value> read_value(const ModelInferRequest::InferInputTensor& in, const Port& port,
                                 const std::string* raw, Reservation& memory) {
  if (in.shape_size() > kMaxRank)
    return bad("input \"", port.name, "\": at most ", kMaxRank, " dimensions are possible");
  Shape shape;
  int64_t n = 1;
  for (const int64_t size : in.shape()) {
    if (size < 0 || __builtin_mul_overflow(n, size, &n) || n > int64_t{1} << 40)
      return bad("input \"", port.name, "\": the shape is negative or too large");
    shape.push_back(size);
  }
  const auto datatype = check_datatype(port, in.datatype());
  if (!datatype.ok()) return datatype.status();
  const int width = *datatype;
  if (absl::Status s = check_shape(port, shape); !s.ok()) return s;
  if (raw && in.has_contents()) return bad("raw_input_contents and contents cannot be mixed");
  if (port.bytes) {
    auto elements = read_elements(in, raw, n, port.name, memory);
    if (!elements.ok()) return elements.status();
    return Value(BytesTensor{.shape = shape, .elements = *std::move(elements)});
  }
  const int64_t wire = n * width, bytes = n * static_cast<int64_t>(size_of(port.dtype));
  // Before memory is taken: the message must have as many elements.
  if (raw) {
    if (static_cast<int64_t>(raw->size()) != wire)
      return bad("input \"", port.name, "\": its raw contents have ", raw->size(),
                 " bytes, but shape and datatype say ", wire);
  } else {
    const auto& c = in.contents();
    const int64_t there =
        std::max({c.bool_contents_size(), c.int_contents_size(), c.int64_contents_size(), c.uint_contents_size(),
                  c.uint64_contents_size(), c.fp32_contents_size(), c.fp64_contents_size()});
    if (there != n) return count_is_wrong(port.name, there, n);
  }
  if (absl::Status s = memory.resize(memory.bytes() + bytes); !s.ok()) return s;
  Tensor t = empty(shape, {.dtype = port.dtype});
  absl::Status s = raw                                ? read_raw(*raw, in.datatype(), t, port.name)
                   : is_wider_unsigned(in.datatype()) ? read_unsigned(in.contents(), width, t, port.name)
                                                      : read_contents(in.contents(), t, port.name);
  if (!s.ok()) return s;
  return t;
}

absl::Status no_parameters(const Parameters& parameters, std::string_view of) {
  if (parameters.empty()) return absl::OkStatus();
  return unknown_parameter(parameters.begin()->first, of);
}

// The inputs, each checked against the signature.
absl::Status read_inputs(const ModelInferRequest& r, const graph::Signature& s, std::vector<Value>& inputs,
                         Reservation& memory) {
  inputs.resize(s.inputs.size());
  for (int i = 0; i < r.inputs_size(); ++i) {
    const auto& in = r.inputs(i);
    const std::optional<size_t> index = s.input_index(in.name());
    if (!index) return bad("the model has no input ", quote(in.name()));
    Value& at = inputs[*index];
    if (at.defined()) return bad("input ", quote(in.name()), " is given twice");
    auto value =
        read_value(in, s.inputs[*index], r.raw_input_contents_size() > 0 ? &r.raw_input_contents(i) : nullptr, memory);
    if (!value.ok()) return value.status();
    at = *std::move(value);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined()) return bad("input \"", s.inputs[i].name, "\" is missing");
  }
  return check_inputs(s, inputs);
}

// Whether the only input is a file for the model's own preprocessing.
bool has_file(const ModelInferRequest& r, const graph::Signature& s) {
  if (s.preprocess_input.empty() || r.inputs_size() != 1 || r.inputs(0).datatype() != "BYTES") return false;
  const std::optional<size_t> index = s.input_index(r.inputs(0).name());
  return !index || !s.inputs[*index].bytes;
}

// A BYTES tensor of one element: raw contents begin with its length.
absl::StatusOr<std::string_view> file_of(const ModelInferRequest& r) {
  const auto& in = r.inputs(0);
  const bool one = std::all_of(in.shape().begin(), in.shape().end(), [](int64_t size) { return size == 1; });
  if (one && r.raw_input_contents_size() == 1 && !in.has_contents()) {
    if (const auto file = only_bytes_element(r.raw_input_contents(0))) return *file;
  } else if (one && r.raw_input_contents_size() == 0 && in.contents().bytes_contents_size() == 1) {
    return in.contents().bytes_contents(0);
  }
  return bad("a file is a BYTES tensor of one element, whose raw contents begin with its length");
}

// --- parameters

absl::StatusOr<int64_t> whole(const std::string& key, const InferParameter& p) {
  if (p.has_int64_param()) return p.int64_param();
  if (p.has_uint64_param()) return static_cast<int64_t>(std::min<uint64_t>(p.uint64_param(), INT64_MAX));
  return bad("the parameter \"", key, "\" must be a whole number");
}

absl::Status read_parameters(const ModelInferRequest& r, InferRequest& request) {
  for (const auto& [key, p] : r.parameters()) {
    if (key == "priority" || key == "timeout") {
      const auto value = whole(key, p);
      if (!value.ok()) return value.status();
      if (absl::Status s = key == "priority" ? set_priority(*value, request) : set_timeout(*value, request); !s.ok())
        return s;
    } else if (key == "binary_data_output") {
      continue;  // concerns HTTP; all outputs are binary here
    } else {
      return unknown_parameter(key, "the request");
    }
  }
  return absl::OkStatus();
}

absl::Status read_outputs(const ModelInferRequest& r, const graph::Signature& s, InferRequest& request) {
  for (const auto& out : r.outputs()) {
    const std::optional<size_t> index = s.output_index(out.name());
    if (!index) return bad("the model has no output ", quote(out.name()));
    InferRequest::Output wanted{.index = *index, .binary = true};
    for (const auto& [key, p] : out.parameters()) {
      if (key == "binary_data") continue;
      if (key != "classification") return unknown_parameter(key, concat("output \"", out.name(), "\""));
      const auto k = whole(key, p);
      if (!k.ok()) return k.status();
      if (absl::Status status = set_classes(*k, s.outputs[*index], wanted); !status.ok()) return status;
    }
    for (const auto& o : request.outputs) {
      if (o.index == wanted.index) return bad("output ", quote(out.name()), " is given twice");
    }
    request.outputs.push_back(wanted);
  }
  if (r.outputs().empty()) {
    for (size_t i = 0; i < s.outputs.size(); ++i) request.outputs.push_back({.index = i, .binary = true});
  }
  return absl::OkStatus();
}

}  // namespace

int64_t unpacked_bytes(std::string_view message) { return kMessage + unpacked(message, Level::kRequest, 0); }

absl::StatusOr<InferRequest> read_request(const ModelInferRequest& r, const graph::Signature& s, Reservation& memory) {
  InferRequest request;
  request.id = r.id();
  if (absl::Status status = read_parameters(r, request); !status.ok()) return status;
  if (r.raw_input_contents_size() > 0 && r.raw_input_contents_size() != r.inputs_size())
    return bad("there are ", r.inputs_size(), " inputs, but ", r.raw_input_contents_size(), " raw_input_contents");
  for (const auto& in : r.inputs()) {
    if (absl::Status status = no_parameters(in.parameters(), concat("input \"", in.name().substr(0, 80), "\""));
        !status.ok())
      return status;
  }
  if (has_file(r, s)) {
    const auto file = file_of(r);
    if (!file.ok()) return file.status();
    request.file = *file;
  } else if (absl::Status status = read_inputs(r, s, request.inputs, memory); !status.ok()) {
    return status;
  }
  if (absl::Status status = read_outputs(r, s, request); !status.ok()) return status;
  return request;
}

absl::Status write_response(const InferRequest& request, const graph::Signature& s, const std::vector<Value>& outputs,
                            inference::ModelInferResponse& response) {
  response.set_id(request.id);
  for (const auto& o : request.outputs) {
    auto* output = response.add_outputs();
    output->set_name(s.outputs[o.index].name);
    if (outputs[o.index].is_bytes()) {
      const BytesTensor& bytes = outputs[o.index].bytes();
      output->set_datatype("BYTES");
      for (int d = 0; d < bytes.shape.rank(); ++d) output->add_shape(bytes.shape[d]);
      std::string* raw = response.add_raw_output_contents();
      for (const std::string& element : bytes.elements) append_bytes_element(element, *raw);
      continue;
    }
    const Tensor t = outputs[o.index].tensor().contiguous();
    if (o.classes > 0) {
      const auto c = classify(t, o.classes, is_batched(s), labels_of(s, o.index));
      if (!c.ok()) return c.status();
      output->set_datatype("BYTES");
      for (int d = 0; d < c->shape.rank(); ++d) output->add_shape(c->shape[d]);
      std::string* raw = response.add_raw_output_contents();
      for (const std::string& text : c->texts) append_bytes_element(text, *raw);
      continue;
    }
    output->set_datatype(oip_datatype(t.dtype()));
    for (int d = 0; d < t.dim(); ++d) output->add_shape(t.shape()[d]);
    response.add_raw_output_contents(t.raw_data(), t.nbytes());
  }
  return absl::OkStatus();
}

}  // namespace hearth::serve
