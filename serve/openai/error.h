// Errors in the shape of OpenAI's API: {"error": {"message": ..., "type": ..., "param": ..., "code": ...}}.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace hearth::serve {

/// The error with the parameter of the request that is wrong, and possibly with OpenAI's code for it, such as
/// "model_not_found". openai_error_json() writes both.
absl::Status with_param(absl::Status s, std::string_view param, std::string_view code = {});

/// The body of an answer with this HTTP status. The parameter and the code are those of with_param(), else null. The
/// code of 401 is "invalid_api_key".
std::string openai_error_json(int http_status, const absl::Status& s);

}  // namespace hearth::serve
