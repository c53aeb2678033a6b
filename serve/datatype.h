// The protocol's datatypes and tensors' bytes, held against what a model takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/graph/save.h"
#include "core/tensor/tensor.h"

namespace hearth::serve {

// A name from outside, for a message: cut where it is long.
std::string quote(std::string_view name);
std::string shape_text(const std::vector<graph::Signature::Extent>& shape);

// "FP32" and the like; null for a dtype that the protocol has not.
const char* oip_datatype(DType t);
std::optional<DType> parse_oip_datatype(std::string_view name);

// UINT16, UINT32 and UINT64: no tensor has them, but an input of a wider or signed dtype, or of FP32 and FP64, takes
// their values where it holds them exactly.
bool is_wider_unsigned(std::string_view datatype);

// How many bytes an element of this datatype has as a client sends it; kInvalidArgument if the input does not take it.
absl::StatusOr<int> check_datatype(const graph::Signature::Port& port, std::string_view datatype);
absl::Status check_shape(const graph::Signature::Port& port, const Shape& shape);
// Holds inputs in the signature's order against it: dtypes, shapes, and that sizes of one name agree.
absl::Status check_inputs(const graph::Signature& signature, const std::vector<Tensor>& inputs);

// Fills `to` with an element's bytes one after another, little endian; there are as many as to.numel() needs.
absl::Status read_raw(std::string_view raw, std::string_view datatype, Tensor& to, std::string_view input);
// Fills `to` with unsigned values of so many bytes each; kInvalidArgument for one that its dtype does not hold exactly.
absl::Status fill_exactly(Tensor& to, std::string_view input, int width, absl::FunctionRef<uint64_t(int64_t)> value);

// The element of a BYTES tensor that has one and is sent as raw bytes: a length of four bytes stands before it.
std::optional<std::string_view> only_bytes_element(std::string_view raw);

// What the outputs of a run will take, as far as the inputs' sizes tell it.
int64_t output_bytes(const graph::Signature& signature, const std::vector<Tensor>& inputs);
int64_t bytes_of(const std::vector<Tensor>& tensors);

}  // namespace hearth::serve
