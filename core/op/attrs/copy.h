#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct CopyAttrs {
  std::optional<DType> dtype = std::nullopt;  // none: the operand's
  MemoryFormat format = MemoryFormat::kPreserve;
  static constexpr auto fields() {
    return std::make_tuple(field("dtype", &CopyAttrs::dtype), field("format", &CopyAttrs::format));
  }
  bool operator==(const CopyAttrs&) const = default;
};

// To another device.
struct TransferAttrs {
  Device device;
  bool non_blocking = false;  // how, not what: not saved with a graph
  static constexpr auto fields() { return std::make_tuple(field("device", &TransferAttrs::device)); }
  bool operator==(const TransferAttrs&) const = default;
};

}  // namespace hearth
