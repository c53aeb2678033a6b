// HTTP responses for absl::Status and for JSON.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "serve/http/message.h"

namespace hearth::serve {

/// The HTTP status for an error: 400, 404, 500, 501, 503 or 504, and 499 for kCancelled.
int http_status(const absl::Status& s);

/// The HTTP status for a file that could not be decoded: 413 for one that is too large, 415 for an unknown format, else
/// as http_status().
int file_status(const absl::Status& s);

/// The response to an error: http_status() and {"error": message}.
HttpResponse failure(const absl::Status& s);

/// A response with this JSON body.
HttpResponse json_answer(std::string body, int status = 200);

}  // namespace hearth::serve
