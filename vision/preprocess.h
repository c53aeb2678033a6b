// The preprocess graph: what is done to one decoded image before a model sees it, kept as data. The trainer's loader
// runs it and an export carries it, so that training and serving cannot differ.
#pragma once

#include <functional>
#include <memory>

#include "core/data/dataset.h"
#include "core/graph/graph.h"

namespace hearth::vision {

using ImageFunction = std::function<Tensor(const Tensor&)>;

struct PreprocessOptions {
  int64_t channels = 3;
  int64_t at_least = 64;  // the smallest height and width that the function can take; the graph may be run below it
};
// Traces a function of one image. Input "image": u8 [channels, "height", "width"]; output "output": f32 [c, h, w], of a
// size that does not depend on the image's. Throws Error if the function gives anything else.
//
//   trace_preprocess([](const Tensor& x) {
//     return normalize(to_float(center_crop(resize_shorter_side(x, 256), 224)), mean, std);
//   });
graph::Graph trace_preprocess(const ImageFunction& f, const PreprocessOptions& options = {});

// Another dataset's examples with their image run through a preprocess graph, in whatever thread asks for them.
data::DatasetPtr preprocessed(data::DatasetPtr images, std::shared_ptr<const graph::Graph> preprocess);

}  // namespace hearth::vision
