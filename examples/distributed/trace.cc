#include "examples/distributed/trace.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <vector>

#include "core/base/error.h"
#include "core/io/json_internal.h"

namespace hearth::fashion {
namespace {

using distributed::Recorded;
using distributed::Recorder;

// Of every hundred steps, exchanges are written of a few that follow each other, not of the first, which are slower.
constexpr int64_t kEvery = 100, kFrom = 10, kTo = 13;

}  // namespace

Trace::Trace(const std::string& directory, const distributed::ProcessGroup& group,
             const distributed::DistributedDataParallel& parallel)
    : group_(group), parallel_(parallel) {
  if (directory.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const int attempt = distributed::environment().restarts;
  const std::string path = concat(directory, "/", attempt, ".", group.rank(), ".jsonl");
  out_.open(path, std::ios::trunc);
  if (!out_) fail(ErrorKind::kIo, "cannot write the trace ", path);
  // What turns times of this process into those of all.
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  out_ << nlohmann::json{{"attempt", attempt},
                         {"rank", group.rank()},
                         {"ranks", group.size()},
                         {"process", static_cast<int64_t>(::getpid())},
                         {"clock", now - Recorder::now()},
                         {"start", Recorder::now()}}
       << std::endl;
}

void Trace::begin() {
  marks_ = 0;
  mark();
}

void Trace::mark() {
  if (on()) times_.at(marks_++) = Recorder::now();
}

void Trace::end(int64_t step, double loss) {
  if (!on()) return;
  std::vector<Recorded> exchanges = group_.record();
  const std::vector<Recorded> gradients = parallel_.record();
  exchanges.insert(exchanges.end(), gradients.begin(), gradients.end());
  std::erase_if(exchanges, [this](const Recorded& r) { return r.begin < times_[0] || r.end < 0; });
  double communication = 0, hidden = 0;
  auto list = nlohmann::json::array();
  for (const Recorded& r : exchanges) {
    communication += r.end - r.begin;
    hidden += (r.waited < 0 ? r.end : std::clamp(r.waited, r.begin, r.end)) - r.begin;
    if (step % kEvery >= kFrom && step % kEvery < kTo) list.push_back({r.call.text(), r.begin, r.end, r.waited});
  }
  nlohmann::json line = {
      {"step", step}, {"loss", loss}, {"times", times_}, {"communication", communication}, {"hidden", hidden}};
  if (!list.empty()) line["exchanges"] = std::move(list);
  out_ << line << std::endl;  // at once: the process may be killed
  begin();
}

void Trace::saved(int64_t step) {
  if (on()) out_ << nlohmann::json{{"saved", step}, {"time", Recorder::now()}} << std::endl;
}

void Trace::accuracy(double value) {
  if (on()) out_ << nlohmann::json{{"accuracy", value}} << std::endl;
}

}  // namespace hearth::fashion
