// Metrics for Prometheus, with Triton's names: https://prometheus.io/docs/instrumenting/exposition_formats/ and
// OpenMetrics, https://prometheus.io/docs/specs/om/open_metrics_spec/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "serve/repository/repository.h"

namespace hearth::serve {

/// Counters of the server as a whole.
struct ServerCounters {
  int64_t connections = 0;         ///< Open connections of the port of inference.
  int64_t access_log_dropped = 0;  ///< Lost lines of the access log: AccessLog::dropped().
};

/// All metrics as text, in OpenMetrics if `open_metrics`, else in Prometheus's own format. Names are the same in both.
/// OpenMetrics wants the names of counters to end in "_total"; Triton's do not, so they have the type "unknown" there.
std::string metrics_text(const Repository& models, const ServerCounters& server, bool open_metrics);

/// The answer of the statistics extension, {"model_stats": [...]}: of all models if `name` is empty, of all versions of
/// the model `name` if `version` is 0, else of that version.
std::string statistics_json(const Repository& models, std::string_view name = {}, int64_t version = 0);

}  // namespace hearth::serve
