#include "serve/tools/flags.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/device/usable_device.h"
#include "core/io/file.h"
#include "serve/http/rules.h"

ABSL_FLAG(std::string, model_repository, "", "directory of the models: <model>/<version>/ each an exported model");
ABSL_FLAG(std::string, address, "0.0.0.0", "IP address that inference listens on");
ABSL_FLAG(int, port, 8000, "port of inference and the page; 0 takes a free one");
ABSL_FLAG(std::string, admin_address, "127.0.0.1", "IP address that administration listens on");
ABSL_FLAG(int, admin_port, 8002, "port of administration, and of inference too; 0 takes a free one, -1: none");
ABSL_FLAG(int, grpc_port, 8001, "port of inference over gRPC, on --address; 0 takes a free one, -1: none");
ABSL_FLAG(int, grpc_admin_port, -1, "the same with administration, on --admin_address");
ABSL_FLAG(int, io_threads, 0, "threads that read requests and write answers; 0: half the processors, at least one");
ABSL_FLAG(int64_t, max_batch_size, 0,
          "most examples in a batch; 0: the size with the highest throughput, measured while warming up");
ABSL_FLAG(int64_t, max_queue_delay_us, 0, "microseconds that a request may wait for others to make a fuller batch");
ABSL_FLAG(std::vector<std::string>, device, {"cpu"},
          "where models run: cpu, or GPUs, separated by commas: cuda:0,cuda:1; each GPU has --instances of its own");
ABSL_FLAG(int, instances, 1, "batches of a model that run at the same time");
ABSL_FLAG(int, threads_per_instance, 0, "processors for one batch; 0 divides them among the instances");
ABSL_FLAG(int64_t, max_queue_size, 1024, "requests of a model that may wait; more get 503");
ABSL_FLAG(int, versions, 1, "how many of the newest versions of a model answer");
ABSL_FLAG(bool, warmup, true, "try a version on zeros before it takes over");
ABSL_FLAG(double, poll_seconds, 0, "look for new, changed and removed versions this often; 0: only on request");
ABSL_FLAG(double, timeout_seconds, 30, "time limit of a request that sets none");
ABSL_FLAG(int64_t, max_connections, 10000, "connections at the same time; idle ones make room for new ones");
ABSL_FLAG(int64_t, max_connections_per_peer, 0,
          "connections of one address (IPv6: of one /64 network); 0: half of --max_connections");
ABSL_FLAG(int64_t, max_body_mb, 64, "largest body of a request in MiB");
ABSL_FLAG(int64_t, max_pending_mb, 1024, "MiB of memory that all requests together may hold; more get 503");
ABSL_FLAG(double, idle_seconds, 60, "how long an idle connection is kept");
ABSL_FLAG(double, request_seconds, 60, "how long a request may take to arrive, and an answer to be sent");
ABSL_FLAG(std::string, token_file, "",
          "file of bearer tokens for inference, one on a line; without it no token is needed");
ABSL_FLAG(std::string, admin_token_file, "", "file of bearer tokens for administration");
ABSL_FLAG(bool, admin_without_token, false,
          "allow administration without tokens on an address that other machines reach");
ABSL_FLAG(std::vector<std::string>, allowed_hosts, {},
          "names that requests to administration may have in Host, besides localhost and IP addresses; if there are "
          "any, inference takes no others either");
ABSL_FLAG(std::string, tls_certificate, "",
          "PEM file of the certificate and its chain; with --tls_key inference speaks TLS, and so does administration "
          "on an address that is not loopback");
ABSL_FLAG(std::string, tls_key, "", "PEM file of the certificate's private key");
ABSL_FLAG(std::string, access_log, "", "file or device for a JSON line for each request; \"-\" is standard error");
ABSL_FLAG(double, drain_seconds, 30, "on SIGTERM: the most time to answer the accepted requests");

namespace hearth::serve {
namespace {

struct Group {
  const char* title;
  std::vector<const char*> flags;
};

const std::array kGroups{
    Group{"Models", {"model_repository", "versions", "warmup", "poll_seconds"}},
    Group{"Where it listens",
          {"address", "port", "grpc_port", "admin_address", "admin_port", "grpc_admin_port", "io_threads"}},
    Group{"Batches",
          {"max_batch_size", "max_queue_delay_us", "device", "instances", "threads_per_instance", "max_queue_size"}},
    Group{"Limits",
          {"max_body_mb", "max_pending_mb", "max_connections", "max_connections_per_peer", "timeout_seconds",
           "idle_seconds", "request_seconds", "drain_seconds"}},
    Group{"Who may",
          {"token_file", "admin_token_file", "admin_without_token", "allowed_hosts", "tls_certificate", "tls_key"}},
    Group{"Log", {"access_log"}},
};

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1e3));
}

// Reads flags and keeps the first error.
class Checked {
 public:
  template <class T>
  T range(const char* name, const absl::Flag<T>& flag, T least, T most) {
    const T v = absl::GetFlag(flag);
    if (v >= least && v <= most) return v;
    complain(concat("--", name, " must be ", least, " to ", most, ", but is ", v));
    return least;  // nobody runs with it
  }
  void complain(const std::string& what) { status.Update(absl::InvalidArgumentError(what)); }

  absl::Status status;
};

absl::StatusOr<std::vector<std::string>> tokens_of(const char* flag, const std::string& path) {
  std::vector<std::string> tokens;
  if (path.empty()) return tokens;
  const auto text = io::read_file(path, 1 << 20);
  if (!text.ok())
    return absl::Status(text.status().code(), concat("--", flag, ": ", std::string(text.status().message())));
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty() && line[0] != '#') tokens.emplace_back(line);
  }
  if (tokens.empty()) return absl::InvalidArgumentError(concat("--", flag, ": ", path, " has no token"));
  return tokens;
}

// The GPUs that are named; none for the CPU.
std::vector<Device> devices_of(Checked& flags, const std::vector<std::string>& names) {
  std::vector<Device> devices;
  try {
    for (const std::string& name : names) devices.push_back(usable_device(name));
  } catch (const Error& e) {
    flags.complain(concat("--device: ", e.what()));
  }
  if (devices == std::vector{kCpu}) return {};
  for (size_t i = 0; i < devices.size(); ++i) {
    if (devices[i].is_cpu()) flags.complain("--device: cpu stands alone");
    if (std::count(devices.begin(), devices.end(), devices[i]) > 1)
      flags.complain(concat("--device: ", to_string(devices[i]), " is named twice"));
  }
  return devices;
}

// Two servers cannot listen on the same port of an address.
void check_ports(Checked& flags) {
  const std::string inference = absl::GetFlag(FLAGS_address), admin = absl::GetFlag(FLAGS_admin_address);
  const struct {
    const char* name;
    int port;
    const std::string& address;
  } all[] = {{"--port", absl::GetFlag(FLAGS_port), inference},
             {"--grpc_port", absl::GetFlag(FLAGS_grpc_port), inference},
             {"--admin_port", absl::GetFlag(FLAGS_admin_port), admin},
             {"--grpc_admin_port", absl::GetFlag(FLAGS_grpc_admin_port), admin}};
  const auto any = [](const std::string& a) { return a == "0.0.0.0" || a == "::"; };
  for (const auto& a : all) {
    for (const auto& b : all) {
      if (&a < &b && a.port > 0 && a.port == b.port && (a.address == b.address || any(a.address) || any(b.address)))
        flags.complain(concat(a.name, " and ", b.name, " are both ", a.port));
    }
  }
}

}  // namespace

absl::StatusOr<Tokens> read_tokens() {
  auto inference = tokens_of("token_file", absl::GetFlag(FLAGS_token_file));
  if (!inference.ok()) return inference.status();
  auto admin = tokens_of("admin_token_file", absl::GetFlag(FLAGS_admin_token_file));
  if (!admin.ok()) return admin.status();
  return Tokens{*std::move(inference), *std::move(admin)};
}

const std::vector<std::string>& grpc_tokens(const Tokens& tokens, bool administration) {
  return administration && !tokens.admin.empty() ? tokens.admin : tokens.inference;
}

absl::StatusOr<CommandLine> read_flags() {
  CommandLine c;
  Checked f;
  ServerOptions& o = c.server;
  constexpr double kYear = 365 * 86400.0;
  o.repository.directory = absl::GetFlag(FLAGS_model_repository);
  if (o.repository.directory.empty())
    f.complain("--model_repository is missing: hearth-serve --model_repository=DIR (see --help)");
  o.repository.scheduler = {
      .max_batch_size = f.range<int64_t>("max_batch_size", FLAGS_max_batch_size, 0, 65536),
      .max_queue_delay =
          std::chrono::microseconds(f.range<int64_t>("max_queue_delay_us", FLAGS_max_queue_delay_us, 0, 10'000'000)),
      .instances = f.range("instances", FLAGS_instances, 1, 256),
      .devices = devices_of(f, absl::GetFlag(FLAGS_device)),
      .threads_per_instance = f.range("threads_per_instance", FLAGS_threads_per_instance, 0, 1024),
      .max_queue_size = f.range<int64_t>("max_queue_size", FLAGS_max_queue_size, 1, 1'000'000)};
  o.repository.versions = f.range("versions", FLAGS_versions, 1, 1000);
  o.repository.warmup = absl::GetFlag(FLAGS_warmup);
  o.repository.poll = milliseconds_of(f.range("poll_seconds", FLAGS_poll_seconds, 0.0, kYear));
  if (absl::GetFlag(FLAGS_poll_seconds) > 0 && o.repository.poll.count() == 0)
    f.complain("--poll_seconds must be 0, or at least 0.001");

  const int threads = f.range("io_threads", FLAGS_io_threads, 0, 256);
  o.http.address = absl::GetFlag(FLAGS_address);
  o.http.port = f.range("port", FLAGS_port, 0, 65535);
  o.http.threads = threads > 0 ? threads : std::max(num_threads() / 2, 1);
  o.http.max_connections = f.range<int64_t>("max_connections", FLAGS_max_connections, 1, 1'000'000);
  o.http.max_connections_per_peer =
      f.range<int64_t>("max_connections_per_peer", FLAGS_max_connections_per_peer, 0, 1'000'000);
  if (o.http.max_connections_per_peer > o.http.max_connections)
    f.complain("--max_connections_per_peer is more than --max_connections");
  o.http.max_body_bytes = f.range<int64_t>("max_body_mb", FLAGS_max_body_mb, 1, 1 << 20) << 20;
  o.http.max_pending_bytes = f.range<int64_t>("max_pending_mb", FLAGS_max_pending_mb, 1, 1 << 30) << 20;
  if (o.http.max_body_bytes > o.http.max_pending_bytes)
    f.complain("--max_body_mb is more than --max_pending_mb: the largest body would never be taken");
  // A client over the network cannot be faster than these ranges' lower ends.
  o.http.idle_timeout = milliseconds_of(f.range("idle_seconds", FLAGS_idle_seconds, 0.1, kYear));
  o.http.request_timeout = milliseconds_of(f.range("request_seconds", FLAGS_request_seconds, 0.1, kYear));
  o.http.header_timeout = std::min(o.http.header_timeout, o.http.request_timeout);
  o.http.certificate = absl::GetFlag(FLAGS_tls_certificate);
  o.http.private_key = absl::GetFlag(FLAGS_tls_key);
  if (o.http.certificate.empty() != o.http.private_key.empty())
    f.complain(concat(o.http.certificate.empty() ? "--tls_key is given without --tls_certificate"
                                                 : "--tls_certificate is given without --tls_key"));

  o.admin = o.http;
  o.admin.address = absl::GetFlag(FLAGS_admin_address);
  o.admin.port = f.range("admin_port", FLAGS_admin_port, -1, 65535);
  o.admin.threads = 1;
  // On a loopback address nobody can listen in.
  if (is_loopback(o.admin.address)) o.admin.certificate = o.admin.private_key = "";
  o.serve_admin = o.admin.port >= 0;
  o.admin_without_token = absl::GetFlag(FLAGS_admin_without_token);
  const int grpc_port = f.range("grpc_port", FLAGS_grpc_port, -1, 65535);
  const int grpc_admin_port = f.range("grpc_admin_port", FLAGS_grpc_admin_port, -1, 65535);
  check_ports(f);
  const bool administered = o.serve_admin || grpc_admin_port >= 0;
  if (!administered && !absl::GetFlag(FLAGS_admin_token_file).empty())
    f.complain("--admin_token_file is given, but neither --admin_port nor --grpc_admin_port");

  o.api.allowed_hosts = absl::GetFlag(FLAGS_allowed_hosts);
  for (const std::string& h : o.api.allowed_hosts) {
    if (h != "*" && !is_host(h)) f.complain(concat("--allowed_hosts: \"", h, "\" is not a name of a host"));
  }
  o.api.default_timeout = milliseconds_of(f.range("timeout_seconds", FLAGS_timeout_seconds, 0.001, kYear));
  o.api.max_body_bytes = o.http.max_body_bytes;
  o.api.workers = num_threads();
  o.access_log = absl::GetFlag(FLAGS_access_log);
  c.drain = milliseconds_of(f.range("drain_seconds", FLAGS_drain_seconds, 0.0, kYear));
  if (!f.status.ok()) return f.status;

  auto tokens = read_tokens();
  if (!tokens.ok()) return tokens.status();
  o.api.tokens = *std::move(tokens);
  if (administered && grpc_tokens(o.api.tokens, true).empty() && !o.admin_without_token &&
      !is_loopback(o.admin.address)) {
    return absl::InvalidArgumentError(
        concat("--admin_address=", o.admin.address,
               " is not a loopback address: administration there needs --admin_token_file, or --admin_without_token if "
               "everybody who reaches it may load and unload models"));
  }
  const auto grpc = [&](const HttpServerOptions& http, int port, bool admin) {
    return GrpcServerOptions{.address = http.address,
                             .port = port,
                             .tokens = grpc_tokens(o.api.tokens, admin),
                             .administration = admin,
                             .default_timeout = o.api.default_timeout,
                             .max_message_bytes = std::min(o.http.max_body_bytes, (int64_t{1} << 31) - 1),
                             .certificate = http.certificate,
                             .private_key = http.private_key,
                             .workers = o.api.workers,
                             .max_connections = o.http.max_connections};
  };
  if (grpc_port >= 0) c.grpc = grpc(o.http, grpc_port, false);
  if (grpc_admin_port >= 0) c.grpc_admin = grpc(o.admin, grpc_admin_port, true);
  return c;
}

std::string help_text() {
  std::string out =
      "Serves exported models over HTTP and gRPC.\n\n"
      "  hearth-serve --model_repository=DIR [--port=8000] [--address=0.0.0.0] ...\n\n"
      "For example, with an exported model in models/fashion/1:\n\n"
      "  hearth-serve --model_repository=models --port=8000\n"
      "  curl --data-binary @picture.png 'localhost:8000/v2/models/fashion/predict?top=3'\n";
  for (const Group& g : kGroups) {
    out += concat("\n", g.title, ":\n");
    for (const char* name : g.flags) {
      const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
      if (!flag) continue;
      const std::string value = flag->DefaultValue();
      out += concat("  --", name, "=", value.empty() ? "\"\"" : value, "\n");
      // Wrapped for a terminal.
      std::string line;
      for (const absl::string_view word : absl::StrSplit(flag->Help(), ' ')) {
        if (line.size() + word.size() > 70) out += concat("       ", std::exchange(line, ""), "\n");
        line += concat(" ", std::string(word));
      }
      out += concat("       ", line, "\n");
    }
  }
  out +=
      "\nSIGTERM, SIGINT and SIGQUIT: answer the accepted requests, then end. SIGHUP: open the access log, read "
      "tokens\nand read certificates again. docs/serving.md is the manual.\n";
  return out;
}

}  // namespace hearth::serve
