// Special functions. Their samples are those of tools/golden/layers.py.
#include <string_view>

#include "core/ops/arithmetic.h"
#include "core/ops/special.h"
#include "tests/core/op_table/functions.h"

namespace hearth::testing {
namespace {

constexpr SampleOptions kPlain{};
constexpr SampleOptions kSmooth{.smooth = true};

void special_rows(Rows& rows) {
  const auto add = [&](const char* name, const std::vector<FunctionCase>& cases,
                       Accuracy accuracy = Accuracy::kMath) -> OpRow& {
    OpRow& row = add_functions(rows, name, cases, accuracy, layers_golden());
    row.takes = kFloatTypes;
    return row;
  };
  // A row of a record.
  const auto record = [&](const char* name, const std::vector<FunctionCase>& cases,
                          Accuracy accuracy = Accuracy::kLibrary) -> OpRow& {
    OpRow& row = add(name, cases, accuracy);
    row.takes = {};
    row.composed = false;
    return row;
  };
  record("lgamma", {{"some", HEARTH_CALL(lgamma(in[0])), kSmooth},
                    {"below", HEARTH_CALL(lgamma(in[0])), kSmooth},
                    {"ends", HEARTH_CALL(lgamma(in[0])), kPlain}});
  record("digamma",
         {{"some", HEARTH_CALL(digamma(in[0])), kSmooth},
          {"below", HEARTH_CALL(digamma(in[0])), kSmooth},
          {"ends", HEARTH_CALL(digamma(in[0])), kPlain}},
         Accuracy::kCancels);
  record("polygamma", {{"0", HEARTH_CALL(polygamma(0, in[0])), kSmooth},
                       {"1", HEARTH_CALL(polygamma(1, in[0])), kSmooth},
                       {"2", HEARTH_CALL(polygamma(2, in[0])), kPlain},
                       {"5", HEARTH_CALL(polygamma(5, in[0])), kPlain},
                       {"9", HEARTH_CALL(polygamma(9, in[0])), kPlain},
                       {"far below", HEARTH_CALL(polygamma(1, in[0])), kPlain},
                       {"below", HEARTH_CALL(polygamma(2, in[0])), kPlain},
                       {"ends", HEARTH_CALL(polygamma(1, in[0])), kPlain}});
  OpRow& zetas = record("zeta", {{"number", HEARTH_CALL(zeta(3.5, in[0])), kSmooth},
                                 {"some", HEARTH_CALL(zeta(in[0].detach(), in[1])), kPlain},
                                 {"middle", HEARTH_CALL(zeta(in[0].detach(), in[1])), kPlain},
                                 {"below", HEARTH_CALL(zeta(in[0].detach(), in[1])), kPlain},
                                 {"ends", HEARTH_CALL(zeta(in[0].detach(), in[1])), kPlain}});
  // s has no gradient.
  for (size_t i = 1; i < zetas.samples.size(); ++i) zetas.samples[i].constants = 0b01;
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
  record("gcd", {{"some", HEARTH_CALL(gcd(in[0], in[1])), kPlain}}).gradient = false;
  OpRow& lcms = add("lcm", {{"some", HEARTH_CALL(lcm(in[0], in[1])), kPlain}});
  lcms.takes = DTypeSet{u8, i8, i16, i32, i64};
  lcms.gradient = false;
  add("mvlgamma", {{"some", HEARTH_CALL(mvlgamma(in[0], 3)), kSmooth}});
  record("entr", {{"some", HEARTH_CALL(entr(in[0])), kSmooth}, {"ends", HEARTH_CALL(entr(in[0])), kPlain}});
  add("ndtr", {{"some", HEARTH_CALL(ndtr(in[0])), kSmooth}, {"ends", HEARTH_CALL(ndtr(in[0])), kPlain}},
      Accuracy::kGradient);
  record("xlog1py", {{"some", HEARTH_CALL(xlog1py(in[0], in[1])), kSmooth},
                     {"zero", HEARTH_CALL(xlog1py(in[0], in[1])), kSmooth},
                     {"ends", HEARTH_CALL(xlog1py(in[0], in[1])), kPlain}});
  record("erfcx", {{"some", HEARTH_CALL(erfcx(in[0])), kSmooth}, {"ends", HEARTH_CALL(erfcx(in[0])), kPlain}});
  record("log_ndtr", {{"some", HEARTH_CALL(log_ndtr(in[0])), kSmooth}, {"ends", HEARTH_CALL(log_ndtr(in[0])), kPlain}},
         Accuracy::kGradient);
  record("ndtri", {{"some", HEARTH_CALL(ndtri(in[0])), kSmooth}, {"ends", HEARTH_CALL(ndtri(in[0])), kPlain}});
  for (const char* name : {"gammainc", "gammaincc"}) {
    const bool upper = std::string_view(name) == "gammaincc";
    const auto both = [upper](const auto& in) {
      return upper ? gammaincc(in[0].detach(), in[1]) : gammainc(in[0].detach(), in[1]);
    };
    OpRow& row = record(name,
                        {{"number", HEARTH_CALL(upper ? gammaincc(2.5, in[0]) : gammainc(2.5, in[0])), kSmooth},
                         {"some", HEARTH_CALL(both(in)), kPlain},
                         {"large", HEARTH_CALL(both(in)), kPlain},
                         {"ends", HEARTH_CALL(both(in)), kPlain}},
                        Accuracy::kGradient);
    // a has no gradient.
    for (size_t i = 1; i < row.samples.size(); ++i) row.samples[i].constants = 0b01;
  }
  add("float_power", {{"some", HEARTH_CALL(float_power(in[0], in[1])), kPlain},
                      {"number", HEARTH_CALL(float_power(in[0], -2)), kSmooth}})
      .takes = kAllTypes;
  OpRow& sized = add("copysign", {{"some", HEARTH_CALL(copysign(in[0], in[1])), kSmooth},
                                  {"zeros", HEARTH_CALL(copysign(in[0], in[1])), kPlain}});
  sized.takes = kAllTypes;
  sized.samples[0].constants = 0b10;
  OpRow& signs =
      add("signbit", {{"some", HEARTH_CALL(signbit(in[0])), kPlain}, {"whole", HEARTH_CALL(signbit(in[0])), kPlain}});
  signs.takes = kAllTypes;
  signs.gradient = false;
  OpRow& steps = add("heaviside", {{"some", HEARTH_CALL(heaviside(in[0], in[1])), kPlain},
                                   {"nan", HEARTH_CALL(heaviside(in[0], in[1])), kPlain},
                                   {"whole", HEARTH_CALL(heaviside(in[0], in[1])), kPlain}});
  steps.takes = kAllTypes;
  steps.gradient = false;
}

}  // namespace

HEARTH_OP_ROWS(special_rows);

}  // namespace hearth::testing
