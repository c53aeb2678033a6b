// ModelInfer's messages as the scheduler takes and gives them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "serve/grpc/inference.pb.h"
#include "serve/memory_budget.h"
#include "serve/oip.h"
#include "serve/servable.h"

namespace hearth::serve {

// No less than protobuf takes of memory for a ModelInferRequest of these bytes, whatever they are.
int64_t unpacked_bytes(std::string_view message);

// kInvalidArgument names the input or the parameter and what is wrong with it. The tensors are added to `memory` before
// they are made. A file for the model's own preprocessing is left in InferRequest::file, which points into `request`.
absl::StatusOr<InferRequest> read_request(const inference::ModelInferRequest& request,
                                          const graph::Signature& signature, Reservation& memory);

absl::Status write_response(const InferRequest& request, const graph::Signature& signature,
                            const std::vector<Tensor>& outputs, inference::ModelInferResponse& response);

}  // namespace hearth::serve
