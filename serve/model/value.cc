#include "serve/model/value.h"

#include <utility>

#include "core/base/error.h"
#include "core/ops/join.h"
#include "core/ops/view.h"

namespace hearth::serve {

int64_t bytes_tensor_memory(int64_t strings, int64_t characters) {
  return strings * static_cast<int64_t>(sizeof(std::string)) + characters;
}

Value::Value(BytesTensor bytes) {
  HEARTH_CHECK(bytes.shape.numel() == static_cast<int64_t>(bytes.elements.size()), "Value: ", bytes.elements.size(),
               " strings are not a BYTES tensor of shape ", bytes.shape);
  bytes_ = std::make_shared<const BytesTensor>(std::move(bytes));
}

const Tensor& Value::tensor() const {
  HEARTH_CHECK(!bytes_, "Value::tensor: it holds strings (BYTES)");
  return tensor_;
}

const BytesTensor& Value::bytes() const {
  HEARTH_CHECK(bytes_, "Value::bytes: it holds no strings (BYTES)");
  return *bytes_;
}

int64_t Value::nbytes() const {
  if (!bytes_) return tensor_.defined() ? static_cast<int64_t>(tensor_.nbytes()) : 0;
  int64_t characters = 0;
  for (const std::string& s : bytes_->elements) characters += static_cast<int64_t>(s.size());
  return bytes_tensor_memory(static_cast<int64_t>(bytes_->elements.size()), characters);
}

Value concatenate(std::span<const Value> values) {
  HEARTH_CHECK(!values.empty(), "concatenate: there are no values");
  if (!values[0].is_bytes()) return cat(tensors_of(values), 0);
  BytesTensor whole{.shape = values[0].shape(), .elements = {}};
  HEARTH_CHECK(whole.shape.rank() > 0, "concatenate: a BYTES tensor without dimensions has no rows");
  whole.shape[0] = 0;
  for (const Value& v : values) {
    const BytesTensor& part = v.bytes();
    Shape fits = whole.shape;
    fits[0] = part.shape.rank() > 0 ? part.shape[0] : 0;
    HEARTH_CHECK(part.shape == fits, "concatenate: BYTES tensors of shapes ", values[0].shape(), " and ", part.shape,
                 " do not fit together");
    whole.shape[0] += part.shape[0];
    whole.elements.insert(whole.elements.end(), part.elements.begin(), part.elements.end());
  }
  return whole;
}

Value rows(const Value& value, int64_t begin, int64_t end) {
  if (!value.is_bytes()) return slice(value.tensor(), 0, begin, end);
  const BytesTensor& whole = value.bytes();
  HEARTH_CHECK(whole.shape.rank() > 0 && begin >= 0 && begin <= end && end <= whole.shape[0],
               "rows: a BYTES tensor of shape ", whole.shape, " has no rows ", begin, " to ", end);
  BytesTensor part{.shape = whole.shape, .elements = {}};
  part.shape[0] = end - begin;
  const int64_t each = whole.shape[0] > 0 ? whole.shape.numel() / whole.shape[0] : 0;
  part.elements.assign(whole.elements.begin() + begin * each, whole.elements.begin() + end * each);
  return part;
}

std::vector<Tensor> tensors_of(std::span<const Value> values) {
  std::vector<Tensor> out;
  out.reserve(values.size());
  for (const Value& v : values) out.push_back(v.tensor());
  return out;
}

}  // namespace hearth::serve
