// Functions made of ops that only move elements, and the sum of a diagonal.
#include "core/ops/axes.h"
#include "core/ops/diagonal.h"
#include "core/ops/grid.h"
#include "core/ops/stacking.h"
#include "core/ops/view_scatter.h"
#include "tests/core/op_table/functions.h"

namespace hearth::testing {

static void arrangement_rows(Rows& rows) {
  constexpr SampleOptions batch{.smooth = true, .batch = 1};

  add_functions(rows, "movedim_several",
                {{"cycle", HEARTH_CALL(movedim(in[0], {0, 2}, {-1, 0})), batch},
                 {"one", HEARTH_CALL(moveaxis(in[0], Dims{1}, Dims{0})), batch}});
  add_functions(rows, "squeeze_several", {{"two", HEARTH_CALL(squeeze(in[0], {0, -1, 1}))}});
  add_functions(rows, "rot90",
                {{"one", HEARTH_CALL(rot90(in[0])), batch},
                 {"two", HEARTH_CALL(rot90(in[0], 2, {0, 2})), batch},
                 {"minus one", HEARTH_CALL(rot90(in[0], -1, {-1, 0})), batch},
                 {"none", HEARTH_CALL(rot90(in[0], 4)), batch},
                 {"empty", HEARTH_CALL(rot90(in[0], 3)), {}}});
  add_functions(rows, "fliplr", {{"plain", HEARTH_CALL(fliplr(in[0])), batch}});
  add_functions(rows, "flipud", {{"plain", HEARTH_CALL(flipud(in[0])), batch}});

  add_functions(rows, "diag",
                {{"vector", HEARTH_CALL(diag(in[0]))},
                 {"above", HEARTH_CALL(diag(in[0], 2))},
                 {"below", HEARTH_CALL(diag(in[0], -1))},
                 {"nothing", HEARTH_CALL(diag(in[0])), {}},
                 {"of a matrix", HEARTH_CALL(diag(in[0], 1))},
                 {"outside", HEARTH_CALL(diag(in[0], 5)), {}}});
  add_functions(rows, "diag_embed",
                {{"last", HEARTH_CALL(diag_embed(in[0]))},
                 {"first", HEARTH_CALL(diag_embed(in[0], 1, 0, 2))},
                 {"between", HEARTH_CALL(diag_embed(in[0], -2, 2, 1))}});
  add_functions(rows, "diagflat",
                {{"matrix", HEARTH_CALL(diagflat(in[0], -1))}, {"0-dim", HEARTH_CALL(diagflat(in[0]))}});
  add_functions(rows, "trace",
                {{"wide", HEARTH_CALL(trace(in[0])), {.smooth = true, .terms = 3}},
                 {"tall", HEARTH_CALL(trace(in[0])), {.smooth = true, .terms = 2}},
                 {"nothing", HEARTH_CALL(trace(in[0])), {}}},
                Accuracy::kSum);

  add_functions(rows, "meshgrid",
                {{"rows", [](In in) -> Out { return meshgrid(in); }},
                 {"columns", [](In in) -> Out { return meshgrid(in, Indexing::kXy); }},
                 {"one", [](In in) -> Out { return meshgrid(in, Indexing::kXy); }},
                 {"nothing", [](In in) -> Out { return meshgrid(in); }, {}}});
  add_functions(rows, "cartesian_prod",
                {{"three", HEARTH_CALL(cartesian_prod(in))},
                 {"one", HEARTH_CALL(cartesian_prod(in))},
                 {"nothing", HEARTH_CALL(cartesian_prod(in)), {}}});

  add_functions(rows, "hstack",
                {{"vectors", HEARTH_CALL(hstack(in))},
                 {"0-dim", HEARTH_CALL(hstack(in))},
                 {"cubes", HEARTH_CALL(hstack(in)), {.smooth = true, .batch = 3}},
                 {"matrices", HEARTH_CALL(hstack(in)), {.smooth = true, .batch = 3}}});
  add_functions(rows, "vstack",
                {{"vectors", HEARTH_CALL(vstack(in))},
                 {"0-dim", HEARTH_CALL(vstack(in))},
                 {"cubes", HEARTH_CALL(vstack(in))},
                 {"mixed", HEARTH_CALL(vstack(in))}});
  add_functions(rows, "dstack",
                {{"vectors", HEARTH_CALL(dstack(in))},
                 {"0-dim", HEARTH_CALL(dstack(in))},
                 {"cubes", HEARTH_CALL(dstack(in)), {.smooth = true, .batch = 3}},
                 {"mixed", HEARTH_CALL(dstack(in))}});
  add_functions(rows, "column_stack",
                {{"vectors", HEARTH_CALL(column_stack(in))},
                 {"0-dim", HEARTH_CALL(column_stack(in))},
                 {"cubes", HEARTH_CALL(column_stack(in))},
                 {"mixed", HEARTH_CALL(column_stack(in))}});
  add_functions(rows, "atleast_1d",
                {{"0-dim", HEARTH_CALL(atleast_1d(in[0]))},
                 {"vector", HEARTH_CALL(atleast_1d(in[0]))},
                 {"matrix", HEARTH_CALL(atleast_1d(in[0]))}});
  add_functions(rows, "atleast_2d",
                {{"0-dim", HEARTH_CALL(atleast_2d(in[0]))},
                 {"vector", HEARTH_CALL(atleast_2d(in[0]))},
                 {"matrix", HEARTH_CALL(atleast_2d(in[0]))}});
  add_functions(rows, "atleast_3d",
                {{"0-dim", HEARTH_CALL(atleast_3d(in[0]))},
                 {"vector", HEARTH_CALL(atleast_3d(in[0]))},
                 {"matrix", HEARTH_CALL(atleast_3d(in[0]))}});
  add_functions(rows, "tensor_split",
                {{"sections", [](In in) -> Out { return tensor_split(in[0], 3, 1); }, batch},
                 {"more than places", [](In in) -> Out { return tensor_split(in[0], 4); }},
                 {"places",
                  [](In in) -> Out {
                    return tensor_split(in[0], {1, -2, 9}, -1);
                  },
                  batch},
                 {"falling places", [](In in) -> Out {
                    return tensor_split(in[0], {4, 1});
                  }}});
  add_functions(rows, "hsplit",
                {{"matrix", [](In in) -> Out { return hsplit(in[0], 2); }, batch}, {"vector", [](In in) -> Out {
                                                                                      return hsplit(in[0], {1, 2});
                                                                                    }}});
  add_functions(rows, "vsplit", {{"matrix", [](In in) -> Out { return vsplit(in[0], 2); }}});
  add_functions(rows, "dsplit", {{"cube", [](In in) -> Out { return dsplit(in[0], {1}); }, batch}});
}

static void part_rows(Rows& rows) {
  add_functions(rows, "block_diag", {{"mixed", HEARTH_CALL(block_diag(in))}, {"one", HEARTH_CALL(block_diag(in))}});
  add_functions(rows, "combinations",
                {{"pairs", HEARTH_CALL(combinations(in[0]))},
                 {"replacement", HEARTH_CALL(combinations(in[0], 3, true))},
                 {"ones", HEARTH_CALL(combinations(in[0], 1))},
                 {"too few", HEARTH_CALL(combinations(in[0], 3)), {}}});
  OpRow& r = add_functions(rows, "unravel_index",
                           {{"cube",
                             [](In in) -> Out {
                               return unravel_index(in[0], {3, 4, 2});
                             },
                             {}}});
  r.gradient = false;
  r.takes = DTypeSet{i64};
  add_functions(rows, "select_scatter", {{"column", HEARTH_CALL(select_scatter(in[0], in[1], 1, -2))}});
  add_functions(rows, "slice_scatter",
                {{"step", HEARTH_CALL(slice_scatter(in[0], in[1], 1, 1, 5, 2))},
                 {"rows", HEARTH_CALL(slice_scatter(in[0], in[1]))}});
  add_functions(rows, "diagonal_scatter", {{"above", HEARTH_CALL(diagonal_scatter(in[0], in[1], 1))}});
}

HEARTH_OP_ROWS(arrangement_rows);
HEARTH_OP_ROWS(part_rows);

}  // namespace hearth::testing
