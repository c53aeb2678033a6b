#include "serve/base/error_status.h"

#include <exception>
#include <new>

#include "core/base/error.h"

namespace hearth::serve {

absl::Status current_exception_status() {
  try {
    throw;
  } catch (const Error& e) {
    switch (e.kind()) {
      case ErrorKind::kInvalidArgument:
        return absl::InvalidArgumentError(e.what());
      case ErrorKind::kUnsupported:
        return absl::UnimplementedError(e.what());
      case ErrorKind::kOutOfMemory:
        return absl::ResourceExhaustedError(e.what());
      default:
        return absl::InternalError(e.what());
    }
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& e) {
    return absl::InternalError(e.what());
  }
}

}  // namespace hearth::serve
