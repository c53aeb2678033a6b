/// GradScaler: keeps f16 gradients from underflowing, by scaling the loss.
///
///   optim::GradScaler scaler;
///   {
///     Autocast mixed(f16);
///     loss = cross_entropy(net(x), y);
///   }
///   scaler.scale(loss).backward();
///   scaler.unscale_(optimizer);                            // only if the gradients themselves are wanted
///   optim::clip_grad_norm_(net.parameters(), 1);
///   scaler.step(optimizer);                                // not if a gradient is infinite or NaN
///   scaler.update();
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/optim/clip.h"
#include "core/optim/optimizer.h"

namespace hearth::optim {

/// Options of GradScaler.
struct GradScalerOptions {
  /// The first scale.
  double init_scale = 65536;
  /// What the scale is multiplied by after `growth_interval` steps without overflow; above 1.
  double growth_factor = 2;
  /// What the scale is multiplied by after an overflow; between 0 and 1.
  double backoff_factor = 0.5;
  /// Steps in a row without overflow until the scale grows; at least 1.
  int64_t growth_interval = 2000;
  /// False makes scale() give the loss, unscale_() do nothing, and step() always step.
  bool enabled = true;
  /// For gradients that are spread over ranks (distributed::FullyShard): all ranks must find an overflow together. See
  /// grad_norm, of p = infinity: distributed::reduce_norm(group, INFINITY).
  ReduceFunction reduce = nullptr;
};

/// Scales losses so that f16 gradients do not underflow, leaves out steps whose gradients have overflowed, and adapts
/// the scale; as torch.amp.GradScaler. Parameters, and with them their gradients, are f32 or f64.
class GradScaler {
 public:
  /// Throws Error for options out of range.
  explicit GradScaler(const GradScalerOptions& options = {});

  /// The loss, or any other output, times the scale.
  Tensor scale(const Tensor& loss) const;
  /// Divides the gradients of the optimizer's parameters by the scale, and finds out whether one is infinite or NaN.
  /// step() does so too where this was not called. The host waits for the gradients. Throws Error if it was called
  /// already since the last update(), after step(), and for f16 gradients.
  void unscale_(Optimizer& optimizer);
  /// The optimizer's step, unless a gradient is infinite or NaN; false if it was left out. Throws Error if it was
  /// called for this optimizer already since the last update().
  bool step(Optimizer& optimizer);
  /// Adapts the scale to what the steps since the last update() have found, once for all optimizers. Throws Error if
  /// there were none. With `scale` the scale becomes that.
  void update(std::optional<double> scale = std::nullopt);

  /// The scale; 1 if not enabled.
  double get_scale() const { return options_.enabled ? scale_ : 1; }
  /// The scale ("scale", f64) and the steps without overflow ("growth_tracker", i64).
  std::map<std::string, Tensor> state_dict() const;
  /// Takes a state over. Throws Error for a missing, unexpected or impossible entry; nothing is changed then.
  void load_state_dict(const std::map<std::string, Tensor>& state);

 private:
  struct Found {
    bool overflow = false, stepped = false;
  };
  GradScalerOptions options_;
  double scale_;
  int64_t tracker_ = 0;                      // steps without overflow
  std::map<const Optimizer*, Found> found_;  // since the last update
};

}  // namespace hearth::optim
