// A collective is work in a stream of each rank, which is done when all have come to it. Ranks that call different
// things, which would hang or write wherever it may be, end the program by name.
#include "nccl.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "internal.h"

using namespace cuda_emulated;

namespace {

struct Call {
  const char* name = "";
  size_t count = 0;
  ncclDataType_t type = ncclFloat32;
  ncclRedOp_t op = ncclSum;
  int root = -1;
  bool operator==(const Call&) const = default;
  std::string text() const {
    return std::string(name) + " of " + std::to_string(count) + " elements of type " + std::to_string(type) +
           ", operation " + std::to_string(op) + ", root " + std::to_string(root);
  }
};

// What ranks meet in: all of them, or the two of a send and its receive.
struct Match {
  Call call;
  std::map<int, std::pair<const void*, void*>> memory;  // of the ranks that have called
  std::set<int> at_front;
  size_t wanted = 0;
  bool done = false;
  char begin = 0, end = 0;  // what ThreadSanitizer is told
};

struct Clique {
  int size = 0;
  std::set<int> joined;
  std::map<uint64_t, std::shared_ptr<Match>> collectives;
  std::map<std::pair<int, int>, std::map<uint64_t, std::shared_ptr<Match>>> directs;  // from, to
};

std::map<std::string, std::shared_ptr<Clique>>& cliques() {
  static auto& all = *new std::map<std::string, std::shared_ptr<Clique>>;
  return all;
}

size_t size_of(ncclDataType_t t) {
  switch (t) {
    case ncclInt8:
    case ncclUint8:
      return 1;
    case ncclFloat16:
    case ncclBfloat16:
      return 2;
    case ncclInt32:
    case ncclUint32:
    case ncclFloat32:
      return 4;
    default:
      return 8;
  }
}

float from_bf16(uint16_t v) { return std::bit_cast<float>(uint32_t{v} << 16); }
uint16_t to_bf16(float v) {
  const auto u = std::bit_cast<uint32_t>(v);
  return static_cast<uint16_t>(v != v ? 0x7fc0 : (u + 0x7fff + (u >> 16 & 1)) >> 16);
}

template <class T>
T join(ncclRedOp_t op, T a, T b) {
  switch (op) {
    case ncclProd:
      return static_cast<T>(a * b);
    case ncclMax:
      return a != a ? a : b != b ? b : std::max(a, b);
    case ncclMin:
      return a != a ? a : b != b ? b : std::min(a, b);
    default:
      return static_cast<T>(a + b);
  }
}

// out[i] = all ranks' in[i], joined in the order of the ranks.
template <class T, class Load, class Store>
void reduce_as(const std::vector<const char*>& in, char* out, size_t count, ncclRedOp_t op, Load load, Store store) {
  std::vector<T> sums(count);
  for (size_t i = 0; i < count; ++i) {
    T v = load(in[0], i);
    for (size_t r = 1; r < in.size(); ++r) v = join<T>(op, v, load(in[r], i));
    if (op == ncclAvg) v = static_cast<T>(v / static_cast<T>(in.size()));
    sums[i] = v;
  }
  for (size_t i = 0; i < count; ++i) store(out, i, sums[i]);
}
template <class T>
void reduce_plain(const std::vector<const char*>& in, char* out, size_t count, ncclRedOp_t op) {
  reduce_as<T>(
      in, out, count, op, [](const char* p, size_t i) { return reinterpret_cast<const T*>(p)[i]; },
      [](char* p, size_t i, T v) { reinterpret_cast<T*>(p)[i] = v; });
}
void reduce(const std::vector<const char*>& in, char* out, size_t count, ncclDataType_t type, ncclRedOp_t op) {
  switch (type) {
    case ncclInt8:
      return reduce_plain<int8_t>(in, out, count, op);
    case ncclUint8:
      return reduce_plain<uint8_t>(in, out, count, op);
    case ncclInt32:
      return reduce_plain<int32_t>(in, out, count, op);
    case ncclUint32:
      return reduce_plain<uint32_t>(in, out, count, op);
    case ncclInt64:
      return reduce_plain<int64_t>(in, out, count, op);
    case ncclUint64:
      return reduce_plain<uint64_t>(in, out, count, op);
    case ncclFloat32:
      return reduce_plain<float>(in, out, count, op);
    case ncclFloat64:
      return reduce_plain<double>(in, out, count, op);
    case ncclBfloat16:
      return reduce_as<float>(
          in, out, count, op,
          [](const char* p, size_t i) { return from_bf16(reinterpret_cast<const uint16_t*>(p)[i]); },
          [](char* p, size_t i, float v) { reinterpret_cast<uint16_t*>(p)[i] = to_bf16(v); });
    case ncclFloat16:
      return reduce_as<float>(
          in, out, count, op,
          [](const char* p, size_t i) { return static_cast<float>(reinterpret_cast<const _Float16*>(p)[i]); },
          [](char* p, size_t i, float v) { reinterpret_cast<_Float16*>(p)[i] = static_cast<_Float16>(v); });
  }
}

// What ThreadSanitizer is to know of memory that perform() touches.
void note_accesses(const Match& m, size_t bytes) {
  const std::string_view name = m.call.name;
  const size_t of_all = bytes * m.wanted;
  for (const auto& [rank, memory] : m.memory) {
    const bool at_root = rank == m.call.root;
    const bool reads = name != "ncclBroadcast" || at_root, writes = name != "ncclReduce" || at_root;
    if (memory.first && reads)
      __tsan_read_range(const_cast<void*>(memory.first), name == "ncclReduceScatter" ? of_all : bytes);
    if (memory.second && writes) __tsan_write_range(memory.second, name == "ncclAllGather" ? of_all : bytes);
  }
}

// All have come: the collective itself.
void perform(const Match& m) {
  const Call& c = m.call;
  const size_t bytes = c.count * size_of(c.type);
  note_accesses(m, bytes);
  std::vector<const char*> in;
  std::vector<char*> out;
  for (const auto& [rank, memory] : m.memory) {
    in.push_back(static_cast<const char*>(memory.first));
    out.push_back(static_cast<char*>(memory.second));
  }
  const std::string_view name = c.name;
  if (name == "ncclAllReduce" || name == "ncclReduce") {
    std::vector<char> joined(bytes);
    reduce(in, joined.data(), c.count, c.type, c.op);
    for (size_t r = 0; r < out.size(); ++r) {
      if (name == "ncclAllReduce" || static_cast<int>(r) == c.root) std::memcpy(out[r], joined.data(), bytes);
    }
  } else if (name == "ncclBroadcast") {
    const std::vector<char> sent(in[static_cast<size_t>(c.root)], in[static_cast<size_t>(c.root)] + bytes);
    for (char* o : out) std::memcpy(o, sent.data(), bytes);
  } else if (name == "ncclAllGather") {
    std::vector<char> all;
    for (const char* i : in) all.insert(all.end(), i, i + bytes);
    for (char* o : out) std::memcpy(o, all.data(), all.size());
  } else if (name == "ncclReduceScatter") {
    std::vector<char> joined(bytes * in.size());
    reduce(in, joined.data(), c.count * in.size(), c.type, c.op);
    for (size_t r = 0; r < out.size(); ++r) std::memcpy(out[r], joined.data() + r * bytes, bytes);
  } else {  // a send and its receive
    const char* from = nullptr;
    char* to = nullptr;
    for (size_t k = 0; k < in.size(); ++k) {
      if (in[k]) from = in[k];
      if (out[k]) to = out[k];
    }
    std::memcpy(to, from, bytes);
  }
}

}  // namespace

struct ncclComm {
  std::shared_ptr<Clique> clique;
  int rank = 0, device = 0;
  bool aborted = false;
  uint64_t collectives = 0;
  std::map<std::pair<int, int>, uint64_t> directs;
};

namespace {

// Kept until the program ends: work in streams may still refer to them.
std::vector<std::unique_ptr<ncclComm>>& communicators() {
  static auto& all = *new std::vector<std::unique_ptr<ncclComm>>;
  return all;
}

struct Group {
  int depth = 0;
  std::vector<std::shared_ptr<Match>> matches;
  ncclComm_t comm = nullptr;
  cudaStream_t stream = nullptr;
};
thread_local Group group;

// One item of work: the matches of a group's calls.
void put(ncclComm_t comm, cudaStream_t stream, std::vector<std::shared_ptr<Match>> matches) {
  const int rank = comm->rank;
  const auto is_ready = [comm, rank, matches] {
    if (comm->aborted) return true;
    bool all = true;
    for (const auto& m : matches) {
      if (m->done) continue;
      m->at_front.insert(rank);
      __tsan_release(&m->begin);
      all &= m->at_front.size() == m->wanted;
    }
    return all;
  };
  const auto run = [comm, matches] {
    if (comm->aborted) return;
    for (const auto& m : matches) {
      if (!m->done) {
        __tsan_acquire(&m->begin);
        with_all_memory([&] { perform(*m); });
        m->done = true;
        __tsan_release(&m->end);
      }
      __tsan_acquire(&m->end);
    }
  };
  enqueue(stream, run, is_ready);
}

ncclResult_t call(ncclComm_t comm, cudaStream_t stream, std::shared_ptr<Match>& match, const Call& c, size_t wanted,
                  const void* in, void* out) {
  if (device_of(stream) != comm->device) return ncclInvalidArgument;
  if (!match) {
    match = std::make_shared<Match>();
    match->call = c;
    match->wanted = wanted;
  } else if (!(match->call == c)) {
    fail("ranks call different things: rank %d calls %s, another %s", comm->rank, c.text().c_str(),
         match->call.text().c_str());
  }
  match->memory[comm->rank] = {in, out};
  if (group.depth > 0) {
    if (group.comm && (group.comm != comm || group.stream != stream))
      fail("a group of calls has two communicators or streams, which is not emulated");
    group.comm = comm;
    group.stream = stream;
    group.matches.push_back(match);
    return ncclSuccess;
  }
  put(comm, stream, {match});
  return ncclSuccess;
}

ncclResult_t collective(const Call& c, const void* in, void* out, ncclComm_t comm, cudaStream_t stream) {
  ncclResult_t result = ncclSuccess;
  with_lock([&] {
    if (c.root >= comm->clique->size || comm->aborted) {
      result = ncclInvalidArgument;
      return;
    }
    std::shared_ptr<Match>& match = comm->clique->collectives[++comm->collectives];
    result = call(comm, stream, match, c, static_cast<size_t>(comm->clique->size), in, out);
  });
  return result;
}

ncclResult_t direct(int from, int to, size_t count, ncclDataType_t type, const void* in, void* out, ncclComm_t comm,
                    cudaStream_t stream) {
  ncclResult_t result = ncclSuccess;
  with_lock([&] {
    const uint64_t number = ++comm->directs[{from, to}];
    std::shared_ptr<Match>& match = comm->clique->directs[{from, to}][number];
    result = call(comm, stream, match, {.name = "ncclSend", .count = count, .type = type}, 2, in, out);
  });
  return result;
}

}  // namespace

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  static int number = 0;
  with_lock([&] {
    *id = {};
    std::snprintf(id->internal, sizeof id->internal, "emulated, process %d, %d", static_cast<int>(getpid()), ++number);
  });
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t* config) {
  if (ranks < 1 || rank < 0 || rank >= ranks) return ncclInvalidArgument;
  if (config->blocking != 0) fail("ncclCommInitRankConfig: only communicators that do not block are emulated");
  int process = 0;
  if (std::sscanf(id.internal, "emulated, process %d", &process) != 1 || process != getpid())
    fail("ncclCommInitRankConfig: the ranks are in several processes, which is not emulated: threads of one can be");
  ncclResult_t result = ncclInProgress;
  with_lock([&] {
    auto& clique = cliques()[std::string(id.internal, sizeof id.internal)];
    if (!clique) clique = std::make_shared<Clique>();
    if ((clique->size != 0 && clique->size != ranks) || !clique->joined.insert(rank).second) {
      result = ncclInvalidUsage;
      return;
    }
    clique->size = ranks;
    int device = 0;
    cudaGetDevice(&device);
    communicators().push_back(std::make_unique<ncclComm>());
    *comm = communicators().back().get();
    (*comm)->clique = clique;
    (*comm)->rank = rank;
    (*comm)->device = device;
  });
  return result;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error) {
  with_lock([&] {
    *error = static_cast<int>(comm->clique->joined.size()) < comm->clique->size ? ncclInProgress : ncclSuccess;
  });
  return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t) { return ncclSuccess; }
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  with_lock([&] { comm->aborted = true; });
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t r) {
  switch (r) {
    case ncclSuccess:
      return "no error";
    case ncclInvalidArgument:
      return "invalid argument";
    case ncclInvalidUsage:
      return "invalid usage";
    case ncclInProgress:
      return "in progress";
    default:
      return "error";
  }
}
const char* ncclGetLastError(ncclComm_t) { return ""; }

ncclResult_t ncclGroupStart() {
  ++group.depth;
  return ncclSuccess;
}
ncclResult_t ncclGroupEnd() {
  if (--group.depth > 0) return ncclSuccess;
  if (!group.matches.empty()) put(group.comm, group.stream, std::move(group.matches));
  group = {};
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void* in, void* out, size_t count, ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t comm, cudaStream_t stream) {
  return collective({"ncclAllReduce", count, type, op, -1}, in, out, comm, stream);
}
ncclResult_t ncclReduce(const void* in, void* out, size_t count, ncclDataType_t type, ncclRedOp_t op, int root,
                        ncclComm_t comm, cudaStream_t stream) {
  return collective({"ncclReduce", count, type, op, root}, in, out, comm, stream);
}
ncclResult_t ncclBroadcast(const void* in, void* out, size_t count, ncclDataType_t type, int root, ncclComm_t comm,
                           cudaStream_t stream) {
  return collective({"ncclBroadcast", count, type, ncclSum, root}, in, out, comm, stream);
}
ncclResult_t ncclAllGather(const void* in, void* out, size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
  return collective({"ncclAllGather", count, type, ncclSum, -1}, in, out, comm, stream);
}
ncclResult_t ncclReduceScatter(const void* in, void* out, size_t count, ncclDataType_t type, ncclRedOp_t op,
                               ncclComm_t comm, cudaStream_t stream) {
  return collective({"ncclReduceScatter", count, type, op, -1}, in, out, comm, stream);
}
ncclResult_t ncclSend(const void* in, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return direct(comm->rank, peer, count, type, in, nullptr, comm, stream);
}
ncclResult_t ncclRecv(void* out, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream) {
  return direct(peer, comm->rank, count, type, nullptr, out, comm, stream);
}
