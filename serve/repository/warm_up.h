// Warm-up: trying a model before it answers requests, and measuring its best batch size.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "serve/model/servable.h"

namespace hearth::serve {

/// Runs the model on its example inputs (Servable::example) with `threads` threads and returns the batch size to use.
/// That is `wanted`, cut to what the model takes. If `wanted` is 0, it is the smallest of 1, 2, 4, ... 64 that comes
/// close to the most examples a second: larger batches would only delay requests, and a model can be slower with them
/// when a layer's results no longer fit the caches. Measuring stops after a second. Without example inputs it is
/// `wanted`. An error if the model fails.
absl::StatusOr<int64_t> warm_up(const Servable& model, int64_t wanted, int threads);

}  // namespace hearth::serve
