// What Prometheus reads: https://prometheus.io/docs/instrumenting/exposition_formats/, with Triton's names.
#pragma once

#include <string>

#include "serve/repository.h"

namespace hearth::serve {

std::string prometheus_text(const Repository& models, int64_t connections);

// The statistics extension's answer: {"model_stats": [...]}. Of one model where a name is given, of one version where a
// number is.
std::string statistics_json(const Repository& models, std::string_view name = {}, int64_t version = 0);

}  // namespace hearth::serve
