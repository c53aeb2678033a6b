// What an exception means to whoever asked.
#pragma once

#include "absl/status/status.h"

namespace hearth::serve {

// Of the exception that is being handled: kResourceExhausted for a lack of memory, kInvalidArgument and kUnimplemented
// for an Error of those kinds, else kInternal.
absl::Status current_exception_status();

}  // namespace hearth::serve
