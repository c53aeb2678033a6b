// The preprocess graph: what is done to one decoded image before a model sees it, kept as data. The trainer's loader
// runs it (data::preprocessed) and an export carries it, so that training and serving cannot differ.
#pragma once

#include <functional>

#include "core/graph/graph.h"

namespace hearth::vision {

/// A function of one image.
using ImageFunction = std::function<Tensor(const Tensor&)>;

/// Options of trace_preprocess().
struct PreprocessOptions {
  int64_t channels = 3;   ///< The image's channels.
  int64_t at_least = 64;  ///< The smallest height and width to trace with. The graph may be run on smaller images.
};
/// Traces a function of one image. The graph's input "image" is u8 [channels, height, width], of any height and width;
/// its output "output" is f32 [c, h, w] of a size that does not depend on the image's. Throws Error if the function
/// gives anything else.
///
///   trace_preprocess([](const Tensor& x) {
///     return normalize(to_float(center_crop(resize_shorter_side(x, 256), 224)), mean, std);
///   });
graph::Graph trace_preprocess(const ImageFunction& f, const PreprocessOptions& options = {});

}  // namespace hearth::vision
