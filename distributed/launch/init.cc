#include "distributed/launch/init.h"

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "distributed/gloo/gloo_backend.h"
#include "distributed/launch/addresses.h"
#include "distributed/launch/job_store.h"
#include "distributed/nccl/nccl_backend.h"
#include "distributed/store/file_store.h"
#include "distributed/store/grpc_store.h"
#include "distributed/store/memory_store.h"

namespace hearth::distributed {
namespace {

template <class T>
T expect(absl::StatusOr<T> v) {
  if (!v.ok()) fail(ErrorKind::kIo, "distributed: ", std::string(v.status().message()));
  return *std::move(v);
}

std::string environment_host() {
  const char* v = std::getenv("HEARTH_HOST");
  return v ? v : "";
}

// Finds two jobs in one store, two processes of one rank, and ranks that count differently.
void join(Store& store, int rank, int size) {
  const std::string counted = expect(store.set_if_absent("size", std::to_string(size)));
  HEARTH_CHECK(counted == std::to_string(size), "distributed: rank ", rank, " was told that the job has ", size,
               " ranks, but another rank was told ", counted);
  std::random_device random;
  const std::string me = concat(hostname(), " process ", static_cast<int64_t>(::getpid()), " ", random(), random());
  const std::string who = expect(store.set_if_absent(concat("rank/", rank), me));
  HEARTH_CHECK(who == me, "distributed: rank ", rank, " is taken by ",
               printable(who.substr(0, who.rfind(' ')), kPrintedMessage),
               ": two processes have one rank, two jobs use one store, or a directory was used before");
}

// The GPU of a rank, or the CPU.
Device gpu_of(const Environment& e) {
  const bool own = e.local_rank >= 0 && e.local_rank < device_count(DeviceType::kCuda);
  return own ? Device{DeviceType::kCuda, static_cast<int8_t>(e.local_rank)} : kCpu;
}

// Whether all ranks say that they have a GPU for NCCL: the last one that says so tells the others.
bool all_have(bool own, Store& store, int size, std::chrono::milliseconds timeout) {
  if (own) expect(store.add("ranks with a GPU", 1));
  if (expect(store.add("ranks", 1)) == size) {
    const int64_t with = expect(store.add("ranks with a GPU", 0));
    expect(store.set_if_absent("engine", with == size ? "nccl" : "gloo"));
  }
  return expect(store.wait("engine", timeout)) == "nccl";
}

// What carries the tensors of a rank whose GPU is `gpu`, if it has one.
BackendFactory engine_of(const InitOptions& options, Device gpu, Store& store, int size, const std::string& host) {
  HEARTH_CHECK(!options.device || gpu.is_cpu() || gpu.index < device_count(DeviceType::kCuda),
               "init: there is no device ", to_string(gpu), "; this machine has ", device_count(DeviceType::kCuda));
  BackendFactory cpu = gloo_backend(host);
  const bool possible = nccl_backend != nullptr && gpu.is_cuda();
  // Every rank says it, whatever its options are: those of others may be different.
  const bool all = all_have(possible && options.engine != Engine::kGloo, store, size, options.group.timeout);
  if (options.engine == Engine::kNccl && !all) {
    fail(ErrorKind::kUnsupported, "init: there is no NCCL: ",
         !nccl_backend ? "this program is built without --config=cuda"
         : possible    ? "another rank has no GPU of its own, or asks for Gloo"
                       : "this rank has no GPU of its own");
  }
  if (!all) return cpu;
  return nccl_backend(gpu.index, std::move(cpu));
}

}  // namespace

Device rank_device() { return gpu_of(environment()); }

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
    if (e.size > 1) e.local_rank = -1;  // nobody says: without a device, the rank has none
    HEARTH_CHECK(e.size >= 1 && e.rank >= 0 && e.rank < e.size, "init: rank ", e.rank, " of ", e.size,
                 " does not exist");
  } else {
    HEARTH_CHECK(!options.rank && !options.size, "init: give both rank and size, or neither");
    e = environment();
  }
  const StoreSecurity security = options.security ? *options.security : security_from_environment();
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
    // Where all ranks are on this host nobody else needs to reach the store. A certificate of TLS is one of the host's
    // name, though.
    if (e.local_size == e.size && !security.tls()) e.master = "127.0.0.1";
    HEARTH_CHECK(is_loopback(e.master) || options.security || !security.token.empty(),
                 "distributed: the ranks meet at ", e.master,
                 ", where anybody on the network could join them: set "
                 "HEARTH_JOB_TOKEN, a secret that they share, for each of them");
    if (e.rank == 0 && !e.store_served)
      server = expect(StoreServer::start(address_to_listen_on(e.master), e.port, security));
    store = expect(connect_store(e.master, e.port, security, options.group.timeout));
  }
  // A job that starts again must not read what it wrote before.
  store = std::make_shared<PrefixStore>(std::move(store), concat("job/", e.restarts, "/"));
  join(*store, e.rank, e.size);
  store = std::make_shared<JobStore>(std::move(store), std::move(server), e.size);

  std::string host = options.host.empty() ? environment_host() : options.host;
  if (host.empty() && (e.local_size == e.size || is_loopback(e.master))) host = "127.0.0.1";
  if (host.empty() && !e.master.empty()) host = address_towards(e.master);
  if (host.empty()) host = hostname();
  BackendFactory engine = engine_of(options, options.device.value_or(gpu_of(e)), *store, e.size, host);
  return ProcessGroup(e.rank, e.size, std::move(store), std::move(engine), options.group);
}

}  // namespace hearth::distributed
