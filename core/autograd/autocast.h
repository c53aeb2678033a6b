// Autocast: automatic mixed precision.
#pragma once

#include <cstddef>
#include <map>
#include <optional>

#include "core/op/interposer.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// While it lives, ops of this thread choose the dtype they compute in, as torch.autocast does:
///
///   {
///     Autocast mixed(bf16);
///     loss = cross_entropy(net(x), y);   // matmul, convolution and attention in bf16; softmax, norms and sums in f32
///   }
///   loss.backward();                     // gradients of f32 parameters are f32
///
/// - Products (matmul, linear, convolution, attention, RNNs) cast their f32 operands to the low dtype.
/// - Softmax, layer and group norm, vector norms, losses, reductions, cumulative sums and FFTs cast their bf16 and f16
///   operands to f32, and give f32.
/// - Other ops compute in the dtypes they are given; where these differ, in the promoted one.
///
/// An op with an f64 or complex operand, or one that writes to a given tensor, is left alone. Backward runs in the
/// dtypes of forward; it may run inside of the guard or after it. A parameter's cast is kept and used again until the
/// guard ends or the parameter is written to. Guards may be nested: the innermost counts. A checkpoint() runs its
/// function again as it ran first. For f16 gradients, which underflow, see optim::GradScaler.
class Autocast final : public Interposer {
 public:
  /// `low` is bf16 or f16; nullopt switches autocast off, for a part of a model that needs f32. Throws Error for any
  /// other dtype.
  explicit Autocast(std::optional<DType> low);
  /// Restores what was before. Guards end in the reverse order of their beginnings, as scopes do.
  ~Autocast() override;
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

  /// The low dtype of this thread's innermost guard; nullopt where there is none, where autocast is off, and in a
  /// backward that the guard is around.
  static std::optional<DType> current();

  /// For run().
  void intercept(OpCall& call) override;

 private:
  struct Kept {
    Tensor parameter;  // held: no other tensor gets its address
    uint32_t version;
    const Storage* memory;
    bool recorded;
    Tensor cast;
  };
  Tensor low(const Tensor& t);

  const std::optional<DType> low_;
  Autocast* const outer_;
  const void* const backward_;  // the one in which it was made
  std::map<const TensorImpl*, Kept> kept_;
  std::optional<InterposerGuard> active_;
};

}  // namespace hearth
