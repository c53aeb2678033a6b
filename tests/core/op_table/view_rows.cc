#include "core/ops/view.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

constexpr SampleOptions kPlain{.smooth = true};
constexpr SampleOptions kBatch{.smooth = true, .batch = 1};
constexpr SampleOptions kDense{.smooth = true, .batch = 1, .rearranged = false};

}  // namespace

static void view_rows(Rows& rows) {
  OpRow view{.op = "view"};
  add_golden(view, "view/merged", HEARTH_CALL(hearth::view(in[0], {in[0].size(0), 12})), kDense);
  add_golden(view, "view/split", HEARTH_CALL(reshape(in[0], {-1, 3, 2, 2})), {.smooth = true});
  add_golden(view, "view/empty", HEARTH_CALL(reshape(in[0], {3, 0})));
  rows.push_back(std::move(view));

  OpRow flat{.op = "flatten"};
  add_golden(flat, "flatten/middle", HEARTH_CALL(flatten(in[0], 1, 2)), kBatch);
  add_golden(flat, "flatten/0-dim", HEARTH_CALL(flatten(in[0])), kPlain);
  rows.push_back(std::move(flat));

  OpRow permuted{.op = "permute"};
  add_golden(permuted, "permute/cycle", HEARTH_CALL(permute(in[0], {2, -3, 1})), kBatch);
  add_golden(permuted, "permute/0-dim", HEARTH_CALL(permute(in[0], {})), kPlain);
  rows.push_back(std::move(permuted));

  OpRow squeezed{.op = "squeeze"};
  add_golden(squeezed, "squeeze/all", HEARTH_CALL(squeeze(in[0])), kPlain);
  add_golden(squeezed, "squeeze/one", HEARTH_CALL(squeeze(in[0], -3)), kBatch);
  rows.push_back(std::move(squeezed));

  OpRow unsqueezed{.op = "unsqueeze"};
  add_golden(unsqueezed, "unsqueeze/last", HEARTH_CALL(unsqueeze(in[0], -1)), kBatch);
  add_golden(unsqueezed, "unsqueeze/first", HEARTH_CALL(unsqueeze(in[0], 0)), kBatch);
  rows.push_back(std::move(unsqueezed));

  OpRow selected{.op = "select"};
  add_golden(selected, "select/middle", HEARTH_CALL(select(in[0], 1, -2)), kBatch);
  rows.push_back(std::move(selected));

  OpRow sliced{.op = "slice"};
  add_golden(sliced, "slice/step", HEARTH_CALL(slice(in[0], 1, 1, -1, 2)), kBatch);
  add_golden(sliced, "slice/empty", HEARTH_CALL(slice(in[0], 1, 3, 2)), kPlain);
  rows.push_back(std::move(sliced));

  OpRow diagonals{.op = "diagonal"};
  add_golden(diagonals, "diagonal/above", HEARTH_CALL(diagonal(in[0], 1, 0, 2)), kPlain);
  add_golden(diagonals, "diagonal/below", HEARTH_CALL(diagonal(in[0], -1)), kPlain);
  rows.push_back(std::move(diagonals));

  OpRow unfolded{.op = "unfold"};
  add_golden(unfolded, "unfold/overlapping", HEARTH_CALL(unfold(in[0], 1, 3, 2)), kBatch);
  rows.push_back(std::move(unfolded));

  OpRow expanded{.op = "expand"};
  add_golden(expanded, "expand/stretched", HEARTH_CALL(expand(in[0], {2, -1, 4})), kBatch);
  add_golden(expanded, "expand/0-dim", HEARTH_CALL(expand(in[0], {2, 2})), kPlain);
  rows.push_back(std::move(expanded));
}

HEARTH_OP_ROWS(view_rows);

}  // namespace hearth::testing
