#include <chrono>
#include <utility>

#include "core/base/error.h"
#include "core/data/make_batch_internal.h"

namespace hearth::data {
namespace {

constexpr int kMostWorkers = 1024;
constexpr int64_t kMostPrefetch = 65536;
constexpr auto kMostTimeout = std::chrono::milliseconds(std::chrono::days(365));

// Streams of seeds: for the examples and for what collate draws.
constexpr uint64_t kExamples = 0x9E3779B97F4A7C15u, kCollate = 0xD1B54A32D192ED03u;

uint64_t seed_of(const DataLoaderOptions& options, uint64_t stream, int64_t epoch, int64_t position) {
  return mix_seed(options.seed ^ stream, static_cast<uint64_t>(epoch), static_cast<uint64_t>(position));
}

}  // namespace

std::vector<Example> examples_at(const DataLoaderOptions& options, int64_t epoch, std::span<const int64_t> positions,
                                 const std::function<Example(size_t i, Generator& random)>& get) {
  std::vector<Example> examples;
  examples.reserve(positions.size());
  for (size_t i = 0; i < positions.size(); ++i) {
    Generator random(seed_of(options, kExamples, epoch, positions[i]));
    const GeneratorGuard guard(random);
    examples.push_back(get(i, random));
  }
  return examples;
}

Example collated(const DataLoaderOptions& options, int64_t epoch, int64_t position, std::vector<Example> examples) {
  Generator random(seed_of(options, kCollate, epoch, position));
  const GeneratorGuard guard(random);
  if (!options.batch_size) return std::move(examples[0]);
  return options.collate ? options.collate(std::move(examples)) : stack_examples(std::move(examples));
}

// Tensors that are on a GPU already stay there.
Example placed(const DataLoaderOptions& options, Example batch) {
  if (!options.pin_memory || device_count(DeviceType::kCuda) == 0) return batch;
  Example out;
  for (const auto& [name, t] : batch) out.set(name, t.defined() && t.device().is_cpu() ? t.pin_memory() : t);
  return out;
}

void check_options(const char* who, const DataLoaderOptions& options) {
  HEARTH_CHECK(batch_size_of(options) >= 1, who, ": batch_size must be at least 1, but is ", batch_size_of(options));
  HEARTH_CHECK(options.batch_size || (!options.drop_last && !options.collate), who,
               ": without a batch_size there is neither drop_last nor collate");
  HEARTH_CHECK(options.workers >= 0 && options.workers <= kMostWorkers && options.prefetch >= 1 &&
                   options.prefetch <= kMostPrefetch,
               who, ": workers must be from 0 to ", kMostWorkers, " and prefetch from 1 to ", kMostPrefetch,
               ", but they are ", options.workers, " and ", options.prefetch);
  HEARTH_CHECK(options.shard.index >= 0 && options.shard.index < options.shard.count, who, ": shard ",
               options.shard.index, " is out of range for ", options.shard.count, " shards");
  HEARTH_CHECK(!(options.sampler && options.shuffle), who, ": give a sampler or shuffle, not both");
  HEARTH_CHECK(
      !options.batch_sampler || (!options.sampler && !options.shuffle && options.batch_size == 1 && !options.drop_last),
      who, ": a batch sampler goes without sampler, shuffle, batch_size and drop_last");
  HEARTH_CHECK(options.timeout.count() >= 0 && options.timeout <= kMostTimeout, who, ": the timeout must be from 0 to ",
               static_cast<int64_t>(kMostTimeout.count()), " ms, but is ",
               static_cast<int64_t>(options.timeout.count()), " ms");
}

}  // namespace hearth::data
