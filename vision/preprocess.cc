#include "vision/preprocess.h"

#include "core/base/error.h"
#include "core/graph/trace.h"
#include "core/ops/create.h"

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
  // The sizes of a trace are nearly square: a size that follows the aspect could have been the same in all of them.
  Shape want;
  for (const graph::SizeExpr& s : out.shape) want.push_back(s.offset);
  for (const auto& [h, w] : {std::pair(o.at_least, 4 * o.at_least), std::pair(4 * o.at_least, o.at_least)}) {
    const Tensor y = g(zeros({o.channels, h, w}, {.dtype = u8}));
    HEARTH_CHECK(y.shape() == want, "trace_preprocess: the function gives the shape ", want,
                 " for nearly square images, but ", y.shape(), " for one of ", h, " x ", w,
                 "; crop or resize to one size");
  }
  return g;
}

}  // namespace hearth::vision
