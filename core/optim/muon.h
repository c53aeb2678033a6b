/// Muon: steps of matrices, made orthogonal.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/optim/fused_optimizer.h"

namespace hearth::optim {

/// A group's options of Muon.
struct MuonOptions {
  /// How the learning rate follows from the shape of a matrix [a, b].
  enum class Scale : uint8_t {
    kOriginal,  ///< lr * sqrt(max(1, a / b)).
    kAsAdamW,   ///< lr * 0.2 * sqrt(max(a, b)): steps as large as AdamW's, whose rates and decay then fit.
  };
  /// The learning rate, at least 0.
  double lr = 1e-3;
  /// lr times this share of the parameter is taken off it at each step; at least 0.
  double weight_decay = 0.1;
  /// How much of the gradients' running average is kept at each step; at least 0 and below 1.
  double momentum = 0.95;
  /// Looks one step of the average ahead.
  bool nesterov = true;
  /// The least norm that a step is divided by; above 0.
  double eps = 1e-7;
  /// Iterations, from 1 to 99.
  int64_t ns_steps = 5;
  /// How the rate follows from the shape.
  Scale scale = Scale::kOriginal;
};

/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const MuonOptions& options);

/// Momentum made orthogonal (Jordan et al., 2024): the step of a matrix is its running average of gradients with all
/// singular values brought near 1 by a Newton-Schulz iteration, in f32 (PyTorch rounds it to bf16). For the weights of
/// hidden layers: give vectors, embeddings and the last layer to AdamW. Throws Error for a parameter that has not two
/// dimensions. State: momentum_buffer. Defaults are PyTorch's.
class Muon final : public OptimizerOf<Muon, MuonOptions, &MuonOptions::momentum> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit Muon(const Parameters& parameters, const MuonOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  Muon(const Parameters& parameters, T lr) : Muon(parameters, MuonOptions{.lr = static_cast<double>(lr)}) {}

  /// False: a step looks at whole matrices.
  bool elementwise() const override { return false; }

 private:
  friend OptimizerOf;
  Muon() : OptimizerOf("Muon") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

}  // namespace hearth::optim
