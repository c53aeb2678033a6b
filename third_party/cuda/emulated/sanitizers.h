// The sanitizers' interfaces, or nothing where they are off.
#pragma once

#if defined(HEARTH_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define HEARTH_POISON(p, n) __asan_poison_memory_region(p, n)
#define HEARTH_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define HEARTH_POISON(p, n) ((void)(p), (void)(n))
#define HEARTH_UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#if defined(HEARTH_TSAN)
// Each stream and each thread of a block is a thread to ThreadSanitizer, and nothing but what CUDA says orders them:
// so it finds a missing __syncthreads() or a missing wait for a stream whatever the order was in which things ran.
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void*);
void __tsan_switch_to_fiber(void*, unsigned flags);
void __tsan_acquire(void*);
void __tsan_release(void*);
void __tsan_read_range(void*, unsigned long);
void __tsan_write_range(void*, unsigned long);
}
#define HEARTH_FIBERS 1
constexpr unsigned kNoSync = 1;
#else
#define HEARTH_FIBERS 0
constexpr unsigned kNoSync = 1;
inline void* __tsan_get_current_fiber() { return nullptr; }
inline void* __tsan_create_fiber(unsigned) { return nullptr; }
inline void __tsan_destroy_fiber(void*) {}
inline void __tsan_switch_to_fiber(void*, unsigned) {}
inline void __tsan_acquire(void*) {}
inline void __tsan_release(void*) {}
inline void __tsan_read_range(void*, unsigned long) {}
inline void __tsan_write_range(void*, unsigned long) {}
#endif
