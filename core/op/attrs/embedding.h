#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct EmbeddingAttrs {
  std::optional<int64_t> padding = std::nullopt;  // a row that gets no gradient, counted from the start
  int64_t rows = 0;                               // embedding_grad: of the weight
  static constexpr auto fields() {
    return std::make_tuple(field("padding", &EmbeddingAttrs::padding), field("rows", &EmbeddingAttrs::rows));
  }
  bool operator==(const EmbeddingAttrs&) const = default;
};

}  // namespace hearth
