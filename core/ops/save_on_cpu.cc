#include "core/ops/save_on_cpu.h"

#include "core/tensor/tensor.h"

namespace hearth {
namespace {

class CpuHooks final : public SavedTensorHooks {
 public:
  explicit CpuHooks(bool pinned) : pinned_(pinned) {}
  std::any pack(const Tensor& t) override {
    if (!t.device().is_cuda()) return Kept{t, t.device()};
    const Tensor copy = t.cpu();
    return Kept{pinned_ ? copy.pin_memory() : copy, t.device()};
  }
  Tensor unpack(const std::any& packed) override {
    const auto& kept = std::any_cast<const Kept&>(packed);
    return kept.tensor.to(kept.device);
  }

 private:
  struct Kept {
    Tensor tensor;
    Device device;
  };
  const bool pinned_;
};

// Hooks must outlive every graph that was recorded under them.
SavedTensorHooks& hooks(bool pinned) {
  static CpuHooks plain(false), in_pinned_memory(true);
  return pinned ? in_pinned_memory : plain;
}

}  // namespace

SaveOnCpu::SaveOnCpu(bool pinned) : guard_(hooks(pinned)) {}

}  // namespace hearth
