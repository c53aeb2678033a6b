// From a Status to an exception, for programs that have nothing better to do with an error than to end with its text:
//
//   const io::Safetensors file = io::or_throw(io::load_safetensors(path));
//   io::or_throw(checkpoint.save(path));
//
// Readers and writers of files answer with an absl::Status. Each has this second form, and no other.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::io {

// Throws Error with the status's text, and a kind after its code: kInvalidArgument, kUnsupported (kUnimplemented),
// kOutOfMemory (kResourceExhausted), kInternal, and kIo for everything else. Does nothing if it is OK.
void or_throw(const absl::Status& status);

// The value; or throws as above.
template <class T>
T or_throw(absl::StatusOr<T> value) {
  or_throw(value.status());
  return *std::move(value);
}

}  // namespace hearth::io
