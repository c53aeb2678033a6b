// Which of Highway's targets this processor has: the four functions of hwy/targets.h that its dispatch calls.
//
// Debian ships them in libhwy.so only, and a program that adds two tensors must not need a library beside the
// compiler's own. Defined here they are found first, and libhwy is linked only into programs that use more of it.

#include "hwy/targets.h"
#include "core/base/config_fact.h"

#if HWY_ARCH_X86
#include <cpuid.h>
#endif

namespace hwy {
namespace {

#if HWY_ARCH_X86

bool bit(unsigned word, int n) { return (word >> n & 1) != 0; }

// Bit numbers: Intel 64 and IA-32 Architectures Software Developer's Manual, vol. 2A, CPUID; what each target
// needs: hwy/ops/set_macros-inl.h.
int64_t detect() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return 0;
  const bool fma = bit(c, 12), osxsave = bit(c, 27), avx = bit(c, 28), f16c = bit(c, 29);
  if (!osxsave || !avx) return 0;
  // The operating system must save the wide registers too (XCR0).
  unsigned xcr0 = 0, xcr0_high = 0;
  __asm__("xgetbv" : "=a"(xcr0), "=d"(xcr0_high) : "c"(0));
  const bool saves_ymm = (xcr0 & 0x06) == 0x06, saves_zmm = (xcr0 & 0xE6) == 0xE6;

  const bool lzcnt = __get_cpuid(0x80000001, &a, &b, &c, &d) != 0 && bit(c, 5);
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return 0;
  const bool bmi = bit(b, 3), avx2 = bit(b, 5), bmi2 = bit(b, 8);
  const bool avx512 = bit(b, 16) && bit(b, 17) && bit(b, 28) && bit(b, 30) && bit(b, 31);  // F, DQ, CD, BW, VL

  int64_t targets = 0;
  if (saves_ymm && avx2 && fma && f16c && bmi && bmi2 && lzcnt) {
    targets |= HWY_AVX2;
    if (saves_zmm && avx512) targets |= HWY_AVX3;
  }
  return targets;
}

#else

int64_t detect() { return HWY_STATIC_TARGET; }

#endif

// 0: not asked yet. A race between two first callers is harmless: both find the same.
constinit std::atomic<int64_t> supported{0};
constinit std::atomic<int64_t> disabled{0};

}  // namespace

int64_t SupportedTargets() {
  int64_t targets = supported.load(std::memory_order_relaxed);
  if (targets == 0) {
    targets = detect() | HWY_STATIC_TARGET | HWY_SCALAR;
    supported.store(targets, std::memory_order_relaxed);
  }
  const int64_t left = targets & ~disabled.load(std::memory_order_relaxed);
  return left != 0 ? left : HWY_STATIC_TARGET;
}

void DisableTargets(int64_t disabled_targets) {
  disabled.store(disabled_targets, std::memory_order_relaxed);
  GetChosenTarget().DeInit();
}

void SetSupportedTargetsForTest(int64_t targets) {
  // 0 ends a test: the processor is asked again.
  supported.store(targets, std::memory_order_relaxed);
  GetChosenTarget().DeInit();
}

ChosenTarget& GetChosenTarget() {
  static constinit ChosenTarget chosen;
  return chosen;
}

}  // namespace hwy

namespace hearth {
namespace {

// The instruction sets that kernels are compiled for and this processor has, best first.
std::string instruction_sets() {
  std::string names;
  for (int64_t rest = hwy::SupportedTargets(); rest != 0; rest &= rest - 1) {
    if (!names.empty()) names += ", ";
    names += hwy::TargetName(rest & -rest);
  }
  return names;
}

constexpr ConfigFact kInstructionSets{"instruction sets", instruction_sets};
HEARTH_CONFIG_FACT(kInstructionSets);

}  // namespace
}  // namespace hearth
