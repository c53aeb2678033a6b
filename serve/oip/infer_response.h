// The answer to an infer request as JSON, with or without binary tensors behind it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/save.h"
#include "serve/model/value.h"
#include "serve/oip/infer_request.h"

namespace hearth::serve {

/// The body of an answer.
struct InferResponse {
  std::string body;         ///< JSON, and behind it the outputs that were wanted as binary data.
  int64_t json_length = 0;  ///< Bytes of JSON at the beginning of the body if binary data follow, else 0.
};

/// The answer of version `version` of the model `model`: of its outputs, which are in the signature's order, those that
/// the request wants. kInvalidArgument if one is wanted in JSON and its dtype (FP16, BF16) cannot be written there, or
/// it has a value that JSON cannot represent (NaN, infinity, strings that are not UTF-8).
absl::StatusOr<InferResponse> write_infer(std::string_view model, int64_t version, const InferRequest& request,
                                          const graph::Signature& signature, const std::vector<Value>& outputs);

/// An upper bound of the memory that write_infer takes besides the outputs, in bytes.
int64_t response_bytes(const InferRequest& request, const graph::Signature& signature,
                       const std::vector<Value>& outputs);

}  // namespace hearth::serve
