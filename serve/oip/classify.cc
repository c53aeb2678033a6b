#include "serve/oip/classify.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "absl/strings/str_format.h"
#include "core/base/error.h"
#include "core/ops/create.h"

namespace hearth::serve {
namespace {

struct Counts {
  int64_t rows, values, classes;  // values and classes of each row
};

Counts count(const Tensor& output, int64_t k, bool batched) {
  const int64_t rows = batched && output.dim() > 0 ? output.size(0) : 1;
  const int64_t values = rows > 0 ? output.numel() / rows : 0;
  return {rows, values, std::min(k, values)};
}

}  // namespace

const std::vector<std::string>& labels_of(const graph::Signature& signature, size_t output) {
  static const std::vector<std::string> none;
  return output == 0 ? signature.labels : none;
}

int64_t classes_bytes(const Tensor& output, int64_t k, bool batched, const std::vector<std::string>& labels) {
  constexpr int64_t kString = 64, kIndex = 24;
  const Counts n = count(output, k, batched);
  size_t label = 0;
  for (const std::string& l : labels) label = std::max(label, l.size());
  // The values as f64, their order, and each text three times; "%f" writes up to 309 digits of an f64.
  const int64_t text = (output.dtype() == DType::kF64 ? 320 : 48) + kIndex + static_cast<int64_t>(label);
  return output.numel() * 16 + n.values * 8 + n.rows * n.classes * (kString + 3 * text);
}

absl::StatusOr<Classes> classify(const Tensor& output, int64_t k, bool batched,
                                 const std::vector<std::string>& labels) {
  if (k < 1) return absl::InvalidArgumentError("the parameter \"classification\" must be at least 1");
  const auto [rows, values, classes] = count(output, k, batched);
  const std::vector<double> v = output.to(f64).to_vector<double>();
  Classes c{.shape = batched ? Shape{rows, classes} : Shape{classes}, .texts = {}};
  std::vector<int64_t> order(static_cast<size_t>(values));
  for (int64_t row = 0; row < rows; ++row) {
    const double* of = v.data() + row * values;
    std::iota(order.begin(), order.end(), int64_t{0});
    // NaN comes last.
    const auto key = [&](int64_t i) { return std::isnan(of[i]) ? -std::numeric_limits<double>::infinity() : of[i]; };
    std::partial_sort(order.begin(), order.begin() + classes, order.end(),
                      [&](int64_t a, int64_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
    for (int64_t i = 0; i < classes; ++i) {
      const int64_t index = order[static_cast<size_t>(i)];
      std::string text = output.is_floating_point() ? absl::StrFormat("%f", of[index])
                                                    : absl::StrFormat("%d", static_cast<int64_t>(of[index]));
      text += concat(":", index);
      if (static_cast<size_t>(index) < labels.size()) text += concat(":", labels[static_cast<size_t>(index)]);
      c.texts.push_back(std::move(text));
    }
  }
  return c;
}

}  // namespace hearth::serve
