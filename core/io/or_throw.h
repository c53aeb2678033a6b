// or_throw: from a Status to an exception, for programs that end with an error's text:
//
//   const io::Safetensors file = io::or_throw(io::load_safetensors(path));
//   io::or_throw(checkpoint.save(path));
//
// Readers and writers of files return an absl::Status. This is the only other form.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::io {

/// Throws Error with the status's text unless it is OK. The kind follows from the code: kInvalidArgument, kUnsupported
/// (from kUnimplemented), kOutOfMemory (from kResourceExhausted), kInternal, and kIo for all others.
void or_throw(const absl::Status& status);

/// The value. Throws as above if there is none.
template <class T>
T or_throw(absl::StatusOr<T> value) {
  or_throw(value.status());
  return *std::move(value);
}

}  // namespace hearth::io
