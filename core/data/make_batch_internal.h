// What all loaders do with the examples of a batch. For files of this package only.
#pragma once

#include <cstdint>
#include <vector>

#include "core/data/loader.h"

namespace hearth::data {

// The seed of what is drawn for the example at this position of an epoch.
uint64_t example_seed(const DataLoaderOptions& options, int64_t epoch, int64_t position);
// A batch of examples, of which the first is at `position`.
Example collated(const DataLoaderOptions& options, int64_t epoch, int64_t position, std::vector<Example> examples);
// In pinned memory, where the options ask for it and there is a GPU.
Example placed(const DataLoaderOptions& options, Example batch);
// Throws Error for options that are out of range, whatever the loader.
void check_options(const DataLoaderOptions& options);

}  // namespace hearth::data
