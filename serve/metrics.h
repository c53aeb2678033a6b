// What Prometheus reads, with Triton's names: https://prometheus.io/docs/instrumenting/exposition_formats/, or
// OpenMetrics (https://prometheus.io/docs/specs/om/open_metrics_spec/).
#pragma once

#include <string>

#include "serve/repository.h"

namespace hearth::serve {

struct ServerCounters {
  int64_t connections = 0, access_log_dropped = 0;
};

// Names are the same in both formats: OpenMetrics wants a counter's to end in "_total", which Triton's do not, so that
// there they are of the type "unknown".
std::string metrics_text(const Repository& models, const ServerCounters& server, bool open_metrics);

// The statistics extension's answer: {"model_stats": [...]}. Of one model where a name is given, of one version where a
// number is.
std::string statistics_json(const Repository& models, std::string_view name = {}, int64_t version = 0);

}  // namespace hearth::serve
