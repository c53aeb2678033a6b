// What all loaders do with the examples of a batch. For files of this package only.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/data/loader.h"

namespace hearth::data {

// The examples at these positions of an epoch: get(i, random) makes the i-th of them.
std::vector<Example> examples_at(const DataLoaderOptions& options, int64_t epoch, std::span<const int64_t> positions,
                                 const std::function<Example(size_t i, Generator& random)>& get);
// A batch of examples, of which the first is at `position`.
Example collated(const DataLoaderOptions& options, int64_t epoch, int64_t position, std::vector<Example> examples);
// How many examples a batch has.
inline int64_t batch_size_of(const DataLoaderOptions& options) { return options.batch_size.value_or(1); }
// In pinned memory, where the options ask for it and there is a GPU.
Example placed(const DataLoaderOptions& options, Example batch);
// Throws Error for options that are out of range, in the name of the loader `who`.
void check_options(const char* who, const DataLoaderOptions& options);

}  // namespace hearth::data
