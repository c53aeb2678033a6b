// hearth-serve: a server of exported models. docs/serving.md leads through it.

#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/io/file.h"
#include "serve/grpc/grpc_server.h"
#include "serve/server.h"

ABSL_FLAG(std::string, model_repository, "", "directory of the models: <model>/<version>/ each an exported model");
ABSL_FLAG(std::string, address, "0.0.0.0", "IP address that inference listens on");
ABSL_FLAG(int, port, 8000, "port of inference and the page; 0 takes a free one");
ABSL_FLAG(std::string, admin_address, "127.0.0.1", "IP address that administration listens on");
ABSL_FLAG(int, admin_port, 8002, "port of administration (and all else); 0 takes a free one, -1 has none");
ABSL_FLAG(int, grpc_port, 8001, "port of inference over gRPC, on --address; 0 takes a free one, -1 has none");
ABSL_FLAG(int, grpc_admin_port, -1, "the same with administration, on --admin_address");
ABSL_FLAG(int, io_threads, 0, "threads that read requests and write answers; 0: half the processors, at least one");
ABSL_FLAG(int64_t, max_batch_size, 0, "most examples in a batch; 0: what serves most a second, found while warming up");
ABSL_FLAG(int64_t, max_queue_delay_us, 0, "microseconds that a request may wait for others to make a fuller batch");
ABSL_FLAG(int, instances, 1, "batches of a model that run at the same time");
ABSL_FLAG(int, threads_per_instance, 0, "processors for one batch; 0 divides them among the instances");
ABSL_FLAG(int64_t, max_queue_size, 1024, "requests of a model that may wait; beyond it they get 503");
ABSL_FLAG(int, versions, 1, "how many of the newest versions of a model answer");
ABSL_FLAG(bool, warmup, true, "try a version on zeros before it takes over");
ABSL_FLAG(double, poll_seconds, 0, "look for new, changed and removed versions this often; 0: only on request");
ABSL_FLAG(double, timeout_seconds, 30, "time for a request that names none");
ABSL_FLAG(int64_t, max_connections, 10000, "further connections get 503");
ABSL_FLAG(int64_t, max_body_mb, 64, "largest body of a request in MiB");
ABSL_FLAG(int64_t, max_pending_mb, 1024, "MiB of bodies that are being read or answered; further requests get 503");
ABSL_FLAG(double, idle_seconds, 60, "how long an idle connection is kept");
ABSL_FLAG(double, request_seconds, 60, "how long a request may take to arrive, and an answer to be taken");
ABSL_FLAG(std::string, token_file, "", "file of bearer tokens for inference, one on a line; none: everybody may");
ABSL_FLAG(std::string, admin_token_file, "", "file of bearer tokens for administration");
ABSL_FLAG(std::string, tls_certificate, "",
          "PEM file of the certificate and its chain; with --tls_key inference speaks TLS");
ABSL_FLAG(std::string, tls_key, "", "PEM file of the certificate's private key");
ABSL_FLAG(std::string, access_log, "", "file for a JSON line for each request; \"-\" is standard error");
ABSL_FLAG(double, drain_seconds, 30, "on SIGTERM: most time to answer what was accepted");

namespace hearth::serve {
namespace {

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(std::min(std::max(seconds, 0.0), 1e9) * 1e3));
}

absl::StatusOr<std::vector<std::string>> read_tokens(const std::string& path) {
  std::vector<std::string> tokens;
  if (path.empty()) return tokens;
  const auto text = io::read_file(path, 1 << 20);
  if (!text.ok()) return text.status();
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty() && line[0] != '#') tokens.emplace_back(line);
  }
  if (tokens.empty()) return absl::InvalidArgumentError(concat(path, " holds no token"));
  return tokens;
}

absl::StatusOr<ServerOptions> options_from_flags() {
  ServerOptions o;
  o.repository.directory = absl::GetFlag(FLAGS_model_repository);
  if (o.repository.directory.empty()) return absl::InvalidArgumentError("--model_repository is missing");
  o.repository.scheduler = {.max_batch_size = absl::GetFlag(FLAGS_max_batch_size),
                            .max_queue_delay = std::chrono::microseconds(absl::GetFlag(FLAGS_max_queue_delay_us)),
                            .instances = absl::GetFlag(FLAGS_instances),
                            .threads_per_instance = absl::GetFlag(FLAGS_threads_per_instance),
                            .max_queue_size = absl::GetFlag(FLAGS_max_queue_size)};
  o.repository.versions = absl::GetFlag(FLAGS_versions);
  o.repository.warmup = absl::GetFlag(FLAGS_warmup);
  o.repository.poll = milliseconds_of(absl::GetFlag(FLAGS_poll_seconds));
  if (o.repository.versions < 1) return absl::InvalidArgumentError("--versions must be at least 1");
  const int threads = absl::GetFlag(FLAGS_io_threads);
  o.http.address = absl::GetFlag(FLAGS_address);
  o.http.port = absl::GetFlag(FLAGS_port);
  o.http.threads = threads > 0 ? threads : std::max(num_threads() / 2, 1);
  o.http.max_connections = absl::GetFlag(FLAGS_max_connections);
  o.http.max_body_bytes = absl::GetFlag(FLAGS_max_body_mb) << 20;
  o.http.max_pending_bytes = absl::GetFlag(FLAGS_max_pending_mb) << 20;
  if (o.http.max_pending_bytes < 1 || o.http.max_pending_bytes > int64_t{1} << 50)
    return absl::InvalidArgumentError("--max_pending_mb must be 1 to 1073741824");
  o.http.idle_timeout = milliseconds_of(absl::GetFlag(FLAGS_idle_seconds));
  o.http.request_timeout = milliseconds_of(absl::GetFlag(FLAGS_request_seconds));
  o.http.header_timeout = std::min(o.http.header_timeout, o.http.request_timeout);
  if (o.http.max_connections < 1) return absl::InvalidArgumentError("--max_connections must be at least 1");
  if (o.http.max_body_bytes < 1 || o.http.max_body_bytes > int64_t{1} << 40)
    return absl::InvalidArgumentError("--max_body_mb must be 1 to 1048576");
  o.admin = o.http;
  o.admin.address = absl::GetFlag(FLAGS_admin_address);
  o.admin.port = absl::GetFlag(FLAGS_admin_port);
  o.admin.threads = 1;
  o.serve_admin = o.admin.port >= 0;
  o.http.certificate = absl::GetFlag(FLAGS_tls_certificate);
  o.http.private_key = absl::GetFlag(FLAGS_tls_key);
  auto tokens = read_tokens(absl::GetFlag(FLAGS_token_file));
  if (!tokens.ok()) return tokens.status();
  o.api.tokens = *std::move(tokens);
  auto admin_tokens = read_tokens(absl::GetFlag(FLAGS_admin_token_file));
  if (!admin_tokens.ok()) return admin_tokens.status();
  o.api.admin_tokens = *std::move(admin_tokens);
  o.api.default_timeout = milliseconds_of(absl::GetFlag(FLAGS_timeout_seconds));
  o.api.max_body_bytes = o.http.max_body_bytes;
  o.api.workers = num_threads();
  o.access_log = absl::GetFlag(FLAGS_access_log);
  return o;
}

int serve_until_told(const ServerOptions& options) {
  // Blocked in every thread, and waited for in this one.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto server = Server::start(options);
  if (!server.ok()) {
    std::fprintf(stderr, "hearth-serve: %s\n", std::string(server.status().message()).c_str());
    return 1;
  }
  std::vector<std::unique_ptr<GrpcServer>> grpc;
  std::string grpc_ports;
  for (const bool admin : {false, true}) {
    const int port = absl::GetFlag(admin ? FLAGS_grpc_admin_port : FLAGS_grpc_port);
    if (port < 0) continue;
    auto g = GrpcServer::start(
        {.address = admin ? options.admin.address : options.http.address,
         .port = port,
         // A token that inference needs holds on every port.
         .tokens = admin && !options.api.admin_tokens.empty() ? options.api.admin_tokens : options.api.tokens,
         .administration = admin,
         .default_timeout = options.api.default_timeout,
         .max_message_bytes = std::min(options.http.max_body_bytes, int64_t{1} << 31),
         .certificate = admin ? "" : options.http.certificate,
         .private_key = admin ? "" : options.http.private_key,
         .workers = options.api.workers,
         .max_connections = options.http.max_connections,
         .memory = (*server)->memory(),
         .log = (*server)->access_log()},
        (*server)->models());
    if (!g.ok()) {
      std::fprintf(stderr, "hearth-serve: %s\n", std::string(g.status().message()).c_str());
      return 1;
    }
    grpc_ports += concat(admin ? ", gRPC with administration on port " : ", gRPC on port ", (*g)->port());
    grpc.push_back(*std::move(g));
  }
  for (const IndexEntry& e : (*server)->models().index()) {
    std::fprintf(stderr, "hearth-serve: %s version %lld: %s%s%s\n", e.name.c_str(), static_cast<long long>(e.version),
                 kVersionStateNames[static_cast<size_t>(e.state)], e.reason.empty() ? "" : ": ", e.reason.c_str());
  }
  std::printf("listening on %s port %d", options.http.address.c_str(), (*server)->port());
  if (options.serve_admin)
    std::printf(", administration on %s port %d", options.admin.address.c_str(), (*server)->admin_port());
  std::printf("%s\n", grpc_ports.c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  std::fprintf(stderr, "hearth-serve: draining\n");
  // A second signal ends the program at once.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  const auto limit = milliseconds_of(absl::GetFlag(FLAGS_drain_seconds));
  // Whatever hangs (a model that computes for hours), the program ends.
  std::thread([limit] {
    std::this_thread::sleep_for(limit + std::chrono::seconds(1));
    std::fprintf(stderr, "hearth-serve: some requests were not answered in time\n");
    std::_Exit(1);
  }).detach();
  std::vector<std::thread> drains;
  drains.reserve(grpc.size());
  for (auto& g : grpc) drains.emplace_back([&g, limit] { g->drain(limit); });
  const bool all = (*server)->drain(std::chrono::milliseconds(300), limit);
  for (std::thread& d : drains) d.join();
  if (!all) {
    std::fprintf(stderr, "hearth-serve: some requests were not answered in time\n");
    std::_Exit(1);
  }
  return 0;
}

}  // namespace
}  // namespace hearth::serve

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Serves exported models over HTTP.\n  hearth-serve --model_repository=DIR");
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr, "hearth-serve: unexpected argument \"%s\" (see --help)\n", rest[1]);
    return 2;
  }
  const auto options = hearth::serve::options_from_flags();
  if (!options.ok()) {
    std::fprintf(stderr, "hearth-serve: %s\n", std::string(options.status().message()).c_str());
    return 2;
  }
  try {
    return hearth::serve::serve_until_told(*options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "hearth-serve: %s\n", e.what());
    return 1;
  }
}
