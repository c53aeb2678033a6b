// The protocol's datatypes ("FP32"), and tensors' bytes as clients send them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/graph/save.h"
#include "core/tensor/tensor.h"

namespace hearth::serve {

/// The protocol's name of a dtype, such as "FP32"; null for a dtype that the protocol does not have.
const char* oip_datatype(DType t);
/// The protocol's name of what an input or output holds: that of its dtype, or "BYTES".
const char* oip_datatype(const graph::Signature::Port& port);
/// The name that Triton's model configuration has for it, such as "TYPE_FP32"; "TYPE_STRING" for BYTES.
std::string config_datatype(const graph::Signature::Port& port);
/// The dtype with this name; nothing if there is none.
std::optional<DType> parse_oip_datatype(std::string_view name);

/// True for UINT16, UINT32 and UINT64. No tensor has these, but an input with a wider or signed dtype, or with FP32 or
/// FP64, takes their values where it represents them exactly.
bool is_wider_unsigned(std::string_view datatype);

/// The bytes of one element of `datatype` as a client sends it; 0 for BYTES, whose elements differ. kInvalidArgument if
/// the input does not take this datatype.
absl::StatusOr<int> check_datatype(const graph::Signature::Port& port, std::string_view datatype);

/// Fills `to`, which is contiguous, from packed little-endian elements. The caller has checked `datatype`
/// (check_datatype), and `raw` must have exactly the bytes that `datatype` and to.numel() ask for. kInvalidArgument
/// names `input` if a value does not fit (see fill_exactly).
absl::Status read_raw(std::string_view raw, std::string_view datatype, Tensor& to, std::string_view input);

/// Fills `to` with the unsigned integers value(0), value(1), ... of `width` bytes each; kInvalidArgument names `input`
/// and the first value that the dtype of `to` does not represent exactly.
absl::Status fill_exactly(Tensor& to, std::string_view input, int width, absl::FunctionRef<uint64_t(int64_t)> value);

}  // namespace hearth::serve
