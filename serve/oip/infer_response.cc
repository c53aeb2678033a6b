#include "serve/oip/infer_response.h"

#include <simdjson.h>

#include <cmath>
#include <type_traits>

#include "core/base/error.h"
#include "serve/base/json_writer.h"
#include "serve/base/quote.h"
#include "serve/model/datatype.h"
#include "serve/model/raw_bytes.h"
#include "serve/model/signature.h"
#include "serve/oip/classify.h"

namespace hearth::serve {
namespace {

absl::Status append_data(std::string& out, const Tensor& t, const std::string& name) {
  return visit(t.dtype(), [&]<class T>() -> absl::Status {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      return absl::InvalidArgumentError(concat("output ", quote(name), ": ", oip_datatype(t.dtype()),
                                               " cannot be written in JSON; ask for binary data"));
    } else {
      JsonWriter json(out);
      const T* from = t.data<T>();
      json.begin_array();
      for (int64_t i = 0; i < t.numel(); ++i) {
        if constexpr (std::is_floating_point_v<T>) {
          if (!std::isfinite(from[i])) {
            return absl::InvalidArgumentError(concat(
                "output ", quote(name), " has NaN or infinity, which JSON cannot represent; ask for binary data"));
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

// Strings: elements of BYTES, or classes.
absl::Status append_data(std::string& out, const std::vector<std::string>& texts, const std::string& name) {
  JsonWriter json(out);
  json.begin_array();
  for (size_t i = 0; i < texts.size(); ++i) {
    if (!simdjson::validate_utf8(texts[i])) {
      return absl::InvalidArgumentError(concat("output ", quote(name), ": element ", i,
                                               " is not UTF-8, which JSON cannot represent; ask for binary data"));
    }
    json.value(texts[i]);
  }
  json.end_array();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<InferResponse> write_infer(std::string_view model, int64_t version, const InferRequest& request,
                                          const graph::Signature& signature, const std::vector<Value>& outputs) {
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
    const Value& output = outputs[o.index];
    const std::string& name = signature.outputs[o.index].name;
    Tensor t;
    Classes classes;
    const std::vector<std::string>* texts = nullptr;
    if (output.is_bytes()) {
      texts = &output.bytes().elements;
    } else {
      t = output.tensor().contiguous();
    }
    if (o.classes > 0) {
      auto c = classify(t, o.classes, is_batched(signature), labels_of(signature, o.index));
      if (!c.ok()) return c.status();
      classes = *std::move(c);
      texts = &classes.texts;
    }
    const Shape& shape = o.classes > 0 ? classes.shape : output.shape();
    json.begin_object().field("name", name).field("datatype", texts ? "BYTES" : oip_datatype(t.dtype()));
    json.key("shape").begin_array();
    for (int d = 0; d < shape.rank(); ++d) json.value(shape[d]);
    json.end_array();
    if (o.binary) {
      Blob blob;
      if (texts) {
        for (const std::string& text : *texts) append_bytes_element(text, blob.texts);
      } else {
        blob.tensor = t;
      }
      const size_t size = texts ? blob.texts.size() : t.nbytes();
      json.key("parameters").begin_object();
      json.field("binary_data_size", static_cast<int64_t>(size)).end_object();
      blobs.push_back(std::move(blob));
    } else {
      std::string data;
      if (!texts) data.reserve(static_cast<size_t>(t.numel()) * 12 + 2);
      if (absl::Status s = texts ? append_data(data, *texts, name) : append_data(data, t, name); !s.ok()) return s;
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
                       const std::vector<Value>& outputs) {
  constexpr int64_t kDigits = 26;  // of a number, with a comma
  constexpr int64_t kEscaped = 6;  // of a character in JSON
  int64_t bytes = 0;
  for (const auto& o : request.outputs) {
    if (outputs[o.index].is_bytes()) {
      bytes += 2 * outputs[o.index].nbytes() * (o.binary ? 1 : kEscaped);
      continue;
    }
    const Tensor& t = outputs[o.index].tensor();
    if (o.classes > 0) {
      bytes += classes_bytes(t, o.classes, is_batched(signature), labels_of(signature, o.index));
      continue;
    }
    bytes += 2 * (o.binary ? static_cast<int64_t>(t.nbytes()) : t.numel() * kDigits);
  }
  return bytes;
}

}  // namespace hearth::serve
