// Devices, memory, streams, events and graphs. One lock; whoever waits for the device runs it.
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "internal.h"

namespace cuda_emulated {
struct Record;
struct Item;
}  // namespace cuda_emulated
using cuda_emulated::Item;
using cuda_emulated::Record;

struct CUstream_st {
  int device = 0;
  std::deque<std::shared_ptr<Item>> queue;
  void* fiber = nullptr;  // ThreadSanitizer's
  std::shared_ptr<cuda_emulated::Workers> workers;
  char sync = 0;
  bool running = false;
  struct CUgraph_st* capture = nullptr;
};
struct CUevent_st {
  std::shared_ptr<Record> last;
};
struct CUgraph_st {
  std::vector<std::shared_ptr<Item>> items;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;  // that has begun it
};
struct CUgraphExec_st {
  std::vector<std::shared_ptr<Item>> items;
};

namespace cuda_emulated {

// One cudaEventRecord.
struct Record {
  cudaStream_t stream;
  bool done = false;
  char sync = 0;
  std::chrono::steady_clock::time_point at;
};
struct Item {
  std::function<void()> run;
  std::function<bool()> ready;  // none: always
  std::shared_ptr<Record> wait, record;
  char sync = 0;
};

namespace {

constexpr size_t kSpan = size_t{16} << 30;  // addresses of one device
constexpr size_t kRedzone = 256;
constexpr size_t kQuarantine = 4 << 20;  // bytes that stay unused after they were freed
// The device's memory is protected in huge pages: by 4 KiB it costs 150 us a MiB each time.
constexpr size_t kPage = 2 << 20;

struct Piece {
  size_t bytes, whole;
  bool freed = false;
  char sync = 0;
};

struct Device {
  char* base = nullptr;
  size_t top = 0;  // bytes that have ever been given out, in whole pages
  std::map<char*, Piece> pieces;
  std::multimap<size_t, char*> free;
  std::deque<char*> quarantine;
  size_t in_quarantine = 0, in_use = 0, limit = size_t{4} << 30;
  int open = 0;
};

struct State {
  std::recursive_mutex mutex;
  std::vector<Device> devices;
  std::set<CUstream_st*> streams;
  std::map<char*, size_t> pinned;
  std::map<const void*, int> shared_allowed;
  State() {
    const char* n = std::getenv("HEARTH_EMULATED_DEVICES");
    devices.resize(n ? static_cast<size_t>(std::atoi(n)) : 2);
  }
};
State& state() {
  static State& s = *new State;
  return s;
}
thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;
thread_local cudaStreamCaptureMode capture_mode = cudaStreamCaptureModeGlobal;
#define HEARTH_LOCK std::lock_guard lock(state().mutex)

cudaError_t error(cudaError_t e) {
  if (e != cudaSuccess && e != cudaErrorNotReady) last_error = e;
  return e;
}

struct sigaction previous_action;

void on_fault(int signal, siginfo_t* info, void* context) {
  char* at = static_cast<char*>(info->si_addr);
  for (size_t d = 0; d < state().devices.size(); ++d) {
    const Device& device = state().devices[d];
    if (!device.base || at < device.base || at >= device.base + kSpan) continue;
    auto next = device.pieces.upper_bound(at);
    const bool in = next != device.pieces.begin() && std::prev(next)->first + std::prev(next)->second.bytes > at;
    if (device.open) {
      std::fprintf(stderr,
                   "emulated CUDA: a kernel touches memory of device %zu far outside of anything allocated: %p\n", d,
                   static_cast<void*>(at));
    } else {
      std::fprintf(
          stderr, "emulated CUDA: host code touches memory of device %zu: %p, byte %td of an allocation of %zu\n", d,
          static_cast<void*>(at), in ? at - std::prev(next)->first : 0, in ? std::prev(next)->second.bytes : 0);
    }
  }
  sigaction(signal, &previous_action, nullptr);
  (void)context;  // the instruction runs again, now without us
}

void prepare(Device& d) {
  if (d.base) return;
  d.base =
      static_cast<char*>(mmap(nullptr, kSpan + kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (d.base == MAP_FAILED) fail("no addresses for a device's memory");
  d.base += (kPage - reinterpret_cast<uintptr_t>(d.base) % kPage) % kPage;
  madvise(d.base, kSpan, MADV_HUGEPAGE);
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  static bool once = sigaction(SIGSEGV, &action, &previous_action) == 0;
  (void)once;
}

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

// While one lives, the device's memory can be touched: all of it, or the pages of one piece.
class Open {
 public:
  explicit Open(Device& d) : d_(d) {
    prepare(d);
    if (d.open++ == 0) protect(d.base, d.top, PROT_READ | PROT_WRITE);
  }
  Open(Device& d, char* p, size_t n) : d_(d), piece_(p), n_(n) {
    if (d.open == 0) protect(p, n, PROT_READ | PROT_WRITE);
  }
  ~Open() {
    if (piece_ ? d_.open > 0 : --d_.open > 0) return;
    if (piece_) protect(piece_, n_, PROT_NONE);
    else protect(d_.base, d_.top, PROT_NONE);
  }
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;

 private:
  static void protect(char* p, size_t n, int how) {
    const uintptr_t begin = reinterpret_cast<uintptr_t>(p) / kPage * kPage;
    const uintptr_t end = round_up(reinterpret_cast<uintptr_t>(p) + n, kPage);
    if (n) mprotect(reinterpret_cast<void*>(begin), end - begin, how);
  }
  Device& d_;
  char* piece_ = nullptr;
  size_t n_ = 0;
};

// Whose work runs now. That of a graph may have been captured in another stream.
CUstream_st* running_stream = nullptr;

// False if the stream's next work is not ready.
bool run_one(CUstream_st& s);

// Other threads may queue work and run streams meanwhile. Whoever calls this holds the lock once.
void let_others() {
  state().mutex.unlock();
  std::this_thread::sleep_for(std::chrono::microseconds(20));
  state().mutex.lock();
}

void run_all() {
  for (bool left = true; left;) {
    left = false;
    bool moved = false;
    const std::vector<CUstream_st*> all(state().streams.begin(), state().streams.end());
    for (CUstream_st* s : all) {
      while (state().streams.count(s) && !s->queue.empty() && run_one(*s)) moved = true;
      left |= state().streams.count(s) && !s->queue.empty();
    }
    if (left && !moved) let_others();
  }
}

bool run_one(CUstream_st& s) {
  if (s.running) fail("streams wait for one another in a circle");
  const std::shared_ptr<Item> item = s.queue.front();
  s.running = true;
  if (item->wait) {
    while (!item->wait->done) {
      if (item->wait->stream->queue.empty()) fail("an event that is waited for is in no stream");
      if (!run_one(*item->wait->stream)) {
        s.running = false;
        return false;
      }
    }
  }
  Device& d = state().devices[static_cast<size_t>(s.device)];
  bool ready = true;
  {
    const Open open(d);
    void* const host = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(s.fiber, kNoSync);
    __tsan_acquire(&item->sync);
    if (item->wait) __tsan_acquire(&item->wait->sync);
    ready = !item->ready || item->ready();
    running_stream = &s;
    if (ready && item->run) item->run();
    if (ready && item->record) __tsan_release(&item->record->sync);
    __tsan_release(&s.sync);
    __tsan_switch_to_fiber(host, kNoSync);
  }
  s.running = false;
  if (!ready) return false;
  s.queue.pop_front();
  if (item.use_count() == 1) item->run = nullptr;  // a graph's are kept
  if (item->record) {
    item->record->done = true;
    item->record->at = std::chrono::steady_clock::now();
  }
  return true;
}

void drain(CUstream_st& s) {
  while (!s.queue.empty()) {
    bool moved = true;
    {
      const Open open(state().devices[static_cast<size_t>(s.device)]);
      while (!s.queue.empty() && moved) moved = run_one(s);
    }
    if (!moved) let_others();
  }
  __tsan_acquire(&s.sync);
}

CUstream_st& checked(cudaStream_t s) {
  if (!s) fail("the default stream is used; Hearth has none");
  if (!state().streams.count(s)) fail("a stream is used after it was destroyed");
  return *s;
}

void push(cudaStream_t stream, std::shared_ptr<Item> item) {
  CUstream_st& s = checked(stream);
  __tsan_release(&item->sync);
  if (s.capture) s.capture->items.push_back(std::move(item));
  else s.queue.push_back(std::move(item));
}
void push(cudaStream_t stream, std::function<void()> run) {
  auto item = std::make_shared<Item>();
  item->run = std::move(run);
  push(stream, std::move(item));
}

// ---- memory
char* take(Device& d, size_t bytes) {
  prepare(d);
  const size_t whole = round_up(bytes, 256) + kRedzone;
  if (bytes > d.limit || d.in_use + whole > d.limit) return nullptr;
  char* p;
  auto found = d.free.lower_bound(whole);
  if (found != d.free.end() && found->first <= whole + whole / 4) {
    p = found->second;
    d.free.erase(found);
  } else {
    // The end of what is in use now is not kept: the next piece begins there.
    p = d.base;
    if (!d.pieces.empty()) p = std::prev(d.pieces.end())->first + std::prev(d.pieces.end())->second.whole;
    const size_t top = round_up(static_cast<size_t>(p - d.base) + whole, kPage);
    if (top > kSpan) return nullptr;
    if (top > d.top) {
      if (d.open) mprotect(d.base + d.top, top - d.top, PROT_READ | PROT_WRITE);
      d.top = top;
    }
    d.pieces[p] = {0, whole};
  }
  Piece& piece = d.pieces[p];
  piece.bytes = bytes;
  piece.freed = false;
  d.in_use += piece.whole;
  __tsan_acquire(&piece.sync);
  {
    const Open open(d, p, piece.whole);
    HEARTH_UNPOISON(p, piece.whole);
    spoil(p, bytes);
    HEARTH_POISON(p + bytes, piece.whole - bytes);
  }
  return p;
}

Device* device_of(const void* p) {
  for (Device& d : state().devices) {
    if (d.base && p >= d.base && p < d.base + kSpan) return &d;
  }
  return nullptr;
}

// Now: called by a stream.
void give_back(char* p) {
  Device& d = *device_of(p);
  const Open open(d);
  Piece& piece = d.pieces[p];
  spoil(p, piece.bytes);
  HEARTH_POISON(p, piece.whole);
  __tsan_release(&piece.sync);
  d.in_use -= piece.whole;
  d.quarantine.push_back(p);
  d.in_quarantine += piece.whole;
  while (d.in_quarantine > kQuarantine) {
    char* q = d.quarantine.front();
    d.quarantine.pop_front();
    d.in_quarantine -= d.pieces[q].whole;
    d.free.emplace(d.pieces[q].whole, q);
  }
}

Piece* piece_of(void* p) {
  Device* d = device_of(p);
  if (!d) return nullptr;
  auto it = d->pieces.find(static_cast<char*>(p));
  return it == d->pieces.end() ? nullptr : &it->second;
}

// `queued`: of work that runs now, so that what was freed after it was queued is still there.
void check_range(const void* p, size_t bytes, const char* what, bool queued = false) {
  Device* d = device_of(p);
  if (!d) return;
  auto it = d->pieces.upper_bound(static_cast<char*>(const_cast<void*>(p)));
  if (it == d->pieces.begin()) fail("%s: %p is not allocated", what, p);
  --it;
  const size_t at = static_cast<size_t>(static_cast<const char*>(p) - it->first);
  const bool freed = it->second.freed && !queued;
  if (freed || at + bytes > it->second.bytes)
    fail("%s: bytes %zu to %zu of an allocation of %zu%s", what, at, at + bytes, it->second.bytes,
         freed ? ", which was freed" : "");
}

// A copy as ThreadSanitizer must see it: with ignore_noninstrumented_modules=1 it does not look at our memcpy.
void move_bytes(void* to, const void* from, size_t n) {
  __tsan_read_range(const_cast<void*>(from), n);
  __tsan_write_range(to, n);
  std::memcpy(to, from, n);
}

bool is_pinned(const void* p) {
  auto it = state().pinned.upper_bound(static_cast<char*>(const_cast<void*>(p)));
  if (it == state().pinned.begin()) return false;
  --it;
  return static_cast<const char*>(p) < it->first + it->second;
}

bool any_capture() {
  return std::any_of(state().streams.begin(), state().streams.end(), [](CUstream_st* s) { return s->capture; });
}

// Whether this thread may not call now what might concern captured work: allocations, and waiting for other streams.
bool unsafe() {
  if (capture_mode == cudaStreamCaptureModeRelaxed) return false;
  return std::any_of(state().streams.begin(), state().streams.end(), [](CUstream_st* s) {
    if (!s->capture || s->capture->mode == cudaStreamCaptureModeRelaxed) return false;
    if (s->capture->thread == std::this_thread::get_id()) return true;
    return s->capture->mode == cudaStreamCaptureModeGlobal && capture_mode == cudaStreamCaptureModeGlobal;
  });
}

}  // namespace

void enqueue(cudaStream_t stream, std::function<void()> run, std::function<bool()> ready) {
  HEARTH_LOCK;
  auto item = std::make_shared<Item>();
  item->run = std::move(run);
  item->ready = std::move(ready);
  push(stream, std::move(item));
}

void with_all_memory(const std::function<void()>& f) {
  std::vector<std::unique_ptr<Open>> open;
  for (Device& d : state().devices) open.push_back(std::make_unique<Open>(d));
  f();
}
void with_lock(const std::function<void()>& f) {
  HEARTH_LOCK;
  f();
}
int device_of(cudaStream_t stream) {
  HEARTH_LOCK;
  return checked(stream).device;
}
void expect_device_memory(cudaStream_t stream, const void* p, size_t bytes, const char* what) {
  HEARTH_LOCK;
  if (bytes == 0) return;
  if (device_of(p) != &state().devices[static_cast<size_t>(checked(stream).device)])
    fail("%s: %p is not in the memory of device %d", what, p, checked(stream).device);
  check_range(p, bytes, what, checked(stream).running);
}

cudaError_t allow_shared(const void* kernel, int bytes) {
  HEARTH_LOCK;
  if (bytes < 0 || static_cast<size_t>(bytes) > kMaxShared) return error(cudaErrorInvalidValue);
  state().shared_allowed[kernel] = bytes;
  return cudaSuccess;
}

int launch(const void* kernel, dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
           std::function<void()> run) {
  HEARTH_LOCK;
  CUstream_st& s = checked(stream);
  if (s.device != current_device) return error(cudaErrorInvalidResourceHandle);
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > 1024 || block.z > 64 || grid.x == 0 || grid.y == 0 || grid.z == 0 ||
      grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535)
    return error(cudaErrorInvalidConfiguration);
  const auto allowed = state().shared_allowed.find(kernel);
  const size_t most = allowed == state().shared_allowed.end() ? kDefaultShared : static_cast<size_t>(allowed->second);
  if (shared_bytes > most) return error(cudaErrorInvalidValue);
  push(stream, [=, run = std::move(run)] { run_kernel(grid, block, shared_bytes, run, *running_stream->workers); });
  return cudaSuccess;
}

}  // namespace cuda_emulated

using namespace cuda_emulated;

const char* cudaGetErrorName(cudaError_t e) {
  switch (e) {
#define HEARTH_CASE(x) \
  case x:              \
    return #x;
    HEARTH_CASE(cudaSuccess)
    HEARTH_CASE(cudaErrorInvalidValue)
    HEARTH_CASE(cudaErrorMemoryAllocation)
    HEARTH_CASE(cudaErrorInvalidConfiguration)
    HEARTH_CASE(cudaErrorInsufficientDriver)
    HEARTH_CASE(cudaErrorNoDevice)
    HEARTH_CASE(cudaErrorInvalidDevice)
    HEARTH_CASE(cudaErrorInvalidResourceHandle)
    HEARTH_CASE(cudaErrorNotReady)
    HEARTH_CASE(cudaErrorPeerAccessAlreadyEnabled)
    HEARTH_CASE(cudaErrorStreamCaptureUnsupported)
#undef HEARTH_CASE
  }
  return "cudaErrorUnknown";
}
const char* cudaGetErrorString(cudaError_t e) { return cudaGetErrorName(e); }
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

cudaError_t cudaGetDeviceCount(int* n) {
  *n = static_cast<int>(state().devices.size());
  return *n ? cudaSuccess : error(cudaErrorNoDevice);
}
cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= static_cast<int>(state().devices.size())) return error(cudaErrorInvalidDevice);
  current_device = device;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  if (device < 0 || device >= static_cast<int>(state().devices.size())) return error(cudaErrorInvalidDevice);
  *p = {};
  std::snprintf(p->name, sizeof p->name, "emulated");
  p->totalGlobalMem = state().devices[static_cast<size_t>(device)].limit;
  p->sharedMemPerBlock = kDefaultShared;
  p->sharedMemPerBlockOptin = kMaxShared;
  p->major = 9;
  p->multiProcessorCount = 4;
  p->l2CacheSize = 1 << 20;
  p->warpSize = 32;
  p->maxThreadsPerBlock = 1024;
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  HEARTH_LOCK;
  if (any_capture()) return error(cudaErrorStreamCaptureUnsupported);
  const Open open(state().devices[static_cast<size_t>(current_device)]);
  for (CUstream_st* s : state().streams) {
    if (s->device == current_device) drain(*s);
  }
  return cudaSuccess;
}
cudaError_t cudaDeviceCanAccessPeer(int* can, int, int) {
  *can = 0;  // copies between devices go all the same
  return cudaSuccess;
}
cudaError_t cudaDeviceEnablePeerAccess(int, unsigned) { return error(cudaErrorInvalidDevice); }
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  HEARTH_LOCK;
  const Device& d = state().devices[static_cast<size_t>(current_device)];
  *total = d.limit;
  *free = d.limit - d.in_use;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** p, size_t bytes) {
  HEARTH_LOCK;
  if (unsafe()) return error(cudaErrorStreamCaptureUnsupported);
  Device& d = state().devices[static_cast<size_t>(current_device)];
  *p = bytes ? take(d, bytes) : nullptr;
  if (!*p && bytes) {
    run_all();  // memory that streams are about to free
    *p = take(d, bytes);
  }
  return *p || !bytes ? cudaSuccess : error(cudaErrorMemoryAllocation);
}
cudaError_t cudaFree(void* p) {
  HEARTH_LOCK;
  if (!p) return cudaSuccess;
  if (unsafe()) return error(cudaErrorStreamCaptureUnsupported);
  Piece* piece = piece_of(p);
  if (!piece || piece->freed) fail("cudaFree: %p is not allocated, or was freed before", p);
  run_all();
  piece->freed = true;
  give_back(static_cast<char*>(p));
  return cudaSuccess;
}
cudaError_t cudaMallocAsync(void** p, size_t bytes, cudaStream_t stream) {
  HEARTH_LOCK;
  CUstream_st& s = checked(stream);
  if (s.capture) fail("cudaMallocAsync while the stream is captured: memory of a graph is not emulated");
  Device& d = state().devices[static_cast<size_t>(s.device)];
  if (d.in_use > d.limit / 4) run_all();
  *p = bytes ? take(d, bytes) : nullptr;
  if (!*p && bytes) {
    run_all();
    *p = take(d, bytes);
  }
  return *p || !bytes ? cudaSuccess : error(cudaErrorMemoryAllocation);
}
cudaError_t cudaFreeAsync(void* p, cudaStream_t stream) {
  HEARTH_LOCK;
  if (!p) return cudaSuccess;
  Piece* piece = piece_of(p);
  if (!piece || piece->freed) fail("cudaFreeAsync: %p is not allocated, or was freed before", p);
  if (checked(stream).capture) fail("cudaFreeAsync while the stream is captured: each replay would free it");
  piece->freed = true;
  push(stream, [p] { give_back(static_cast<char*>(p)); });
  return cudaSuccess;
}
// A device's pool is the device.
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  if (device < 0 || device >= static_cast<int>(state().devices.size())) return error(cudaErrorInvalidDevice);
  *pool = reinterpret_cast<cudaMemPool_t>(&state().devices[static_cast<size_t>(device)]);
  return cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr attribute, void*) {
  return attribute == cudaMemPoolAttrReleaseThreshold ? cudaSuccess : error(cudaErrorInvalidValue);
}
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  HEARTH_LOCK;
  if (attribute != cudaMemPoolAttrReservedMemCurrent) return error(cudaErrorInvalidValue);
  *static_cast<uint64_t*>(value) = reinterpret_cast<Device*>(pool)->top;
  return cudaSuccess;
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) { return cudaSuccess; }
cudaError_t cudaMallocHost(void** p, size_t bytes) {
  HEARTH_LOCK;
  if (unsafe()) return error(cudaErrorStreamCaptureUnsupported);
  *p = std::aligned_alloc(64, std::max<size_t>(round_up(bytes, 64), 64));
  if (!*p) return error(cudaErrorMemoryAllocation);
  state().pinned[static_cast<char*>(*p)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* p) {
  HEARTH_LOCK;
  if (!p) return cudaSuccess;
  if (unsafe()) return error(cudaErrorStreamCaptureUnsupported);
  run_all();
  state().pinned.erase(static_cast<char*>(p));
  std::free(p);
  return cudaSuccess;
}

namespace {
cudaError_t copy(void* to, const void* from, size_t bytes, cudaStream_t stream) {
  CUstream_st& s = checked(stream);
  Device *a = device_of(to), *b = device_of(from);
  check_range(to, bytes, "a copy's target");
  check_range(from, bytes, "a copy's source");
  const auto peer = [=] {
    std::vector<std::unique_ptr<Open>> open;
    for (Device* d : {a, b}) {
      if (d) open.push_back(std::make_unique<Open>(*d));
    }
    move_bytes(to, from, bytes);
  };
  const bool pageable = (!a && !is_pinned(to)) || (!b && !is_pinned(from));
  if (pageable && s.capture) return error(cudaErrorStreamCaptureUnsupported);
  if (!a && b && pageable) {  // the call returns when the values are there
    push(stream, peer);
    drain(s);
    return cudaSuccess;
  }
  if (!b && a && pageable) {  // the values are taken now, and arrive in the stream's order
    auto held =
        std::make_shared<std::vector<char>>(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
    push(stream, [=] {
      const Open open(*a);
      move_bytes(to, held->data(), bytes);
    });
    return cudaSuccess;
  }
  push(stream, peer);
  return cudaSuccess;
}
}  // namespace

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  HEARTH_LOCK;
  return bytes ? copy(to, from, bytes, stream) : cudaSuccess;
}
cudaError_t cudaMemcpyPeerAsync(void* to, int, const void* from, int, size_t bytes, cudaStream_t stream) {
  HEARTH_LOCK;
  return bytes ? copy(to, from, bytes, stream) : cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* p, int value, size_t bytes, cudaStream_t stream) {
  HEARTH_LOCK;
  check_range(p, bytes, "a memset's target");
  push(stream, [=] {
    __tsan_write_range(p, bytes);
    std::memset(p, value, bytes);
  });
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  HEARTH_LOCK;
  *stream = new CUstream_st;
  (*stream)->device = current_device;
  (*stream)->fiber = __tsan_create_fiber(0);
  (*stream)->workers = make_workers((*stream)->fiber);
  prepare(state().devices[static_cast<size_t>(current_device)]);
  state().streams.insert(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  HEARTH_LOCK;
  drain(checked(stream));
  state().streams.erase(stream);
  __tsan_destroy_fiber(stream->fiber);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  HEARTH_LOCK;
  if (checked(stream).capture || unsafe()) return error(cudaErrorStreamCaptureUnsupported);
  drain(checked(stream));
  return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  HEARTH_LOCK;
  CUstream_st& s = checked(stream);
  if (s.capture || unsafe()) return error(cudaErrorStreamCaptureUnsupported);
  if (s.queue.empty()) {
    __tsan_acquire(&s.sync);
    return cudaSuccess;
  }
  run_one(s);  // so that who asks again and again comes to an end
  return cudaErrorNotReady;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  HEARTH_LOCK;
  if (!event->last) return cudaSuccess;
  auto item = std::make_shared<Item>();
  item->wait = event->last;
  push(stream, std::move(item));
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  HEARTH_LOCK;
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  HEARTH_LOCK;
  event->last = std::make_shared<Record>();
  event->last->stream = stream;
  auto item = std::make_shared<Item>();
  item->record = event->last;
  push(stream, std::move(item));
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  HEARTH_LOCK;
  if (unsafe()) return error(cudaErrorStreamCaptureUnsupported);
  if (!event->last) return cudaSuccess;
  const std::shared_ptr<Record> last = event->last;
  while (!last->done) {
    if (!run_one(*last->stream)) let_others();
  }
  __tsan_acquire(&last->sync);
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  HEARTH_LOCK;
  if (unsafe()) return error(cudaErrorStreamCaptureUnsupported);
  if (!event->last || event->last->done) {
    if (event->last) __tsan_acquire(&event->last->sync);
    return cudaSuccess;
  }
  run_one(*event->last->stream);
  return cudaErrorNotReady;
}
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t begin, cudaEvent_t end) {
  HEARTH_LOCK;
  if (!begin->last || !end->last) return error(cudaErrorInvalidResourceHandle);
  if (!begin->last->done || !end->last->done) return error(cudaErrorNotReady);
  *ms = std::chrono::duration<float, std::milli>(end->last->at - begin->last->at).count();
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  HEARTH_LOCK;
  *status = checked(stream).capture ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  std::swap(*mode, capture_mode);
  return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  HEARTH_LOCK;
  CUstream_st& s = checked(stream);
  if (s.capture) return error(cudaErrorStreamCaptureUnsupported);
  s.capture = new CUgraph_st{{}, mode, std::this_thread::get_id()};
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  HEARTH_LOCK;
  *graph = std::exchange(checked(stream).capture, nullptr);
  return *graph ? cudaSuccess : error(cudaErrorInvalidValue);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new CUgraphExec_st{graph->items};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  HEARTH_LOCK;
  for (const auto& item : exec->items) push(stream, item);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}
