// Patches of images as columns, and back.
#pragma once

#include "core/nn/module.h"
#include "core/ops/columns.h"

namespace hearth::nn {

/// The patches of images as columns. See hearth::unfold() of core/ops/columns.h.
class Unfold : public Module<Unfold> {
 public:
  /// With the patch's size and how it moves.
  explicit Unfold(Extent2 kernel, const PatchOptions& options = {}) : kernel_(kernel), options_(options) {}
  /// The same as a member of `parent`.
  Unfold(ModuleBase* parent, const char* name, Extent2 kernel, const PatchOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  /// x [n, c, h, w] or [c, h, w]. Gives [n, c kh kw, l] or [c kh kw, l].
  Tensor forward(const Tensor& x) const { return unfold(x, kernel_, options_); }

 private:
  Extent2 kernel_;
  PatchOptions options_;
};

/// The sums of patches over an image. See hearth::fold().
class Fold : public Module<Fold> {
 public:
  /// With the image's and the patch's size and how the patch moves.
  Fold(Extent2 output, Extent2 kernel, const PatchOptions& options = {})
      : output_(output), kernel_(kernel), options_(options) {}
  /// The same as a member of `parent`.
  Fold(ModuleBase* parent, const char* name, Extent2 output, Extent2 kernel, const PatchOptions& options = {})
      : Module(parent, name), output_(output), kernel_(kernel), options_(options) {}
  /// x [n, c kh kw, l] or [c kh kw, l]. Gives [n, c, h, w] or [c, h, w].
  Tensor forward(const Tensor& x) const { return fold(x, output_, kernel_, options_); }

 private:
  Extent2 output_, kernel_;
  PatchOptions options_;
};

}  // namespace hearth::nn
