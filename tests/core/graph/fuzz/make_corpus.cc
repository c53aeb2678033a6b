// Writes the corpus of graph_fuzz anew: bazel run //tests/core/graph/fuzz:make_corpus -- DIRECTORY
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "core/base/error.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/conv.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/embedding.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/norm.h"
#include "core/ops/pool.h"
#include "core/ops/random.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

using graph::Spec;
using Out = std::vector<Tensor>;

std::string directory;

void write(const std::string& name, const std::function<Out(std::span<const Tensor>)>& fn, const Spec& spec) {
  const std::string at = directory + "/model";
  absl::Status s = graph::save({.main = graph::trace(fn, {&spec, 1})}, at);
  std::string all;
  for (const char* file : {"graph.json", "signature.json", "weights.safetensors"}) {
    if (!all.empty()) all += '\0';
    if (s.ok()) all += io::read_file(at + "/" + file, 1 << 20).value();
  }
  if (s.ok()) s = io::write_file(directory + "/" + name, all);
  if (!s.ok()) fail(std::string(s.message()));
  std::filesystem::remove_all(at);
}

void run() {
  manual_seed(1);
  const Tensor table = randn({4, 3}), kernel = randn({4, 2, 3, 3}), four = randn({4}), five = randn({5}),
               weight = randn({3, 6}), batch = randn({2, 6, 4}), half = randn({6, 2}).to(bf16);
  const Spec rows{"x", f32, {"n", 6}}, image{"x", f32, {"n", 4, 6, 5}}, whole{"x", i64, {"n", 4}};
  write("sizes",
        [](std::span<const Tensor> in) -> Out {
          const Tensor& x = in[0];
          return {x.slice(0, 0, {}, 2) / std::sqrt(x.size(0)), arange(x.size(0)) * dim_size(x, 1),
                  linspace(0, 1, x.size(0) + 1), eye(x.size(0))};
        },
        {"x", f32, {graph::Size("n", {.max = 100}), 6}});
  write(
      "pointwise",
      [](std::span<const Tensor> in) -> Out {
        const Tensor& x = in[0];
        Tensor y = x.exp() + x * 2 - x / 3 + x.sigmoid() + x.pow(2) + where(x > 0, x, -x) + x.clamp(-1, 1);
        return {gelu(y).lerp(x, 0.3), (x > 1).logical_and(x < 2), y.to(f16), y.to(i32).remainder(7),
                y.maximum(x).remainder(2)};
      },
      rows);
  write(
      "reduce",
      [](std::span<const Tensor> in) -> Out {
        const Tensor& x = in[0];
        return {x.sum({1}),  x.mean({0}, true), x.amax({0, 1}), x.var({1}), x.argmax(1),   x.max(1).first,
                x.cumsum(1), x.logsumexp({1}),  x.prod(1),      x.any(1),   softmax(x, 1), log_softmax(x, 0)};
      },
      rows);
  write(
      "views",
      [](std::span<const Tensor> in) -> Out {
        const Tensor& x = in[0];
        return {x.transpose(0, 1),
                x.select(1, 2),
                x.slice(1, 1, 5, 2),
                x.unfold(1, 3, 2),
                x.unsqueeze(2).expand({-1, 6, 6}).diagonal(1, 1, 2),
                x.unsqueeze(1).expand({-1, 3, 6}),
                x.flatten(),
                x.view({-1, 2, 3}).permute({2, 0, 1}),
                x.as_strided({2, 2}, {1, 1}, 1).contiguous(),
                x.flip({1}),
                x.squeeze()};
      },
      rows);
  write(
      "index",
      [&](std::span<const Tensor> in) -> Out {
        const Tensor i = in[0].remainder(4);
        const Tensor wide = i.to(f32);
        return {embedding(table, i),
                table.index_select(0, i.select(1, 0)),
                wide.gather(1, i),
                cat(std::vector{i, i}, 1),
                wide.scatter(1, i, wide),
                wide.scatter_add(1, i, wide),
                wide.index_add(1, i.select(0, 0), wide)};
      },
      whole);
  write(
      "conv",
      [&](std::span<const Tensor> in) -> Out {
        const Tensor& x = in[0];
        const Tensor y = conv2d(x, kernel, four, {.stride = {2, 1}, .padding = {1, 1}, .groups = 2});
        return {y, max_pool2d(x, 2), avg_pool2d(x, 2, {.padding = 1}), adaptive_avg_pool2d(x, {2, 2})};
      },
      image);
  write(
      "norm",
      [&](std::span<const Tensor> in) -> Out {
        const Tensor& x = in[0];
        return {layer_norm(x, {5}, five, five), group_norm(x, 2, four, four), batch_norm(x, four, four, four, four)};
      },
      image);
  write(
      "matmul",
      [&](std::span<const Tensor> in) -> Out {
        const Tensor& x = in[0];
        return {linear(x, weight), matmul(x.unsqueeze(0), batch), x.to(bf16).matmul(half)};
      },
      rows);
  write(
      "in_place",
      [](std::span<const Tensor> in) -> Out {
        Tensor y = in[0] * in[0].size(0);
        y.narrow(1, 1, 2).mul_(3);
        Tensor z = zeros({in[0].size(0) * 2 + 1, 6});
        z.narrow(0, 0, in[0].size(0)).copy_(y);
        return {z, dropout(in[0], 0.5, true)};
      },
      rows);
}

}  // namespace
}  // namespace hearth

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  hearth::directory = argv[1];
  try {
    hearth::run();
  } catch (const hearth::Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}
