#include "core/tensor/dtype.h"

#include "core/base/error.h"

namespace hearth {

std::string to_string(DType t) { return traits(t).name; }

DType parse_dtype(std::string_view name) {
  for (int i = 0; i < kDTypes; ++i) {
    const auto& t = kDTypeTraits[static_cast<size_t>(i)];
    if (name == t.name || name == t.torch_name) return static_cast<DType>(i);
  }
  fail("unknown dtype '", name, "'");
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  const auto &ta = traits(a), &tb = traits(b);
  if (ta.kind == DTypeKind::kComplex || tb.kind == DTypeKind::kComplex) {
    const auto part = [](DType t) { return is_differentiable(t) ? real_type(t) : DType::kF32; };
    return complex_type(promote(part(a), part(b)));
  }
  if (ta.kind != tb.kind) return ta.kind > tb.kind ? a : b;
  if (ta.kind == DTypeKind::kFloat) {
    if (ta.size == tb.size) return DType::kF32;  // f16 with bf16
    return ta.size > tb.size ? a : b;
  }
  if (a == DType::kU8 || b == DType::kU8) {
    const DType other = a == DType::kU8 ? b : a;
    return other == DType::kI8 ? DType::kI16 : other;
  }
  return ta.size > tb.size ? a : b;
}

void detail::complex_is_not_taken(DType t) {
  fail(ErrorKind::kUnsupported, "complex numbers are not taken here, but the dtype is ", t,
       "; view_as_real() shows them as pairs of real numbers");
}

std::string to_string(DTypeSet set) {
  std::string out;
  for (int i = 0; i < kDTypes; ++i) {
    if (!set.contains(static_cast<DType>(i))) continue;
    if (!out.empty()) out += ", ";
    out += kDTypeTraits[static_cast<size_t>(i)].name;
  }
  return out.empty() ? "none" : out;
}

}  // namespace hearth
