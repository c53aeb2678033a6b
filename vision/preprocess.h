// The preprocess graph: what is done to one decoded image before a model sees it, kept as data. The trainer's loader
// runs it (data::preprocessed) and an export carries it, so that training and serving cannot differ.
#pragma once

#include <functional>

#include "core/graph/graph.h"

namespace hearth::vision {

/// A function of one image.
using ImageFunction = std::function<Tensor(const Tensor&)>;

/// Options of trace_preprocess.
struct PreprocessOptions {
  /// Channels of the image.
  int64_t channels = 3;
  /// The smallest height and width that the function can take; the graph may be run below it.
  int64_t at_least = 64;
};
/// Traces a function of one image. Input "image": u8 [channels, "height", "width"]; output "output": f32 [c, h, w], of
/// a size that does not depend on the image's. Throws Error if the function gives anything else.
///
///   trace_preprocess([](const Tensor& x) {
///     return normalize(to_float(center_crop(resize_shorter_side(x, 256), 224)), mean, std);
///   });
graph::Graph trace_preprocess(const ImageFunction& f, const PreprocessOptions& options = {});

}  // namespace hearth::vision
