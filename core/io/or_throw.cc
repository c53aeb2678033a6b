#include "core/io/or_throw.h"

#include <string>

#include "core/base/error.h"

namespace hearth::io {
namespace {

ErrorKind kind_of(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return ErrorKind::kInvalidArgument;
    case absl::StatusCode::kUnimplemented:
      return ErrorKind::kUnsupported;
    case absl::StatusCode::kResourceExhausted:
      return ErrorKind::kOutOfMemory;
    case absl::StatusCode::kInternal:
      return ErrorKind::kInternal;
    default:
      return ErrorKind::kIo;
  }
}

}  // namespace

void or_throw(const absl::Status& status) {
  if (!status.ok()) fail(kind_of(status.code()), std::string(status.message()));
}

}  // namespace hearth::io
