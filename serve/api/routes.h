// Routes: the addresses of the server in one table. Routing and OPTIONS use it, and a test compares it with
// openapi.json.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace hearth::serve {

/// What an address is for.
enum class Route {
  kPage,        ///< The page with charts.
  kHealthz,     ///< "ok".
  kOpenApi,     ///< The description of the interface.
  kLive,        ///< Whether the server runs.
  kReady,       ///< Whether the server is ready for requests.
  kMetrics,     ///< Metrics for Prometheus.
  kServer,      ///< The server's metadata.
  kAllStats,    ///< The statistics of all models.
  kModel,       ///< A model's metadata.
  kModelReady,  ///< Whether a model is ready for requests.
  kConfig,      ///< A model's configuration.
  kStats,       ///< A model's statistics.
  kInfer,       ///< Runs a model on tensors.
  kPredict,     ///< Runs a model on a file.
  kStream,      ///< Runs a model on sound as it arrives.
  kEmbeddings,  ///< Vectors of texts, as OpenAI's API has them.
  kIndex,       ///< Lists the versions in the repository.
  kLoad,        ///< Loads a model.
  kUnload,      ///< Unloads a model.
};

/// Who may use an address.
enum class Access {
  kEverybody,       ///< Everybody: no token is needed.
  kInference,       ///< Whoever may use inference.
  kAdministration,  ///< Whoever may administer, on the port of administration only.
};

/// One row of the table.
struct RouteInfo {
  Route route;             ///< What the address is for.
  const char* method;      ///< "GET", which includes HEAD, or "POST".
  const char* pattern;     ///< The path as in openapi.json: "/v2/models/{model}/ready".
  Access access;           ///< Who may use it.
  bool essential = false;  ///< Whether it is answered even when all connections are in use.
};

/// The table. Where several patterns match a path, the first one counts.
std::span<const RouteInfo> routes();

/// A row with the variable parts of a path.
struct RouteMatch {
  const RouteInfo* info;     ///< The row.
  std::string_view model;    ///< The model in the path, still percent-encoded; empty if the pattern has none.
  std::string_view version;  ///< The version in the path, still percent-encoded; empty if the pattern has none.
};
/// The row for a path without its query; nothing if there is none. A "/" at the end does not count. The match refers to
/// the text of `path`.
std::optional<RouteMatch> match_route(std::string_view path);

}  // namespace hearth::serve
