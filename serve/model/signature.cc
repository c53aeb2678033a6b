#include "serve/model/signature.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "core/base/error.h"
#include "serve/base/quote.h"
#include "serve/model/datatype.h"

namespace hearth::serve {
namespace {

using Port = graph::Signature::Port;

template <class... Args>
absl::Status bad(const Args&... args) {
  return absl::InvalidArgumentError(concat(args...));
}

}  // namespace

std::string shape_text(const std::vector<graph::Signature::Extent>& shape) {
  std::string s = "[";
  for (const auto& e : shape) s += concat(s.size() > 1 ? ", " : "", e.size >= 0 ? concat(e.size) : e.name);
  return s + "]";
}

bool is_batched(const graph::Signature& s) {
  const auto counts = [](const graph::Signature::Port& p) {
    return !p.shape.empty() && p.shape[0].size < 0 && p.shape[0].name == "batch";
  };
  return !s.inputs.empty() && std::all_of(s.inputs.begin(), s.inputs.end(), counts) &&
         std::all_of(s.outputs.begin(), s.outputs.end(), counts);
}

int64_t largest_batch(const graph::Signature& s) {
  int64_t most = INT64_MAX;
  if (!is_batched(s)) return most;
  for (const graph::Signature::Port& p : s.inputs) most = std::min(most, p.shape[0].max.value_or(INT64_MAX));
  return most;
}

absl::Status check_shape(const Port& port, const Shape& shape) {
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

absl::Status check_inputs(const graph::Signature& s, const std::vector<Value>& inputs) {
  if (inputs.size() != s.inputs.size()) return bad("the model takes ", s.inputs.size(), " inputs, not ", inputs.size());
  std::map<std::string_view, int64_t> sizes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Port& port = s.inputs[i];
    const bool bytes = inputs[i].is_bytes();
    if (bytes != port.bytes || (!bytes && inputs[i].tensor().dtype() != port.dtype)) {
      return bad("input ", quote(port.name), ": the datatype is ",
                 bytes ? "BYTES" : oip_datatype(inputs[i].tensor().dtype()), ", but the model takes ",
                 oip_datatype(port));
    }
    if (absl::Status status = check_shape(port, inputs[i].shape()); !status.ok()) return status;
    for (size_t d = 0; d < port.shape.size(); ++d) {
      const auto& e = port.shape[d];
      if (e.size >= 0) continue;
      const int64_t size = inputs[i].shape()[static_cast<int>(d)];
      const auto [at, fresh] = sizes.emplace(e.name, size);
      if (!fresh && at->second != size) {
        return bad("input ", quote(port.name), ": its size \"", e.name, "\" is ", size, ", but another input has ",
                   at->second);
      }
    }
  }
  return absl::OkStatus();
}

int64_t bytes_of(const std::vector<Value>& values) {
  int64_t bytes = 0;
  for (const Value& v : values) bytes += v.nbytes();
  return bytes;
}

int64_t output_bytes(const graph::Signature& s, const std::vector<Value>& inputs) {
  const auto size_of_extent = [&](const graph::Signature::Extent& e) -> int64_t {
    if (e.size >= 0) return e.size;
    for (size_t i = 0; i < inputs.size() && i < s.inputs.size(); ++i) {
      for (size_t d = 0; d < s.inputs[i].shape.size(); ++d) {
        if (s.inputs[i].shape[d] == e) return inputs[i].shape()[static_cast<int>(d)];
      }
    }
    return 1;
  };
  int64_t all = 0;
  for (const Port& p : s.outputs) {
    auto bytes = p.bytes ? bytes_tensor_memory(1, 0) : static_cast<int64_t>(size_of(p.dtype));
    for (const auto& e : p.shape) {
      if (__builtin_mul_overflow(bytes, size_of_extent(e), &bytes) || bytes > int64_t{1} << 50)
        bytes = int64_t{1} << 50;
    }
    all += bytes;
  }
  return all;
}

}  // namespace hearth::serve
