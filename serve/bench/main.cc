// hearth-bench: load on a model server, and what it makes of it.

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "serve/base/json_writer.h"
#include "serve/bench/load.h"

ABSL_FLAG(std::string, url, "http://127.0.0.1:8000", "the server");
ABSL_FLAG(std::string, model, "", "model to send random inputs to, made after its metadata");
ABSL_FLAG(int64_t, rows, 1, "examples in a request");
ABSL_FLAG(std::string, format, "binary", "of the inputs: binary or json");
ABSL_FLAG(std::string, path, "", "instead of a model: POST to this path ...");
ABSL_FLAG(std::string, body, "", "... this file");
ABSL_FLAG(std::string, content_type, "application/octet-stream", "... with this content type");
ABSL_FLAG(std::string, token, "", "bearer token");
ABSL_FLAG(std::vector<std::string>, concurrency, {"1"},
          "connections; several numbers, with commas, are measured one after the other");
ABSL_FLAG(double, rate, 0, "requests a second, at random moments; 0: as fast as answers come");
ABSL_FLAG(double, seconds, 5, "how long to measure, after half a second to warm up");
ABSL_FLAG(int64_t, requests, 0, "instead of --seconds: this many requests");
ABSL_FLAG(int, threads, 1, "threads that send");
ABSL_FLAG(bool, until_refused, false, "end when the server no longer accepts connections");
ABSL_FLAG(std::string, json, "", "file for the results as JSON; \"-\" is standard output");

namespace hearth::serve {
namespace {

struct Target {
  std::string host;
  int port = 0;
};
absl::StatusOr<Target> parse_url(std::string url) {
  if (!url.starts_with("http://"))
    return absl::InvalidArgumentError(concat("--url must begin with http://, but is ", url));
  url = url.substr(7, url.find('/', 7) - 7);
  const size_t colon = url.rfind(':');
  Target t{url.substr(0, colon), 80};
  if (colon != std::string::npos && !absl::SimpleAtoi(url.substr(colon + 1), &t.port))
    return absl::InvalidArgumentError(concat("--url has no port: ", url));
  return t;
}

std::string auth() {
  const std::string token = absl::GetFlag(FLAGS_token);
  return token.empty() ? "" : concat("Authorization: Bearer ", token, "\r\n");
}

// Bytes of random values of a datatype; whole numbers are 0 or 1, which most models can take.
std::string random_values(const std::string& type, int64_t n, std::string* as_json) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::string bytes;
  JsonWriter json(*as_json);
  json.begin_array();
  for (int64_t i = 0; i < n; ++i) {
    const auto put = [&](auto v) { bytes.append(reinterpret_cast<const char*>(&v), sizeof v); };
    if (type == "FP32" || type == "FP64") {
      const float v = std::round(normal(random) * 1000) / 1000;
      type == "FP32" ? put(v) : put(static_cast<double>(v));
      json.value(v);
    } else {
      const auto v = static_cast<int64_t>(random() & 1);
      if (type == "INT64") put(v);
      else if (type == "INT32") put(static_cast<int32_t>(v));
      else if (type == "INT16" || type == "FP16" || type == "BF16") put(static_cast<int16_t>(type == "INT16" ? v : 0));
      else put(static_cast<int8_t>(v));
      if (type == "BOOL") json.value(v == 1);
      else json.value(v);
    }
  }
  json.end_array();
  return bytes;
}

// An infer request with random inputs of the shapes that the model's metadata says.
absl::StatusOr<std::string> infer_request(const Target& t, const std::string& model) {
  const auto answer = fetch(t.host, t.port, http_request("GET", concat("/v2/models/", model), t.host, auth(), ""));
  if (!answer.ok()) return answer.status();
  if (answer->status != 200) return absl::NotFoundError(concat("status ", answer->status, ": ", answer->body));
  const auto metadata = io::parse_json(answer->body);
  if (!metadata.ok()) return metadata.status();
  const bool binary = absl::GetFlag(FLAGS_format) == "binary";
  const int64_t rows = absl::GetFlag(FLAGS_rows);
  std::string head, blobs;
  JsonWriter json(head);
  json.begin_object().key("inputs").begin_array();
  for (const auto& in : metadata->at("inputs")) {
    const auto type = in.at("datatype").get<std::string>();
    json.begin_object()
        .field("name", in.at("name").get<std::string>())
        .field("datatype", type)
        .key("shape")
        .begin_array();
    int64_t n = 1;
    bool first = true;
    for (const auto& size : in.at("shape")) {
      const int64_t s = size.get<int64_t>() >= 0 ? size.get<int64_t>() : first ? rows : 16;
      n *= s;
      first = false;
      json.value(s);
    }
    json.end_array();
    std::string data;
    const std::string bytes = random_values(type, n, &data);
    if (binary) {
      json.key("parameters").begin_object().field("binary_data_size", static_cast<int64_t>(bytes.size())).end_object();
      blobs += bytes;
    } else {
      json.key("data").raw(data);
    }
    json.end_object();
  }
  json.end_array();
  if (binary) json.key("parameters").begin_object().field("binary_data_output", true).end_object();
  json.end_object();
  const std::string headers =
      binary
          ? concat("Content-Type: application/octet-stream\r\nInference-Header-Content-Length: ", head.size(), "\r\n")
          : "Content-Type: application/json\r\n";
  return http_request("POST", concat("/v2/models/", model, "/infer"), t.host, auth() + headers, head + blobs);
}

// Examples and batches that the server has counted for a model; nothing where it does not count.
struct Counted {
  int64_t examples = 0, batches = 0;
};
Counted count(const Target& t, const std::string& model) {
  Counted c;
  if (model.empty()) return c;
  const auto answer =
      fetch(t.host, t.port, http_request("GET", concat("/v2/models/", model, "/stats"), t.host, auth(), ""));
  if (!answer.ok() || answer->status != 200) return c;
  const auto stats = io::parse_json(answer->body);
  if (!stats.ok() || !stats->contains("model_stats")) return c;
  for (const auto& m : stats->at("model_stats")) {
    c.examples += m.value("inference_count", int64_t{0});
    c.batches += m.value("execution_count", int64_t{0});
  }
  return c;
}

void print(const LoadOptions& o, const LoadResult& r, double batch) {
  const auto ms = [&](double q) { return static_cast<double>(r.latency.quantile_ns(q)) * 1e-6; };
  absl::PrintF("%11d %12.0f %9.3f %9.3f %9.3f %9.3f %9.3f %9d %7.1f %8.0f %%\n", o.concurrency,
               static_cast<double>(r.latency.count()) / r.seconds, ms(0.5), ms(0.9), ms(0.95), ms(0.99),
               static_cast<double>(r.latency.max_ns()) * 1e-6, r.answers() - r.latency.count() + r.lost, batch,
               100 * r.cpu_seconds / r.seconds);
  for (const auto& [status, n] : r.statuses) {
    if (status != 200) absl::PrintF("%11s status %d: %d answers: %s\n", "", status, n, r.example.substr(0, 200));
  }
  if (r.lost > 0) absl::PrintF("%11s %d requests got no answer\n", "", r.lost);
  if (r.refused > 0) absl::PrintF("%11s %d connections were refused\n", "", r.refused);
}

void write_json(JsonWriter& json, const LoadOptions& o, const LoadResult& r, double batch) {
  const auto us = [&](double q) { return static_cast<double>(r.latency.quantile_ns(q)) * 1e-3; };
  json.begin_object().field("concurrency", o.concurrency).field("rate", o.rate).field("seconds", r.seconds);
  json.field("requests_per_second", static_cast<double>(r.latency.count()) / r.seconds).field("ok", r.latency.count());
  json.field("errors", r.answers() - r.latency.count()).field("lost", r.lost).field("refused", r.refused);
  json.field("mean_batch", batch);
  json.field("cpu_share", r.cpu_seconds / r.seconds).field("bytes_in", r.bytes_in);
  json.key("latency_us").begin_object().field("mean", r.latency.mean_ns() * 1e-3);
  for (const auto& [name, q] : {std::pair("p50", 0.5), std::pair("p90", 0.9), std::pair("p95", 0.95),
                                std::pair("p99", 0.99), std::pair("p999", 0.999)})
    json.field(name, us(q));
  json.field("max", static_cast<double>(r.latency.max_ns()) * 1e-3).end_object();
  json.key("statuses").begin_object();
  for (const auto& [status, n] : r.statuses) json.field(std::to_string(status), n);
  json.end_object().end_object();
}

absl::Status bench() {
  const auto target = parse_url(absl::GetFlag(FLAGS_url));
  if (!target.ok()) return target.status();
  LoadOptions o{.host = target->host,
                .port = target->port,
                .threads = std::max(absl::GetFlag(FLAGS_threads), 1),
                .rate = absl::GetFlag(FLAGS_rate),
                .duration = std::chrono::milliseconds(static_cast<int64_t>(absl::GetFlag(FLAGS_seconds) * 1e3)),
                .requests = absl::GetFlag(FLAGS_requests),
                .until_refused = absl::GetFlag(FLAGS_until_refused)};
  const std::string model = absl::GetFlag(FLAGS_model), path = absl::GetFlag(FLAGS_path),
                    format = absl::GetFlag(FLAGS_format);
  if (model.empty() == path.empty()) return absl::InvalidArgumentError("either --model or --path is needed");
  if (format != "binary" && format != "json") return absl::InvalidArgumentError("--format must be binary or json");
  if (!model.empty()) {
    auto request = infer_request(*target, model);
    if (!request.ok()) return request.status();
    o.request = *std::move(request);
  } else {
    std::string body;
    if (!absl::GetFlag(FLAGS_body).empty()) {
      auto file = io::read_file(absl::GetFlag(FLAGS_body), uint64_t{1} << 30);
      if (!file.ok()) return file.status();
      body = *std::move(file);
    }
    o.request = http_request("POST", path, target->host,
                             concat(auth(), "Content-Type: ", absl::GetFlag(FLAGS_content_type), "\r\n"), body);
  }
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  absl::PrintF("%11s %12s %9s %9s %9s %9s %9s %9s %7s %10s\n", "connections", "requests/s", "p50 ms", "p90 ms",
               "p95 ms", "p99 ms", "max ms", "errors", "batch", "own CPU");
  bool failed = false;
  for (const std::string& c : absl::GetFlag(FLAGS_concurrency)) {
    if (!absl::SimpleAtoi(c, &o.concurrency) || o.concurrency < 1 || o.concurrency > 100'000)
      return absl::InvalidArgumentError(concat("--concurrency: ", c, " is not a number of connections"));
    const Counted before = count(*target, model);
    const auto r = run_load(o);
    if (!r.ok()) return r.status();
    const Counted after = count(*target, model);
    const int64_t batches = after.batches - before.batches;
    const double batch =
        batches > 0 ? static_cast<double>(after.examples - before.examples) / static_cast<double>(batches) : 0;
    print(o, *r, batch);
    write_json(json, o, *r, batch);
    failed |= r->answers() != r->latency.count() || r->lost > 0;
  }
  json.end_array();
  const std::string file = absl::GetFlag(FLAGS_json);
  if (file == "-") {
    std::puts(out.c_str());
  } else if (!file.empty()) {
    std::FILE* f = std::fopen(file.c_str(), "we");
    const bool written = f && std::fputs(out.c_str(), f) >= 0;
    if (!f || std::fclose(f) != 0 || !written) return absl::UnknownError(concat("cannot write ", file));
  }
  if (failed) return absl::UnknownError("some requests failed");
  return absl::OkStatus();
}

}  // namespace
}  // namespace hearth::serve

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Puts load on a model server.\n  hearth-bench --url=http://HOST:PORT --model=NAME --concurrency=1,16,128");
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr, "hearth-bench: unexpected argument \"%s\" (see --help)\n", rest[1]);
    return 2;
  }
  absl::Status s;
  try {
    s = hearth::serve::bench();
  } catch (const std::exception& e) {
    s = absl::InvalidArgumentError(hearth::concat("the server's metadata cannot be read: ", e.what()));
  }
  if (s.ok()) return 0;
  std::fprintf(stderr, "hearth-bench: %s\n", std::string(s.message()).c_str());
  return 1;
}
