#include "core/op/attrs/embedding.h"
#include "core/op/attrs/view.h"
#include "core/op/run.h"
#include "core/ops/embedding.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/rearrange.h"
#include "core/ops/scan.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {

static void index_rows(Rows& rows) {
  constexpr SampleOptions plain{.smooth = true};

  OpRow joined{.op = "cat"};
  add_golden(joined, "cat/first", HEARTH_CALL(cat({in[0], in[1], in[2]})), plain);
  add_golden(joined, "cat/last", HEARTH_CALL(cat({in[0], in[1]}, -1)), {.smooth = true, .batch = 3});
  add_golden(joined, "cat/with nothing", HEARTH_CALL(cat({in[0], in[1], in[2]}, 1)), plain);
  rows.push_back(std::move(joined));

  OpRow picked{.op = "index_select"};
  add_golden(picked, "index_select/rows", HEARTH_CALL(index_select(in[0], 0, in[1])), {.smooth = true, .batch = 2});
  add_golden(picked, "index_select/columns", HEARTH_CALL(index_select(in[0], -2, in[1])), {.smooth = true, .batch = 1});
  add_golden(picked, "index_select/nothing", HEARTH_CALL(index_select(in[0], 0, in[1])), plain);
  rows.push_back(std::move(picked));

  OpRow placed{.op = "index"};
  add_golden(placed, "index/rows", HEARTH_CALL(run(kIndex, {in[0], in[1]}, IndexAttrs{{0}})),
             {.smooth = true, .batch = 2});
  add_golden(placed, "index/pairs", HEARTH_CALL(run(kIndex, {in[0], in[1]}, IndexAttrs{{2, 0}})), {.smooth = true});
  add_golden(placed, "index/nothing", HEARTH_CALL(run(kIndex, {in[0], in[1]}, IndexAttrs{{0}})), plain);
  add_golden(placed, "index/tensors", HEARTH_CALL(in[0].index({in[1], Slice(), in[2]})), plain);
  add_golden(placed, "index/beside", HEARTH_CALL(in[0].index({Slice(), in[1], Slice(1)})), plain);
  rows.push_back(std::move(placed));

  OpRow put{.op = "index_put", .accuracy = Accuracy::kSum};
  add_golden(put, "index_put/rows", HEARTH_CALL(run(kIndexPut, {in[0], in[1], in[2]}, IndexAttrs{{0}})),
             {.smooth = true, .batch = 6});
  add_golden(put, "index_put/pairs", HEARTH_CALL(run(kIndexPut, {in[0], in[1], in[2]}, IndexAttrs{{2, 0}})),
             {.smooth = true});
  add_golden(put, "index_put/added", HEARTH_CALL(run(kIndexPut, {in[0], in[1], in[2]}, IndexAttrs{{0}, true})),
             {.smooth = true, .batch = 6, .terms = 4});
  rows.push_back(std::move(put));

  OpRow gathered{.op = "gather"};
  add_golden(gathered, "gather/rows", HEARTH_CALL(gather(in[0], 0, in[1])), plain);
  add_golden(gathered, "gather/last", HEARTH_CALL(gather(in[0], -1, in[1])), {.smooth = true, .batch = 3});
  rows.push_back(std::move(gathered));

  OpRow scattered{.op = "scatter"};
  add_golden(scattered, "scatter/last", HEARTH_CALL(scatter(in[0], -1, in[1], in[2])), {.smooth = true});
  add_golden(scattered, "scatter/rows", HEARTH_CALL(scatter(in[0], 0, in[1], in[2])), {.smooth = true});
  rows.push_back(std::move(scattered));

  OpRow added{.op = "scatter_add", .accuracy = Accuracy::kSum};
  add_golden(added, "scatter_add/last", HEARTH_CALL(scatter_add(in[0], -1, in[1], in[2])),
             {.smooth = true, .terms = 4});
  add_golden(added, "scatter_add/rows", HEARTH_CALL(scatter_add(in[0], 0, in[1], in[2])), {.smooth = true, .terms = 3});
  rows.push_back(std::move(added));

  OpRow summed{.op = "index_add", .accuracy = Accuracy::kSum};
  add_golden(summed, "index_add/rows", HEARTH_CALL(index_add(in[0], 0, in[1], in[2])),
             {.smooth = true, .batch = 6, .terms = 4});
  add_golden(summed, "index_add/columns", HEARTH_CALL(index_add(in[0], 1, in[1], in[2])),
             {.smooth = true, .batch = 5, .terms = 3});
  rows.push_back(std::move(summed));

  OpRow embedded{.op = "embedding"};
  add_golden(embedded, "embedding/padded", HEARTH_CALL(embedding(in[0], in[1])), {.smooth = true, .batch = 2});
  embedded.samples.push_back(
      {.name = "rows",
       .inputs = [](DType t) -> Out {
         return {noise({4, 3}, t, -3, 3), from_wide(std::vector<long double>{3, 0, 3, 1}, {2, 2}, i64)};
       },
       .call = HEARTH_CALL(embedding(in[0], in[1], -1)),
       .want = [](In in, DType t) -> std::vector<Want> {
         const std::vector<long double> w = to_wide(in[0]), index = to_wide(in[1]);
         std::vector<long double> v;
         for (long double i : index) {
           for (size_t k = 0; k < 3; ++k) v.push_back(w[static_cast<size_t>(i) * 3 + k]);
         }
         return {{t, {2, 2, 3}, v}};
       },
       .batch = 2});
  rows.push_back(std::move(embedded));

  OpRow looked_up{.op = "embedding_grad", .accuracy = Accuracy::kSum};
  for (const std::optional<int64_t> padding : {std::optional<int64_t>(), std::optional<int64_t>(1)}) {
    looked_up.samples.push_back(
        {.name = padding ? "padding" : "all rows",
         .inputs = [](DType t) -> Out {
           return {noise({2, 4, 3}, t), from_wide(std::vector<long double>{3, 1, 0, 3, 1, 3, 4, 3}, {2, 4}, i64)};
         },
         .call = [padding](In in) -> Out {
           return {run(*find_op("embedding_grad"), {in[0], in[1]}, EmbeddingAttrs{.padding = padding, .rows = 6})};
         },
         .want = [padding](In in, DType t) -> std::vector<Want> {
           const std::vector<long double> g = to_wide(in[0]), index = to_wide(in[1]);
           std::vector<long double> sums(18);
           for (size_t i = 0; i < index.size(); ++i) {
             for (size_t k = 0; k < 3; ++k) sums[static_cast<size_t>(index[i]) * 3 + k] += g[i * 3 + k];
           }
           for (size_t k = 0; padding && k < 3; ++k) sums[3 + k] = 0;
           return {{t, {6, 3}, sums}};
         },
         .smooth = true,
         .batch = 3,
         .terms = 4});
  }
  rows.push_back(std::move(looked_up));

  OpRow running{.op = "cumsum", .accuracy = Accuracy::kSum};
  add_golden(running, "cumsum/first", HEARTH_CALL(cumsum(in[0], 0)), {.smooth = true, .batch = 1, .terms = 4});
  add_golden(running, "cumsum/last", HEARTH_CALL(cumsum(in[0], -1)), {.smooth = true, .batch = 1, .terms = 5});
  add_golden(running, "cumsum/0-dim", HEARTH_CALL(cumsum(in[0], 0)), plain);
  add_golden(running, "cumsum/long", HEARTH_CALL(cumsum(in[0], 1)), {.batch = 1, .terms = 1500});
  add_golden(running, "cumsum/special", HEARTH_CALL(cumsum(in[0], 1)), {.batch = 1, .terms = 3});
  add_golden(running, "cumsum/nothing", HEARTH_CALL(cumsum(in[0], 0)), {});
  rows.push_back(std::move(running));

  OpRow flipped{.op = "flip"};
  add_golden(flipped, "flip/both", HEARTH_CALL(flip(in[0], {0, -1})), {.smooth = true, .batch = 1});
  add_golden(flipped, "flip/none", HEARTH_CALL(flip(in[0], {})), plain);
  rows.push_back(std::move(flipped));
}

HEARTH_OP_ROWS(index_rows);

}  // namespace hearth::testing
