#include "core/ops/embedding_bag.h"

#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/embedding.h"
#include "core/ops/index.h"
#include "core/ops/rounded_internal.h"
#include "core/ops/scan.h"
#include "core/ops/scatter_reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void check_offsets(const Tensor& offsets, int64_t numbers, bool with_last) {
  HEARTH_CHECK(offsets.defined() && offsets.dim() == 1 && (offsets.dtype() == i64 || offsets.dtype() == i32),
               "embedding_bag: the offsets must be i64 or i32 of one dimension, but are ",
               offsets.defined() ? concat(offsets.dtype(), " ", offsets.shape()) : "undefined");
  HEARTH_CHECK(!with_last || offsets.numel() >= 1,
               "embedding_bag: with include_last_offset there must be at least one offset");
  if (!offsets.device().is_cpu()) return;
  const std::vector<int64_t> at = offsets.to(i64).to_vector<int64_t>();
  HEARTH_CHECK(at.empty() ? numbers == 0 : at[0] == 0, "embedding_bag: the first offset must be 0, ",
               at.empty() ? "but there is none" : concat("but is ", at.empty() ? 0 : at[0]));
  for (size_t i = 0; i < at.size(); ++i) {
    HEARTH_CHECK(at[i] <= numbers && (i == 0 || at[i] >= at[i - 1]), "embedding_bag: offset ", i, " is ", at[i],
                 "; offsets must not fall and not be above the length ", numbers, " of the index");
  }
  HEARTH_CHECK(!with_last || at.back() == numbers, "embedding_bag: the last offset must be the length ", numbers,
               " of the index, but is ", at.empty() ? 0 : at.back());
}

// A flat index, and which bag each of its numbers is in.
struct Bags {
  Tensor index, bag;
  int64_t count;
};

Bags bags_of(const Tensor& index, const EmbeddingBagOptions& o) {
  if (index.dim() == 2) {
    HEARTH_CHECK(!o.offsets && !o.include_last_offset,
                 "embedding_bag: an index of 2 dimensions has no offsets: its rows are the bags");
    const int64_t count = index.size(0);
    const Tensor bag = expand(unsqueeze(arange(count, {.dtype = i64, .device = index.device()}), 1), index.shape());
    return {reshape(index, {-1}), reshape(bag, {-1}), count};
  }
  HEARTH_CHECK(index.dim() == 1, "embedding_bag: the index must have 1 or 2 dimensions, but its shape is ",
               index.shape());
  HEARTH_CHECK(o.offsets, "embedding_bag: an index of 1 dimension needs offsets");
  const int64_t numbers = index.numel();
  check_offsets(*o.offsets, numbers, o.include_last_offset);
  const int64_t count = o.offsets->numel() - (o.include_last_offset ? 1 : 0);
  const Tensor begins = slice(*o.offsets, 0, 0, count).to(i64);
  // How many bags begin at each place, and have begun up to there.
  const TensorOptions whole{.dtype = i64, .device = index.device()};
  const Tensor begun = index_add(zeros({numbers + 1}, whole), 0, begins, ones({count}, whole));
  return {index, slice(cumsum(begun, 0), 0, 0, numbers) - 1, count};
}

// The rows joined by bag, of which the last, that of the padding, is left out.
Tensor joined(const Tensor& rows, const Tensor& bag, int64_t bags, BagMode mode) {
  const Tensor none = zeros({bags + 1, rows.size(1)}, {.dtype = rows.dtype(), .device = rows.device()});
  if (mode == BagMode::kMax) return slice(index_reduce(none, 0, bag, rows, ScatterMode::kAmax, false), 0, 0, bags);
  const Tensor sums = slice(index_add(none, 0, bag, rows), 0, 0, bags);
  if (mode == BagMode::kSum) return sums;
  const Tensor each = ones({bag.numel()}, {.dtype = rows.dtype(), .device = rows.device()});
  const Tensor counts = index_add(zeros({bags + 1}, {.dtype = rows.dtype(), .device = rows.device()}), 0, bag, each);
  return sums / unsqueeze(clamp(slice(counts, 0, 0, bags), 1), 1);
}

}  // namespace

Tensor embedding_bag(const Tensor& weight, const Tensor& index, const EmbeddingBagOptions& options) {
  const CalledAs called("embedding_bag");
  expect_dtypes("embedding_bag", weight, kFloatTypes);
  expect_dtypes("embedding_bag", index, DTypeSet{i64, i32});
  HEARTH_CHECK(weight.dim() == 2, "embedding_bag: the weight must have 2 dimensions, but its shape is ",
               weight.shape());
  const auto& factors = options.per_sample_weights;
  HEARTH_CHECK(!factors || options.mode == BagMode::kSum, "embedding_bag: per_sample_weights are for sums");
  HEARTH_CHECK(!factors || (factors->defined() && factors->shape() == index.shape()),
               "embedding_bag: per_sample_weights must have the shape ", index.shape(), " of the index");
  Bags b = bags_of(index, options);
  Tensor rows = machinery::widened(embedding(weight, b.index, options.padding_idx));
  if (factors) rows = rows * unsqueeze(machinery::widened(reshape(*factors, {-1})), 1);
  if (options.padding_idx) {
    const int64_t n = weight.size(0), padding = *options.padding_idx;
    b.bag = where(eq(b.index, padding < 0 ? padding + n : padding), Scalar(b.count), b.bag);
  }
  return rounded(joined(rows, b.bag, b.count, options.mode), weight.dtype());
}

}  // namespace hearth
