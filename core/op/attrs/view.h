#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct PermuteAttrs {
  Dims dims;
  static constexpr auto fields() { return std::make_tuple(field("dims", &PermuteAttrs::dims)); }
  bool operator==(const PermuteAttrs&) const = default;
};

struct SliceAttrs {
  int64_t dim = 0, start = 0;
  std::optional<int64_t> end;  // none: to the end
  int64_t step = 1;
  static constexpr auto fields() {
    return std::make_tuple(field("dim", &SliceAttrs::dim), field("start", &SliceAttrs::start),
                           field("end", &SliceAttrs::end), field("step", &SliceAttrs::step));
  }
  bool operator==(const SliceAttrs&) const = default;
};

struct SelectAttrs {
  int64_t dim = 0, index = 0;
  static constexpr auto fields() {
    return std::make_tuple(field("dim", &SelectAttrs::dim), field("index", &SelectAttrs::index));
  }
  bool operator==(const SelectAttrs&) const = default;
};

struct FlattenAttrs {
  int64_t start = 0, end = -1;
  static constexpr auto fields() {
    return std::make_tuple(field("start", &FlattenAttrs::start), field("end", &FlattenAttrs::end));
  }
  bool operator==(const FlattenAttrs&) const = default;
};

struct DiagonalAttrs {
  int64_t offset = 0, dim1 = 0, dim2 = 1;
  static constexpr auto fields() {
    return std::make_tuple(field("offset", &DiagonalAttrs::offset), field("dim1", &DiagonalAttrs::dim1),
                           field("dim2", &DiagonalAttrs::dim2));
  }
  bool operator==(const DiagonalAttrs&) const = default;
};

struct IndexAttrs {
  Dims dims;
  bool accumulate = false;  // index_put only
  static constexpr auto fields() {
    return std::make_tuple(field("dims", &IndexAttrs::dims), field("accumulate", &IndexAttrs::accumulate));
  }
  bool operator==(const IndexAttrs&) const = default;
};

struct UnfoldAttrs {
  int64_t dim = 0, size = 1, step = 1;
  static constexpr auto fields() {
    return std::make_tuple(field("dim", &UnfoldAttrs::dim), field("size", &UnfoldAttrs::size),
                           field("step", &UnfoldAttrs::step));
  }
  bool operator==(const UnfoldAttrs&) const = default;
};

}  // namespace hearth
