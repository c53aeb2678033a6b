#include "serve/api/routes.h"

#include <array>

namespace hearth::serve {
namespace {

#define HEARTH_MODEL "/v2/models/{model}"
#define HEARTH_VERSION HEARTH_MODEL "/versions/{version}"

constexpr std::array kRoutes{
    RouteInfo{Route::kPage, "GET", "/", Access::kEverybody},
    RouteInfo{Route::kHealthz, "GET", "/healthz", Access::kEverybody, true},
    RouteInfo{Route::kOpenApi, "GET", "/openapi.json", Access::kEverybody},
    RouteInfo{Route::kLive, "GET", "/v2/health/live", Access::kEverybody, true},
    RouteInfo{Route::kReady, "GET", "/v2/health/ready", Access::kEverybody, true},
    RouteInfo{Route::kMetrics, "GET", "/metrics", Access::kInference},
    RouteInfo{Route::kServer, "GET", "/v2", Access::kInference},
    RouteInfo{Route::kAllStats, "GET", "/v2/models/stats", Access::kInference},
    RouteInfo{Route::kModel, "GET", HEARTH_MODEL, Access::kInference},
    RouteInfo{Route::kModelReady, "GET", HEARTH_MODEL "/ready", Access::kInference},
    RouteInfo{Route::kConfig, "GET", HEARTH_MODEL "/config", Access::kInference},
    RouteInfo{Route::kStats, "GET", HEARTH_MODEL "/stats", Access::kInference},
    RouteInfo{Route::kInfer, "POST", HEARTH_MODEL "/infer", Access::kInference},
    RouteInfo{Route::kPredict, "POST", HEARTH_MODEL "/predict", Access::kInference},
    RouteInfo{Route::kStream, "GET", HEARTH_MODEL "/stream", Access::kInference},
    RouteInfo{Route::kModel, "GET", HEARTH_VERSION, Access::kInference},
    RouteInfo{Route::kModelReady, "GET", HEARTH_VERSION "/ready", Access::kInference},
    RouteInfo{Route::kConfig, "GET", HEARTH_VERSION "/config", Access::kInference},
    RouteInfo{Route::kStats, "GET", HEARTH_VERSION "/stats", Access::kInference},
    RouteInfo{Route::kInfer, "POST", HEARTH_VERSION "/infer", Access::kInference},
    RouteInfo{Route::kPredict, "POST", HEARTH_VERSION "/predict", Access::kInference},
    RouteInfo{Route::kStream, "GET", HEARTH_VERSION "/stream", Access::kInference},
    RouteInfo{Route::kEmbeddings, "POST", "/v1/embeddings", Access::kInference},
    RouteInfo{Route::kIndex, "POST", "/v2/repository/index", Access::kAdministration},
    RouteInfo{Route::kLoad, "POST", "/v2/repository/models/{model}/load", Access::kAdministration},
    RouteInfo{Route::kUnload, "POST", "/v2/repository/models/{model}/unload", Access::kAdministration},
};

#undef HEARTH_MODEL
#undef HEARTH_VERSION

// The next part behind a '/'.
std::string_view next(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view part = path.substr(0, path.find('/'));
  path.remove_prefix(part.size());
  return part;
}

bool fits(std::string_view pattern, std::string_view path, RouteMatch& match) {
  while (!pattern.empty() && !path.empty()) {
    if (pattern[0] != '/' || path[0] != '/') return false;
    const std::string_view wanted = next(pattern), part = next(path);
    if (wanted == "{model}" && !part.empty()) match.model = part;
    else if (wanted == "{version}" && !part.empty()) match.version = part;
    else if (wanted != part) return false;
  }
  return pattern.empty() && path.empty();
}

}  // namespace

std::span<const RouteInfo> routes() { return kRoutes; }

std::optional<RouteMatch> match_route(std::string_view path) {
  if (path.size() > 2 && path.back() == '/') path.remove_suffix(1);
  for (const RouteInfo& r : kRoutes) {
    RouteMatch match{&r, {}, {}};
    if (fits(r.pattern, path, match)) return match;
  }
  return {};
}

}  // namespace hearth::serve
