// Indexing, views and assignment against PyTorch.
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "core/autograd/guards.h"
#include "core/device/allocator.h"
#include "core/op/machinery.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using V = std::vector<double>;
using testing::error_of;

struct IndexCase {
  std::vector<int64_t> shape;
  bool turned;
  const char* parts;
  bool works;
  std::vector<int64_t> result_shape = {};
  V result = {};
  std::vector<int64_t> value_shape = {};
  V put = {}, accumulated = {}, raised = {};
  V gradient = {}, put_gradient = {}, value_gradient = {};  // of the sum of the result, weighted by 1, 2, 3, ...
};
struct ViewCase {
  std::vector<int64_t> shape, strides, to;
  bool works;
  std::vector<int64_t> result_strides;
  int64_t first, last;
  std::vector<int64_t> flat;
  bool flat_is_view;
};
#include "tests/core/indexing_golden.inc"

Dims dims_of(const std::vector<int64_t>& v) { return std::span<const int64_t>(v); }
V values(const Tensor& t) { return t.to_vector<double>(); }
// 0, 1, 2, ...
Tensor count(const Dims& shape, double from = 0) {
  int64_t n = 1;
  for (int64_t s : shape) n *= s;
  return arange(from, from + static_cast<double>(n), 1.0, {.dtype = f64}).reshape(shape);
}
Tensor operand(const IndexCase& c) {
  if (!c.turned) return count(dims_of(c.shape));
  Dims shape, back;
  for (size_t d = c.shape.size(); d-- > 0;) {
    shape.push_back(c.shape[d]);
    back.push_back(static_cast<int64_t>(d));
  }
  return count(shape).permute(back);
}
// 0 where none has come.
V gradient_of(const Tensor& x) { return x.grad().defined() ? values(x.grad()) : V(static_cast<size_t>(x.numel())); }
Tensor weighted(const Tensor& y) { return (y * count(y.shape(), 1)).sum(); }

std::vector<int64_t> numbers(const std::string& text) {
  std::vector<int64_t> out;
  std::istringstream in(text);
  for (std::string n; std::getline(in, n, ',');) out.push_back(std::stoll(n));
  return out;
}
std::vector<Index> parse(const std::string& text) {
  std::vector<Index> out;
  std::istringstream in(text);
  for (std::string p; in >> p;) {
    const std::string rest = p.substr(1);
    const size_t colon = rest.find(':');
    switch (p[0]) {
      case 'i':
        out.emplace_back(std::stoll(rest));
        break;
      case 's': {
        const size_t second = rest.find(':', colon + 1);
        const auto number = [](const std::string& s) { return s.empty() ? std::optional<int64_t>() : std::stoll(s); };
        out.emplace_back(Slice(number(rest.substr(0, colon)), number(rest.substr(colon + 1, second - colon - 1)),
                               std::stoll(rest.substr(second + 1))));
        break;
      }
      case 'e':
        out.emplace_back(Ellipsis);
        break;
      case 'n':
        out.emplace_back(None);
        break;
      case 'b':
        out.emplace_back(rest == "1");
        break;
      default: {
        const Tensor t = from_values(numbers(rest.substr(colon + 1)), Shape(dims_of(numbers(rest.substr(0, colon)))));
        out.emplace_back(p[0] == 'M' ? t.to(boolean) : t);
      }
    }
  }
  return out;
}
// f with the parts as a list in braces.
template <class F>
auto with(const std::vector<Index>& p, F f) {
  switch (p.size()) {
    case 1:
      return f({p[0]});
    case 2:
      return f({p[0], p[1]});
    case 3:
      return f({p[0], p[1], p[2]});
    case 4:
      return f({p[0], p[1], p[2], p[3]});
    default:
      return f({p[0], p[1], p[2], p[3], p[4]});
  }
}

TEST(Index, AnswersAsPyTorch) {
  using List = std::initializer_list<Index>;
  for (const IndexCase& c : kIndexCases) {
    SCOPED_TRACE(c.parts + (" of shape " + to_string(dims_of(c.shape))));
    const std::vector<Index> parts = parse(c.parts);
    const Tensor x = operand(c);
    if (!c.works) {
      EXPECT_NE(error_of([&] { with(parts, [&](List at) { x.index(at); }); }), testing::kNoError);
      continue;
    }
    const Tensor v = count(dims_of(c.value_shape), 100);
    const Tensor read = with(parts, [&](List at) -> Tensor { return x.index(at); });
    EXPECT_EQ(read.shape(), dims_of(c.result_shape));
    EXPECT_EQ(values(read), c.result);

    Tensor y = x.clone();
    with(parts, [&](List at) { y.index_put_(at, v); });
    EXPECT_EQ(values(y), c.put);
    y = x.clone();
    with(parts, [&](List at) { y.index_put_(at, v, true); });
    EXPECT_EQ(values(y), c.accumulated);
    EXPECT_EQ(values(with(parts, [&](List at) { return x.index_put(at, v, true); })), c.accumulated);
    y = x.clone();
    with(parts, [&](List at) { y.index(at) = v; });
    EXPECT_EQ(values(y), c.put);
    y = x.clone();
    with(parts, [&](List at) { y.index(at) += v; });
    EXPECT_EQ(values(y), c.raised);

    Tensor a = x.clone().requires_grad_(), b = v.clone().requires_grad_();
    weighted(with(parts, [&](List at) -> Tensor { return a.index(at); })).backward();
    EXPECT_EQ(gradient_of(a), c.gradient);
    a.set_grad({});
    y = a.clone();
    with(parts, [&](List at) { y.index(at) = b; });
    weighted(y).backward();
    EXPECT_EQ(gradient_of(a), c.put_gradient);
    EXPECT_EQ(gradient_of(b), c.value_gradient);
  }
}

TEST(Index, FillsWithAValueOfItsOwnMemory) {
  Tensor x = count({4}).to(f32);
  x.index_fill_(0, tensor({2, 3}), x[1]);
  EXPECT_EQ(values(x), (V{0, 1, 1, 1}));
}

TEST(Index, RegionsLieInTheTensor) {
  const Tensor x = zeros({1000}).slice(0, 0, 1), one = ones({1});
  for (const OpDef* op : {&kViewWrite, &kViewAdd}) {
    EXPECT_NE(error_of([&] {
                run(*op, {x, one}, StridedAttrs{{1}, {1}, 999});
              }).find("does not lie in"),
              std::string::npos);
  }
  // Of a tensor with gaps in 16 bits.
  const Tensor gaps = zeros({12}, {.dtype = f16}).slice(0, 0, 12, 3);
  const Tensor y = run(kViewAdd, {gaps, ones({2, 2}, {.dtype = f16})}, StridedAttrs{{2, 2}, {3, 3}, 0});
  EXPECT_EQ(values(y), (V{1, 2, 1, 0}));
}

TEST(View, StridesAsPyTorch) {
  for (const ViewCase& c : kViewCases) {
    SCOPED_TRACE(to_string(dims_of(c.shape)) + " of strides " + to_string(dims_of(c.strides)) + " to " +
                 to_string(dims_of(c.to)));
    const Tensor x = zeros({1000}).as_strided(dims_of(c.shape), dims_of(c.strides));
    if (c.works) {
      const Tensor y = x.view(dims_of(c.to));
      ASSERT_EQ(y.shape(), dims_of(c.to));
      for (int d = 0; d < y.dim() && y.numel() > 0; ++d) {
        if (y.size(d) > 1) {
          EXPECT_EQ(y.stride(d), c.result_strides[static_cast<size_t>(d)]) << "dimension " << d;
        }
      }
    } else {
      EXPECT_NE(error_of([&] { x.view(dims_of(c.to)); }), testing::kNoError);
    }
    const auto shared = [&](const Tensor& y) { return y.impl()->storage == x.impl()->storage; };
    EXPECT_EQ(shared(x.reshape(dims_of(c.to))), c.works);
    const Tensor flat = x.flatten(c.first, c.last);
    EXPECT_EQ(flat.shape(), dims_of(c.flat));
    EXPECT_EQ(shared(flat), c.flat_is_view);
  }
  const Tensor x = count({6});
  Tensor flat = x.slice(0, 0, 6, 2).flatten();
  flat[1] = 9;
  EXPECT_EQ(values(x), (V{0, 1, 9, 3, 4, 5}));
}

TEST(Index, ABoolIsAMask) {
  const Tensor x = count({3});
  EXPECT_EQ(x.index({true}).shape(), (Shape{1, 3}));
  EXPECT_EQ(x.index({false}).shape(), (Shape{0, 3}));
  EXPECT_EQ(x.index({scalar_tensor(true)}).shape(), (Shape{1, 3}));
  Tensor y = x.clone();
  y.index_put_({scalar_tensor(false)}, 7);
  EXPECT_EQ(values(y), values(x));
  y.index_put_({scalar_tensor(true)}, 7);
  EXPECT_EQ(values(y), (V{7, 7, 7}));
  EXPECT_EQ(x.index({1}).dim(), 0);
  EXPECT_EQ(x.index({static_cast<uint8_t>(1)}).item<double>(), 1);
}

// Expected values: PyTorch 2.15.
TEST(Index, NumbersAreTakenAsLines) {
  const Tensor n = scalar_tensor(5.0), x = count({3}).to(f32), zero = scalar_tensor(0), zeros2 = tensor({0, 0});
  const Tensor seven = scalar_tensor(7.0), sevens = tensor({7.0, 8.0});
  const auto is = [](const Tensor& t, const Shape& shape, const V& v) {
    EXPECT_EQ(t.shape(), shape);
    EXPECT_EQ(values(t), v);
  };
  is(n.index_select(0, tensor({0})), {}, {5});
  is(n.index_select(0, zero), {}, {5});
  EXPECT_EQ(error_of([&] { n.index_select(0, zeros2); }),
            "index_select: the index into a 0-dim tensor must have one element, but has 2");
  is(n.gather(0, zero), {}, {5});
  is(n.gather(0, zeros2), {2}, {5, 5});
  is(x.gather(0, scalar_tensor(1)), {}, {1});
  is(n.scatter(0, zeros2, sevens), {}, {8});
  is(n.scatter(0, zeros2, 7), {}, {7});
  is(x.scatter(0, scalar_tensor(1), seven), {3}, {0, 7, 2});
  is(x.scatter(0, tensor({1}), seven), {3}, {0, 7, 2});
  is(x.scatter(0, scalar_tensor(1), tensor({7.0})), {3}, {0, 7, 2});
  is(n.scatter_add(0, zeros2, sevens), {}, {20});
  is(n.index_add(0, zero, seven), {}, {12});
  is(n.index_add(0, tensor({0}), seven), {}, {12});
  is(x.index_add(0, scalar_tensor(1), tensor({7.0})), {3}, {0, 8, 2});
  is(index_copy(n, 0, zeros2, sevens), {}, {8});
  is(index_copy(n, 0, zero, seven), {}, {7});
  is(index_copy(x, 0, scalar_tensor(1), seven), {3}, {0, 7, 2});
  is(n.index_fill(0, zeros2, 7), {}, {7});
  is(n.index_fill(0, zeros({0}, {.dtype = i64}), 7), {}, {5});
  is(x.index_fill(0, scalar_tensor(1), 7), {3}, {0, 7, 2});
  is(n.take_along_dim(zeros2), {2}, {5, 5});
  is(n.unfold(0, 1, 1), {1}, {5});
  is(n.unfold(0, 0, 1), {0}, {});
  is(x.unfold(0, 0, 1), {4, 0}, {});
  is(n.cumsum(-1), {}, {5});
  is(scalar_tensor(true).cumsum(0), {}, {1});
  EXPECT_EQ(scalar_tensor(true).cumprod(0).dtype(), i64);
  is(tensor({3, 100}).to(u8).cumprod(0), {2}, {3, 300});
  is(n.flip({0}), {}, {5});
  is(n.masked_select(scalar_tensor(true)), {1}, {5});
  is(n.nonzero(), {1, 0}, {});
  is(n.masked_scatter(scalar_tensor(true), sevens), {}, {7});
  Tensor y = n.clone();
  y.scatter_(0, zeros2, sevens);
  is(y, {}, {8});
  y.scatter_add_(0, zeros2, sevens);
  is(y, {}, {23});
  y.index_add_(0, zero, seven);
  is(y, {}, {30});
  y.index_fill_(0, zero, 1);
  is(y, {}, {1});
  // What is a copy stays one.
  Tensor z = n.cumprod(0);
  z.add_(1);
  EXPECT_EQ(n.item<double>(), 5);

  Tensor leaf = scalar_tensor(3.0).requires_grad_();
  (leaf.unfold(0, 1, 1) * 2).sum().backward();
  EXPECT_EQ(leaf.grad().item<double>(), 2);
}

TEST(Index, NegativePlacesWherePyTorchHasThem) {
  const Tensor x = count({3});
  EXPECT_EQ(values(x.index_fill(0, tensor({-1}), 7)), (V{0, 1, 7}));
  EXPECT_EQ(values(take_along_dim(x, tensor({-1, 0}), 0)), (V{2, 0}));
  EXPECT_EQ(error_of([&] { x.index_fill(0, tensor({-4}), 7); }),
            "index_fill: index -4 is out of range for dimension 0 of size 3");
  EXPECT_EQ(error_of([&] { take_along_dim(x, tensor({3}), 0); }),
            "take_along_dim: index 3 is out of range for dimension 0 of size 3");
  const Tensor last = tensor({-1}), one = count({1});
  EXPECT_NE(error_of([&] { x.gather(0, last); }), testing::kNoError);
  EXPECT_NE(error_of([&] { x.scatter(0, last, one); }), testing::kNoError);
  EXPECT_NE(error_of([&] { x.index_add(0, last, one); }), testing::kNoError);
  EXPECT_NE(error_of([&] { x.index_select(0, last); }), testing::kNoError);
  EXPECT_EQ(error_of([&] { index_copy(x, 0, last, one); }),
            "index_copy: index_put: index -1 is out of range for a dimension of size 3");
}

// PyTorch: 2, 2 and 3.
TEST(Index, AFilledSliceCountsOnce) {
  const Tensor x = count({3});
  const Tensor at = tensor({0, 0, 1});
  const auto gradient = [&](auto f) {
    Tensor v = scalar_tensor(2.0, {.dtype = f64, .requires_grad = true});
    f(v).sum().backward();
    return v.grad().item<double>();
  };
  EXPECT_EQ(gradient([&](const Tensor& v) { return x.index_fill(0, at, v); }), 2);
  EXPECT_EQ(gradient([&](const Tensor& v) { return x.clone().index_fill_(0, at, v); }), 2);
  EXPECT_EQ(gradient([&](const Tensor& v) { return x.index_put({at}, v); }), 3);
  Tensor a = count({3}).requires_grad_();
  a.index_fill(0, at, 1).sum().backward();
  EXPECT_EQ(values(a.grad()), (V{0, 0, 1}));
  EXPECT_EQ(values(tensor({1, 2, 3}).index_fill(0, tensor({1}), 7.5)), (V{1, 7, 3}));
}

TEST(Index, WritesOnlyWhatIsNamed) {
  constexpr int64_t n = 1 << 20;
  Tensor x = zeros({n / 64, 8, 8});
  const Tensor at = tensor({3, 1, 3}), to = tensor({0, 1, 2});
  const auto peak_of = [&](auto f) {
    const Tensor filler = zeros({2 * n});  // so that what is in use is the most that ever was
    const uint64_t before = memory::stats().peak;
    EXPECT_EQ(before, memory::stats().in_use);
    f();
    return memory::stats().peak - before;
  };
  memory::trim();
  constexpr uint64_t kLittle = 64 << 10;
  EXPECT_LT(peak_of([&] { x.index_put_({at}, 1); }), kLittle);
  const auto more = [&](auto f) {  // the peak is now that of the call before
    const uint64_t before = memory::stats().in_use, peak = memory::stats().peak;
    const Tensor fill = zeros({static_cast<int64_t>((peak - before) / 4) + (1 << 20)});
    const uint64_t start = memory::stats().peak;
    f();
    return memory::stats().peak - start;
  };
  EXPECT_LT(more([&] { x.index_put_({at, Slice(), to}, ones({8})); }), kLittle);
  EXPECT_LT(more([&] { x.transpose(0, 2).index_put_({to, Slice(), at}, ones({8}), true); }), kLittle);
  EXPECT_LT(more([&] { x.index({at, 2}) = 3; }), kLittle);
  EXPECT_LT(more([&] { x.index({Ellipsis, to, at}).slice(0, 0, 1); }), size_t{8} << 20);
  EXPECT_LT(more([&] { x.index({at, Slice(), to}) += 3; }), kLittle);
  EXPECT_LT(more([&] { x.index_fill_(0, at, 5); }), kLittle);
  EXPECT_LT(more([&] { x.transpose(1, 2).reshape({n / 64, 8, 8}).numel(); }), uint64_t{8} << 20);
  EXPECT_EQ(x.sum().item<double>(), 5 * 2 * 64);
}

TEST(Index, NonzeroOfMoreThanATaskHolds) {
  const Tensor mask = eq(remainder(arange(7 * 300 * 101), 13), 5).reshape({7, 300, 101});
  const Tensor places = nonzero(mask);
  const int64_t* p = places.data<int64_t>();
  int64_t n = 0;
  for (int64_t i = 5; i < mask.numel(); i += 13, ++n) {
    ASSERT_LT(n, places.shape()[0]);
    EXPECT_EQ(std::tuple(p[3 * n], p[3 * n + 1], p[3 * n + 2]), std::tuple(i / 30300, i / 101 % 300, i % 101));
  }
  EXPECT_EQ(places.shape(), (Shape{n, 3}));
}

// Sums of f16 and bf16 are f32 and rounded once: 2048 + 1 + 1 + ... in f16 stays at 2048 otherwise.
TEST(Index, HalfSumsOfRowsThatLieApart) {
  for (const DType t : {DType::kF16, DType::kBF16}) {
    for (const bool turned : {false, true}) {
      constexpr int64_t kRows = 5, kWidth = 600;
      const std::vector<int64_t> index = {3, 0, 3, 3, 1, 3};
      Tensor x = turned ? full({kWidth, kRows}, 2048, {.dtype = t}).transpose(0, 1)
                        : full({kRows, kWidth}, 2048, {.dtype = t});
      const Tensor more = remainder(arange(6 * kWidth), 3).reshape({6, kWidth}).to(t);
      std::vector<float> sums(static_cast<size_t>(kRows * kWidth), 2048);
      for (size_t i = 0; i < index.size(); ++i) {
        for (int64_t j = 0; j < kWidth; ++j)
          sums[static_cast<size_t>(index[i] * kWidth + j)] +=
              static_cast<float>((static_cast<int64_t>(i) * kWidth + j) % 3);
      }
      const V expected = values(tensor(sums).to(t));
      const Tensor rows = tensor(index);
      const Tensor spread = rows.unsqueeze(1).expand({6, kWidth});
      EXPECT_EQ(values(index_add(x, 0, rows, more)), expected);
      EXPECT_EQ(values(scatter_add(x, 0, spread, more)), expected);
      x.index_put_({rows}, more, true);
      EXPECT_EQ(values(x), expected);
    }
  }
}

TEST(Assignment, WritesIntoWhatATemporaryShows) {
  Tensor x = count({3, 2});
  x[0] = tensor({10.0, 11.0});
  x[1] = 3.5;
  x[2][1] = 5;
  EXPECT_EQ(values(x), (V{10, 11, 3.5, 3.5, 4, 5}));
  x.slice(1, 0, 1) = x.slice(1, 1, 2);
  EXPECT_EQ(values(x), (V{11, 11, 3.5, 3.5, 5, 5}));
  x.t() = count({2, 3});
  EXPECT_EQ(values(x), (V{0, 3, 1, 4, 2, 5}));
  x[0] = ones({1, 1, 2});  // leading dimensions of size 1 are left out
  x[1] = x[2] = -1;
  EXPECT_EQ(values(x), (V{1, 1, -1, -1, -1, -1}));
  x.index({Slice(), 0}) = 4;
  x.index({1, 1}) = scalar_tensor(6);
  EXPECT_EQ(values(x), (V{4, 1, 4, 6, 4, -1}));
  x.index({x > 3}) = 0;
  EXPECT_EQ(values(x), (V{0, 1, 0, 0, 0, -1}));
  x.index({tensor({2, 0})}) = x.index({tensor({0, 1})});
  EXPECT_EQ(values(x), (V{0, 0, 0, 0, 0, 1}));
  x.index({tensor({0, 1}), tensor({1, 0})}) = tensor({8.0, 9.0});
  EXPECT_EQ(values(x), (V{0, 8, 9, 0, 0, 1}));
  x.index({x > 7}) = ones({1, 2});
  EXPECT_EQ(values(x), (V{0, 1, 1, 0, 0, 1}));
  EXPECT_EQ(error_of([&] { x[0] = ones({3}); }),
            "assignment: copy_: a tensor of shape [3] does not broadcast to the shape [2]");
  EXPECT_EQ(error_of([&] { x.index({x > 0}) = ones({2}); }),
            "assignment: a value of shape [2] does not broadcast to the shape [3] that the indices select");
  EXPECT_EQ(error_of([&] { x[0] = Tensor(); }), "assignment: operand 0 is an undefined tensor");
}

TEST(Assignment, CompoundAndInPlaceOnTemporaries) {
  Tensor x = count({3, 2});
  x[0] += 1;
  x[1] -= tensor({1.0, 2.0});
  x.slice(0, 2, 3) *= 2;
  x[2] /= 4;
  EXPECT_EQ(values(x), (V{1, 2, 1, 1, 2, 2.5}));
  x[0].mul_(3).add_(1);
  x[1].zero_();
  x[2].clamp_({}, 2);
  EXPECT_EQ(values(x), (V{4, 7, 0, 0, 2, 2}));
  x.index({tensor({0, 2})}) += 1;
  x.index({x == 0}) -= 1;
  x.index({Slice(0, 1)}) *= 2;
  x.index({tensor({2})}) /= tensor({3.0, 1.0});
  EXPECT_EQ(values(x), (V{10, 16, -1, -1, 1, 3}));
  x[0].index_put_({tensor({1})}, 2);
  EXPECT_EQ(values(x[0]), (V{10, 2}));
  // As in PyTorch a method of the copy that a mask gives does not reach x.
  x.index({x > 0}).zero_();
  EXPECT_EQ(values(x), (V{10, 2, -1, -1, 1, 3}));

  const Tensor& kept = ones({2}).mul_(2);
  EXPECT_EQ(values(kept), (V{2, 2}));
  Tensor y = ones({2});
  EXPECT_EQ(&y.add_(1), &y);
  EXPECT_EQ(&(y += 1), &y);
  static_assert(std::is_same_v<decltype(std::declval<Tensor>().exp_()), Tensor>);
  static_assert(std::is_same_v<decltype(std::declval<Tensor>() += 1), Tensor>);
  static_assert(std::is_same_v<decltype(std::declval<Tensor>().requires_grad_()), Tensor>);
  static_assert(std::is_same_v<decltype(std::declval<Tensor&>().exp_()), Tensor&>);
}

TEST(Assignment, NamedTensorsBecomeAnotherHandle) {
  Tensor a = ones({2}), b = zeros({2});
  const Tensor old = a;
  a = b;
  EXPECT_TRUE(a.is(b));
  EXPECT_EQ(values(old), (V{1, 1}));
  a = old;
  std::swap(a, b);
  EXPECT_EQ(values(b), (V{1, 1}));
  a = std::move(b);
  EXPECT_FALSE(b.defined());  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
  std::vector<Tensor> list{ones({1}), zeros({1})};
  list[0] = list[1];
  EXPECT_TRUE(list[0].is(list[1]));
  list.erase(list.begin());
  std::tie(a, b) = std::make_tuple(list[0], ones({3}));
  EXPECT_TRUE(a.is(list[0]));
  a = {};
  EXPECT_FALSE(a.defined());
  // The result of index() too.
  const Tensor x = count({3});
  auto y = x.index({x > 0});
  y += 1;
  y = ones({2});
  y.mul_(5);
  Tensor z = x.index({0});
  z = b;
  EXPECT_EQ(values(x), (V{0, 1, 2}));
  EXPECT_EQ(values(y), (V{5, 5}));
  // A tensor that is given up is a temporary.
  Tensor w = zeros({2});
  const Tensor same = w;
  std::move(w) = ones({2});
  EXPECT_EQ(values(same), (V{1, 1}));
  const std::string undefined =
      "assignment: the temporary on the left, which would be written to, is an undefined tensor";
  EXPECT_EQ(error_of([] { Tensor() = ones({2}); }), undefined);
  EXPECT_EQ(error_of([] { Tensor() = 1; }), undefined);
}

TEST(Assignment, CarriesGradients) {
  Tensor x = count({3}).clone().requires_grad_(), v = scalar_tensor(2.0, {.dtype = f64, .requires_grad = true});
  Tensor y = x * 1;
  y[0] = v;
  y.index({tensor({1})}) = v * 3;
  y.index({y > 5}) += v;  // 6 + 2
  EXPECT_EQ(values(y), (V{2, 8, 2}));
  weighted(y).backward();
  EXPECT_EQ(values(x.grad()), (V{0, 0, 3}));
  EXPECT_EQ(v.grad().item<double>(), 1 + 2 * 3 + 2);
  EXPECT_EQ(
      error_of([&] { x[0] = 1; }),
      "assignment: fill: a view of a leaf tensor that requires a gradient cannot be written in place; do it under "
      "NoGrad, or on a copy");
  {
    NoGrad off;
    x[0] = 1;
  }
  EXPECT_EQ(x[0].item<double>(), 1);
}

}  // namespace
}  // namespace hearth
