/// Losses as modules.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "core/nn/module.h"
#include "core/ops/ctc_loss.h"
#include "core/ops/likelihood_loss.h"
#include "core/ops/loss.h"
#include "core/ops/margin_loss.h"

namespace hearth::nn {

/// A weight of a loss: a buffer, if there is one, that goes with the module to its device and is in its state.
class LossWeight {
 public:
  /// A buffer of `module` of that name, if a weight is given.
  LossWeight(ModuleBase* module, const char* name, const std::optional<Tensor>& weight) {
    if (weight) buffer_.emplace(module, name, *weight);
  }
  /// The weight as it is now, if there is one.
  std::optional<Tensor> get() const { return buffer_ ? std::optional<Tensor>(*buffer_) : std::nullopt; }

 private:
  std::optional<Buffer> buffer_;
};

/// The options with the weight as it is now.
inline ClassLossOptions with_weight(ClassLossOptions options, const LossWeight& weight) {
  options.weight = weight.get();
  return options;
}

/// The loss of connectionist temporal classification. See hearth::ctc_loss().
class CTCLoss : public Module<CTCLoss> {
 public:
  /// The blank's class, the reduction, and what becomes of infinite losses.
  explicit CTCLoss(const CtcLossOptions& options = {}) : options_(options) {}
  /// ctc_loss() with the module's options.
  Tensor forward(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                 const Tensor& target_lengths) const {
    return ctc_loss(log_probs, targets, input_lengths, target_lengths, options_);
  }

 private:
  CtcLossOptions options_;
};

/// The absolute difference. See hearth::l1_loss().
class L1Loss : public Module<L1Loss> {
 public:
  /// With the function's options.
  explicit L1Loss(Reduction reduction = Reduction::kMean) : reduction_(reduction) {}
  /// l1_loss() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const { return l1_loss(x, target, reduction_); }

 private:
  Reduction reduction_;
};

/// The squared difference. See hearth::mse_loss().
class MSELoss : public Module<MSELoss> {
 public:
  /// With the function's options.
  explicit MSELoss(Reduction reduction = Reduction::kMean) : reduction_(reduction) {}
  /// mse_loss() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const { return mse_loss(x, target, reduction_); }

 private:
  Reduction reduction_;
};

/// The absolute difference, squared where it is small. See hearth::smooth_l1_loss().
class SmoothL1Loss : public Module<SmoothL1Loss> {
 public:
  /// With the function's options.
  explicit SmoothL1Loss(double beta = 1, Reduction reduction = Reduction::kMean) : beta_(beta), reduction_(reduction) {}
  /// smooth_l1_loss() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const { return smooth_l1_loss(x, target, beta_, reduction_); }

 private:
  double beta_;
  Reduction reduction_;
};

/// The squared difference, absolute where it is large. See hearth::huber_loss().
class HuberLoss : public Module<HuberLoss> {
 public:
  /// With the function's options.
  explicit HuberLoss(double delta = 1, Reduction reduction = Reduction::kMean) : delta_(delta), reduction_(reduction) {}
  /// huber_loss() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const { return huber_loss(x, target, delta_, reduction_); }

 private:
  double delta_;
  Reduction reduction_;
};

/// Cross entropy of unnormalised scores and classes. See hearth::cross_entropy().
class CrossEntropyLoss : public Module<CrossEntropyLoss> {
 public:
  /// With the function's options.
  explicit CrossEntropyLoss(const ClassLossOptions& options = {})
      : options_(options), weight_(this, "weight", options.weight) {
    options_.weight.reset();  // it is the buffer
  }
  /// cross_entropy() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const {
    return cross_entropy(x, target, with_weight(options_, weight_));
  }

 private:
  ClassLossOptions options_;
  LossWeight weight_;
};

/// Minus the logarithm of the target's probability. See hearth::nll_loss().
class NLLLoss : public Module<NLLLoss> {
 public:
  /// With the function's options.
  explicit NLLLoss(const ClassLossOptions& options = {}) : options_(options), weight_(this, "weight", options.weight) {
    options_.weight.reset();  // it is the buffer
  }
  /// nll_loss() with the module's options.
  Tensor forward(const Tensor& log_probabilities, const Tensor& target) const {
    return nll_loss(log_probabilities, target, with_weight(options_, weight_));
  }

 private:
  ClassLossOptions options_;
  LossWeight weight_;
};

/// Cross entropy of probabilities. See hearth::binary_cross_entropy().
class BCELoss : public Module<BCELoss> {
 public:
  /// With the function's options.
  explicit BCELoss(const std::optional<Tensor>& weight = {}, Reduction reduction = Reduction::kMean)
      : weight_(this, "weight", weight), reduction_(reduction) {}
  /// binary_cross_entropy() with the module's options.
  Tensor forward(const Tensor& p, const Tensor& target) const {
    return binary_cross_entropy(p, target, weight_.get(), reduction_);
  }

 private:
  LossWeight weight_;
  Reduction reduction_;
};

/// Cross entropy of unnormalised scores. See hearth::binary_cross_entropy_with_logits().
class BCEWithLogitsLoss : public Module<BCEWithLogitsLoss> {
 public:
  /// With the function's options.
  explicit BCEWithLogitsLoss(const std::optional<Tensor>& weight = {}, const std::optional<Tensor>& pos_weight = {},
                             Reduction reduction = Reduction::kMean)
      : weight_(this, "weight", weight), pos_weight_(this, "pos_weight", pos_weight), reduction_(reduction) {}
  /// binary_cross_entropy_with_logits() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const {
    return binary_cross_entropy_with_logits(x, target, weight_.get(), pos_weight_.get(), reduction_);
  }

 private:
  LossWeight weight_;
  LossWeight pos_weight_;
  Reduction reduction_;
};

/// The Kullback-Leibler divergence. See hearth::kl_div().
class KLDivLoss : public Module<KLDivLoss> {
 public:
  /// With the function's options.
  explicit KLDivLoss(const KlDivOptions& options = {}) : options_(options) {}
  /// kl_div() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const { return kl_div(x, target, options_); }

 private:
  KlDivOptions options_;
};

/// Minus the logarithm of a Poisson distribution's probability. See hearth::poisson_nll_loss().
class PoissonNLLLoss : public Module<PoissonNLLLoss> {
 public:
  /// With the function's options.
  explicit PoissonNLLLoss(const PoissonNllOptions& options = {}) : options_(options) {}
  /// poisson_nll_loss() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const { return poisson_nll_loss(x, target, options_); }

 private:
  PoissonNllOptions options_;
};

/// Minus the logarithm of a normal distribution's density. See hearth::gaussian_nll_loss().
class GaussianNLLLoss : public Module<GaussianNLLLoss> {
 public:
  /// With the function's options.
  explicit GaussianNLLLoss(const GaussianNllOptions& options = {}) : options_(options) {}
  /// gaussian_nll_loss() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target, const Tensor& variance) const {
    return gaussian_nll_loss(x, target, variance, options_);
  }

 private:
  GaussianNllOptions options_;
};

/// A margin between two scores. See hearth::margin_ranking_loss().
class MarginRankingLoss : public Module<MarginRankingLoss> {
 public:
  /// With the function's options.
  explicit MarginRankingLoss(double margin = 0, Reduction reduction = Reduction::kMean)
      : margin_(margin), reduction_(reduction) {}
  /// margin_ranking_loss() with the module's options.
  Tensor forward(const Tensor& a, const Tensor& b, const Tensor& target) const {
    return margin_ranking_loss(a, b, target, margin_, reduction_);
  }

 private:
  double margin_;
  Reduction reduction_;
};

/// Small distances for a target of 1, large ones for -1. See hearth::hinge_embedding_loss().
class HingeEmbeddingLoss : public Module<HingeEmbeddingLoss> {
 public:
  /// With the function's options.
  explicit HingeEmbeddingLoss(double margin = 1, Reduction reduction = Reduction::kMean)
      : margin_(margin), reduction_(reduction) {}
  /// hinge_embedding_loss() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const {
    return hinge_embedding_loss(x, target, margin_, reduction_);
  }

 private:
  double margin_;
  Reduction reduction_;
};

/// The logistic loss of two classes. See hearth::soft_margin_loss().
class SoftMarginLoss : public Module<SoftMarginLoss> {
 public:
  /// With the function's options.
  explicit SoftMarginLoss(Reduction reduction = Reduction::kMean) : reduction_(reduction) {}
  /// soft_margin_loss() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const { return soft_margin_loss(x, target, reduction_); }

 private:
  Reduction reduction_;
};

/// A margin between the target's score and others. See hearth::multi_margin_loss().
class MultiMarginLoss : public Module<MultiMarginLoss> {
 public:
  /// With the function's options.
  explicit MultiMarginLoss(int64_t p = 1, double margin = 1, const std::optional<Tensor>& weight = {},
                           Reduction reduction = Reduction::kMean)
      : p_(p), margin_(margin), weight_(this, "weight", weight), reduction_(reduction) {}
  /// multi_margin_loss() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const {
    return multi_margin_loss(x, target, p_, margin_, weight_.get(), reduction_);
  }

 private:
  int64_t p_;
  double margin_;
  LossWeight weight_;
  Reduction reduction_;
};

/// A margin between the scores of several targets and others. See hearth::multilabel_margin_loss().
class MultiLabelMarginLoss : public Module<MultiLabelMarginLoss> {
 public:
  /// With the function's options.
  explicit MultiLabelMarginLoss(Reduction reduction = Reduction::kMean) : reduction_(reduction) {}
  /// multilabel_margin_loss() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const { return multilabel_margin_loss(x, target, reduction_); }

 private:
  Reduction reduction_;
};

/// Cross entropy of several classes, each by itself. See hearth::multilabel_soft_margin_loss().
class MultiLabelSoftMarginLoss : public Module<MultiLabelSoftMarginLoss> {
 public:
  /// With the function's options.
  explicit MultiLabelSoftMarginLoss(const std::optional<Tensor>& weight = {}, Reduction reduction = Reduction::kMean)
      : weight_(this, "weight", weight), reduction_(reduction) {}
  /// multilabel_soft_margin_loss() with the module's options.
  Tensor forward(const Tensor& x, const Tensor& target) const {
    return multilabel_soft_margin_loss(x, target, weight_.get(), reduction_);
  }

 private:
  LossWeight weight_;
  Reduction reduction_;
};

/// Equal directions for a target of 1, different ones for -1. See hearth::cosine_embedding_loss().
class CosineEmbeddingLoss : public Module<CosineEmbeddingLoss> {
 public:
  /// With the function's options.
  explicit CosineEmbeddingLoss(double margin = 0, Reduction reduction = Reduction::kMean)
      : margin_(margin), reduction_(reduction) {}
  /// cosine_embedding_loss() with the module's options.
  Tensor forward(const Tensor& a, const Tensor& b, const Tensor& target) const {
    return cosine_embedding_loss(a, b, target, margin_, reduction_);
  }

 private:
  double margin_;
  Reduction reduction_;
};

/// A margin between the distances to a like and an unlike one. See hearth::triplet_margin_loss().
class TripletMarginLoss : public Module<TripletMarginLoss> {
 public:
  /// With the function's options.
  explicit TripletMarginLoss(const TripletMarginOptions& options = {}) : options_(options) {}
  /// triplet_margin_loss() with the module's options.
  Tensor forward(const Tensor& anchor, const Tensor& positive, const Tensor& negative) const {
    return triplet_margin_loss(anchor, positive, negative, options_);
  }

 private:
  TripletMarginOptions options_;
};

/// The same with a distance of one's own. See hearth::triplet_margin_with_distance_loss().
class TripletMarginWithDistanceLoss : public Module<TripletMarginWithDistanceLoss> {
 public:
  /// With the function's options.
  explicit TripletMarginWithDistanceLoss(std::function<Tensor(const Tensor&, const Tensor&)> distance,
                                         double margin = 1, bool swap = false, Reduction reduction = Reduction::kMean)
      : distance_(std::move(distance)), margin_(margin), swap_(swap), reduction_(reduction) {}
  /// triplet_margin_with_distance_loss() with the module's options.
  Tensor forward(const Tensor& anchor, const Tensor& positive, const Tensor& negative) const {
    return triplet_margin_with_distance_loss(anchor, positive, negative, distance_, margin_, swap_, reduction_);
  }

 private:
  std::function<Tensor(Tensor, Tensor)> distance_;
  double margin_;
  bool swap_;
  Reduction reduction_;
};

}  // namespace hearth::nn
