// Exceptions as absl::Status.
#pragma once

#include "absl/status/status.h"

namespace hearth::serve {

/// The status for the exception that is being handled. Call it in a catch block only. kResourceExhausted: out of
/// memory; kInvalidArgument and kUnimplemented: a hearth::Error of that kind; else kInternal. The message is the
/// exception's. An exception that is not a std::exception is thrown again.
absl::Status current_exception_status();

}  // namespace hearth::serve
