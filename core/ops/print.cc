// Columns aligned, long dimensions cut in the middle.
#include "core/ops/print.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/ops/create.h"
#include "core/tensor/tensor.h"

namespace hearth {
namespace {

constexpr size_t kIndent = 7;  // of "tensor("
constexpr int kMostDigits = 40;

Mutex options_mutex;
PrintOptions process_options ABSL_GUARDED_BY(options_mutex);

enum class Style { kPlain, kWhole, kFixed, kScientific };

std::string format_float(Style style, int precision, double v) {
  if (std::isnan(v)) return "nan";
  if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
  char buffer[400];  // "%.0f" of the largest double has 309 digits, and kMostDigits follow
  if (style == Style::kWhole) std::snprintf(buffer, sizeof buffer, "%.0f.", v);
  else std::snprintf(buffer, sizeof buffer, style == Style::kScientific ? "%.*e" : "%.*f", precision, v);
  return buffer;
}

class Printer {
 public:
  Printer(const Tensor& t, const PrintOptions& options)
      : t_(t.detach()), options_(options), cut_(t.numel() > options.threshold) {
    std::vector<int64_t> offsets;
    shown(0, t_.storage_offset(), offsets);
    if (t_.is_complex()) {
      choose(offsets, 0);
      choose(offsets, 1);
      width_ += imaginary_.width + 1;
    } else if (t_.is_floating_point()) {
      choose(offsets, 0);
    } else {
      for (int64_t o : offsets) width_ = std::max(width_, plain(o).size());
    }
  }

  std::string body() const {
    return t_.dim() == 0 ? element(t_.storage_offset()) : part(0, t_.storage_offset(), kIndent);
  }

 private:
  // part 1 is the imaginary one.
  double value(int64_t offset, int part = 0) const {
    return visit_any(t_.dtype(), [&]<class T>() -> double {
      const T v = static_cast<const T*>(t_.impl()->storage->data())[offset];
      if constexpr (is_complex_number<T>) return part ? v.imag() : v.real();
      else return convert<double>(v);
    });
  }
  std::string plain(int64_t offset) const {
    return visit(t_.dtype(), [&]<class T>() -> std::string {
      const T v = static_cast<const T*>(t_.impl()->storage->data())[offset];
      if constexpr (std::is_same_v<T, bool>) return v ? "True" : "False";
      else return std::to_string(convert<int64_t>(v));
    });
  }
  std::string format(Style style, double v) const { return format_float(style, options_.precision, v); }
  std::string element(int64_t offset) const {
    if (t_.is_complex()) {
      const std::string re = format(style_, value(offset)), im = format(imaginary_.style, value(offset, 1));
      const size_t width = width_ - imaginary_.width - 1;
      return std::string(re.size() < width ? width - re.size() : 0, ' ') + re + (im[0] == '-' ? "" : "+") + im + "j";
    }
    const std::string s = style_ == Style::kPlain ? plain(offset) : format(style_, value(offset));
    return std::string(s.size() < width_ ? width_ - s.size() : 0, ' ') + s;
  }

  // f(i) for each item of a dimension that is shown; f(-1) for the gap.
  template <class F>
  void items(int d, F f) const {
    const int64_t n = t_.shape()[d];
    const bool cut = cut_ && n > 2 * options_.edgeitems;
    for (int64_t i = 0; i < n; ++i) {
      if (cut && i == options_.edgeitems) {
        f(int64_t{-1});
        i = n - options_.edgeitems;
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

  // Zeros, NaN and infinities decide neither style nor width.
  void choose(const std::vector<int64_t>& offsets, int part) {
    double low = INFINITY, high = 0;
    std::vector<double> counted;
    bool whole = true;
    for (int64_t o : offsets) {
      const double v = value(o, part);
      if (v == 0 || !std::isfinite(v)) continue;
      counted.push_back(v);
      low = std::min(low, std::abs(v));
      high = std::max(high, std::abs(v));
      whole &= v == std::ceil(v);
    }
    const bool scientific =
        options_.sci_mode.value_or(!counted.empty() && (high / low > 1000 || high > 1e8 || (!whole && low < 1e-4)));
    Style& style = part ? imaginary_.style : style_;
    size_t& width = part ? imaginary_.width : width_;
    style = scientific ? Style::kScientific : whole ? Style::kWhole : Style::kFixed;
    for (double v : counted) width = std::max(width, format(style, v).size());
  }

  std::string row(int64_t at, size_t indent) const {
    const size_t line = static_cast<size_t>(options_.linewidth), room = line - std::min(indent, line);
    const size_t per_line = std::max<size_t>(room / (width_ + 2), 1);
    std::string out = "[";
    size_t count = 0;
    items(t_.dim() - 1, [&](int64_t i) {
      if (count > 0) out += count % per_line ? ", " : ",\n" + std::string(indent + 1, ' ');
      out += i < 0 ? " ..." : element(at + i * t_.strides().back());
      ++count;
    });
    return out + "]";
  }

  std::string part(int d, int64_t at, size_t indent) const {
    if (d + 1 == t_.dim()) return row(at, indent);
    std::string out = "[";
    bool first = true;
    items(d, [&](int64_t i) {
      if (!first) out += "," + std::string(static_cast<size_t>(t_.dim() - d - 1), '\n') + std::string(indent + 1, ' ');
      first = false;
      out += i < 0 ? "..." : part(d + 1, at + i * t_.strides()[d], indent + 1);
    });
    return out + "]";
  }

  Tensor t_;
  const PrintOptions& options_;
  bool cut_;
  Style style_ = Style::kPlain;
  size_t width_ = 1;
  // Of complex numbers style_ is the real part's.
  struct {
    Style style = Style::kPlain;
    size_t width = 1;
  } imaginary_;
};

void check_options(const PrintOptions& o) {
  HEARTH_CHECK(o.precision >= 0 && o.precision <= kMostDigits, "PrintOptions: precision must be from 0 to ",
               kMostDigits, ", but is ", o.precision);
  constexpr int64_t kMost = 1 << 30;
  HEARTH_CHECK(
      o.threshold >= 0 && o.edgeitems >= 1 && o.edgeitems <= kMost && o.linewidth >= 1,
      "PrintOptions: threshold must not be negative, edgeitems must be from 1 to 2^30 and linewidth at least 1, "
      "but they are ",
      o.threshold, ", ", o.edgeitems, " and ", o.linewidth);
}

// As Python writes a tuple.
std::string tuple(const Shape& shape) {
  std::string out = "(";
  for (int d = 0; d < shape.rank(); ++d) out += (d ? ", " : "") + std::to_string(shape[d]);
  return out + (shape.rank() == 1 ? ",)" : ")");
}

}  // namespace

PrintOptions get_printoptions() {
  const MutexLock lock(options_mutex);
  return process_options;
}
void set_printoptions(const PrintOptions& options) {
  check_options(options);
  const MutexLock lock(options_mutex);
  process_options = options;
}

std::string to_string(const Tensor& t) { return to_string(t, get_printoptions()); }

std::string to_string(const Tensor& t, const PrintOptions& options) {
  check_options(options);
  if (!t.defined()) return "tensor(undefined)";
  const std::string dtype = "dtype=" + std::string(traits(t.dtype()).torch_name);
  std::string text = "tensor(";
  std::vector<std::string> tail;
  if (!t.device().is_cpu()) tail.push_back("device='" + to_string(t.device()) + "'");
  if (t.device().is_meta()) {
    text += "...";
    tail.push_back("size=" + tuple(t.shape()));
    if (t.dtype() != default_dtype()) tail.push_back(dtype);
  } else if (t.numel() == 0) {
    text += "[]";
    if (t.dim() != 1) tail.push_back("size=" + tuple(t.shape()));
    if (t.dtype() != default_dtype()) tail.push_back(dtype);
  } else {
    text += Printer(t.cpu(), options).body();
    if (t.dtype() != default_dtype() && t.dtype() != DType::kI64 && t.dtype() != DType::kBool &&
        t.dtype() != DType::kC64)
      tail.push_back(dtype);
  }
  if (const char* fn = t.grad_fn_name()) {
    tail.push_back(std::string("grad_fn=<") + fn + ">");
  } else if (t.requires_grad()) {
    tail.push_back("requires_grad=True");
  }
  const size_t line = text.rfind('\n');
  size_t column = text.size() - (line == std::string::npos ? size_t(-1) : line) + 1;
  for (const std::string& s : tail) {
    if (column + s.size() + 2 > static_cast<size_t>(options.linewidth)) {
      text += ",\n" + std::string(kIndent, ' ') + s;
      column = kIndent + s.size();
    } else {
      text += ", " + s;
      column += s.size() + 2;
    }
  }
  return text + ")";
}

std::ostream& operator<<(std::ostream& out, const Tensor& t) { return out << to_string(t); }
std::ostream& operator<<(std::ostream& out, const Dims& d) { return out << to_string(d); }
std::ostream& operator<<(std::ostream& out, DType t) { return out << to_string(t); }
std::ostream& operator<<(std::ostream& out, Device d) { return out << to_string(d); }

}  // namespace hearth
