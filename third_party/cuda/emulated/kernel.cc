// Runs the threads of a kernel's blocks, as fibers of the OS thread that waits for the kernel.
#include <sys/mman.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "internal.h"

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace cuda_emulated {

Self self;
const char* running = "";

void fail(const char* format, ...) {
  std::fflush(stdout);
  std::fprintf(stderr, "emulated CUDA: ");
  va_list list;
  va_start(list, format);
  std::vfprintf(stderr, format, list);
  va_end(list);
  if (*running) {
    std::fprintf(stderr, " [block (%u, %u, %u), thread (%u, %u, %u)]", self.block.x, self.block.y, self.block.z,
                 self.thread.x, self.thread.y, self.thread.z);
  }
  std::fprintf(stderr, "\n");
  std::abort();
}

namespace {

constexpr size_t kStack = 256 << 10;
constexpr size_t kGuard = 4096;
constexpr size_t kRedzone = 128;  // around each piece of shared memory
constexpr int kArenas = 16;       // blocks whose shared memory is told apart by ThreadSanitizer

#if defined(__x86_64__)
extern "C" void hearth_emulated_switch(void** save, void* to);
asm(R"(
.text
.globl hearth_emulated_switch
.type hearth_emulated_switch, @function
hearth_emulated_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size hearth_emulated_switch, .-hearth_emulated_switch
)");
#endif

void fiber_main();

// A stack on which threads of a block run, one after the other until one has to wait.
struct Stack {
  char* memory = nullptr;
  void* fake = nullptr;  // AddressSanitizer's
#if defined(__x86_64__)
  void* sp = nullptr;
#else
  ucontext_t context;
#endif
  Stack() {
    memory = static_cast<char*>(
        mmap(nullptr, kStack + kGuard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (memory == MAP_FAILED) fail("no memory for a thread's stack");
    mprotect(memory, kGuard, PROT_NONE);
#if defined(__x86_64__)
    void** top = reinterpret_cast<void**>(memory + kGuard + kStack);
    *--top = nullptr;  // a return address of fiber_main, which keeps its stack aligned and is never used
    *--top = reinterpret_cast<void*>(&fiber_main);
    for (int i = 0; i < 6; ++i) *--top = nullptr;
    sp = top;
#else
    getcontext(&context);
    context.uc_stack.ss_sp = memory + kGuard;
    context.uc_stack.ss_size = kStack;
    makecontext(&context, &fiber_main, 0);
#endif
  }
};

enum class State : uint8_t { kNew, kReady, kAtBarrier, kAtWarp, kDone };

struct Thread {
  State state = State::kNew;
  Stack* stack = nullptr;
  const char* file = nullptr;
  int line = 0;
  // Of a collective of its warp.
  Collective kind{};
  unsigned mask = 0;
  uint64_t value = 0, result = 0;
  int source = 0;
  bool parity = false;
};

struct Piece {
  const void* tag;
  char* p;
};

// Shared memory of a block, and the addresses by which ThreadSanitizer knows what orders its threads. A block follows
// the one that had the arena before it, and no other.
struct Arena {
  char* memory = nullptr;
  uint64_t uses = 0;
  char block_sync[2], barrier_sync[2], warp_sync[32];
};

}  // namespace

struct Workers {
  void* stream_fiber = nullptr;
  // Of thread (i - block) % threads, for ThreadSanitizer, to which a stack that two threads use is a race.
  std::vector<void*> fibers;
  std::vector<Stack*> stacks;
  Arena arenas[kArenas];
};
std::shared_ptr<Workers> make_workers(void* stream_fiber) {
  const std::shared_ptr<Workers> w(new Workers, [](Workers* gone) {
    for (void* fiber : gone->fibers) __tsan_destroy_fiber(fiber);
    for (Stack* s : gone->stacks) {
      munmap(s->memory, kStack + kGuard);
      delete s;
    }
    for (const Arena& a : gone->arenas) {
      HEARTH_UNPOISON(a.memory, 2 * kMaxShared);
      munmap(a.memory, 2 * kMaxShared);
    }
    delete gone;
  });
  w->stream_fiber = stream_fiber;
  w->fibers.reserve(1024);
  w->stacks.reserve(1024);
  for (Arena& a : w->arenas) {
    a.memory = static_cast<char*>(
        mmap(nullptr, 2 * kMaxShared, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    HEARTH_POISON(a.memory, 2 * kMaxShared);
  }
  return w;
}

namespace {

// Everything about the block that runs. One at a time.
struct Block {
  std::vector<Thread> threads;
  std::vector<int> order;
  size_t next = 0;  // of order, the first that has not been started
  int current = -1, done = 0, at_barrier = 0;
  std::vector<Piece> pieces;
  size_t used = 0, dynamic_bytes = 0;
  char* dynamic = nullptr;
  Arena* arena = nullptr;
  const std::function<void()>* run = nullptr;
  uint64_t number = 0;  // of all blocks that ran
  std::vector<Stack*> idle;
  Workers* workers = nullptr;
  char* kernel_sync = nullptr;  // start and end
  Stack* running_stack = nullptr;
#if defined(__x86_64__)
  void* home = nullptr;
#else
  ucontext_t home;
#endif
};
Block& block() {
  static Block& b = *[] {
    auto* made = new Block;
    // Never moved: ThreadSanitizer sees memmove.
    made->idle.reserve(1024);
    made->threads.reserve(1024);
    made->order.reserve(1024);
    made->pieces.reserve(64);
    return made;
  }();
  return b;
}

size_t slot_of(const Block& b, int t) { return (static_cast<size_t>(t) + b.number) % b.threads.size(); }
void* fiber_of(const Block& b, int t) { return HEARTH_FIBERS ? b.workers->fibers[slot_of(b, t)] : nullptr; }

void become(Block& b, int t) {
  b.current = t;
  const unsigned x = self.threads.x, y = self.threads.y;
  const auto u = static_cast<unsigned>(t);
  self.index = t;
  self.thread = {u % x, u / x % y, u / (x * y)};
}

void switch_to(Block& b, Stack& s) {
  b.running_stack = &s;
#if defined(HEARTH_ASAN)
  void* fake;
  __sanitizer_start_switch_fiber(&fake, s.memory + kGuard, kStack);
#endif
#if defined(__x86_64__)
  hearth_emulated_switch(&b.home, s.sp);
#else
  swapcontext(&b.home, &s.context);
#endif
#if defined(HEARTH_ASAN)
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
}

#if defined(HEARTH_ASAN)
const void* home_bottom;
size_t home_size;
#endif

void switch_home(Block& b) {
  Stack& s = *b.running_stack;
#if defined(HEARTH_ASAN)
  __sanitizer_start_switch_fiber(&s.fake, home_bottom, home_size);
#endif
#if defined(__x86_64__)
  hearth_emulated_switch(&s.sp, b.home);
#else
  swapcontext(&s.context, &b.home);
#endif
#if defined(HEARTH_ASAN)
  __sanitizer_finish_switch_fiber(s.fake, &home_bottom, &home_size);
#endif
}

// Called on a thread's stack: waits until the scheduler makes it ready again.
void wait(Block& b) {
  const int t = b.current;
  __tsan_switch_to_fiber(b.workers->stream_fiber, kNoSync);
  switch_home(b);
  __tsan_switch_to_fiber(fiber_of(b, t), kNoSync);
  become(b, t);
}

void fiber_main() {
  Block& b = block();
#if defined(HEARTH_ASAN)
  __sanitizer_finish_switch_fiber(nullptr, &home_bottom, &home_size);
#endif
  for (;;) {
    while (b.next < b.order.size()) {
      const int t = b.order[b.next++];
      Thread& th = b.threads[static_cast<size_t>(t)];
      th.stack = b.running_stack;
      become(b, t);
      __tsan_switch_to_fiber(fiber_of(b, t), kNoSync);
      __tsan_acquire(&b.kernel_sync[0]);
      __tsan_acquire(&b.arena->block_sync[(b.arena->uses + 1) % 2]);
      (*b.run)();
      __tsan_release(&b.arena->block_sync[b.arena->uses % 2]);
      __tsan_release(&b.kernel_sync[1]);
      __tsan_switch_to_fiber(b.workers->stream_fiber, kNoSync);
      th.state = State::kDone;
      ++b.done;
      if (HEARTH_FIBERS) break;
    }
    if (!HEARTH_FIBERS) b.idle.push_back(b.running_stack);
    switch_home(b);
  }
}

[[noreturn]] void stuck(const Block& b) {
  std::fprintf(stderr, "emulated CUDA: the threads of a block wait for one another:\n");
  std::vector<bool> told(b.threads.size());
  for (size_t i = 0; i < b.threads.size(); ++i) {
    const Thread& t = b.threads[i];
    if (told[i]) continue;
    int n = 0;
    for (size_t k = i; k < b.threads.size(); ++k) {
      const Thread& o = b.threads[k];
      if (o.state != t.state || (t.state != State::kDone && (o.line != t.line || o.file != t.file))) continue;
      told[k] = true;
      ++n;
    }
    if (t.state == State::kDone) {
      std::fprintf(stderr, "  %d threads (the first is %zu) have ended\n", n, i);
    } else {
      std::fprintf(stderr, "  %d threads (the first is %zu) wait in %s at %s:%d\n", n, i,
                   t.state == State::kAtBarrier ? "__syncthreads" : "a warp's operation", t.file, t.line);
    }
  }
  running = "";
  fail("a barrier is not reached by all threads");
}

uint64_t seed() {
  static const char* text = std::getenv("HEARTH_EMULATED_ORDER");
  static const uint64_t s = text ? std::strtoull(text, nullptr, 10) : 0;
  return s;
}

// Each block has another order: forwards, backwards, or drawn.
void make_order(Block& b) {
  const size_t n = b.threads.size();
  b.order.resize(n);
  for (size_t i = 0; i < n; ++i) b.order[i] = static_cast<int>(i);
  switch ((b.number + seed()) % 3) {
    case 0:
      std::reverse(b.order.begin(), b.order.end());
      break;
    case 1: {
      std::minstd_rand random(static_cast<unsigned>(b.number + seed() + 1));
      std::shuffle(b.order.begin(), b.order.end(), random);
      break;
    }
    default:
      break;
  }
}

void run_block(Block& b) {
  const size_t n = b.threads.size();
  ++b.number;
  for (Thread& t : b.threads) t = Thread();
  make_order(b);
  b.next = 0;
  b.done = b.at_barrier = 0;
  b.arena = &b.workers->arenas[b.number % kArenas];
  ++b.arena->uses;
  b.pieces.clear();
  b.used = 0;
  b.dynamic = nullptr;
  while (b.done < static_cast<int>(n)) {
    bool moved = false;
    for (size_t i = 0; i < b.next; ++i) {
      Thread& t = b.threads[static_cast<size_t>(b.order[i])];
      if (t.state != State::kReady) continue;
      moved = true;
      switch_to(b, *t.stack);
    }
    if (b.next < n) {
      moved = true;
      Stack* s;
      if (HEARTH_FIBERS) {
        s = b.workers->stacks[slot_of(b, b.order[b.next])];
      } else {
        if (b.idle.empty()) b.idle.push_back(new Stack);
        s = b.idle.back();
        b.idle.pop_back();
      }
      switch_to(b, *s);
    }
    if (!moved) stuck(b);
  }
  HEARTH_POISON(b.arena->memory, b.used + kRedzone);
}

}  // namespace

void* shared(const void* tag, size_t bytes, size_t alignment) {
  Block& b = block();
  for (const Piece& p : b.pieces) {
    if (p.tag == tag) return p.p;
  }
  size_t at = b.used + kRedzone;
  at = (at + std::max<size_t>(alignment, 16) - 1) / std::max<size_t>(alignment, 16) * std::max<size_t>(alignment, 16);
  b.used = at + bytes;
  if (b.used > 2 * kMaxShared - kRedzone) fail("a block takes more than %zu bytes of shared memory", kMaxShared);
  char* p = b.arena->memory + at;
  HEARTH_UNPOISON(p, bytes);
  spoil(p, bytes);
  b.pieces.push_back({tag, p});
  return p;
}

void* dynamic_shared() {
  Block& b = block();
  if (b.dynamic_bytes == 0) fail("dynamic shared memory is used, but none was asked for at the launch");
  static const char tag = 0;
  return shared(&tag, b.dynamic_bytes, 128);
}

void barrier(const char* file, int line) {
  Block& b = block();
  Thread& t = b.threads[static_cast<size_t>(b.current)];
  const bool parity = t.parity;
  t.parity = !parity;
  t.file = file;
  t.line = line;
  __tsan_release(&b.arena->barrier_sync[parity]);
  if (++b.at_barrier == static_cast<int>(b.threads.size())) {
    for (Thread& o : b.threads) {
      if (o.state != State::kAtBarrier) continue;
      if (o.line != line || std::strcmp(o.file, file) != 0)
        fail("threads of a block meet in different __syncthreads(): %s:%d and %s:%d", file, line, o.file, o.line);
      o.state = State::kReady;
    }
    b.at_barrier = 0;
  } else {
    t.state = State::kAtBarrier;
    wait(b);
  }
  __tsan_acquire(&b.arena->barrier_sync[parity]);
}

uint64_t collective(Collective kind, unsigned mask, uint64_t value, int source, const char* file, int line) {
  Block& b = block();
  const int me = b.current, first = me / 32 * 32;
  const int lanes = std::min(32, static_cast<int>(b.threads.size()) - first);
  Thread& t = b.threads[static_cast<size_t>(me)];
  if (!(mask >> (me - first) & 1)) fail("a thread is not in the mask %08x of its own warp's operation", mask);
  // A mask may name lanes that a small block does not have.
  const unsigned present = lanes == 32 ? 0xffffffffu : (1u << lanes) - 1;
  const unsigned all = mask & present;
  t.kind = kind;
  t.mask = mask;
  t.value = value;
  t.source = source;
  t.file = file;
  t.line = line;
  t.state = State::kAtWarp;
  char* const sync = &b.arena->warp_sync[first / 32];
  if (kind == Collective::kSyncWarp) __tsan_release(sync);
  bool complete = true;
  for (int i = 0; i < lanes; ++i) {
    if (!(all >> i & 1)) continue;
    const Thread& o = b.threads[static_cast<size_t>(first + i)];
    if (o.state != State::kAtWarp) {
      if (o.state == State::kDone) fail("lane %d is in the mask %08x at %s:%d, but has ended", i, mask, file, line);
      complete = false;
    } else if (o.mask != mask || o.kind != kind) {
      fail("lanes of a warp meet in different operations: %s:%d (mask %08x) and %s:%d (mask %08x)", file, line, mask,
           o.file, o.line, o.mask);
    }
  }
  if (!complete) {
    wait(b);
  } else {
    uint64_t ballot = 0;
    for (int i = 0; i < lanes; ++i)
      ballot |= (all >> i & 1) && b.threads[static_cast<size_t>(first + i)].value ? 1ull << i : 0;
    for (int i = 0; i < lanes; ++i) {
      if (!(all >> i & 1)) continue;
      Thread& o = b.threads[static_cast<size_t>(first + i)];
      if (kind == Collective::kShuffle) {
        if (o.source < 0 || o.source > 31 || !(all >> o.source & 1))
          fail("lane %d reads from lane %d, which takes no part: mask %08x at %s:%d", i, o.source, mask, file, line);
        o.result = b.threads[static_cast<size_t>(first + o.source)].value;
      } else {
        o.result = ballot;
      }
      o.state = State::kReady;
    }
  }
  if (kind == Collective::kSyncWarp) __tsan_acquire(sync);
  return t.result;
}

void run_kernel(dim3 grid, dim3 size, size_t shared_bytes, const std::function<void()>& thread, Workers& workers) {
  Block& b = block();
  const size_t n = static_cast<size_t>(size.x) * size.y * size.z;
  b.threads.resize(n);
  b.run = &thread;
  b.dynamic_bytes = shared_bytes;
  b.workers = &workers;
  while (HEARTH_FIBERS && workers.fibers.size() < n) {
    workers.fibers.push_back(__tsan_create_fiber(0));
    workers.stacks.push_back(new Stack);
  }
  b.kernel_sync = new char[2];
  __tsan_release(&b.kernel_sync[0]);
  self.threads = size;
  self.blocks = grid;
  running = "a kernel";
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        self.block = {x, y, z};
        run_block(b);
      }
    }
  }
  __tsan_acquire(&b.kernel_sync[1]);
  delete[] b.kernel_sync;
  running = "";
}

}  // namespace cuda_emulated
