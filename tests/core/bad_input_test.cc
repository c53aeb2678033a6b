// What bad calls answer: each message names the op, what was expected and what came, and nothing is broken after it.
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/device/allocator.h"
#include "core/nn/linear.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/einsum.h"
#include "core/ops/embedding.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/loss.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/norm.h"
#include "core/ops/order.h"
#include "core/ops/random.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();

std::string message(const std::function<void()>& f, ErrorKind kind = ErrorKind::kInvalidArgument) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(static_cast<int>(e.kind()), static_cast<int>(kind)) << e.what();
    return e.what();
  }
  return "no error";
}
#define EXPECT_SAYS(call, ...) EXPECT_EQ(message([&] { call; }), __VA_ARGS__)
#define EXPECT_UNSUPPORTED(call, ...) EXPECT_EQ(message([&] { call; }, ErrorKind::kUnsupported), __VA_ARGS__)

TEST(BadInput, ShapesThatDoNotBroadcast) {
  EXPECT_SAYS(zeros({2, 3}) + zeros({4}),
              "add: shapes [2, 3] and [4] do not broadcast: sizes 3 and 4 differ in dimension 1 and neither is 1");
  EXPECT_SAYS(where(zeros({2}, {.dtype = boolean}), zeros({2}), zeros({3})),
              "where: shapes [2] and [3] do not broadcast: sizes 2 and 3 differ in dimension 0 and neither is 1");
  EXPECT_SAYS(zeros({2}).add_(zeros({3, 2})), "add: cannot write a result of shape [3, 2] into a tensor of shape [2]");
  EXPECT_SAYS(zeros({2}).copy_(zeros({3})), "copy_: a tensor of shape [3] does not broadcast to the shape [2]");
  EXPECT_SAYS(zeros({3}).expand({2, 4}), "expand: dimension 0 of shape [3] cannot become 4 (shape [2, 4])");
  EXPECT_SAYS(zeros({3, 1}).expand({3}), "expand: the new shape [3] has fewer dimensions than [3, 1]");
  EXPECT_SAYS(matmul(zeros({2, 3}), zeros({4, 5})), "matmul: inner sizes differ: [2, 3] x [4, 5]");
  EXPECT_SAYS(matmul(zeros({2, 2, 3}), zeros({3, 3, 4})),
              "matmul: shapes [2] and [3] do not broadcast: sizes 2 and 3 differ in dimension 0 and neither is 1");
  EXPECT_SAYS(bmm(zeros({2, 2, 3}), zeros({3, 3, 4})), "bmm: batch sizes differ: [2, 2, 3] x [3, 3, 4]");
  EXPECT_SAYS(addmm(zeros({5}), zeros({2, 3}), zeros({3, 4})),
              "addmm: input of shape [5] does not broadcast to [2, 4]");
  EXPECT_SAYS(linear(zeros({2, 3}), zeros({4, 5})),
              "linear: input of shape [2, 3] does not fit a weight of shape [4, 5]: the last dimension must be 5");
  EXPECT_SAYS(cat({zeros({2, 3}), zeros({2, 4})}),
              "cat: sizes differ in dimension 1: operand 1 has shape [2, 4], another [2, 3]");
  EXPECT_SAYS(stack({zeros({2}), zeros({3})}), "stack: shapes differ: [2] and [3]");
  EXPECT_SAYS(mse_loss(zeros({2}), zeros({2, 1})), "mse_loss: the input has shape [2], but the target [2, 1]");
  EXPECT_SAYS(cross_entropy(zeros({2, 5}), zeros({3}, {.dtype = i64})),
              "cross_entropy: the target has shape [3]; expected [2] for an input of shape [2, 5]");
  EXPECT_SAYS(layer_norm(zeros({2, 3}), {4}), "layer_norm: the tensor of shape [2, 3] does not end in [4]");
  EXPECT_SAYS(einsum("ij,jk", {zeros({2, 3}), zeros({4, 5})}),
              "einsum: in \"ij,jk\" one dimension has the sizes 3 and 4");
  EXPECT_SAYS(einsum("ij,jk", {zeros({2, 3})}), "einsum: \"ij,jk\" has 2 terms, but there are 1 operands");
  EXPECT_SAYS(einsum("ij->k", {zeros({2, 3})}), "einsum: \"ij->k\" names 'k' in the result, but in no operand");
  EXPECT_SAYS(einsum("i1", {zeros({2, 3})}), "einsum: \"i1\" has the character '1'; dimensions are named by letters");
}

TEST(BadInput, WrongDtype) {
  EXPECT_UNSUPPORTED(bitwise_and(zeros({2}), zeros({2})),
                     "bitwise_and: dtype f32 is not supported; it takes bool, u8, i8, i16, i32, i64");
  EXPECT_UNSUPPORTED(mean(tensor({1, 2})), "mean: dtype i64 is not supported; it takes f16, bf16, f32, f64, c64, c128");
  EXPECT_UNSUPPORTED(layer_norm(tensor({1, 2}), {2}),
                     "layer_norm: dtype i64 is not supported; it takes f16, bf16, f32, f64");
  EXPECT_UNSUPPORTED(softmax(tensor({1, 2}), 0), "softmax: dtype i64 is not supported; it takes f16, bf16, f32, f64");
  EXPECT_UNSUPPORTED(norm(tensor({1, 2})), "norm: dtype i64 is not supported; it takes f16, bf16, f32, f64");
  EXPECT_UNSUPPORTED(
      median(tensor({true, false})),
      "median: median_all: dtype bool is not supported; it takes u8, i8, i16, i32, i64, f16, bf16, f32, f64");
  EXPECT_UNSUPPORTED(
      -tensor({true}),
      "neg: dtype bool is not supported; it takes u8, i8, i16, i32, i64, f16, bf16, f32, f64, c64, c128");
  EXPECT_UNSUPPORTED(glu(tensor({1, 2})), "glu: dtype i64 is not supported; it takes f16, bf16, f32, f64");
  EXPECT_SAYS(matmul(zeros({2, 2}), zeros({2, 2}, {.dtype = f64})),
              "matmul: operands must have one dtype, but have f32 and f64");
  EXPECT_SAYS(where(zeros({2}), 1.0, 2.0), "where: the condition must be a bool tensor, but is f32");
  EXPECT_SAYS(masked_select(zeros({2}), zeros({2})), "masked_select: the mask must be a bool tensor, but is f32");
  EXPECT_SAYS(index_select(zeros({2}), 0, zeros({2})), "index_select: operand 1 must be of dtype i32, i64, but is f32");
  EXPECT_SAYS(zeros({2}).index({zeros({2})}), "index: an index tensor must be i64, i32 or bool, but is f32");
  EXPECT_SAYS(scatter(zeros({2}), 0, tensor({0}), tensor({1})), "scatter: the source is i64, but the tensor f32");
  EXPECT_SAYS(cross_entropy(zeros({2, 3}), zeros({2}, {.dtype = u8})),
              "cross_entropy: the target must be i64 class numbers, but is u8");
  EXPECT_SAYS(tensor({1, 2}).add_(1.5), "add: cannot write a result of dtype f32 into a tensor of dtype i64");
  EXPECT_SAYS(tensor({1, 2}).uniform_(), "uniform_: the dtype must be floating-point, but is i64");
  EXPECT_SAYS(tensor({1, 2}).data<float>(), "data: the tensor holds i64, not f32");
  EXPECT_SAYS(tensor({1}).requires_grad_(),
              "requires_grad_: only floating-point and complex tensors have gradients, but this one is i64");
  EXPECT_SAYS(parse_dtype("float8"), "unknown dtype 'float8'");
}

TEST(BadInput, WrongDevice) {
  const Tensor meta = zeros({2}).to(kMeta);
  EXPECT_SAYS(zeros({2}) + meta, "add: operands are on different devices: cpu and meta");
  EXPECT_SAYS(zeros({2}).copy_(meta), "copy_: the tensors are on different devices: cpu and meta");
  EXPECT_SAYS(meta.item(), "item: the tensor of shape [2] does not have exactly one element");
  EXPECT_TRUE(message([&] { meta.sum().item(); }).starts_with("item: a meta tensor has no values ("));  // the caller
  EXPECT_SAYS(meta.data<float>(), "data: the tensor's memory is on meta, which the CPU cannot read; call cpu() first");
  EXPECT_SAYS(meta.cpu(), "to: a meta tensor has no values to bring to cpu");
  EXPECT_SAYS(nonzero(meta), "nonzero: a meta tensor has no values");
  EXPECT_SAYS(unique(meta), "unique: a meta tensor has no values");
  EXPECT_UNSUPPORTED(zeros({2}).cuda(), "there is no code for device cuda:0 in this program: it runs on the CPU only");
  EXPECT_SAYS(zeros({2}).set_grad(ones({3})),
              "set_grad: the gradient is f32 of shape [3] on cpu, but the tensor is f32 of shape [2] on cpu");
}

TEST(BadInput, RankAboveEight) {
  const char* const nine = "tensors have at most 8 dimensions, but 9 were given";
  const Tensor eight = zeros({1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_SAYS(zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}), nine);
  EXPECT_SAYS(unsqueeze(eight, 0), nine);
  EXPECT_SAYS(stack({eight, eight}), concat("stack: ", nine));
  EXPECT_SAYS(unfold(eight, 0, 1, 1), nine);
  EXPECT_SAYS(one_hot(eight.to(i64), 3), concat("one_hot: ", nine));
  EXPECT_SAYS(reshape(eight, {1, 1, 1, 1, 1, 1, 1, 1, 1}), nine);
  EXPECT_SAYS(
      outer(eight, eight),
      "outer: expected 1 and 1 dimensions, but the shapes are [1, 1, 1, 1, 1, 1, 1, 1] and [1, 1, 1, 1, 1, 1, 1, 1]");
  EXPECT_EQ(eight.repeat({2, 1, 1, 1, 1, 1, 1, 3}).numel(), 6);
}

TEST(BadInput, SizesThatOverflow) {
  const int64_t big = int64_t{1} << 40;
  EXPECT_SAYS(zeros({big, big}),
              "zeros: a tensor of shape [1099511627776, 1099511627776] is too large: its size in bytes does not fit in "
              "63 bits");
  EXPECT_SAYS(empty({INT64_MAX}),
              "empty: a tensor of shape [9223372036854775807] is too large: its size in bytes does not fit in 63 bits");
  EXPECT_SAYS(empty({0, big, big}),
              "empty: a tensor of shape [0, 1099511627776, 1099511627776] is too large: its size in bytes does not fit "
              "in 63 bits");
  EXPECT_SAYS(
      eye(big, big),
      "eye: a tensor of shape [1099511627776, 1099511627776] is too large: its size in bytes does not fit in 63 bits");
  EXPECT_SAYS(zeros({1}).expand({big, big}),
              "expand: a tensor of shape [1099511627776, 1099511627776] is too large: its size in bytes does not fit "
              "in 63 bits");
  EXPECT_SAYS(zeros({1}).repeat({big, big}),
              "repeat: a tensor of shape [1099511627776, 1099511627776] is too large: its size in bytes does not fit "
              "in 63 bits");
  EXPECT_SAYS(zeros({4}).repeat({INT64_MAX}), "repeat: shape [4] repeated [9223372036854775807] times is too large");
  const Tensor wide = zeros({1}, {.dtype = u8}).expand({int64_t{1} << 62});
  EXPECT_SAYS(cat({wide, wide}), "cat: the sizes in dimension 0 add up to more than 63 bits");
  EXPECT_SAYS(
      outer(wide, tensor({1, 2}, {.dtype = u8})),
      "outer: mul: a tensor of shape [4611686018427387904, 2] is too large: its size in bytes does not fit in 63 bits");
  EXPECT_SAYS(reshape(zeros({2}), {big, big, big}),
              "reshape: shape [1099511627776, 1099511627776, 1099511627776] is too large");
  EXPECT_SAYS(reshape(zeros({0, 3}), {0, -1}), "reshape: a tensor of shape [0, 3] cannot take the shape [0, -1]");
  EXPECT_SAYS(reshape(zeros({4}), {3, -1}), "reshape: a tensor of shape [4] cannot take the shape [3, -1]");
  EXPECT_SAYS(reshape(zeros({4}), {-1, -1}), "reshape: only one size may be -1, but the shape is [-1, -1]");
  EXPECT_SAYS(zeros({4}).as_strided({2, 2}, {INT64_MAX, 1}),
              "as_strided: shape [2, 2] and strides [9223372036854775807, 1] overflow");
  EXPECT_SAYS(zeros({4}).as_strided({3}, {1}, 2),
              "as_strided: shape [3], strides [1] and offset 2 reach outside of the storage of 4 elements");
  EXPECT_SAYS(arange(0, 1e18, 1.0), "arange: 1e+18 elements are too many");
  EXPECT_SAYS(
      one_hot(tensor({0}), INT64_MAX),
      "one_hot: a tensor of shape [1, 9223372036854775807] is too large: its size in bytes does not fit in 63 bits");
  // Steps beyond everything are not an error.
  EXPECT_EQ(arange(0, 12).view({3, 4}).slice(0, 0, 3, INT64_MAX).shape(), (Shape{1, 4}));
  EXPECT_EQ(arange(0, 12).view({3, 4}).unfold(0, 2, INT64_MAX).shape(), (Shape{1, 4, 2}));
  EXPECT_EQ(arange(0, 4).slice(0, INT64_MIN, INT64_MAX).numel(), 4);
  EXPECT_EQ(arange(0, 4).roll({INT64_MIN}).numel(), 4);
  EXPECT_EQ(zeros({3, 4}).diagonal(INT64_MAX).numel(), 0);
  EXPECT_EQ(zeros({3, 4}).diagonal(INT64_MIN).numel(), 0);
  EXPECT_EQ(ones({2, 2}).tril(INT64_MAX).sum().item<double>(), 4);
  EXPECT_EQ(ones({2, 2}).triu(INT64_MIN).sum().item<double>(), 4);
}

TEST(BadInput, NegativeSizes) {
  EXPECT_SAYS(zeros({2, -1}), "zeros: sizes must not be negative, but the shape is [2, -1]");
  EXPECT_SAYS(empty({-1}), "empty: sizes must not be negative, but the shape is [-1]");
  EXPECT_SAYS(rand({-2}), "rand: empty: sizes must not be negative, but the shape is [-2]");
  EXPECT_SAYS(reshape(zeros({4}), {-2, -2}), "reshape: sizes must not be negative, but the shape is [-2, -2]");
  EXPECT_SAYS(zeros({1}).expand({-2}), "expand: sizes must not be negative, but the shape is [-2]");
  EXPECT_SAYS(zeros({1}).repeat({-1}), "repeat: counts must not be negative, but are [-1]");
  EXPECT_SAYS(eye(-1), "eye: the sizes must not be negative, but are -1 and -1");
  EXPECT_SAYS(linspace(0, 1, -1), "linspace: the number of steps must not be negative, but is -1");
  EXPECT_SAYS(randperm(-1), "randperm: the size must not be negative, but is -1");
  EXPECT_SAYS(narrow(zeros({4}), 0, 1, -1), "narrow: -1 elements from 1 do not lie within dimension 0 of size 4");
  EXPECT_SAYS(zeros({4}).unfold(0, -1, 1),
              "unfold: windows of -1 with step 1 do not fit into shape [4] along dimension 0");
  EXPECT_SAYS(split(zeros({4}), -1), "split: the size must be at least 1, but is -1");
  EXPECT_SAYS(split(zeros({4}), std::vector<int64_t>{5, -1}),
              "split: narrow: 5 elements from 0 do not lie within dimension 0 of size 4");
  EXPECT_SAYS(chunk(zeros({4}), 0), "chunk: the number of chunks must be at least 1, but is 0");
  EXPECT_SAYS(zeros({4}).slice(0, 0, 4, 0), "slice: the step must be at least 1, but is 0");
  EXPECT_SAYS(zeros({4}).as_strided({2}, {-1}), "as_strided: strides must not be negative, but are [-1]");
}

TEST(BadInput, OutOfMemory) {
  const std::string text = "out of memory: cannot allocate 140737488355328 bytes on cpu";
  const int64_t n = int64_t{1} << 45;
  const auto works = [] { EXPECT_EQ((ones({1000}) + 1).sum().item<double>(), 2000); };
  EXPECT_EQ(message([&] { empty({n}); }, ErrorKind::kOutOfMemory), text);
  works();
  const Tensor wide = ones({1}).expand({n});
  EXPECT_EQ(message([&] { wide + 1; }, ErrorKind::kOutOfMemory), text);
  works();
  EXPECT_EQ(message([&] { wide.contiguous(); }, ErrorKind::kOutOfMemory), text);
  EXPECT_EQ(message([&] { ones({1}).repeat({n}); }, ErrorKind::kOutOfMemory), "repeat: " + text);
  works();
  // In the middle of a backward.
  Tensor x = ones({1}).requires_grad_();
  const Tensor y = exp(x).expand({n});
  EXPECT_EQ(message([&] { y.backward(y.detach() * 1); }, ErrorKind::kOutOfMemory), text);
  works();
  exp(x).backward();
  EXPECT_DOUBLE_EQ(x.grad().item<double>(), static_cast<double>(std::exp(1.0f)));
}

#if HEARTH_SLABS  // a sanitizer needs address space of its own
TEST(BadInput, TheSystemRefuses) {
  memory::trim();
  rlimit old;
  getrlimit(RLIMIT_AS, &old);
  rlimit low = old;
  low.rlim_cur = rlim_t{1} << 30;
  ASSERT_EQ(setrlimit(RLIMIT_AS, &low), 0);
  const Tensor half = ones({1 << 26});  // 256 MiB
  const std::string text = message(
      [&] {
        std::vector<Tensor> kept;
        for (int i = 0; i < 8; ++i) kept.push_back(half * 2);
      },
      ErrorKind::kOutOfMemory);
  EXPECT_EQ(text, "out of memory: cannot allocate 268435456 bytes on cpu");
  EXPECT_EQ((half * 2)[-1].item<double>(), 2);
  setrlimit(RLIMIT_AS, &old);
}
#endif

TEST(BadInput, IndicesOutOfRange) {
  const Tensor x = zeros({3, 4});
  EXPECT_SAYS(x[3], "select: index 3 is out of range for dimension 0 of size 3");
  EXPECT_SAYS(x[-4], "select: index -4 is out of range for dimension 0 of size 3");
  EXPECT_SAYS(select(x, 0, INT64_MIN), "select: index -9223372036854775808 is out of range for dimension 0 of size 3");
  EXPECT_SAYS(index_select(x, 0, tensor({0, 3})), "index_select: index 3 is out of range for a dimension of size 3");
  EXPECT_SAYS(index_select(x, 0, tensor({-1})), "index_select: index -1 is out of range for a dimension of size 3");
  EXPECT_SAYS(gather(x, 1, tensor({{4}})), "gather: index 4 is out of range for a dimension of size 4");
  EXPECT_SAYS(scatter(x, 1, tensor({{INT64_MIN}}), 1.0),
              "scatter: index -9223372036854775808 is out of range for a dimension of size 4");
  EXPECT_SAYS(scatter_add(x, 0, tensor({{3}}), ones({1, 1})),
              "scatter_add: index 3 is out of range for a dimension of size 3");
  EXPECT_SAYS(index_add(x, 0, tensor({5}), ones({1, 4})),
              "index_add: index 5 is out of range for a dimension of size 3");
  EXPECT_SAYS(x.index({tensor({0, -4})}), "index: index -4 is out of range for dimension 0 of size 3");
  EXPECT_SAYS(x.index({0, 1, 2}), "index: too many indices (3) for a tensor of 2 dimensions");
  EXPECT_SAYS(x.index({zeros({2}, {.dtype = boolean})}),
              "index: a mask of shape [2] does not fit the tensor of shape [3, 4] at dimension 0");
  EXPECT_SAYS(embedding(x, tensor({7})), "embedding: index 7 is out of range for a dimension of size 3");
  EXPECT_SAYS(embedding(x, tensor({0}), -5), "embedding: padding_idx -5 is out of range for 3 rows");
  EXPECT_SAYS(cross_entropy(zeros({2, 0}), tensor({0, 0})),
              "cross_entropy: there are no classes in an input of shape [2, 0]");
  EXPECT_SAYS(cross_entropy(x, tensor({0, 1, 4})), "cross_entropy: target 4 is out of range for 4 classes");
  EXPECT_SAYS(one_hot(tensor({3}), 3), "one_hot: scatter: index 3 is out of range for a dimension of size 3");
  EXPECT_SAYS(narrow(x, 1, 3, 2), "narrow: 2 elements from 3 do not lie within dimension 1 of size 4");
  EXPECT_SAYS(masked_scatter(zeros({2}), ones({2}, {.dtype = boolean}), ones({1})),
              "masked_scatter: the mask has 2 true elements, but the source of shape [1] only 1");
  EXPECT_SAYS(multinomial(ones({3}), 4), "multinomial: cannot draw 4 of 3 without replacement");
}

TEST(BadInput, Dimensions) {
  const Tensor x = zeros({3, 4});
  EXPECT_SAYS(x.size(2), "size: dimension 2 is out of range for a tensor of 2 dimensions");
  EXPECT_SAYS(sum(x, {2}), "sum: dimension 2 is out of range for a tensor of 2 dimensions");
  EXPECT_SAYS(sum(x, {0, -2}), "sum: dimension 0 is named twice in [0, -2]");
  EXPECT_SAYS(argmax(x, -3), "argmax: dimension -3 is out of range for a tensor of 2 dimensions");
  EXPECT_SAYS(softmax(x, 2), "softmax: dimension 2 is out of range for a tensor of 2 dimensions");
  EXPECT_SAYS(cat({x, x}, 2), "cat: dimension 2 is out of range for a tensor of 2 dimensions");
  EXPECT_SAYS(stack({x, x}, 3), "stack: unsqueeze: dimension 3 is out of range for a tensor of 3 dimensions");
  EXPECT_SAYS(transpose(x, 0, 2), "transpose: dimension 2 is out of range for a tensor of 2 dimensions");
  EXPECT_SAYS(permute(x, {0}), "permute: [0] does not name each of the 2 dimensions once");
  EXPECT_SAYS(permute(x, {0, 0}), "permute: [0, 0] names dimension 0 twice");
  EXPECT_SAYS(flip(x, {1, -1}), "flip: dimension 1 is named twice");
  EXPECT_SAYS(movedim(x, 0, 5), "movedim: dimension 5 is out of range for a tensor of 2 dimensions");
  EXPECT_SAYS(x.diagonal(0, 1, 1), "diagonal: the two dimensions must differ, but both are 1");
  EXPECT_SAYS(flatten(x, 1, 0), "flatten: the first dimension 1 lies behind the last, 0");
  EXPECT_SAYS(median(x, 2), "median: dimension 2 is out of range for a tensor of 2 dimensions");
  EXPECT_SAYS(index_fill(x, 2, tensor({0}), 1), "index_fill: dimension 2 is out of range for a tensor of 2 dimensions");
  EXPECT_SAYS(unique(x, 2), "unique: dimension 2 is out of range for a tensor of 2 dimensions");
  EXPECT_SAYS(roll(x, {1}, {2}), "roll: size: dimension 2 is out of range for a tensor of 2 dimensions");
  EXPECT_SAYS(tril(zeros({3})), "tril: expected at least 2 dimensions, but the shape is [3]");
}

TEST(BadInput, EmptyReductions) {
  const Tensor none = zeros({0, 3});
  EXPECT_SAYS(none.max(), "amax: dimension 0 of shape [0, 3] has no elements");
  EXPECT_SAYS(max(none, 0), "max: dimension 0 of shape [0, 3] has no elements");
  EXPECT_SAYS(argmin(none), "argmin: dimension 0 of shape [0, 3] has no elements");
  EXPECT_SAYS(median(zeros({0, 3}), 0), "median: dimension 0 of shape [0, 3] has no elements");
  // What has a value for nothing gives it.
  EXPECT_EQ(max(none, 1).first.shape(), (Shape{0}));
  EXPECT_EQ(none.sum().item<double>(), 0);
  EXPECT_EQ(none.prod().item<double>(), 1);
  EXPECT_TRUE(std::isnan(none.mean().item<double>()));
  EXPECT_TRUE(std::isnan(median(zeros({0})).item<double>()));
  EXPECT_EQ(logsumexp(none, {0}).to_vector<float>(), (std::vector<float>(3, -std::numeric_limits<float>::infinity())));
  EXPECT_TRUE(none.to(boolean).all().item<bool>());
  EXPECT_FALSE(none.to(boolean).any().item<bool>());
}

TEST(BadInput, NumbersThatDoNotFit) {
  EXPECT_SAYS(full({2}, 300, {.dtype = u8}), "full: the number 300 does not fit into u8");
  EXPECT_SAYS(full({2}, kNan, {.dtype = i32}), "full: the number nan does not fit into i32");
  EXPECT_SAYS(full({2}, kInf, {.dtype = i64}), "full: the number inf does not fit into i64");
  EXPECT_SAYS(full({2}, 1e10, {.dtype = f16}), "full: the number 1e+10 does not fit into f16");
  EXPECT_SAYS(zeros({2}, {.dtype = i8}).fill_(200), "fill: the number 200 does not fit into i8");
  EXPECT_SAYS(where(tensor({true}), tensor({1}).to(u8), 300), "where: the number 300 does not fit into u8");
  EXPECT_SAYS(tensor({1}).to(u8).masked_fill(tensor({true}), 300), "masked_fill: the number 300 does not fit into u8");
  EXPECT_SAYS(tensor({1}).to(u8).masked_fill_(tensor({true}), 300),
              "masked_fill_: the number 300 does not fit into u8");
  EXPECT_SAYS(randint(0, 300, {2}, {.dtype = u8}), "randint: integers in [0, 300) do not fit into u8");
  EXPECT_SAYS(randint(3, 3, {2}), "randint: there are no integers in [3, 3)");
  EXPECT_EQ(full({1}, -1, {.dtype = u8}).item<int64_t>(), 255);  // as in PyTorch
  EXPECT_EQ(full({1}, 2.7, {.dtype = i32}).item<int64_t>(), 2);
  EXPECT_EQ(full({1}, kInf, {.dtype = f16}).item<double>(), kInf);
  // Arithmetic wraps around, comparison does not.
  const Tensor one = tensor({1}).to(u8);
  EXPECT_EQ((one + 300).item<int64_t>(), 45);
  EXPECT_FALSE((one == 257).item<bool>());
  EXPECT_TRUE((one < 300).item<bool>());
  EXPECT_SAYS(floor_divide(tensor({1}), 0), "floor_divide: integer division by zero");
  EXPECT_SAYS(remainder(tensor({1}), tensor({0})), "remainder: integer division by zero");
  EXPECT_SAYS(tensor({1}).remainder_(0), "remainder_: integer division by zero");
  EXPECT_SAYS(div(tensor({1}), 0, Rounding::kTrunc), "div: integer division by zero");
}

// Out of range and NaN have one value on every target: the smallest i64, narrower dtypes its low bits.
TEST(BadInput, NanAndInfinityToIntegers) {
  const Tensor x = tensor({kNan, kInf, -kInf, 1e30, -1e30, 300.7, -1.5}, {.dtype = f64});
  const std::vector<int64_t> want = {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, 300, -1};
  for (DType from : {f32, f64}) {
    EXPECT_EQ(x.to(from).to(i64).to_vector<int64_t>(), want);
    EXPECT_EQ(x.to(from).to(i32).to_vector<int64_t>(), (std::vector<int64_t>{0, 0, 0, 0, 0, 300, -1}));
    EXPECT_EQ(x.to(from).to(u8).to_vector<int64_t>(), (std::vector<int64_t>{0, 0, 0, 0, 0, 44, 255}));
    EXPECT_EQ(x.to(from).to(boolean).to_vector<int64_t>(), (std::vector<int64_t>{1, 1, 1, 1, 1, 1, 1}));
  }
  // The same beyond one register.
  const Tensor many = full({1000}, kNan, {.dtype = f32}).to(i64);
  EXPECT_TRUE(many.eq(INT64_MIN).all().item<bool>());
}

TEST(BadInput, Writes) {
  Tensor x = zeros({4});
  EXPECT_SAYS(
      x.expand({3, 4}).add_(1),
      "add: cannot write in place: several elements of the tensor of shape [3, 4] and strides [0, 1] lie at one "
      "address; clone() it first");
  Tensor m = arange(0, 9).view({3, 3});
  EXPECT_SAYS(m.add_(m.t()),
              "add: cannot write in place: operand 1 lies in the memory that is written, in another "
              "order; clone() it first");
  EXPECT_SAYS(x.slice(0, 1, 4).copy_(x.slice(0, 0, 3)),
              "copy: cannot write in place: operand 0 lies in the memory that is written, in another order; clone() it "
              "first");
  EXPECT_SAYS(m.sub_(m[0]),
              "sub: cannot write in place: operand 1 lies in the memory that is written, in another order; "
              "clone() it first");
  m.add_(m);                                   // itself, element by element
  m.slice(1, 0, 3, 2).add_(m.slice(1, 1, 2));  // between one another
  EXPECT_EQ(m[0].to_vector<int64_t>(), (std::vector<int64_t>{2, 2, 6}));
  float memory[2] = {1, 2};
  Tensor read_only = from_blob(memory, {2}, f32, nullptr, true);
  EXPECT_SAYS(read_only.mul_(2), "mul: cannot write in place: the tensor's memory is read-only");
  EXPECT_SAYS(read_only[0].fill_(2), "fill: cannot write in place: the tensor's memory is read-only");
  EXPECT_EQ(memory[0], 1);
  EXPECT_SAYS(from_blob(nullptr, {2}, f32), "from_blob: the pointer is null");
  EXPECT_SAYS(from_values(std::vector<float>{1, 2}, {3}),
              "from_values: shape [3] has 3 elements, but 2 values were given");
  EXPECT_SAYS(tensor({{1, 2}, {3}}), "tensor: rows must have equal lengths, but one has 1 elements");
}

TEST(BadInput, Autograd) {
  Tensor x = ones({2}).requires_grad_();
  EXPECT_SAYS(x.add_(1),
              "add: a leaf tensor that requires a gradient cannot be written in place; do it under NoGrad, or "
              "on a copy");
  EXPECT_SAYS(x.fill_(1),
              "fill: a leaf tensor that requires a gradient cannot be written in place; do it under NoGrad, "
              "or on a copy");
  EXPECT_SAYS((x * 2).backward(),
              "backward: the output has shape [2]; without a given gradient it must have one element");
  EXPECT_SAYS((x * 2).backward(ones({3})), "backward: the gradient has shape [3], but the output has shape [2]");
  EXPECT_SAYS(ones({1}).backward(),
              "backward: output 0 does not require a gradient: it was not computed from a tensor that requires one, or "
              "under NoGrad");
  EXPECT_SAYS(grad(std::vector<Tensor>{x.sum()}, std::vector<Tensor>{ones({1})}),
              "grad: input 0 does not require a gradient");
  Tensor y = (x * x).sum();
  y.backward();
  EXPECT_SAYS(y.backward(),
              "mul: backward has run through this graph before, and what it had kept is freed; call the "
              "first backward with retain_graph = true");
  const Tensor z = x * 1;
  y = (z * z).sum();
  z.detach().add_(1);  // the same memory
  EXPECT_SAYS(y.backward(),
              "mul: a tensor that its gradient needs was changed by an in-place operation: dtype f32, shape "
              "[2], at version 1; expected version 0");
  EXPECT_SAYS((x * 2).requires_grad_(false),
              "requires_grad_: only a leaf's flag can be turned off; detach() gives a tensor without history");
  EXPECT_SAYS(z[0].detach_(), "detach_: a view cannot be detached in place; use detach()");
}

struct Block : nn::Module<Block> {
  nn::Linear fc{this, "fc", 4, 3};
  Tensor forward(const Tensor& x) { return relu(fc(x)); }
};
struct Net : nn::Module<Net> {
  Block first{this, "first"}, second{this, "second"};
  Tensor forward(const Tensor& x) { return second(first(x)); }
};

TEST(BadInput, NamesTheModule) {
  Net net;
  EXPECT_SAYS(net(zeros({2, 5})),
              "in first.fc: linear: input of shape [2, 5] does not fit a weight of shape [3, 4]: the "
              "last dimension must be 4");
  EXPECT_SAYS(net(zeros({2, 4})),
              "in second.fc: linear: input of shape [2, 3] does not fit a weight of shape [3, 4]: the "
              "last dimension must be 4");
  EXPECT_SAYS(net(Tensor()), "in first.fc: linear: operand 0 is an undefined tensor");
  EXPECT_SAYS(zeros({2}) + zeros({3}),  // the path is left again
              "add: shapes [2] and [3] do not broadcast: sizes 2 and 3 differ in dimension 0 and neither is 1");
}

}  // namespace
}  // namespace hearth
