// Records, the registry, the one way through, and interposers.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/autograd/guards.h"
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

// An op that changes its operands: rows of a tensor that is written, one that is read, and perhaps another written one.
void exchange_kernel(OpCall& c) {
  for (int r = 0; r < c.rows(); ++r) {
    for (int64_t i = 0; i < c.input(3 * r).numel(); ++i) {
      const double v = static_cast<const double*>(c.input(3 * r + 1).raw_data())[i];
      static_cast<double*>(c.input(3 * r).impl()->data())[i] += v;
      if (c.is_tensor(3 * r + 2)) static_cast<double*>(c.input(3 * r + 2).impl()->data())[i] = v;
    }
  }
}
constinit const OpDef kExchange = {
    .name = "test::exchange",
    .dtypes = DTypeSet{f64},
    .min_inputs = 3,
    .max_inputs = 255,
    .absent = 0b100,
    .row = 3,
    .writes = 0b101,
    .outputs = 0,
    .visible = 0,
    .infer = [](OpCall&) {},
    .kernel = {exchange_kernel},
};

TEST(Op, ChangesItsOperands) {
  const auto values = [](std::initializer_list<double> v) {
    return from_values(std::vector<double>(v), {static_cast<int64_t>(v.size())});
  };
  const auto error = [](std::initializer_list<Operand> in) { return error_of([&] { run_rows(kExchange, in); }); };
  const Tensor a = values({1, 2}), b = values({3}), c = values({0, 0}), x = values({10, 20}), y = values({5});
  const uint32_t version = a.version(), read = x.version();
  run_rows(kExchange, std::initializer_list<Operand>{a, x, c, b, y, std::nullopt});
  EXPECT_EQ(a.to_vector<double>(), (std::vector<double>{11, 22}));
  EXPECT_EQ(b.to_vector<double>(), (std::vector<double>{8}));
  EXPECT_EQ(c.to_vector<double>(), (std::vector<double>{10, 20}));
  EXPECT_EQ(a.version(), version + 1);
  EXPECT_EQ(c.version(), 1u);
  EXPECT_EQ(b.version(), 1u);
  EXPECT_EQ(x.version(), read);
  // Of more rows than operands' bits.
  std::vector<Operand> many;
  std::vector<Tensor> memory;
  for (int i = 0; i < 300; ++i) memory.push_back(values({static_cast<double>(i)}));
  for (const Tensor& t : memory) many.insert(many.end(), {t, y, std::nullopt});
  run_rows(kExchange, many);
  EXPECT_EQ(memory[299].item<double>(), 304);
  EXPECT_EQ(memory[299].version(), 1u);

  EXPECT_EQ(error({a, x}), "test::exchange: expected at least 3 operands, but got 2");
  EXPECT_EQ(error({a, x, c, b}), "test::exchange: expected rows of 3 operands, but got 4 operands");
  EXPECT_EQ(error({a, x, c, b, std::nullopt, std::nullopt}), "test::exchange: operand 4 is missing");
  EXPECT_EQ(error({a, x, c, b, 2.0, std::nullopt}), "test::exchange: operand 4 must be a tensor, but is the number 2");
  EXPECT_EQ(error({a, x, c, b.to(kMeta), y, std::nullopt}),
            "test::exchange: operands are on different devices: cpu and meta");
  const auto shares = [](int first, int row, int second, int other) {
    return concat("test::exchange: cannot write in place: operand ", first, " of row ", row,
                  ", which is written, shares memory with operand ", second, " of row ", other,
                  "; clone() one of them first");
  };
  const std::string twice = error({a, x, std::nullopt, a, x, std::nullopt});
  EXPECT_TRUE(twice == shares(0, 0, 0, 1) || twice == shares(0, 1, 0, 0)) << twice;
  EXPECT_EQ(error({a, a, c}), shares(0, 0, 1, 0));
  EXPECT_EQ(error({a, x, std::nullopt, c, a, std::nullopt}), shares(0, 0, 1, 1));
  EXPECT_EQ(error({a, x, std::nullopt, b, y, a.slice(0, 1, 2)}), shares(0, 0, 2, 1));
  run_rows(kExchange,
           std::initializer_list<Operand>{a.slice(0, 0, 1), y, std::nullopt, a.slice(0, 1, 2), y, std::nullopt});
  const Tensor none = zeros({0}, {.dtype = f64});
  run_rows(kExchange, std::initializer_list<Operand>{none, none, none});
  EXPECT_NE(error({y.expand({2}), x, std::nullopt}).find("several elements of the tensor"), std::string::npos);
  double constant = 1;
  const Tensor mapped = from_blob(&constant, {1}, f64, nullptr, /*read_only=*/true);
  EXPECT_EQ(error({mapped, y, std::nullopt}),
            "test::exchange: cannot write in place: the tensor's memory is read-only");
  const Tensor leaf = values({1}).requires_grad_();
  EXPECT_EQ(error({leaf, y, std::nullopt}),
            "test::exchange: it changes its operands, and no gradient passes; call it under NoGrad, for an operand "
            "requires one");
  const NoGrad off;
  run_rows(kExchange, std::initializer_list<Operand>{leaf, y, std::nullopt});
  EXPECT_EQ(leaf.item<double>(), 6);
  Tensor out = values({0});
  EXPECT_EQ(error_of([&] {
              run_into(kExchange, out, {b, y, std::nullopt});
            }),
            "test::exchange: it changes its operands and has no result to be written into a tensor");
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
