#include "distributed/launch/init.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <memory>
#include <random>
#include <utility>

#include "core/base/error.h"
#include "distributed/gloo/gloo_backend.h"
#include "distributed/store/file_store.h"
#include "distributed/store/memory_store.h"

namespace hearth::distributed {
namespace {

using std::chrono::milliseconds;

// How long rank 0 keeps the store for the others at the end.
constexpr milliseconds kFarewell{5000};

template <class T>
T expect(absl::StatusOr<T> v) {
  if (!v.ok()) fail(ErrorKind::kIo, "distributed: ", std::string(v.status().message()));
  return *std::move(v);
}

std::string variable(const char* name) {
  const char* v = std::getenv(name);
  return v ? v : "";
}

// This process's share of the job's store. The process that serves it goes last.
class JobStore final : public Store {
 public:
  JobStore(std::shared_ptr<Store> store, std::unique_ptr<StoreServer> server, int size)
      : server_(std::move(server)), store_(std::move(store)), size_(size) {}
  ~JobStore() override {
    if (size_ == 1) return;
    const auto left = store_->add("left", 1);
    if (!left.ok()) return;
    if (*left == size_) (void)store_->set("all left", "");
    else if (server_) (void)store_->wait("all left", kFarewell);
  }
  absl::Status set(const std::string& key, const std::string& value) override { return store_->set(key, value); }
  absl::StatusOr<std::string> wait(const std::string& key, milliseconds timeout, const std::stop_token& stop) override {
    return store_->wait(key, timeout, stop);
  }
  absl::StatusOr<std::string> get(const std::string& key) override { return store_->get(key); }
  absl::StatusOr<std::string> set_if_absent(const std::string& key, const std::string& value) override {
    return store_->set_if_absent(key, value);
  }
  absl::StatusOr<int64_t> add(const std::string& key, int64_t amount) override { return store_->add(key, amount); }
  absl::Status erase(const std::string& key) override { return store_->erase(key); }

 private:
  const std::unique_ptr<StoreServer> server_;
  const std::shared_ptr<Store> store_;
  const int size_;
};

struct Place {
  std::string host;
  int port = 0;
};

Place parse_place(const std::string& method, const std::string& rest) {
  const size_t colon = rest.rfind(':');
  Place p;
  if (colon != std::string::npos) {
    p.host = rest.substr(0, colon);
    const auto [end, error] = std::from_chars(rest.data() + colon + 1, rest.data() + rest.size(), p.port);
    if (error != std::errc() || end != rest.data() + rest.size()) p.port = 0;
  }
  HEARTH_CHECK(!p.host.empty() && p.port >= 1 && p.port <= 65535, "init: the method must be tcp://host:port, but is \"",
               method, "\"");
  return p;
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0; }

// The address of this host on the way to another; empty if there is none. Nothing is sent.
std::string address_towards(const std::string& host) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  if (::getaddrinfo(host.c_str(), "9", &hints, &found) != 0) return {};
  std::string out;
  for (const addrinfo* a = found; a && out.empty(); a = a->ai_next) {
    const int fd = ::socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    sockaddr_storage mine{};
    socklen_t length = sizeof mine;
    char name[NI_MAXHOST];
    if (::connect(fd, a->ai_addr, a->ai_addrlen) == 0 &&
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&mine), &length) == 0 &&
        ::getnameinfo(reinterpret_cast<sockaddr*>(&mine), length, name, sizeof name, nullptr, 0, NI_NUMERICHOST) == 0)
      out = name;
    ::close(fd);
  }
  ::freeaddrinfo(found);
  return out;
}

std::string hostname() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

// Finds two jobs in one store, two processes of one rank, and ranks that count differently.
void join(Store& store, int rank, int size) {
  const std::string counted = expect(store.set_if_absent("size", std::to_string(size)));
  HEARTH_CHECK(counted == std::to_string(size), "distributed: rank ", rank, " was told that the job has ", size,
               " ranks, but another rank was told ", counted);
  std::random_device random;
  const std::string me = concat(hostname(), " process ", static_cast<int64_t>(::getpid()), " ", random(), random());
  const std::string who = expect(store.set_if_absent(concat("rank/", rank), me));
  HEARTH_CHECK(who == me, "distributed: rank ", rank, " is taken by ", who.substr(0, who.rfind(' ', who.rfind(' '))),
               ": two processes have one rank, two jobs use one store, or a directory was used before");
}

}  // namespace

ProcessGroup init(const InitOptions& options) {
  const bool file = options.method.rfind("file://", 0) == 0, tcp = options.method.rfind("tcp://", 0) == 0;
  HEARTH_CHECK(file || tcp || options.method == "env",
               "init: the method must be env, tcp://host:port or file:///directory, but is \"", options.method, "\"");
  Environment e;
  if (options.rank && options.size) {
    e = environment([](const char* name) -> const char* {
      const std::string n = name;
      return n == "MASTER_ADDR" || n == "MASTER_PORT" || n == "HEARTH_RESTART_COUNT" ? std::getenv(name) : nullptr;
    });
    e.rank = *options.rank;
    e.size = *options.size;
    e.local_size = -1;
    HEARTH_CHECK(e.size >= 1 && e.rank >= 0 && e.rank < e.size, "init: rank ", e.rank, " of ", e.size,
                 " does not exist");
  } else {
    HEARTH_CHECK(!options.rank && !options.size, "init: give both rank and size, or neither");
    e = environment();
  }
  StoreSecurity security;
  if (options.security) {
    security = *options.security;
  } else {
    security = {.token = variable("HEARTH_JOB_TOKEN"),
                .ca_file = variable("HEARTH_TLS_CA"),
                .certificate_file = variable("HEARTH_TLS_CERTIFICATE"),
                .key_file = variable("HEARTH_TLS_KEY")};
  }
  if (tcp) {
    const Place p = parse_place(options.method, options.method.substr(6));
    e.master = p.host;
    e.port = p.port;
    e.store_served = false;
  }

  std::shared_ptr<Store> store;
  std::unique_ptr<StoreServer> server;
  if (e.size == 1) {
    store = std::make_shared<MemoryStore>();
  } else if (file) {
    store = expect(FileStore::open(options.method.substr(7)));
  } else {
    HEARTH_CHECK(!e.master.empty(), "distributed: set MASTER_ADDR to the host of rank 0: ", e.started_by,
                 " does not say it");
    if (e.rank == 0 && !e.store_served) {
      // Where all ranks are on this host nobody else needs to reach it.
      server = expect(StoreServer::start(is_loopback(e.master) ? "127.0.0.1" : "0.0.0.0", e.port, security));
    }
    store = expect(connect_store(e.master, e.port, security, options.group.timeout));
  }
  // A job that starts again must not read what it wrote before.
  store = std::make_shared<PrefixStore>(std::move(store), concat("job/", e.restarts, "/"));
  join(*store, e.rank, e.size);
  store = std::make_shared<JobStore>(std::move(store), std::move(server), e.size);

  std::string host = options.host.empty() ? variable("HEARTH_HOST") : options.host;
  if (host.empty() && (e.local_size == e.size || is_loopback(e.master))) host = "127.0.0.1";
  if (host.empty() && !e.master.empty()) host = address_towards(e.master);
  if (host.empty()) host = hostname();
  return ProcessGroup(e.rank, e.size, std::move(store), gloo_backend(host), options.group);
}

}  // namespace hearth::distributed
