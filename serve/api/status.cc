#include "serve/api/status.h"

#include <utility>

namespace hearth::serve {

int http_status(const absl::Status& s) {
  switch (s.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kDataLoss:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    case absl::StatusCode::kCancelled:
      return 499;
    default:
      return 500;
  }
}

int file_status(const absl::Status& s) {
  return absl::IsUnimplemented(s) ? 415 : absl::IsResourceExhausted(s) ? 413 : http_status(s);
}

HttpResponse failure(const absl::Status& s) { return failure(http_status(s), std::string(s.message())); }

HttpResponse json_answer(std::string body, int status) { return {.status = status, .body = std::move(body)}; }

}  // namespace hearth::serve
