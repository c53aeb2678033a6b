// ModelInfer's messages as requests and tensors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/graph/save.h"
#include "serve/base/memory_budget.h"
#include "serve/grpc/inference.pb.h"
#include "serve/model/value.h"
#include "serve/oip/infer_request.h"

namespace hearth::serve {

/// An upper bound of the memory that protobuf takes for the ModelInferRequest in these bytes, valid or not.
int64_t unpacked_bytes(std::string_view message);

/// The request, checked against the signature. kInvalidArgument names the input or the parameter and what is wrong with
/// it. Adds the tensors to `memory` before it makes them; kResourceExhausted if the budget has too little left. A file
/// for the model's own preprocessing is copied to InferRequest::file.
absl::StatusOr<InferRequest> read_request(const inference::ModelInferRequest& request,
                                          const graph::Signature& signature, Reservation& memory);

/// Fills the id and the outputs of `response` with those of `outputs`, which are in the signature's order, that the
/// request wants, as raw contents. kInvalidArgument if a number of classes is below 1.
absl::Status write_response(const InferRequest& request, const graph::Signature& signature,
                            const std::vector<Value>& outputs, inference::ModelInferResponse& response);

}  // namespace hearth::serve
