#include "serve/datatype.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <type_traits>

#include "core/base/error.h"

namespace hearth::serve {

std::string quote(std::string_view s) {
  return s.size() <= 80 ? concat("\"", s, "\"") : concat("\"", s.substr(0, 77), "...\"");
}

std::string shape_text(const std::vector<graph::Signature::Extent>& shape) {
  std::string s = "[";
  for (const auto& e : shape) s += concat(s.size() > 1 ? ", " : "", e.size >= 0 ? concat(e.size) : e.name);
  return s + "]";
}

namespace {

using Port = graph::Signature::Port;

template <class... Args>
absl::Status bad(const Args&... args) {
  return absl::InvalidArgumentError(concat(args...));
}

absl::Status wrong_dtype(const Port& port, std::string_view datatype) {
  return bad("input ", quote(port.name), ": the datatype is ", datatype, ", but the model takes ",
             oip_datatype(port.dtype));
}

int unsigned_width(std::string_view datatype) {
  return datatype == "UINT16" ? 2 : datatype == "UINT32" ? 4 : datatype == "UINT64" ? 8 : 0;
}

uint64_t little_endian(const char* at, int width) {
  uint64_t v = 0;
  std::memcpy(&v, at, static_cast<size_t>(width));
  return v;
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

bool is_wider_unsigned(std::string_view datatype) { return unsigned_width(datatype) > 0; }

absl::StatusOr<int> check_datatype(const Port& port, std::string_view datatype) {
  if (const int width = unsigned_width(datatype); width > 0) {
    const bool exact = port.dtype != DType::kBool && port.dtype != DType::kF16 && port.dtype != DType::kBF16;
    if (!exact) return wrong_dtype(port, datatype);
    return width;
  }
  const auto dtype = parse_oip_datatype(datatype);
  if (!dtype)
    return bad("input ", quote(port.name), ": the datatype ", quote(datatype), " is none that this server takes");
  if (*dtype != port.dtype) return wrong_dtype(port, datatype);
  return static_cast<int>(size_of(*dtype));
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

absl::Status check_inputs(const graph::Signature& s, const std::vector<Tensor>& inputs) {
  if (inputs.size() != s.inputs.size()) return bad("the model takes ", s.inputs.size(), " inputs, not ", inputs.size());
  std::map<std::string_view, int64_t> sizes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Port& port = s.inputs[i];
    if (inputs[i].dtype() != port.dtype) return wrong_dtype(port, oip_datatype(inputs[i].dtype()));
    if (absl::Status status = check_shape(port, inputs[i].shape()); !status.ok()) return status;
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

absl::Status fill_exactly(Tensor& to, std::string_view input, int width, absl::FunctionRef<uint64_t(int64_t)> value) {
  return visit(to.dtype(), [&]<class T>() -> absl::Status {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      return bad("input ", quote(input), ": UINT", 8 * width, " is none that the model takes");
    } else {
      T* out = to.mutable_data<T>();
      for (int64_t i = 0, n = to.numel(); i < n; ++i) {
        const uint64_t v = value(i);
        bool fits = width == 8 || v >> (8 * width) == 0;
        if constexpr (std::is_integral_v<T>) {
          fits = fits && v <= static_cast<uint64_t>(std::numeric_limits<T>::max());
        } else {
          // 2^64 itself, to which the largest values round, is none of them.
          const T t = static_cast<T>(v);
          fits = fits && t < static_cast<T>(18446744073709551616.0) && static_cast<uint64_t>(t) == v;
        }
        if (!fits)
          return bad("input ", quote(input), ": ", v, " as UINT", 8 * width, " does not fit ",
                     oip_datatype(to.dtype()));
        out[i] = static_cast<T>(v);
      }
      return absl::OkStatus();
    }
  });
}

absl::Status read_raw(std::string_view raw, std::string_view datatype, Tensor& to, std::string_view input) {
  if (const int width = unsigned_width(datatype); width > 0) {
    return fill_exactly(to, input, width, [&](int64_t i) { return little_endian(raw.data() + i * width, width); });
  }
  if (to.dtype() == DType::kBool) {
    bool* out = to.mutable_data<bool>();
    for (size_t i = 0; i < raw.size(); ++i) out[i] = raw[i] != 0;
  } else if (!raw.empty()) {
    std::memcpy(to.mutable_raw_data(), raw.data(), raw.size());
  }
  return absl::OkStatus();
}

std::optional<std::string_view> only_bytes_element(std::string_view raw) {
  constexpr size_t kLength = 4;
  if (raw.size() < kLength || little_endian(raw.data(), kLength) != raw.size() - kLength) return {};
  return raw.substr(kLength);
}

int64_t bytes_of(const std::vector<Tensor>& tensors) {
  int64_t bytes = 0;
  for (const Tensor& t : tensors) bytes += static_cast<int64_t>(t.nbytes());
  return bytes;
}

int64_t output_bytes(const graph::Signature& s, const std::vector<Tensor>& inputs) {
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
    auto bytes = static_cast<int64_t>(size_of(p.dtype));
    for (const auto& e : p.shape) {
      if (__builtin_mul_overflow(bytes, size_of_extent(e), &bytes) || bytes > int64_t{1} << 50)
        bytes = int64_t{1} << 50;
    }
    all += bytes;
  }
  return all;
}

}  // namespace hearth::serve
