#include "distributed/launch/launcher.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <system_error>

#include "core/base/error.h"
#include "distributed/launch/addresses.h"
#include "distributed/launch/attempt.h"
#include "distributed/store/grpc_store.h"

namespace hearth::distributed {
namespace {

// How long the store's host waits at the end for the others, which only have to end their ranks.
constexpr std::chrono::seconds kFarewell{60};

std::string random_token() {
  std::random_device random;
  std::string token;
  for (int i = 0; i < 8; ++i) token += concat(random(), i < 7 ? "-" : "");
  return token;
}

template <class T>
T expect(absl::StatusOr<T> v) {
  if (!v.ok()) fail(ErrorKind::kIo, "hearthrun: ", std::string(v.status().message()));
  return *std::move(v);
}

}  // namespace

int launch(const LaunchOptions& o) {
  StoreSecurity security = security_from_environment();
  HEARTH_CHECK(o.nodes == 1 || !security.token.empty(),
               "hearthrun: for several hosts set HEARTH_JOB_TOKEN, a secret that they share, on each");
  if (security.token.empty()) security.token = random_token();
  std::error_code error;
  std::filesystem::create_directories(o.log_dir, error);
  if (error) fail(ErrorKind::kIo, "hearthrun: cannot make the directory ", o.log_dir, ": ", error.message());
  const Signals signals;
  const Guardian guardian;  // before there are threads
  // Ranks on one host need no other to reach the store. A certificate of TLS is one of the host's name, though.
  Meeting meeting{
      .host = o.nodes == 1 && !security.tls() ? "127.0.0.1" : o.master, .port = o.port, .token = security.token};
  std::unique_ptr<StoreServer> server;
  if (o.node == 0) {
    server = expect(StoreServer::start(address_to_listen_on(meeting.host), o.port, security));
    meeting.server = server.get();
    meeting.port = server->port();
  }
  if (o.nodes > 1)
    meeting.store = expect(connect_store(meeting.host, meeting.port, security, std::chrono::minutes(10)));
  for (int number = 0;; ++number) {
    const Outcome outcome = Attempt(o, number, meeting, guardian).run(signals);
    if (outcome == Outcome::kInterrupted) return 130;
    if (outcome == Outcome::kWell || number == o.max_restarts) {
      // The store's host stays until the others need it no more.
      if (meeting.store) {
        const auto key = [](int host) { return concat("launcher done/", host); };
        (void)meeting.store->set(key(o.node), "");
        const auto end = std::chrono::steady_clock::now() + kFarewell;
        for (int host = 0; server && host < o.nodes; ++host) {
          const auto left =
              std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
          (void)meeting.store->wait(key(host), std::max(left, std::chrono::milliseconds(0)));
        }
      }
      return outcome == Outcome::kWell ? 0 : 1;
    }
    std::fprintf(stderr, "hearthrun: starting again, %d of %d\n", number + 1, o.max_restarts);
  }
}

}  // namespace hearth::distributed
