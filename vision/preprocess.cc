#include "vision/preprocess.h"

#include "core/base/error.h"
#include "core/graph/trace.h"

namespace hearth::vision {

graph::Graph trace_preprocess(const ImageFunction& f, const PreprocessOptions& o) {
  HEARTH_CHECK(o.channels >= 1 && o.at_least >= 1, "trace_preprocess: channels and at_least must be at least 1");
  const graph::Spec spec[] = {
      {"image", u8, {o.channels, graph::Size("height", o.at_least), graph::Size("width", o.at_least)}}};
  graph::Graph g = graph::trace([&](std::span<const Tensor> in) -> std::vector<Tensor> { return {f(in[0])}; }, spec);
  const graph::Output& out = g.outputs[0];
  bool fixed = out.shape.size() == 3;
  for (const graph::SizeExpr& s : out.shape) fixed &= s.constant();
  HEARTH_CHECK(out.dtype == f32 && fixed,
               "trace_preprocess: the function must give f32 [c, h, w] of one size for images of all sizes, but gives ",
               out.dtype, " of rank ", out.shape.size(), fixed ? "" : " or of a size that depends on the image's",
               "; resize and to_float make it so");
  return g;
}

data::DatasetPtr preprocessed(data::DatasetPtr images, std::shared_ptr<const graph::Graph> preprocess) {
  return std::make_shared<data::MapDataset>(std::move(images),
                                            [g = std::move(preprocess)](data::Example e, Generator&) -> data::Example {
                                              return {(*g)(e.first), std::move(e.second)};
                                            });
}

}  // namespace hearth::vision
