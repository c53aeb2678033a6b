// Routes: the addresses of the server in one table. Routing and OPTIONS use it, and a test compares it with
// openapi.json.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace hearth::serve {

/// What an address is for.
enum class Route {
  kPage,
  kHealthz,
  kOpenApi,
  kLive,
  kReady,
  kMetrics,
  kServer,
  kAllStats,
  kModel,
  kModelReady,
  kConfig,
  kStats,
  kInfer,
  kPredict,
  kIndex,
  kLoad,
  kUnload,
};

/// Who may use an address.
enum class Access { kEverybody, kInference, kAdministration };

/// One row of the table.
struct RouteInfo {
  Route route;
  const char* method;   // "GET", which includes HEAD, or "POST"
  const char* pattern;  // as in openapi.json: "/v2/models/{model}/ready"
  Access access;
  bool essential = false;  // answered even when all connections are in use
};

/// The table.
std::span<const RouteInfo> routes();

/// A row with the variable parts of a path.
struct RouteMatch {
  const RouteInfo* info;
  std::string_view model, version;  // still percent-encoded; empty if the pattern has none
};
/// The row for a path without its query; nothing if there is none.
std::optional<RouteMatch> match_route(std::string_view path);

}  // namespace hearth::serve
