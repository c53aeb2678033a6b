// The addresses of the server, in one table: what routes requests, answers OPTIONS, and is held against openapi.json.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace hearth::serve {

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

enum class Access { kEverybody, kInference, kAdministration };

struct RouteInfo {
  Route route;
  const char* method;   // "GET" or "POST"; HEAD goes where GET goes
  const char* pattern;  // as in openapi.json: "/v2/models/{model}/ready"
  Access access;
  bool essential = false;  // answered even when there are too many connections
};

std::span<const RouteInfo> routes();

struct RouteMatch {
  const RouteInfo* info;
  std::string_view model, version;  // as they stand in the path
};
// Of a path without its query; nothing where there is no such address.
std::optional<RouteMatch> match_route(std::string_view path);

}  // namespace hearth::serve
