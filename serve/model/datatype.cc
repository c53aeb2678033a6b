#include "serve/model/datatype.h"

#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "core/base/error.h"
#include "serve/base/quote.h"

namespace hearth::serve {

namespace {

using Port = graph::Signature::Port;

template <class... Args>
absl::Status bad(const Args&... args) {
  return absl::InvalidArgumentError(concat(args...));
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

const char* oip_datatype(const Port& port) { return port.bytes ? "BYTES" : oip_datatype(port.dtype); }

std::string config_datatype(const Port& port) {
  return port.bytes ? std::string("TYPE_STRING") : concat("TYPE_", oip_datatype(port));
}

std::optional<DType> parse_oip_datatype(std::string_view name) {
  for (int i = 0; i < kDTypes; ++i) {
    const auto t = static_cast<DType>(i);
    if (const char* own = oip_datatype(t); own && name == own) return t;
  }
  return {};
}

namespace {

absl::Status wrong_dtype(const Port& port, std::string_view datatype) {
  return bad("input ", quote(port.name), ": the datatype is ", datatype, ", but the model takes ", oip_datatype(port));
}

}  // namespace

bool is_wider_unsigned(std::string_view datatype) { return unsigned_width(datatype) > 0; }

absl::StatusOr<int> check_datatype(const Port& port, std::string_view datatype) {
  if (datatype == "BYTES" && port.bytes) return 0;
  if (datatype == "BYTES") return wrong_dtype(port, datatype);
  if (const int width = unsigned_width(datatype); width > 0) {
    const bool exact =
        !port.bytes && port.dtype != DType::kBool && port.dtype != DType::kF16 && port.dtype != DType::kBF16;
    if (!exact) return wrong_dtype(port, datatype);
    return width;
  }
  const auto dtype = parse_oip_datatype(datatype);
  if (!dtype)
    return bad("input ", quote(port.name), ": the datatype ", quote(datatype), " is not one that this server takes");
  if (port.bytes || *dtype != port.dtype) return wrong_dtype(port, datatype);
  return static_cast<int>(size_of(*dtype));
}

absl::Status fill_exactly(Tensor& to, std::string_view input, int width, absl::FunctionRef<uint64_t(int64_t)> value) {
  return visit(to.dtype(), [&]<class T>() -> absl::Status {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      return bad("input ", quote(input), ": UINT", 8 * width, " is not what the model takes");
    } else {
      T* out = to.mutable_data<T>();
      for (int64_t i = 0, n = to.numel(); i < n; ++i) {
        const uint64_t v = value(i);
        bool fits = width == 8 || v >> (8 * width) == 0;
        if constexpr (std::is_integral_v<T>) {
          fits = fits && v <= static_cast<uint64_t>(std::numeric_limits<T>::max());
        } else {
          // The largest values round to 2^64, which no uint64_t holds.
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

}  // namespace hearth::serve
