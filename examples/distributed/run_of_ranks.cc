#include "examples/distributed/run_of_ranks.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"

namespace hearth::fashion {
namespace {

Step step_of(const nlohmann::json& line, double clock) {
  Step s{.number = line.at("step"),
         .loss = line.at("loss"),
         .communication = line.at("communication"),
         .hidden = line.at("hidden")};
  for (size_t i = 0; i < s.times.size(); ++i) s.times.at(i) = line.at("times").at(i).get<double>() + clock;
  if (!line.contains("exchanges")) return s;
  for (const auto& e : line.at("exchanges")) {
    const double begin = e.at(1), end = e.at(2), waited = e.at(3);
    s.exchanges.push_back({.call = e.at(0),
                           .begin = begin + clock,
                           .end = end + clock,
                           .hidden_until = (waited < 0 ? end : std::clamp(waited, begin, end)) + clock});
  }
  return s;
}

// Throws nlohmann::json::exception.
void read_line(const nlohmann::json& line, double& clock, RankRun& run) {
  if (line.contains("clock")) {
    run.attempt = line.at("attempt");
    run.rank = line.at("rank");
    run.ranks = line.at("ranks");
    clock = line.at("clock");
    run.start = run.end = line.at("start").get<double>() + clock;
  } else if (line.contains("step")) {
    run.steps.push_back(step_of(line, clock));
    run.end = run.steps.back().times.back();
  } else if (line.contains("saved")) {
    run.saved.push_back(line.at("saved"));
  } else if (line.contains("accuracy")) {
    run.accuracy = line.at("accuracy");
  }
}

absl::StatusOr<RankRun> read_rank(const std::string& path) {
  const auto text = io::read_file(path, uint64_t{1} << 30);
  if (!text.ok()) return text.status();
  RankRun run;
  double clock = 0;
  std::string_view rest = *text;
  for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    const auto line = io::parse_json(rest.substr(0, end));
    if (!line.ok()) return absl::InvalidArgumentError(absl::StrCat(path, ": ", line.status().message()));
    try {
      read_line(*line, clock, run);
    } catch (const nlohmann::json::exception& e) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", e.what()));
    }
    rest.remove_prefix(end + 1);
  }
  return run;
}

void shift(RankRun& r, double by) {
  r.start -= by;
  r.end -= by;
  for (Step& s : r.steps) {
    for (double& t : s.times) t -= by;
    for (Exchange& e : s.exchanges) {
      e.begin -= by;
      e.end -= by;
      e.hidden_until -= by;
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<RankRun>> read_run(const std::string& directory) {
  std::vector<RankRun> runs;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(directory, error)) {
    if (file.path().extension() != ".jsonl") continue;
    auto run = read_rank(file.path());
    if (!run.ok()) return run.status();
    if (!run->steps.empty()) runs.push_back(*std::move(run));
  }
  if (error) return absl::NotFoundError(absl::StrCat(directory, ": ", error.message()));
  if (runs.empty()) return absl::NotFoundError(absl::StrCat(directory, ": there is no step of any rank"));
  std::sort(runs.begin(), runs.end(), [](const RankRun& a, const RankRun& b) {
    return std::tuple(a.attempt, a.rank) < std::tuple(b.attempt, b.rank);
  });
  double first = runs[0].start;
  for (const RankRun& r : runs) first = std::min(first, r.start);
  for (RankRun& r : runs) shift(r, first);
  return runs;
}

}  // namespace hearth::fashion
