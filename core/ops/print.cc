// Printing in the manner of PyTorch: four digits, columns aligned, long dimensions cut in the middle.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "core/ops/create.h"
#include "core/tensor/tensor.h"

namespace hearth {
namespace {

constexpr int64_t kThreshold = 1000;  // elements above which dimensions are cut
constexpr int64_t kEdge = 3;          // items kept at each end
constexpr size_t kLineWidth = 80;

struct Format {
  bool floating = false, integral = false, scientific = false;
  size_t width = 0;

  std::string text(double v, DType t, int64_t i) const {
    char buffer[64];
    if (t == DType::kBool) return i ? "True" : "False";
    if (!floating) return std::to_string(i);
    if (std::isnan(v)) return "nan";
    if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
    if (scientific) {
      std::snprintf(buffer, sizeof buffer, "%.4e", v);
    } else if (integral) {
      std::snprintf(buffer, sizeof buffer, "%.0f.", v);
    } else {
      std::snprintf(buffer, sizeof buffer, "%.4f", v);
    }
    return buffer;
  }
};

class Printer {
 public:
  explicit Printer(const Tensor& t) : t_(t.detach()), cut_(t.numel() > kThreshold) {
    format_.floating = t.is_floating_point();
    std::vector<int64_t> offsets;
    shown(0, t_.storage_offset(), offsets);
    if (format_.floating) choose(offsets);
    for (int64_t o : offsets) format_.width = std::max(format_.width, element(o).size());
  }

  std::string body() const { return part(0, t_.storage_offset(), 8); }

 private:
  std::string element(int64_t offset) const {
    return visit(t_.dtype(), [&]<class T>() {
      const T v = static_cast<const T*>(t_.impl()->storage->data())[offset];
      return format_.text(convert<double>(v), t_.dtype(), convert<int64_t>(v));
    });
  }
  double value(int64_t offset) const {
    return visit(t_.dtype(),
                 [&]<class T>() { return convert<double>(static_cast<const T*>(t_.impl()->storage->data())[offset]); });
  }

  template <class F>
  void items(int d, F f) const {
    const int64_t n = t_.shape()[d];
    const bool cut = cut_ && n > 2 * kEdge;
    for (int64_t i = 0; i < n; ++i) {
      if (cut && i == kEdge) {
        f(int64_t{-1});
        i = n - kEdge;
      }
      f(i);
    }
  }

  void shown(int d, int64_t at, std::vector<int64_t>& out) const {
    if (d == t_.dim()) return out.push_back(at);
    items(d, [&](int64_t i) {
      if (i >= 0) shown(d + 1, at + i * t_.strides()[d], out);
    });
  }

  void choose(const std::vector<int64_t>& offsets) {
    double low = INFINITY, high = 0;
    format_.integral = true;
    for (int64_t o : offsets) {
      const double v = std::abs(value(o));
      if (!std::isfinite(v)) continue;
      if (v != 0) low = std::min(low, v);
      high = std::max(high, v);
      if (v != std::floor(v)) format_.integral = false;
    }
    format_.scientific = high != 0 && (high > 1e8 || (!format_.integral && (high / low > 1000 || low < 1e-4)));
  }

  std::string part(int d, int64_t at, size_t indent) const {
    if (d == t_.dim()) {
      const std::string s = element(at);
      return t_.dim() == 0 ? s : std::string(format_.width - s.size(), ' ') + s;
    }
    const bool last = d + 1 == t_.dim();
    std::string out = "[";
    size_t column = indent;
    bool first = true;
    items(d, [&](int64_t i) {
      const std::string s = i < 0 ? "..." : part(d + 1, at + i * t_.strides()[d], indent + 1);
      if (!first && !last) {
        out += "," + std::string(static_cast<size_t>(t_.dim() - d - 1), '\n') + std::string(indent, ' ');
      } else if (!first) {
        out += ",";
        if (column + s.size() + 2 > kLineWidth) {
          out += "\n" + std::string(indent, ' ');
          column = indent;
        } else {
          out += " ";
          ++column;
        }
      }
      out += s;
      column += s.size() + 1;
      first = false;
    });
    return out + "]";
  }

  Tensor t_;
  bool cut_;
  Format format_;
};

}  // namespace

std::string to_string(const Tensor& t) {
  if (!t.defined()) return "tensor(undefined)";
  std::string out = "tensor(";
  const char* dtype = traits(t.dtype()).torch_name;
  std::string tail;
  if (t.device().is_meta()) {
    out += "..., device=meta, size=" + to_string(t.shape());
  } else if (t.numel() == 0) {
    out += "[]";
    if (t.dim() != 1) tail += ", size=" + to_string(t.shape());
  } else {
    const Tensor on_cpu = t.cpu();
    out += Printer(on_cpu).body();
  }
  if (t.dtype() != DType::kF32 && t.dtype() != DType::kI64 && t.dtype() != DType::kBool)
    tail += std::string(", dtype=") + dtype;
  if (t.numel() == 0 && t.dtype() == DType::kI64) tail += std::string(", dtype=") + dtype;
  if (const char* fn = t.grad_fn_name()) {
    tail += std::string(", grad_fn=<") + fn + ">";
  } else if (t.requires_grad()) {
    tail += ", requires_grad=True";
  }
  return out + tail + ")";
}

}  // namespace hearth
