// HTTP requests and responses as plain structs. serve/http/server.h moves them over the network.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "serve/base/cancelled.h"
#include "serve/base/clock.h"
#include "serve/base/memory_budget.h"

namespace hearth::serve {

/// A complete request, or its head alone where a function says so.
struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // path and query as the client sent them
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string peer;     // the client's IP address
  Reservation memory;   // of the body
  Cancelled cancelled;  // set when the client closes the connection before it has its answer
  Clock::time_point arrived = Clock::now();

  /// The value of the first header of this name, whatever its case; null if there is none.
  const std::string* header(std::string_view name) const;
  /// The target before "?".
  std::string_view path() const;
  /// The percent-decoded value of name=value behind "?"; empty for a name without a value, nothing if there is no such
  /// name.
  std::optional<std::string> query(std::string_view name) const;
};

/// Content-Length and Connection are not among the headers: the connection adds them.
struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  Reservation memory = {};  // of the body, until it has been sent
};

/// Answers a request: call it once, from any thread, with a function that makes the response. The function runs in the
/// connection's thread.
using Respond = absl::AnyInvocable<void(absl::AnyInvocable<HttpResponse()>)>;

/// Handles a request in the connection's thread. Must call `respond` once, now or later.
using HttpHandler = std::function<void(HttpRequest, Respond)>;

/// The reason phrase of a status: "Not Found"; "Status" for one that this server does not use.
const char* http_reason(int status);

/// A response with the body {"error": message}. With 503 it also has a Retry-After header.
HttpResponse failure(int status, std::string_view message);

/// Compares ASCII text.
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// The text with %XX decoded; nothing if a % is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace hearth::serve
