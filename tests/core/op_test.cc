// Records, the registry, the one way through, and interposers.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/op/attrs/reduce.h"
#include "core/op/grad_context.h"
#include "core/op/interposer.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

// An op of the user's own: x + n, n taken from an attribute.
struct ShiftAttrs {
  int64_t by = 1;
  static constexpr auto fields() { return std::make_tuple(field("by", &ShiftAttrs::by)); }
  bool operator==(const ShiftAttrs&) const = default;
};
void shift_kernel(OpCall& c) {
  const Tensor x = c.input(0).contiguous();
  for (int64_t i = 0; i < x.numel(); ++i)
    c.out[0].mutable_data<double>()[i] = x.data<double>()[i] + static_cast<double>(c.attrs_as<ShiftAttrs>().by);
}
extern constinit const OpDef kShift = {
    .name = "test::shift",
    .dtypes = DTypeSet{f64},
    .attrs = &attrs_type<ShiftAttrs>,
    .infer = [](OpCall& c) { c.make(0, c.input(0).shape(), c.dtype); },
    .kernel = {shift_kernel},
    .backward = [](GradContext& g) { g.set(0, g.grad()); },
};
HEARTH_OP(kShift);

TEST(Op, AUsersOwn) {
  EXPECT_EQ(find_op("test::shift"), &kShift);
  EXPECT_EQ(find_op("test::other"), nullptr);
  Tensor x = tensor({1.0, 2.0}, {.dtype = f64, .requires_grad = true});
  const Tensor y = run(kShift, {x}, ShiftAttrs{3});
  EXPECT_EQ(y.to_vector<double>(), (std::vector<double>{4, 5}));
  EXPECT_STREQ(y.grad_fn_name(), "test::shift");
  y.sum().backward();
  EXPECT_EQ(x.grad().to_vector<double>(), (std::vector<double>{1, 1}));
  EXPECT_EQ(error_of([] { run(kShift, {zeros({2})}, ShiftAttrs{}); }),
            "test::shift: dtype f32 is not supported; it takes f64");
  EXPECT_EQ(run(kShift, {x.detach().to(kMeta)}, ShiftAttrs{}).shape(), (Shape{2}));
}

TEST(Op, NamesAreTheRegistrysKeys) {
  std::vector<std::string> names;
  for (const OpDef* op : all_ops()) names.emplace_back(op->name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end()) << "two records have one name";
  EXPECT_TRUE(std::binary_search(names.begin(), names.end(), "xlogy"));
}

TEST(Op, OperandsAreCounted) {
  const Tensor x = ones({2});
  EXPECT_EQ(error_of([&] { run(kAdd, {x}); }), "add: expected 2 operands, but got 1");
  EXPECT_EQ(error_of([&] { run(kAdd, {x, x, x}); }), "add: expected 2 operands, but got 3");
  EXPECT_EQ(error_of([&] { run(kCat, std::span<const Operand>(), DimAttrs{}); }),
            "cat: expected at least 1 operand, but got 0");
  EXPECT_EQ(error_of([&] { run(kAdd, {x, std::nullopt}); }), "add: operand 1 is missing");
  EXPECT_EQ(error_of([&] { run(kExp, {2.0}); }), "exp: operand 0 must be a tensor, but is the number 2");
  EXPECT_EQ(error_of([&] { run(kAdd, {1, 2}); }), "add: at least one operand must be a tensor");
}

// Writes down what passes, before and after.
class Listener final : public Interposer {
 public:
  Listener(char mark, std::string& log) : mark_(mark), log_(log) {}
  void intercept(OpCall& call) override {
    log_ += mark_;
    log_ += call.op.name;
    log_ += '(';
    call.proceed();
    log_ += ')';
  }

 private:
  char mark_;
  std::string& log_;
};

TEST(Interposer, Chain) {
  std::string log;
  const Tensor x = ones({2});
  Listener a('a', log), b('b', log);
  {
    InterposerGuard outer(a);
    InterposerGuard inner(b);
    (void)exp(x);
    EXPECT_EQ(log, "bexp(aexp())");
    EXPECT_EQ(error_of([&] { InterposerGuard again(a); }), "this interposer is already active in this thread");
    // An op that throws leaves the chain as it was.
    log.clear();
    EXPECT_NE(error_of([&] { x + ones({3}); }), "no error");
    log.clear();
    (void)exp(x);
    EXPECT_EQ(log, "bexp(aexp())");
  }
  log.clear();
  (void)exp(x);
  EXPECT_EQ(log, "");
}

// Takes an op over without running it, and runs others in its place.
class Swapper final : public Interposer {
 public:
  void intercept(OpCall& call) override {
    if (call.op.name != std::string("exp")) return call.proceed();
    call.out[0] = call.input(0) * 2;  // does not come back here
    call.dtype = call.out[0].dtype();
  }
};

TEST(Interposer, MayAnswerItself) {
  Swapper swapper;
  InterposerGuard guard(swapper);
  EXPECT_EQ(exp(full({2}, 3.0)).to_vector<double>(), (std::vector<double>{6, 6}));
  // Its gradient is that of what was run.
  Tensor x = full({2}, 3.0).requires_grad_();
  exp(x).sum().backward();
  EXPECT_EQ(x.grad().to_vector<double>(), (std::vector<double>{2, 2}));
}

TEST(Attrs, FromTheirFields) {
  const ShiftAttrs a{5};
  EXPECT_EQ(to_string(AttrsRef(a)), "{by: 5}");
  EXPECT_EQ(hash(AttrsRef(a)), hash(AttrsRef(ShiftAttrs{5})));
  EXPECT_NE(hash(AttrsRef(a)), hash(AttrsRef(ShiftAttrs{6})));
  EXPECT_EQ(to_string(AttrsRef(ReduceAttrs{{0, -1}, true})), "{dims: [0, -1], keepdim: true}");
}

}  // namespace
}  // namespace hearth
