#include "serve/api/metrics.h"

#include <unistd.h>

#include <cstdio>
#include <functional>
#include <utility>

#include "core/base/error.h"
#include "serve/base/json_writer.h"

namespace hearth::serve {
namespace {

using Stats = std::vector<std::pair<std::pair<std::string, int64_t>, std::shared_ptr<const ModelStats>>>;

// Names of models are letters, digits, '.', '_' and '-': nothing in them needs escaping.
std::string labels(const Stats::value_type& s, std::string_view more = "") {
  return concat("{model=\"", s.first.first, "\",version=\"", s.first.second, "\"", more, "}");
}

// A text of families, each with its samples.
class Exposition {
 public:
  Exposition(Stats all, bool open) : all_(std::move(all)), open_(open) {}
  const Stats& all() const { return all_; }

  void family(std::string_view name, std::string_view type, std::string_view help) {
    constexpr std::string_view kTotal = "_total";
    if (open_ && type == "counter") {
      if (name.ends_with(kTotal)) name.remove_suffix(kTotal.size());
      else type = "unknown";
    }
    out_ += concat("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
  }
  template <class Value>
  void sample(std::string_view name, std::string_view labels, const Value& value) {
    out_ += concat(name, labels, " ", value, "\n");
  }
  // A bucket's label.
  std::string bound(double le) const {
    std::string text = concat(le);
    if (open_ && text.find_first_not_of("0123456789") == std::string::npos) text += ".0";
    return concat(",le=\"", text, "\"");
  }
  std::string finish() {
    if (open_) out_ += "# EOF\n";
    return std::move(out_);
  }

  void values(std::string_view name, std::string_view type, std::string_view help,
              const std::function<int64_t(const ModelStats&)>& value) {
    family(name, type, help);
    for (const auto& s : all_) sample(name, labels(s), value(*s.second));
  }

  void histogram(std::string_view name, std::string_view help, const Histogram ModelStats::*which) {
    family(name, "histogram", help);
    for (const auto& s : all_) {
      const Histogram& h = (*s.second).*which;
      const auto counts = h.cumulative();
      for (size_t i = 0; i < Histogram::kBounds.size(); ++i)
        sample(concat(name, "_bucket"), labels(s, bound(Histogram::kBounds[i])), counts[i]);
      sample(concat(name, "_bucket"), labels(s, ",le=\"+Inf\""), counts.back());
      sample(concat(name, "_sum"), labels(s), h.sum_seconds());
      sample(concat(name, "_count"), labels(s), counts.back());
    }
  }

 private:
  const Stats all_;
  const bool open_;
  std::string out_;
};

int64_t resident_bytes() {
  long pages = 0;
  if (std::FILE* f = std::fopen("/proc/self/statm", "re")) {
    long size = 0;
    if (std::fscanf(f, "%ld %ld", &size, &pages) != 2) pages = 0;
    std::fclose(f);
  }
  return pages * sysconf(_SC_PAGESIZE);
}

int64_t load(const std::atomic<int64_t>& v) { return v.load(std::memory_order_relaxed); }

}  // namespace

std::string metrics_text(const Repository& models, const ServerCounters& server, bool open_metrics) {
  Exposition e(models.stats(), open_metrics);
  e.values("nv_inference_request_success", "counter", "Requests that were answered with a result",
           [](const ModelStats& s) { return load(s.success.count); });
  e.family("nv_inference_request_failure", "counter", "Requests that failed, by reason");
  for (const auto& s : e.all()) {
    for (size_t i = 0; i < s.second->failures.size(); ++i) {
      e.sample("nv_inference_request_failure", labels(s, concat(",reason=\"", kFailureNames[i], "\"")),
               load(s.second->failures[i]));
    }
  }
  e.values("nv_inference_count", "counter", "Examples that went through the model",
           [](const ModelStats& s) { return load(s.inferences); });
  e.values("nv_inference_exec_count", "counter", "Batches that went through the model",
           [](const ModelStats& s) { return load(s.executions); });
  e.values("nv_inference_pending_request_count", "gauge", "Requests that wait",
           [](const ModelStats& s) { return load(s.pending); });
  const struct {
    const char *name, *help;
    const Durations ModelStats::*which;
  } durations[] = {
      {"nv_inference_request_duration_us", "Time of answered requests from arrival to result", &ModelStats::success},
      {"nv_inference_queue_duration_us", "Time that requests waited", &ModelStats::queue},
      {"nv_inference_compute_input_duration_us", "Time of joining inputs", &ModelStats::compute_input},
      {"nv_inference_compute_infer_duration_us", "Time of running the model", &ModelStats::compute_infer},
      {"nv_inference_compute_output_duration_us", "Time of writing outputs", &ModelStats::compute_output},
  };
  for (const auto& d : durations) {
    e.values(d.name, "counter", d.help, [&](const ModelStats& s) { return load((s.*d.which).ns) / 1000; });
  }
  e.histogram("hearth_request_duration_seconds", "From a request's arrival to its result", &ModelStats::request_time);
  e.histogram("hearth_queue_duration_seconds", "How long requests waited", &ModelStats::queue_time);
  e.histogram("hearth_compute_duration_seconds", "How long batches ran", &ModelStats::compute_time);
  e.family("hearth_batch_size", "histogram", "Examples in a batch");
  for (const auto& s : e.all()) {
    int64_t count = 0, sum = 0, next = 1;
    for (int64_t n = 1; n <= ModelStats::kBatchSizes; ++n) {
      const int64_t c = load(s.second->batches[static_cast<size_t>(n)].count);
      count += c;
      sum += c * n;
      if (n != next) continue;
      e.sample("hearth_batch_size_bucket", labels(s, e.bound(static_cast<double>(n))), count);
      next *= 2;
    }
    e.sample("hearth_batch_size_bucket", labels(s, ",le=\"+Inf\""), count);
    e.sample("hearth_batch_size_sum", labels(s), sum);
    e.sample("hearth_batch_size_count", labels(s), count);
  }
  e.family("hearth_connections", "gauge", "Open connections");
  e.sample("hearth_connections", "", server.connections);
  e.family("hearth_access_log_dropped_total", "counter", "Lines of the access log that were lost");
  e.sample("hearth_access_log_dropped_total", "", server.access_log_dropped);
  e.family("process_resident_memory_bytes", "gauge", "Resident memory of the server");
  e.sample("process_resident_memory_bytes", "", resident_bytes());
  return e.finish();
}

std::string statistics_json(const Repository& models, std::string_view name, int64_t version) {
  std::string out;
  JsonWriter json(out);
  const auto durations = [&](const char* key, const Durations& d) {
    json.key(key).begin_object().field("count", load(d.count)).field("ns", load(d.ns)).end_object();
  };
  json.begin_object().key("model_stats").begin_array();
  for (const auto& [which, stats] : models.stats()) {
    if ((!name.empty() && which.first != name) || (version > 0 && which.second != version)) continue;
    const ModelStats& s = *stats;
    json.begin_object()
        .field("name", which.first)
        .field("version", concat(which.second))
        .field("last_inference", load(s.last_inference_ms))
        .field("inference_count", load(s.inferences))
        .field("execution_count", load(s.executions));
    json.key("inference_stats").begin_object();
    durations("success", s.success);
    durations("fail", s.fail);
    durations("queue", s.queue);
    durations("compute_input", s.compute_input);
    durations("compute_infer", s.compute_infer);
    durations("compute_output", s.compute_output);
    durations("cache_hit", {});
    durations("cache_miss", {});
    json.end_object();
    json.key("batch_stats").begin_array();
    for (int64_t n = 1; n <= ModelStats::kBatchSizes; ++n) {
      const auto& b = s.batches[static_cast<size_t>(n)];
      const int64_t count = load(b.count);
      if (count == 0) continue;
      json.begin_object().field("batch_size", n);
      const auto part = [&](const char* key, const std::atomic<int64_t>& ns) {
        json.key(key).begin_object().field("count", count).field("ns", load(ns)).end_object();
      };
      part("compute_input", b.input_ns);
      part("compute_infer", b.infer_ns);
      part("compute_output", b.output_ns);
      json.end_object();
    }
    json.end_array();
    // Beside what the extension has: what a page can draw.
    json.key("latency_seconds").begin_object();
    for (const auto& [key, q] : {std::pair("p50", 0.5), std::pair("p90", 0.9), std::pair("p99", 0.99)})
      json.field(key, s.request_time.quantile(q));
    json.key("bounds").begin_array();
    for (const double b : Histogram::kBounds) json.value(b);
    json.end_array().key("cumulative").begin_array();
    for (const int64_t c : s.request_time.cumulative()) json.value(c);
    json.end_array().end_object();
    json.field("pending", load(s.pending)).end_object();
  }
  json.end_array().end_object();
  return out;
}

}  // namespace hearth::serve
