// What functions refuse that arrange, search, count and measure, and what the op table does not look at. Values and
// gradients are in the op table.
#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd/autocast.h"
#include "core/autograd/backward.h"
#include "core/ops/arithmetic.h"
#include "core/ops/axes.h"
#include "core/ops/columns.h"
#include "core/ops/create.h"
#include "core/ops/diagonal.h"
#include "core/ops/difference.h"
#include "core/ops/distance.h"
#include "core/ops/dtype_argument.h"
#include "core/ops/grid.h"
#include "core/ops/histogram.h"
#include "core/ops/math.h"
#include "core/ops/pointwise_functions.h"
#include "core/ops/products.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/sampling.h"
#include "core/ops/scatter_reduce.h"
#include "core/ops/search.h"
#include "core/ops/sort.h"
#include "core/ops/stacking.h"
#include "core/ops/statistics.h"
#include "core/ops/unique_consecutive.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

#define EXPECT_ERROR(call, ...)                                                                                   \
  do {                                                                                                            \
    const std::string error = error_of([&] { (void)(call); });                                                    \
    for (const char* part : {__VA_ARGS__}) EXPECT_NE(error.find(part), std::string::npos) << #call ": " << error; \
  } while (false)

std::vector<int64_t> whole(const Tensor& t) { return t.to_vector<int64_t>(); }
using Whole = std::vector<int64_t>;

TEST(Arrangement, IndicesOfTriangles) {
  // Where ones stay, in row-major order.
  for (const int64_t offset : {-9, -2, -1, 0, 1, 3, 9}) {
    for (const Shape& shape : {Shape{3, 4}, Shape{4, 2}, Shape{0, 3}, Shape{2, 0}}) {
      Whole rows, columns;
      const Whole kept = whole(tril(ones(shape, {.dtype = i64}), offset));
      for (int64_t i = 0; i < shape.numel(); ++i) {
        if (!kept[static_cast<size_t>(i)]) continue;
        rows.push_back(i / shape[1]);
        columns.push_back(i % shape[1]);
      }
      const Tensor lower = tril_indices(shape[0], shape[1], offset);
      EXPECT_EQ(lower.shape(), (Shape{2, static_cast<int64_t>(rows.size())}));
      EXPECT_EQ(whole(lower[0]), rows);
      EXPECT_EQ(whole(lower[1]), columns);
      // The upper triangle has the others.
      EXPECT_EQ(triu_indices(shape[0], shape[1], offset + 1).size(1), shape.numel() - lower.size(1));
    }
  }
  EXPECT_EQ(whole(triu_indices(2, 3, 1)), (Whole{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(tril_indices(2, 2, 0, {.dtype = i32}).dtype(), i32);
  EXPECT_EQ(triu_indices(2, 2, INT64_MIN).size(1), 4);
  EXPECT_EQ(tril_indices(2, 2, INT64_MAX).size(1), 4);
  EXPECT_EQ(tril_indices(2, 2, 0, {.device = kMeta}).shape(), (Shape{2, 3}));
  EXPECT_ERROR(tril_indices(-1, 2), "tril_indices", "-1");
  EXPECT_ERROR(triu_indices(2, 2, 0, {.dtype = f32}), "triu_indices", "f32");
  EXPECT_ERROR(tril_indices(int64_t{1} << 40, int64_t{1} << 40), "tril_indices");
}

TEST(Arrangement, ViewsAndCopies) {
  const Tensor x = arange(12).view({3, 4});
  for (const Tensor& part : tensor_split(x, 2, 1)) EXPECT_TRUE(part.is_view());
  EXPECT_TRUE(meshgrid({arange(3), arange(2)})[0].is_view());
  Tensor d = diag(x), turned = rot90(x, 0);
  d.fill_(9);
  turned.fill_(9);
  EXPECT_EQ(whole(x)[0], 0);
  EXPECT_EQ(whole(diff(x, {.n = 0})), whole(x));
  EXPECT_EQ(whole(swapaxes(x, 0, 1)), whole(x.t()));
  EXPECT_EQ(tensor_split(x, {1, 2}).size(), 3u);
}

TEST(Arrangement, RefusesWhatDoesNotFit) {
  const Tensor none, scalar = tensor(1.0), vector = arange(3), matrix = zeros({2, 3});
  EXPECT_ERROR(hstack({}), "hstack");
  EXPECT_ERROR(vstack({vector, none}), "vstack: operand 1 is an undefined tensor");
  EXPECT_ERROR(hstack({matrix, zeros({3, 3})}), "hstack");
  EXPECT_ERROR(dstack({matrix, zeros({3, 3})}), "dstack");
  EXPECT_ERROR(tensor_split(scalar, 2), "tensor_split", "at least 1 dimension");
  EXPECT_ERROR(tensor_split(vector, 0), "tensor_split", "sections");
  EXPECT_ERROR(tensor_split(vector, 2, 1), "tensor_split");
  EXPECT_ERROR(hsplit(matrix, 2), "hsplit: dimension 1 of shape [2, 3]", "2 parts");
  EXPECT_ERROR(vsplit(vector, 3), "vsplit: expected at least 2 dimensions");
  EXPECT_ERROR(dsplit(matrix, {1}), "dsplit: expected at least 3 dimensions");
  EXPECT_ERROR(movedim(matrix, {0, 1}, Dims{0}), "movedim", "as many");
  EXPECT_ERROR(movedim(matrix, {0, -2}, {0, 1}), "movedim", "twice");
  EXPECT_ERROR(squeeze(matrix, {0, -2}), "squeeze", "twice");
  EXPECT_ERROR(swapaxes(matrix, 0, 2), "swapaxes");
  EXPECT_ERROR(rot90(matrix, 1, {0, 0}), "rot90", "twice");
  EXPECT_ERROR(rot90(matrix, 1, {0, 1, 0}), "rot90", "two dimensions");
  EXPECT_ERROR(rot90(vector), "rot90");
  EXPECT_ERROR(fliplr(vector), "fliplr", "[3]");
  EXPECT_ERROR(flipud(scalar), "flipud");
  EXPECT_ERROR(diag(scalar), "diag");
  EXPECT_ERROR(diag(zeros({1, 1, 1})), "diag", "[1, 1, 1]");
  EXPECT_ERROR(diag(vector, INT64_MIN), "diag");
  EXPECT_ERROR(diag(vector, INT64_MAX - 1), "diag");
  EXPECT_ERROR(diag_embed(matrix, 0, 1, -2), "diag_embed", "same dimension");
  EXPECT_ERROR(trace(vector), "trace", "[3]");
  EXPECT_ERROR(meshgrid({}), "meshgrid");
  EXPECT_ERROR(meshgrid({vector, matrix}), "meshgrid", "operand 1", "[2, 3]");
  EXPECT_ERROR(meshgrid({vector, zeros(2)}), "meshgrid", "i64", "f32");
  EXPECT_ERROR(cartesian_prod({scalar, scalar}), "cartesian_prod");
}

TEST(Arrangement, SearchesNumbers) {
  const Tensor sorted = tensor({1, 3, 3, 7});
  EXPECT_EQ(whole(searchsorted(sorted, 3)), Whole{1});
  EXPECT_EQ(whole(searchsorted(sorted, 3, {.right = true})), Whole{3});
  EXPECT_EQ(whole(searchsorted(sorted, 3.5)), Whole{3});
  EXPECT_EQ(whole(searchsorted(sorted.to(u8), 300)), Whole{4});
  EXPECT_EQ(whole(searchsorted(sorted.to(u8), -1)), Whole{0});
  EXPECT_EQ(searchsorted(sorted, 3).shape(), Shape{});
  EXPECT_EQ(whole(bucketize(7, sorted)), Whole{3});
  EXPECT_EQ(bucketize(7, sorted, {.out_int32 = true}).dtype(), i32);
  const Tensor mixed = tensor({7, 3, 1, 3});
  EXPECT_EQ(whole(searchsorted(mixed, tensor({3, 8}), {.sorter = argsort(mixed)})), (Whole{1, 4}));
  // NaN lies behind all numbers.
  EXPECT_EQ(whole(searchsorted(tensor({1.0, 2.0}), std::nan(""))), Whole{2});
  EXPECT_ERROR(searchsorted(sorted, tensor({1.0})), "searchsorted", "i64", "f32");
  EXPECT_ERROR(searchsorted(zeros({2, 3}), zeros({3, 1})), "searchsorted", "[2, 3]", "[3, 1]");
  EXPECT_ERROR(searchsorted(zeros({2, 3}), zeros(3)), "searchsorted", "[2, 3]", "[3]");
  EXPECT_ERROR(searchsorted(zeros({2, 3}), 1.0), "searchsorted", "[2, 3]");
  EXPECT_ERROR(searchsorted(tensor(1.0), zeros(2)), "searchsorted", "0-dim");
  EXPECT_ERROR(searchsorted(sorted, sorted, {.sorter = arange(3)}), "searchsorted", "sorter", "[3]");
  EXPECT_ERROR(searchsorted(sorted, sorted, {.sorter = arange(1, 5)}), "searchsorted");
  EXPECT_ERROR(bucketize(zeros(2), zeros({2, 2})), "bucketize", "[2, 2]");
}

TEST(Arrangement, RefusesCountsAndStatistics) {
  const Tensor numbers = tensor({0.0, 1.0});
  EXPECT_ERROR(bincount(tensor({1, -2})), "bincount", "-2");
  EXPECT_ERROR(bincount(numbers), "bincount", "f32");
  EXPECT_ERROR(bincount(zeros({1, 2}, {.dtype = i64})), "bincount", "[1, 2]");
  EXPECT_ERROR(bincount(tensor({1}), -1), "bincount", "minlength");
  EXPECT_ERROR(bincount(tensor({1}), numbers), "bincount", "weights", "[2]");
  EXPECT_ERROR(bincount(tensor({INT64_MAX})), "bincount");
  EXPECT_ERROR(bincount(tensor({INT64_MAX - 1})), "bincount");
  EXPECT_ERROR(histc(numbers, 0), "histc", "bins");
  EXPECT_ERROR(histc(numbers, 2, 3, 1), "histc", "3 and 1");
  EXPECT_ERROR(histc(tensor({0.0, INFINITY})), "histc", "not finite");
  EXPECT_ERROR(histc(numbers, 2, std::nan(""), 1), "histc");
  EXPECT_EQ(bincount(tensor({1, 1}), tensor({2, 3})).dtype(), f64);
  EXPECT_ERROR(diff(tensor(1.0)), "diff", "0-dim");
  EXPECT_ERROR(diff(numbers, {.n = -1}), "diff", "-1");
  EXPECT_ERROR(diff(numbers, {.prepend = zeros({1, 1})}), "diff", "prepend", "[1, 1]");
  EXPECT_ERROR(diff(zeros({2, 2}), {.append = zeros({3, 1})}), "diff");
  EXPECT_ERROR(kthvalue(numbers, 0), "kthvalue", "k must be");
  EXPECT_ERROR(kthvalue(numbers, 3), "kthvalue", "2", "3");
  EXPECT_ERROR(kthvalue(zeros({0}), 1), "kthvalue");
  EXPECT_ERROR(quantile(numbers, 1.5), "quantile", "1.5");
  EXPECT_ERROR(quantile(numbers, std::nan("")), "quantile");
  EXPECT_ERROR(quantile(zeros({0}), 0.5), "quantile", "no elements");
  EXPECT_ERROR(quantile(numbers, std::initializer_list<double>{}), "quantile");
  EXPECT_ERROR(aminmax(zeros({0})), "aminmax");
  EXPECT_EQ(nansum(zeros({0, 2}), 0).to_vector<float>(), (std::vector<float>{0, 0}));
  EXPECT_TRUE(std::isnan(nanmean(zeros({0})).item<float>()));
  EXPECT_EQ(quantile(numbers, {0.0, 1.0, 0.5}, 0, true).shape(), (Shape{3, 1}));
}

TEST(Arrangement, RefusesDistancesAndPatches) {
  const Tensor x = zeros({2, 3});
  EXPECT_ERROR(normalize(arange(3), 2, 0), "normalize", "i64");
  EXPECT_ERROR(normalize(zeros(3)), "normalize");
  EXPECT_ERROR(cosine_similarity(x, zeros({3, 3})), "cosine_similarity", "[2, 3]", "[3, 3]");
  EXPECT_ERROR(cosine_similarity(x, x, 2), "cosine_similarity");
  EXPECT_ERROR(cosine_similarity(x, x, 1, -1), "cosine_similarity", "eps");
  EXPECT_ERROR(pairwise_distance(x, zeros({2, 4})), "pairwise_distance");
  EXPECT_ERROR(cdist(x, zeros({2, 4})), "cdist", "[2, 4]");
  EXPECT_ERROR(cdist(zeros(3), x), "cdist", "[3]");
  EXPECT_ERROR(cdist(x, x, -1), "cdist", "-1");
  EXPECT_ERROR(cdist(x, x, std::nan("")), "cdist");
  EXPECT_ERROR(cdist(zeros({2, 2, 3}), zeros({3, 2, 3})), "cdist");
  EXPECT_ERROR(tensordot(x, zeros({3, 2})), "tensordot", "[2, 3]", "[3, 2]");
  EXPECT_ERROR(tensordot(x, x, 3), "tensordot", "3 dimensions");
  EXPECT_ERROR(tensordot(x, x, -1), "tensordot");
  EXPECT_ERROR(tensordot(x, x, {0, 0}, {0, 1}), "tensordot", "twice");
  EXPECT_ERROR(cross(x, x, 0), "cross", "dimension 0");
  EXPECT_ERROR(cross(zeros(2), zeros(2)), "cross", "[2]");
  EXPECT_ERROR(kron(zeros({1, 1, 1, 1, 1}), x), "kron");
  EXPECT_EQ(cdist(zeros({0, 2, 3}), zeros({1, 4, 3})).shape(), (Shape{0, 2, 4}));

  const Tensor image = zeros({1, 1, 4, 4});
  EXPECT_ERROR(unfold(x, 2), "unfold", "[2, 3]");
  EXPECT_ERROR(unfold(image, 5), "unfold", "does not fit");
  EXPECT_ERROR(unfold(image, 0), "unfold", "height");
  EXPECT_ERROR(unfold(image, {2, 2}, {.padding = {0, -1}}), "unfold", "width");
  EXPECT_ERROR(unfold(zeros({1, 0, 4, 4}), 2), "unfold", "channel");
  EXPECT_ERROR(unfold(image.to(i64), 2), "unfold", "i64");
  EXPECT_ERROR(unfold(image, 2, {.dilation = int64_t{1} << 62}), "unfold");
  EXPECT_ERROR(fold(zeros({1, 3, 9}), 4, 2), "fold", "multiple of the 4");
  EXPECT_ERROR(fold(zeros({1, 4, 8}), 4, 2), "fold", "9 places");
  EXPECT_ERROR(fold(image, 4, 2), "fold", "[1, 1, 4, 4]");
  EXPECT_EQ(unfold(zeros({0, 2, 4, 4}), 2).shape(), (Shape{0, 8, 9}));
  EXPECT_EQ(fold(zeros({0, 8, 9}), 4, 2).shape(), (Shape{0, 2, 4, 4}));
}

TEST(Arrangement, ScattersAndRuns) {
  using enum ScatterMode;
  const Tensor x = zeros({2, 3}), index = zeros({2, 2}, {.dtype = i64}), source = ones({2, 2});
  EXPECT_ERROR(scatter_reduce(x, 1, index + 3, source, kAmax), "scatter_reduce", "index 3");
  EXPECT_ERROR(scatter_reduce(x, 1, index - 1, source, kSum), "scatter_reduce", "index -1");
  EXPECT_ERROR(scatter_reduce(x, 2, index, source, kProd), "scatter_reduce");
  EXPECT_ERROR(scatter_reduce(x, 1, index, source.to(f64), kProd), "scatter_reduce", "f64");
  EXPECT_ERROR(scatter_reduce(x, 1, source, source, kProd), "scatter_reduce", "f32");
  EXPECT_ERROR(scatter_reduce(x, 1, index, ones({2, 1}), kMean), "scatter_reduce", "[2, 1]");
  EXPECT_ERROR(scatter_reduce(x, 1, zeros({3, 2}, {.dtype = i64}), ones({3, 2}), kAmin), "scatter_reduce", "[3, 2]");
  EXPECT_ERROR(scatter_reduce(x, 1, index[0], source, kAmin), "scatter_reduce", "dimensions");
  EXPECT_ERROR(scatter_reduce(x.to(boolean), 1, index, source.to(boolean), kSum), "scatter_reduce", "bool");
  EXPECT_ERROR(index_reduce(x, 0, index, source, kProd), "index_reduce", "[2, 2]");
  EXPECT_ERROR(index_reduce(x, 0, index[0], source, kProd), "index_reduce", "[2, 3]");
  EXPECT_EQ(scatter_reduce(tensor(2.0), 0, tensor({0, 0}), tensor({3.0, 5.0}), kProd).item<float>(), 30);
  // Integers wrap around; the neutral element of the smallest is the greatest.
  const Tensor small = zeros({1}, {.dtype = i8});
  EXPECT_EQ(whole(scatter_reduce(small + 100, 0, tensor({0}), small + 3, kProd)), Whole{44});
  EXPECT_EQ(whole(scatter_reduce(small, 0, tensor({0}), small + 127, kAmin, false)), Whole{127});
  EXPECT_EQ(whole(scatter_reduce(small - 5, 0, tensor({0}), small - 128, kAmax, false)), Whole{-128});
  EXPECT_EQ(whole(scatter_reduce(small - 3, 0, tensor({0}), small - 4, kMean)), Whole{-4});

  EXPECT_ERROR(unique_consecutive(tensor(1.0), 0), "unique_consecutive", "0-dim");
  EXPECT_ERROR(unique_consecutive(zeros({2, 2}), 2), "unique_consecutive");
  EXPECT_ERROR(unique_consecutive(zeros({2}, {.device = kMeta})), "unique_consecutive");
  EXPECT_EQ(whole(unique_consecutive(tensor(1.0)).counts), Whole{1});
  EXPECT_ERROR(softmax(zeros({2}), 0, i64), "softmax", "i64");
  EXPECT_ERROR(sum(Tensor(), f64), "sum");
  EXPECT_EQ(sum(tensor({100, 100}, {.dtype = i8}), i8).item<int64_t>(), -56);
  EXPECT_ERROR(logaddexp(tensor({1}), tensor({1.0})), "logaddexp", "i64");
  EXPECT_ERROR(logcumsumexp(zeros({2}), 1), "logcumsumexp");
}

// The gradient of a product beside zeros: the product of the others.
TEST(Arrangement, ProductsBesideZeros) {
  Tensor x = tensor({2.0, 0.0, 3.0, 5.0}, {.dtype = f64}), s = tensor({0.0, 3.0, 2.0, 0.0, 0.0, 1.0}, {.dtype = f64});
  x.requires_grad_();
  s.requires_grad_();
  scatter_reduce(x, 0, tensor({0, 0, 1, 2, 2, 2}), s, ScatterMode::kProd).sum().backward();
  EXPECT_EQ(x.grad().to_vector<double>(), (std::vector<double>{0, 2, 0, 1}));
  EXPECT_EQ(s.grad().to_vector<double>(), (std::vector<double>{6, 0, 0, 0, 0, 0}));
}

TEST(Arrangement, RefusesSamples) {
  const Tensor image = zeros({2, 3, 4, 5}), grid = zeros({2, 6, 7, 2});
  EXPECT_ERROR(grid_sample(image, zeros({1, 6, 7, 2})), "grid_sample", "[1, 6, 7, 2]");
  EXPECT_ERROR(grid_sample(image, zeros({2, 6, 7, 3})), "grid_sample");
  EXPECT_ERROR(grid_sample(image, grid.to(f64)), "grid_sample", "f32", "f64");
  EXPECT_ERROR(grid_sample(image.to(i64), grid), "grid_sample", "i64");
  EXPECT_ERROR(grid_sample(zeros({2, 3, 0, 5}), grid), "grid_sample", "no pixels");
  EXPECT_ERROR(grid_sample(zeros({1, 1, 2, 2, 2}), zeros({1, 1, 1, 1, 3}), {.mode = SampleMode::kBicubic}),
               "grid_sample", "bicubic");
  EXPECT_ERROR(affine_grid(zeros({2, 2, 3}), {2, 3, 4}), "affine_grid", "[2, 3, 4]");
  EXPECT_ERROR(affine_grid(zeros({1, 2, 3}), {2, 3, 4, 5}), "affine_grid", "[1, 2, 3]");
  EXPECT_ERROR(affine_grid(zeros({2, 2, 3}), {2, 3, 0, 5}), "affine_grid", "at least 1");
  EXPECT_EQ(grid_sample(zeros({0, 3, 4, 5}), zeros({0, 6, 7, 2})).shape(), (Shape{0, 3, 6, 7}));
  EXPECT_EQ(grid_sample(image, zeros({2, 0, 7, 2})).shape(), (Shape{2, 3, 0, 7}));
  EXPECT_EQ(grid_sample(zeros({2, 0, 4, 5}), grid).shape(), (Shape{2, 0, 6, 7}));
  // Points that are no numbers give none.
  EXPECT_TRUE(std::isnan(grid_sample(ones({1, 1, 2, 2}), full({1, 1, 1, 2}, std::nan(""))).item<float>()));
}

TEST(Arrangement, AffineGridSamplesTheImageItself) {
  const Tensor image = sin(arange(24).to(f64)).view({1, 2, 3, 4});
  const Tensor same = tensor({{{1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}}}, {.dtype = f64});
  for (const bool corners : {false, true}) {
    const Tensor grid = affine_grid(same, {1, 2, 3, 4}, corners);
    EXPECT_TRUE(grid_sample(image, grid, {.align_corners = corners}).allclose(image, 1e-12, 1e-12));
  }
}

TEST(Arrangement, OddArguments) {
  EXPECT_EQ(squeeze(zeros({1, 2, 1}), {}).shape(), (Shape{1, 2, 1}));
  EXPECT_EQ(tril_indices(int64_t{1} << 58, 0).shape(), (Shape{2, 0}));
  EXPECT_EQ(tril_indices(int64_t{1} << 58, 1, -(int64_t{1} << 58)).shape(), (Shape{2, 0}));
  EXPECT_EQ(triu_indices(int64_t{1} << 40, 2, 0).shape(), (Shape{2, 3}));
  EXPECT_EQ(triu_indices(3, 0).shape(), (Shape{2, 0}));
  const Tensor x = tensor({1.0, 2.0});
  EXPECT_TRUE(diff(x, {.n = 0, .prepend = tensor({5.0})}).equal(x));
  EXPECT_NE(error_of([&] {
              diff(x, {.n = 0, .prepend = ones({2, 2})});
            }).find("prepend must have the shape"),
            std::string::npos);
  // More sources than the dtype counts.
  const Tensor many = full({300}, 2, {.dtype = DType::kU8}), places = zeros({300}, {.dtype = i64});
  EXPECT_EQ(
      scatter_reduce(zeros({1}, {.dtype = DType::kU8}), 0, places, many, ScatterMode::kMean, false).item<int64_t>(), 2);
  EXPECT_TRUE(cdist(full({1, 1}, std::nan("")), zeros({1, 1}), 0).isnan().item<bool>());
  {
    const Autocast mixed(bf16);
    EXPECT_EQ(sinc(x.to(bf16)).dtype(), bf16);
    EXPECT_EQ(softmax(x.to(f32), 0, bf16).dtype(), bf16);
  }
}

TEST(Arrangement, DistancesOfNearRowsHaveExactGradients) {
  const Tensor base = sin(arange(20).to(f64) * 0.37).view({4, 5}) + 1000;
  const Tensor near = base + sin(arange(20).to(f64) * 1.7).view({4, 5}) * 1e-3;
  const auto gradient = [&](DType t) {
    Tensor a = base.to(f32).to(t).detach().requires_grad_();
    const Tensor d = cdist(a, near.to(f32).to(t)).sum();
    return grad({&d, 1}, {&a, 1})[0].to(f64);
  };
  EXPECT_TRUE(gradient(f32).allclose(gradient(f64), 1e-4, 1e-4));
  // As many rows as are taken in several parts: what each row alone has.
  Tensor a = sin(arange(3000 * 4).to(f64) * 0.37).view({3000, 4}).requires_grad_();
  Tensor b = sin(arange(1500 * 4).to(f64) * 0.91).view({1500, 4}).requires_grad_();
  const Tensor d = cdist(a, b).sum();
  const std::vector<Tensor> whole = grad({&d, 1}, std::vector<Tensor>{a, b});
  Tensor of_b = zeros({1500, 4}, {.dtype = f64});
  for (const int64_t at : {0, 1500}) {
    Tensor part = a.detach().narrow(0, at, 1500).clone().requires_grad_();
    const Tensor e = norm(part.unsqueeze(1) - b.unsqueeze(0), 2, {2}).sum();
    const std::vector<Tensor> g = grad({&e, 1}, std::vector<Tensor>{part, b});
    EXPECT_TRUE(whole[0].narrow(0, at, 1500).allclose(g[0], 1e-9, 1e-9));
    of_b = of_b + g[1];
  }
  EXPECT_TRUE(whole[1].allclose(of_b, 1e-9, 1e-9));
}

}  // namespace
}  // namespace hearth
