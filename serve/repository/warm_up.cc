#include "serve/repository/warm_up.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "serve/base/clock.h"
#include "serve/model/signature.h"

namespace hearth::serve {
namespace {

constexpr int64_t kLargestTried = 64;
constexpr std::chrono::milliseconds kTryingTime{1000};

}  // namespace

absl::StatusOr<int64_t> warm_up(const Servable& model, int64_t wanted, int threads) {
  const ThreadWidth width(threads);
  const bool batched = is_batched(model.signature());
  const int64_t most = largest_batch(model.signature());
  wanted = std::min(wanted, most);
  double best = std::numeric_limits<double>::infinity();  // seconds for an example
  int64_t chosen = 1;
  const Clock::time_point start = Clock::now();
  try {
    for (int64_t rows = 1;; rows = wanted > 0 ? wanted : rows * 2) {
      const std::vector<Value> inputs = model.example(rows);
      if (inputs.empty()) return wanted;
      double seconds = std::numeric_limits<double>::infinity();
      for (int round = 0; round < (wanted > 0 ? 1 : 4); ++round) {  // the first fills caches
        const Clock::time_point before = Clock::now();
        if (const auto out = model.run(inputs); !out.ok()) {
          return absl::Status(out.status().code(),
                              concat("it fails on its example input: ", std::string(out.status().message())));
        }
        seconds = std::min(seconds, std::chrono::duration<double>(Clock::now() - before).count());
        if (Clock::now() - start > kTryingTime) break;
      }
      if (seconds / static_cast<double>(rows) < 0.93 * best) {
        best = seconds / static_cast<double>(rows);
        chosen = rows;
      }
      if (!batched || rows == wanted || rows >= kLargestTried || (wanted == 0 && rows > most / 2)) break;
      if (wanted == 0 && Clock::now() - start > kTryingTime) break;
    }
  } catch (const std::exception& e) {
    return absl::InternalError(concat("it fails on its example input: ", e.what()));
  }
  return wanted > 0 ? wanted : chosen;
}

}  // namespace hearth::serve
