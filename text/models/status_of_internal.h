// Errors of the tensor API as statuses.
#pragma once

#include "absl/status/status.h"
#include "core/base/error.h"

namespace hearth::text {

inline absl::Status status_of(const Error& e) {
  switch (e.kind()) {
    case ErrorKind::kUnsupported:
      return absl::UnimplementedError(e.message());
    case ErrorKind::kOutOfMemory:
      return absl::ResourceExhaustedError(e.message());
    case ErrorKind::kInternal:
      return absl::InternalError(e.message());
    default:
      return absl::InvalidArgumentError(e.message());
  }
}

}  // namespace hearth::text
