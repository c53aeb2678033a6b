// Draws a traced run of several ranks as a page of HTML that needs nothing else: loss and ranks over time, three steps
// with what each rank computes and exchanges, and how a step's time is spent.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/io/atomic_file.h"
#include "examples/distributed/run_of_ranks.h"

ABSL_FLAG(std::string, trace, "runs/demo/distributed/trace", "directory that train --trace has written");
ABSL_FLAG(std::string, out, "runs/demo/distributed/page.html", "the page");
ABSL_FLAG(int, killed, -1, "the rank that was killed in the first attempt");

namespace hearth::fashion {
namespace {

using absl::StrAppend;
using absl::StrCat;
using absl::StrFormat;

constexpr double kWidth = 1120, kLeft = 86, kRight = 14, kPlot = kWidth - kLeft - kRight;
constexpr const char* kParts[] = {"waits for data", "forward", "backward", "optimizer"};
constexpr const char* kPartColours[] = {"#d9d4ca", "#a9c7d9", "#5b93b5", "#2a6f97"};
constexpr const char *kHidden = "#6aa84f", *kWaited = "#d1541f", *kLine = "#e3dfd8";
constexpr const char* kAttempts[] = {"#2a6f97", "#6a4c93", "#8a8a2a", "#23262b"};

const char* attempt_colour(int attempt) { return kAttempts[attempt % 4]; }

std::string rect(double x, double y, double w, double h, const std::string& fill, const std::string& title = {}) {
  return StrFormat(R"(<rect x="%.2f" y="%.2f" width="%.2f" height="%.2f" fill="%s" rx="1.5">%s</rect>)", x, y,
                   std::max(w, 0.4), h, fill, title.empty() ? "" : StrCat("<title>", title, "</title>"));
}
std::string text(double x, double y, const std::string& s, const char* anchor = "start", const char* style = "") {
  return StrFormat(R"(<text x="%.2f" y="%.2f" text-anchor="%s" %s>%s</text>)", x, y, anchor, style, s);
}
std::string line(double x0, double y0, double x1, double y1, const char* colour, const char* more = "") {
  return StrFormat(R"(<line x1="%.2f" y1="%.2f" x2="%.2f" y2="%.2f" stroke="%s" %s/>)", x0, y0, x1, y1, colour, more);
}
std::string svg(double height, const std::string& body) {
  return StrFormat("<svg viewBox=\"0 0 %.0f %.0f\" width=\"100%%\">%s</svg>\n", kWidth, height, body);
}

// Round numbers: about so many up to `high`.
double tick(double high, int count) {
  const double raw = high / count, power = std::pow(10, std::floor(std::log10(raw))), m = raw / power;
  return power * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10);
}

std::string legend(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out = "<p class=legend>";
  for (const auto& [colour, name] : entries)
    StrAppend(&out, "<span><i style=\"background:", colour, "\"></i>", name, "</span>");
  return out + "</p>\n";
}

class Page {
 public:
  Page(std::vector<RankRun> runs, int killed) : runs_(std::move(runs)), killed_(killed) {
    for (const RankRun& r : runs_) {
      end_ = std::max(end_, r.end);
      ranks_ = std::max(ranks_, r.ranks);
      attempts_ = std::max(attempts_, r.attempt + 1);
      accuracy_ = std::max(accuracy_, r.accuracy);
    }
  }

  std::string html() const {
    return StrCat(
        R"(<!doctype html><meta charset=utf-8><title>A run of several ranks</title><style>
body{background:#f6f4f0;color:#23262b;font:14px "DejaVu Sans",sans-serif;margin:32px auto;max-width:1160px;padding:0 20px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:15px;margin:0 0 4px}p{color:#767b83;margin:4px 0 8px;line-height:1.45}
section{background:#fff;border:1px solid #e3dfd8;border-radius:10px;padding:16px 20px;margin:16px 0}
.figures{display:flex;gap:16px}.figures section{flex:1;margin:16px 0 0}.figures b{font-size:23px;display:block}
.figures section:first-child b{color:#d1541f}svg text{font:11px "DejaVu Sans",sans-serif;fill:#767b83}
.legend span{margin-right:18px;white-space:nowrap}.legend i{display:inline-block;width:12px;height:12px;border-radius:2px;margin-right:6px;vertical-align:-1px}
</style>
)",
        StrFormat("<h1>%d processes train one net%s</h1>\n", ranks_,
                  killed_ >= 0 ? "; one is killed, and training goes on" : ""),
        "<p>The quickstart's classifier of clothing. Each rank computes on its part of every "
        "batch; gradients are averaged while backward still runs.</p>\n",
        figures(), run(), zoom(), shares());
  }

 private:
  static std::string figure(const std::string& value, const std::string& label) {
    return StrCat("<section><b>", value, "</b>", label, "</section>");
  }
  // A rank in an attempt; null if it has no step.
  const RankRun* of(int attempt, int rank) const {
    for (const RankRun& r : runs_) {
      if (r.attempt == attempt && r.rank == rank) return &r;
    }
    return nullptr;
  }
  std::string figures() const {
    double communication = 0, hidden = 0;
    int64_t last = 0;
    for (const RankRun& r : runs_) {
      for (const Step& s : r.steps)
        communication += s.communication, hidden += s.hidden, last = std::max(last, s.number);
    }
    std::string out = "<div class=figures>";
    StrAppend(&out, figure(accuracy_ >= 0 ? StrFormat("%.2f %%", 100 * accuracy_) : "–", "test accuracy"));
    StrAppend(&out, figure(StrFormat("%d", last), StrFormat("steps in %.0f s, on %d ranks", end_, ranks_)));
    const RankRun *before = of(0, 0), *after = of(1, 0);
    if (before && after) {
      StrAppend(&out, figure(StrFormat("%.1f s", after->steps.front().times[0] - before->end),
                             "from the last step before to the first one after"));
      StrAppend(&out, figure(StrFormat("%d", before->steps.back().number - after->steps.front().number + 1),
                             "steps done again, since the last checkpoint"));
    }
    StrAppend(&out, figure(StrFormat("%.0f %%", communication > 0 ? 100 * hidden / communication : 0),
                           "of the exchange hidden behind computing"));
    return out + "</div>\n";
  }

  double x_of(double t) const { return kLeft + t / end_ * kPlot; }
  static std::string ticks(double span, double y0, double y1, double scale, const char* unit) {
    std::string out;
    const double step = tick(span, 8);
    for (double t = 0; t <= span * 1.0001; t += step) {
      const double x = kLeft + t / span * kPlot;
      StrAppend(&out, line(x, y0, x, y1, kLine));
      StrAppend(&out, text(x, y1 + 15, StrFormat("%g%s", t * scale, t == 0 ? StrCat(" ", unit) : ""), "middle"));
    }
    return out;
  }

  // Loss and the ranks' lives, on one axis of time.
  std::string run() const {
    constexpr double kTop = 10, kLoss = 190, kLane = 26;
    const double lanes = kTop + kLoss + 22, bottom = lanes + kLane * ranks_;
    std::string body = ticks(end_, kTop, bottom, 1, "s");
    double high = 0;
    std::vector<std::pair<int, std::vector<std::pair<double, double>>>> curves;
    for (int a = 0; a < attempts_; ++a) {
      curves.emplace_back(a, smooth_loss(a));
      // What the first steps have is off the scale: the rest is of interest.
      for (const auto& [x, y] : curves.back().second) high = std::max(high, y);
    }
    high = std::min(high, 1.0);
    const auto y_of = [&](double loss) { return kTop + kLoss * (1 - std::min(loss / high, 1.0)); };
    const double step = tick(high, 4);
    for (double v = 0; v <= high * 1.0001; v += step) {
      StrAppend(&body, line(kLeft, y_of(v), kWidth - kRight, y_of(v), kLine));
      StrAppend(&body, text(kLeft - 8, y_of(v) + 4, StrFormat("%g", v), "end"));
    }
    StrAppend(&body, text(0, kTop + 14, "loss"));
    for (const auto& [a, points] : curves) {
      std::string path;
      for (const auto& [x, y] : points) StrAppend(&path, StrFormat("%.1f,%.1f ", x_of(x), y_of(y)));
      StrAppend(&body, "<polyline fill=none stroke-width=1.8 stroke-linejoin=round stroke=\"", attempt_colour(a),
                "\" points=\"", path, "\"/>");
    }
    for (int r = 0; r < ranks_; ++r) {
      const double y = lanes + r * kLane;
      StrAppend(&body, text(0, y + 14, StrFormat("rank %d", r)));
      for (const RankRun& run : runs_) {
        if (run.rank != r) continue;
        StrAppend(&body, rect(x_of(run.start), y, x_of(run.steps.front().times[0]) - x_of(run.start), 18, "#d9d4ca",
                              "starts"));
        StrAppend(&body, rect(x_of(run.steps.front().times[0]), y, x_of(run.end) - x_of(run.steps.front().times[0]), 18,
                              attempt_colour(run.attempt),
                              StrFormat("attempt %d, steps %d to %d", run.attempt, run.steps.front().number,
                                        run.steps.back().number)));
        for (const Step& s : run.steps) {
          if (std::ranges::find(run.saved, s.number) == run.saved.end()) continue;
          StrAppend(&body,
                    line(x_of(s.times[4]), y + 3, x_of(s.times[4]), y + 15, "#ffffff", R"(stroke-opacity="0.8")"));
        }
        if (run.attempt == 0 && r == killed_) StrAppend(&body, kill_mark(x_of(run.end), y + 9, kTop));
      }
    }
    return StrCat(
        "<section><h2>The run</h2><p>Loss, averaged over ranks and 50 steps. Below it each rank's life: grey is "
        "starting, "
        "a white line a checkpoint of all ranks.",
        killed_ >= 0 ? StrFormat(" Rank %d gets SIGKILL at the cross; hearthrun ends the other and starts both again, "
                                 "which go on from the last checkpoint.",
                                 killed_)
                     : "",
        "</p>", svg(bottom + 22, body), "</section>\n");
  }
  static std::string kill_mark(double x, double y, double top) {
    return StrCat(line(x, top, x, y - 9, "#23262b", R"(stroke-dasharray="3 3")"),
                  line(x - 6, y - 6, x + 6, y + 6, "#23262b", R"(stroke-width="3")"),
                  line(x - 6, y + 6, x + 6, y - 6, "#23262b", R"(stroke-width="3")"),
                  text(x + 6, top + 12, "SIGKILL", "start", R"(style="fill:#23262b;font-weight:bold")"));
  }
  // Of one attempt: time and loss, averaged over ranks and so many steps.
  std::vector<std::pair<double, double>> smooth_loss(int attempt) const {
    constexpr size_t kSteps = 50;
    std::vector<const RankRun*> all;
    size_t count = SIZE_MAX;
    for (const RankRun& r : runs_) {
      if (r.attempt != attempt) continue;
      all.push_back(&r);
      count = std::min(count, r.steps.size());
    }
    std::vector<std::pair<double, double>> out;
    for (size_t i = 0; !all.empty() && i < count; i += kSteps) {
      const size_t n = std::min(kSteps, count - i);
      double sum = 0;
      for (const RankRun* r : all) {
        for (size_t k = i; k < i + n; ++k) sum += r->steps[k].loss;
      }
      out.emplace_back(all[0]->steps[i + n / 2].times[4], sum / static_cast<double>(n * all.size()));
    }
    return out;
  }

  // Steps in a row of which all ranks have traced the exchanges, nearest to the middle of the last attempt.
  std::vector<int64_t> traced_steps() const {
    const RankRun* r = of(attempts_ - 1, 0);
    if (!r) return {};
    std::vector<int64_t> best;
    const auto middle = static_cast<double>(r->steps.size()) / 2;
    double distance = 1e300;
    for (size_t i = 0; i + 2 < r->steps.size(); ++i) {
      if (r->steps[i].exchanges.empty() || r->steps[i + 1].exchanges.empty() || r->steps[i + 2].exchanges.empty())
        continue;
      if (const double d = std::abs(static_cast<double>(i) - middle); d < distance) {
        distance = d;
        best = {r->steps[i].number, r->steps[i + 1].number, r->steps[i + 2].number};
      }
    }
    return best;
  }

  std::string zoom() const {
    const std::vector<int64_t> numbers = traced_steps();
    if (numbers.empty()) return "";
    double begin = 1e300, end = 0;
    std::vector<std::pair<int, const Step*>> steps;
    for (const RankRun& r : runs_) {
      if (r.attempt != attempts_ - 1) continue;
      for (const Step& s : r.steps) {
        if (std::ranges::find(numbers, s.number) == numbers.end()) continue;
        steps.emplace_back(r.rank, &s);
        begin = std::min(begin, s.times[0]);
        end = std::max(end, s.times[4]);
      }
    }
    constexpr double kTop = 8, kLane = 24, kRank = 2 * kLane + 16;
    const double span = end - begin, bottom = kTop + kRank * ranks_;
    const auto x = [&](double t) { return kLeft + (t - begin) / span * kPlot; };
    std::string body = ticks(span, kTop, bottom, 1000, "ms");
    for (int r = 0; r < ranks_; ++r) {
      const double y = kTop + r * kRank;
      StrAppend(&body, text(0, y + 14, StrFormat("rank %d", r)), text(kLeft - 8, y + 14, "work", "end"),
                text(kLeft - 8, y + kLane + 14, "exchange", "end"));
    }
    for (const auto& [rank, s] : steps) {
      const double y = kTop + rank * kRank;
      for (size_t i = 0; i < 4; ++i)
        StrAppend(&body, rect(x(s->times.at(i)), y, x(s->times.at(i + 1)) - x(s->times.at(i)), 18, kPartColours[i],
                              StrFormat("step %d: %s, %.2f ms", s->number, kParts[i],
                                        1e3 * (s->times.at(i + 1) - s->times.at(i)))));
      for (const Exchange& e : s->exchanges) {
        const std::string title = StrFormat("%s: %.2f ms", e.call, 1e3 * (e.end - e.begin));
        if (e.hidden_until > e.begin)
          StrAppend(&body, rect(x(e.begin), y + kLane, x(e.hidden_until) - x(e.begin), 18, kHidden, title));
        if (e.end > e.hidden_until) {
          StrAppend(&body, rect(x(e.hidden_until), y + kLane, x(e.end) - x(e.hidden_until), 18, kWaited, title));
          StrAppend(&body,
                    rect(x(e.hidden_until), y, x(e.end) - x(e.hidden_until), 18, kWaited, StrCat("waits for ", title)));
        }
      }
    }
    return StrCat(
        "<section><h2>Steps ", numbers.front(), " to ", numbers.back(),
        "</h2><p>What each rank works on, and what it exchanges. Batch norm's statistics are taken over all ranks: "
        "forward "
        "waits for each of them, and so does backward. Gradients travel while backward computes those of earlier "
        "layers.</p>",
        legend({{kPartColours[0], kParts[0]},
                {kPartColours[1], kParts[1]},
                {kPartColours[2], kParts[2]},
                {kPartColours[3], kParts[3]},
                {kWaited, "exchange that the rank waits for"},
                {kHidden, "exchange hidden behind work"}}),
        svg(bottom + 22, body), "</section>\n");
  }

  // How the mean step of each rank is spent, over all attempts.
  std::string shares() const {
    constexpr double kLane = 24;
    std::string body;
    struct Mean {
      double parts[4] = {}, waited = 0, hidden = 0, steps = 0;
      double total() const { return parts[0] + parts[1] + parts[2] + parts[3]; }
    };
    std::vector<Mean> means(static_cast<size_t>(ranks_));
    double longest = 0;
    for (const RankRun& r : runs_) {
      Mean& m = means[static_cast<size_t>(r.rank)];
      for (const Step& s : r.steps) {
        for (size_t i = 0; i < 4; ++i) m.parts[i] += s.times.at(i + 1) - s.times.at(i);
        m.waited += s.communication - s.hidden;
        m.hidden += s.hidden;
        ++m.steps;
      }
    }
    for (const Mean& m : means) longest = std::max(longest, m.total() / std::max(m.steps, 1.0));
    std::string table =
        "<table><tr><th>rank<th>step<th>computing and data<th>waiting for exchanges<th>exchange hidden</tr>";
    for (int r = 0; r < ranks_; ++r) {
      const Mean& m = means[static_cast<size_t>(r)];
      if (m.steps == 0) continue;
      const double y = 4 + r * kLane, scale = kPlot / longest / m.steps;
      const double work = m.total() - m.waited;
      StrAppend(&body, text(0, y + 14, StrFormat("rank %d", r)), rect(kLeft, y, work * scale, 18, "#5b93b5"),
                rect(kLeft + work * scale, y, m.waited * scale, 18, kWaited),
                rect(kLeft + (work - m.hidden) * scale, y + 12, m.hidden * scale, 6, kHidden));
      StrAppend(&table,
                StrFormat("<tr><td>%d<td>%.2f ms<td>%.2f ms<td>%.2f ms<td>%.2f ms</tr>", r, 1e3 * m.total() / m.steps,
                          1e3 * work / m.steps, 1e3 * m.waited / m.steps, 1e3 * m.hidden / m.steps));
    }
    return StrCat(
        "<style>table{border-collapse:collapse;margin-top:8px}td,th{padding:3px 22px 3px 0;text-align:left;"
        "font-weight:normal}th{color:#767b83}</style><section><h2>The mean step</h2>",
        legend(
            {{"#5b93b5", "computing and data"}, {kWaited, "waiting for exchanges"}, {kHidden, "exchange meanwhile"}}),
        svg(8 + kLane * ranks_, body), table, "</table></section>\n");
  }

  const std::vector<RankRun> runs_;
  const int killed_;
  double end_ = 1e-9, accuracy_ = -1;
  int ranks_ = 0, attempts_ = 0;
};

}  // namespace
}  // namespace hearth::fashion

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Draws a run that examples/distributed:train --trace has traced.");
  absl::ParseCommandLine(argc, argv);
  const auto runs = hearth::fashion::read_run(absl::GetFlag(FLAGS_trace));
  const absl::Status status =
      runs.ok() ? hearth::io::write_file(absl::GetFlag(FLAGS_out),
                                         hearth::fashion::Page(*runs, absl::GetFlag(FLAGS_killed)).html())
                : runs.status();
  if (status.ok()) return 0;
  std::fprintf(stderr, "page: %s\n", std::string(status.message()).c_str());
  return 1;
}
