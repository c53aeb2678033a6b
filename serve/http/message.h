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

class WebSocketHandler;

/// A complete request, or its head alone where a function says so.
struct HttpRequest {
  /// The method, such as "GET".
  std::string method;
  /// Path and query as the client sent them, or "*". If the client sent a whole URI, its path and query.
  std::string target;
  /// Names and values of the headers. A name may occur several times.
  std::vector<std::pair<std::string, std::string>> headers;
  /// The body as it was sent: without "chunked", but not decompressed.
  std::string body;
  /// The client's IP address.
  std::string peer;
  /// The memory of the body.
  Reservation memory;
  /// Becomes true when the client closes the connection before it has its answer. Null in a head.
  Cancelled cancelled;
  /// When the first byte of the request came.
  Clock::time_point arrived = Clock::now();

  /// The value of the first header of this name; upper and lower case do not matter. Null if there is none. The pointer
  /// is valid until the headers change.
  const std::string* header(std::string_view name) const;
  /// The part of the target before "?".
  std::string_view path() const;
  /// The percent-decoded value of the first name=value with this name behind "?"; empty for a name without a value.
  /// Nothing if there is no such name, or if its value cannot be decoded.
  std::optional<std::string> query(std::string_view name) const;
};

/// A response.
struct HttpResponse {
  int status = 200;                               ///< The HTTP status.
  std::string content_type = "application/json";  ///< The Content-Type header; not sent with status 204.
  /// Further headers. Content-Type and Content-Length are not among them, nor what Connection says of keeping it: the
  /// connection adds those.
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};    ///< The body, which is not sent in answer to HEAD.
  std::string error = {};   ///< Of failure(): its message, for whoever gives errors another shape.
  Reservation memory = {};  ///< The memory of the body, held until it has been sent.
  /// With status 101: what the connection, now a WebSocket, gives its messages to (open_websocket()).
  std::shared_ptr<WebSocketHandler> socket = {};
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

/// Whether two texts are equal if ASCII letters are compared without their case.
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// The text with %XX decoded; nothing if a % is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace hearth::serve
