// HTTP as the rest of serve sees it: plain requests and responses. http_server.h moves them over the network.
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
#include "serve/memory_budget.h"
#include "serve/scheduler.h"

namespace hearth::serve {

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // path and query as they came
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string peer;     // the client's address
  Reservation memory;   // of the body
  Cancelled cancelled;  // set when the client goes away while the request is being answered
  Clock::time_point arrived = Clock::now();

  // A header's value, whatever the case of its name; null if there is none.
  const std::string* header(std::string_view name) const;
  // The target before "?".
  std::string_view path() const;
  // The value of name=value behind "?", percent-decoded; nothing if there is none.
  std::optional<std::string> query(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  Reservation memory = {};  // of the body, until it is written
};

// Takes what makes the response, from any thread, once; the making runs in the connection's own thread.
using Respond = absl::AnyInvocable<void(absl::AnyInvocable<HttpResponse()>)>;

// Called in a connection's thread. Must call `respond` once, at any time.
using HttpHandler = std::function<void(HttpRequest, Respond)>;

const char* http_reason(int status);

// An answer with the body {"error": message}; 503 says when to try again.
HttpResponse failure(int status, std::string_view message);

// Of ASCII.
bool equal_ignoring_case(std::string_view a, std::string_view b);

// Percent-decoded; nothing where a % is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace hearth::serve
