#include "serve/metrics.h"

#include <unistd.h>

#include <cstdio>
#include <functional>

#include "core/base/error.h"
#include "serve/json_writer.h"

namespace hearth::serve {
namespace {

using Stats = std::vector<std::pair<std::pair<std::string, int64_t>, std::shared_ptr<const ModelStats>>>;

// Names of models are letters, digits, '.', '_' and '-': nothing in them needs escaping.
std::string labels(const Stats::value_type& s, std::string_view more = "") {
  return concat("{model=\"", s.first.first, "\",version=\"", s.first.second, "\"", more, "}");
}

void family(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += concat("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

void values(std::string& out, const Stats& all, std::string_view name, std::string_view type, std::string_view help,
            const std::function<int64_t(const ModelStats&)>& value) {
  family(out, name, type, help);
  for (const auto& s : all) out += concat(name, labels(s), " ", value(*s.second), "\n");
}

void histogram(std::string& out, const Stats& all, std::string_view name, std::string_view help,
               const Histogram ModelStats::*which) {
  family(out, name, "histogram", help);
  for (const auto& s : all) {
    const Histogram& h = (*s.second).*which;
    const auto counts = h.cumulative();
    for (size_t i = 0; i < Histogram::kBounds.size(); ++i) {
      out += concat(name, "_bucket", labels(s, concat(",le=\"", Histogram::kBounds[i], "\"")), " ", counts[i], "\n");
    }
    out += concat(name, "_bucket", labels(s, ",le=\"+Inf\""), " ", counts.back(), "\n", name, "_sum", labels(s), " ",
                  h.sum_seconds(), "\n", name, "_count", labels(s), " ", counts.back(), "\n");
  }
}

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

std::string prometheus_text(const Repository& models, int64_t connections) {
  const Stats all = models.stats();
  std::string out;
  values(out, all, "nv_inference_request_success", "counter", "Requests that were answered with a result",
         [](const ModelStats& s) { return load(s.success.count); });
  family(out, "nv_inference_request_failure", "counter", "Requests that failed, by reason");
  for (const auto& s : all) {
    for (size_t i = 0; i < s.second->failures.size(); ++i) {
      out += concat("nv_inference_request_failure", labels(s, concat(",reason=\"", kFailureNames[i], "\"")), " ",
                    load(s.second->failures[i]), "\n");
    }
  }
  values(out, all, "nv_inference_count", "counter", "Examples that went through the model",
         [](const ModelStats& s) { return load(s.inferences); });
  values(out, all, "nv_inference_exec_count", "counter", "Batches that went through the model",
         [](const ModelStats& s) { return load(s.executions); });
  values(out, all, "nv_inference_pending_request_count", "gauge", "Requests that wait",
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
    values(out, all, d.name, "counter", d.help, [&](const ModelStats& s) { return load((s.*d.which).ns) / 1000; });
  }
  histogram(out, all, "hearth_request_duration_seconds", "From a request's arrival to its result",
            &ModelStats::request_time);
  histogram(out, all, "hearth_queue_duration_seconds", "How long requests waited", &ModelStats::queue_time);
  histogram(out, all, "hearth_compute_duration_seconds", "How long batches ran", &ModelStats::compute_time);
  family(out, "hearth_batch_size", "histogram", "Examples in a batch");
  for (const auto& s : all) {
    int64_t count = 0, sum = 0, next = 1;
    for (int64_t n = 1; n <= ModelStats::kBatchSizes; ++n) {
      const int64_t c = load(s.second->batches[static_cast<size_t>(n)].count);
      count += c;
      sum += c * n;
      if (n != next) continue;
      out += concat("hearth_batch_size_bucket", labels(s, concat(",le=\"", n, "\"")), " ", count, "\n");
      next *= 2;
    }
    out += concat("hearth_batch_size_bucket", labels(s, ",le=\"+Inf\""), " ", count, "\nhearth_batch_size_sum",
                  labels(s), " ", sum, "\nhearth_batch_size_count", labels(s), " ", count, "\n");
  }
  family(out, "hearth_connections", "gauge", "Open connections");
  out += concat("hearth_connections ", connections, "\n");
  family(out, "process_resident_memory_bytes", "gauge", "Resident memory of the server");
  out += concat("process_resident_memory_bytes ", resident_bytes(), "\n");
  return out;
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
