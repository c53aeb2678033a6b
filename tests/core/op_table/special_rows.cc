// Special functions. Their samples are those of tools/golden/layers.py.
#include "core/ops/arithmetic.h"
#include "core/ops/special.h"
#include "tests/core/op_table/functions.h"

namespace hearth::testing {
namespace {

constexpr SampleOptions kPlain{};
constexpr SampleOptions kSmooth{.smooth = true};

void special_rows(Rows& rows) {
  const auto add = [&](const char* name, const std::vector<FunctionCase>& cases) -> OpRow& {
    OpRow& row = add_functions(rows, name, cases, Accuracy::kMath, layers_golden());
    row.takes = kFloatTypes;
    return row;
  };
  // A row of a record.
  const auto record = [&](const char* name, const std::vector<FunctionCase>& cases) {
    OpRow& row = add(name, cases);
    row.takes = {};
    row.composed = false;
  };
  record("lgamma", {{"some", HEARTH_CALL(lgamma(in[0])), kSmooth},
                    {"below", HEARTH_CALL(lgamma(in[0])), kSmooth},
                    {"ends", HEARTH_CALL(lgamma(in[0])), kPlain}});
  record("digamma", {{"some", HEARTH_CALL(digamma(in[0])), kSmooth},
                     {"below", HEARTH_CALL(digamma(in[0])), kSmooth},
                     {"ends", HEARTH_CALL(digamma(in[0])), kPlain}});
  record("polygamma", {{"0", HEARTH_CALL(polygamma(0, in[0])), kSmooth},
                       {"1", HEARTH_CALL(polygamma(1, in[0])), kSmooth},
                       {"2", HEARTH_CALL(polygamma(2, in[0])), kPlain},
                       {"5", HEARTH_CALL(polygamma(5, in[0])), kPlain},
                       {"below", HEARTH_CALL(polygamma(2, in[0])), kPlain},
                       {"ends", HEARTH_CALL(polygamma(1, in[0])), kPlain}});
  record("zeta", {{"some", HEARTH_CALL(zeta(in[0].detach(), in[1])), kPlain},
                  {"ends", HEARTH_CALL(zeta(in[0].detach(), in[1])), kPlain}});
  record("i0", {{"some", HEARTH_CALL(i0(in[0])), kSmooth},
                {"far", HEARTH_CALL(i0(in[0])), kPlain},
                {"ends", HEARTH_CALL(i0(in[0])), kPlain}});
  record("i0e", {{"some", HEARTH_CALL(i0e(in[0])), kSmooth},
                 {"far", HEARTH_CALL(i0e(in[0])), kPlain},
                 {"ends", HEARTH_CALL(i0e(in[0])), kPlain}});
  record("i1", {{"some", HEARTH_CALL(i1(in[0])), kSmooth},
                {"far", HEARTH_CALL(i1(in[0])), kPlain},
                {"ends", HEARTH_CALL(i1(in[0])), kPlain}});
  record("i1e", {{"some", HEARTH_CALL(i1e(in[0])), kSmooth},
                 {"far", HEARTH_CALL(i1e(in[0])), kPlain},
                 {"ends", HEARTH_CALL(i1e(in[0])), kPlain}});
  record("hypot",
         {{"some", HEARTH_CALL(hypot(in[0], in[1])), kSmooth}, {"ends", HEARTH_CALL(hypot(in[0], in[1])), kPlain}});
  record("gcd", {{"some", HEARTH_CALL(gcd(in[0], in[1])), kPlain}});
  add("lcm", {{"some", HEARTH_CALL(lcm(in[0], in[1])), kPlain}}).takes = DTypeSet{u8, i8, i16, i32, i64};
  add("mvlgamma", {{"some", HEARTH_CALL(mvlgamma(in[0], 3)), kSmooth}});
  add("entr", {{"some", HEARTH_CALL(entr(in[0])), kSmooth}, {"ends", HEARTH_CALL(entr(in[0])), kPlain}});
  add("ndtr", {{"some", HEARTH_CALL(ndtr(in[0])), kSmooth}, {"ends", HEARTH_CALL(ndtr(in[0])), kPlain}});
  add("xlog1py",
      {{"some", HEARTH_CALL(xlog1py(in[0], in[1])), kSmooth}, {"ends", HEARTH_CALL(xlog1py(in[0], in[1])), kPlain}});
  add("copysign", {{"some", HEARTH_CALL(copysign(in[0], in[1].detach())), kPlain},
                   {"zeros", HEARTH_CALL(copysign(in[0], in[1].detach())), kPlain}});
  add("signbit", {{"some", HEARTH_CALL(signbit(in[0])), kPlain}, {"whole", HEARTH_CALL(signbit(in[0] - 3)), kPlain}});
  add("heaviside", {{"some", HEARTH_CALL(heaviside(in[0], in[1])), kPlain},
                    {"nan", HEARTH_CALL(heaviside(in[0], in[1])), kPlain},
                    {"whole", HEARTH_CALL(heaviside(in[0] - 3, in[1])), kPlain}});
}

}  // namespace

HEARTH_OP_ROWS(special_rows);

}  // namespace hearth::testing
