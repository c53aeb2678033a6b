#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "serve/base/quote.h"
#include "serve/model/datatype.h"
#include "serve/oip/json_internal.h"

namespace hearth::serve {
namespace {

namespace dom = simdjson::dom;

template <class T>
class DataReader {
 public:
  DataReader(T* to, const Shape& shape, std::string_view name) : to_(to), shape_(shape), name_(name) {}

  absl::Status read(const dom::array& data) {
    bool nested = false;
    for (const dom::element e : data) {
      nested = e.is_array();
      break;
    }
    return nested ? read_nested(data, 0) : read_flat(data, shape_.numel(), "");
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
      if (size == 0xFFFFFF) {  // simdjson's count ends there
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
      if (e.get(inner))
        return bad("input ", quote(name_), ": data mixes lists and ",
                   std::is_same_v<T, std::string> ? "strings" : "numbers");
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
    if constexpr (std::is_same_v<T, std::string>) {
      std::string_view v;
      if (e.get(v)) return bad("input ", quote(name_), ": data has an element that is not a string");
      *to_++ = v;
    } else if constexpr (std::is_same_v<T, bool>) {
      bool v = false;
      if (e.get(v)) {
        int64_t n = 0;
        if (e.get(n) || (n != 0 && n != 1))
          return bad("input ", quote(name_), ": data has an element that is not true or false");
        v = n == 1;
      }
      *to_++ = v;
    } else if constexpr (std::is_floating_point_v<T>) {
      double v = 0;
      if (e.get(v)) return bad("input ", quote(name_), ": data has an element that is not a number");
      const T t = static_cast<T>(v);
      if (std::isinf(t)) return bad("input ", quote(name_), ": ", v, " is too large for its datatype");
      *to_++ = t;
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      uint64_t v = 0;
      if (e.get(v))
        return bad("input ", quote(name_), ": data has an element that is not a whole number of at least 0");
      *to_++ = v;
    } else {
      int64_t v = 0;
      if (e.get(v)) {
        double f = 0;  // 3.0 is a whole number too
        if (e.get(f) || f != std::floor(f) || std::abs(f) > 9e15)
          return bad("input ", quote(name_), ": data has an element that is not a whole number");
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

}  // namespace

absl::Status read_data(const dom::array& data, Tensor& t, std::string_view name) {
  return visit(t.dtype(), [&]<class T>() -> absl::Status {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      return bad("input ", quote(name), ": ", oip_datatype(t.dtype()),
                 " cannot be written in JSON; send it as binary data");
    } else {
      return DataReader<T>(t.mutable_data<T>(), t.shape(), name).read(data);
    }
  });
}

absl::Status read_unsigned(const dom::array& data, const Shape& shape, std::string_view name,
                           std::vector<uint64_t>& to) {
  return DataReader<uint64_t>(to.data(), shape, name).read(data);
}

absl::Status read_strings(const dom::array& data, const Shape& shape, std::string_view name,
                          std::vector<std::string>& to) {
  return DataReader<std::string>(to.data(), shape, name).read(data);
}

}  // namespace hearth::serve
