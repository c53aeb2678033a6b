#include <string_view>

#include "core/op/attrs/rnn.h"
#include "core/op/machinery.h"
#include "core/ops/rnn.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

enum class Kind { kLstm, kGru, kTanh, kRelu };

const char* name_of(Kind k) {
  constexpr const char* names[] = {"lstm", "gru", "rnn", "rnn_relu"};
  return names[static_cast<int>(k)];
}
RnnNonlinearity nonlinearity_of(Kind k) { return k == Kind::kRelu ? RnnNonlinearity::kRelu : RnnNonlinearity::kTanh; }

// The operand that this letter names, as in tools/golden/recurrent.py, if there is one.
OptionalTensor find(In in, std::string_view letters, char letter) {
  const size_t at = letters.find(letter);
  return at == std::string_view::npos ? OptionalTensor() : OptionalTensor(in[at]);
}

// The record's own call: x are the gates' sums.
TensorFunction record(Kind k, std::string letters, bool reverse) {
  return [=](In in) -> Out {
    const auto at = [&](char c) { return find(in, letters, c); };
    if (k == Kind::kLstm) {
      auto r = run_all(kLstm, {at('x'), at('w'), at('h'), at('c'), at('b'), at('p'), at('l')}, RecurrentAttrs{reverse});
      return {r[0], r[1], r[2]};
    }
    const OptionalTensor x = at('x'), w = at('w'), h = at('h'), b = at('b'), l = at('l');
    auto r = k == Kind::kGru ? run_all(kGru, {x, w, h, b, l}, RecurrentAttrs{reverse})
                             : run_all(kRnn, {x, w, h, b, l}, RnnAttrs{reverse, nonlinearity_of(k)});
    return {r[0], r[1]};
  };
}

TensorFunction function(Kind k, std::string letters, bool reverse) {
  return [=](In in) -> Out {
    const auto at = [&](char c) { return find(in, letters, c); };
    const RecurrentWeights w{in[letters.find('i')], in[letters.find('w')], at('a'), at('b'), at('p')};
    const RecurrentOptions o{reverse, at('l')};
    if (k == Kind::kLstm) {
      LstmResult r = lstm(in[0], w, at('h'), at('c'), o);
      return {r.output, r.h, r.c};
    }
    RecurrentResult r = k == Kind::kGru ? gru(in[0], w, at('h'), o) : rnn(in[0], w, at('h'), nonlinearity_of(k), o);
    return {r.output, r.h};
  };
}

// Gradients are looked at for the public functions, here with 2 sequences, 2 features and 3 units in 3 steps.
Sample smooth(Kind k, const std::string& letters, bool reverse = false) {
  const int64_t gates = k == Kind::kLstm  ? 12
                        : k == Kind::kGru ? 9
                                          : 3,
                state = letters.find('p') != std::string::npos ? 2 : 3;
  return {.name = std::string("smooth, ") + name_of(k) + " " + letters + (reverse ? ", reverse" : ""),
          .inputs =
              [=](DType t) {
                Out in;
                for (char c : letters) {
                  const uint64_t seed = in.size() + 3;
                  if (c == 'l') in.push_back(from_wide(std::vector<long double>{1, 3}, {2}, i64));
                  else if (c == 'x') in.push_back(noise({3, 2, 2}, t, -1, 1, seed));
                  else if (c == 'i') in.push_back(noise({gates, 2}, t, -1, 1, seed));
                  else if (c == 'w') in.push_back(noise({gates, state}, t, -1, 1, seed));
                  else if (c == 'p') in.push_back(noise({state, 3}, t, -1, 1, seed));
                  else if (c == 'h') in.push_back(noise({2, state}, t, -1, 1, seed));
                  else if (c == 'c') in.push_back(noise({2, 3}, t, -1, 1, seed));
                  else in.push_back(noise({gates}, t, -1, 1, seed));
                }
                return in;
              },
          .call = function(k, letters, reverse),
          .smooth = true,
          .batch = letters.find('l') == std::string::npos ? 1u : 0u,
          .terms = 6};
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): std::function frees it

// The time is what a graph takes in any size.
constexpr unsigned kTime = 1;

void forward_samples(OpRow& row, Kind k) {
  const std::string name = name_of(k), c = k == Kind::kLstm ? "c" : "";
  const auto add = [&](const std::string& sample, TensorFunction call, SampleOptions options) {
    add_golden(row, name + "/" + sample, std::move(call), options);
  };
  const std::string all = "xwbh" + c;
  // terms: in all steps together.
  add("all", record(k, all, false), {.batch = kTime, .terms = 20});
  add("bare", record(k, "xw", false), {.batch = kTime, .terms = 15});
  add("reverse", record(k, all, true), {.batch = kTime, .terms = 12});
  add("one step", record(k, all, false), {.terms = 3});
  add("lengths", record(k, all + "l", false), {.terms = 15});
  add("lengths, reverse", record(k, all + "l", true), {.terms = 15});
  add("many rows", record(k, all + "l", false), {.terms = 57});
  add("wide", record(k, "xw", false), {.batch = kTime, .terms = 134});
  add("nothing", record(k, all, false), {});
  const DTypeSet exact{f32, f64};  // narrower dtypes round the input's product
  add("features", function(k, "xiwabh" + c + "l", false), {.terms = 44, .dtypes = exact});
  add("features, bare", function(k, "xiw", true), {.batch = kTime, .terms = 28, .dtypes = exact});
  row.samples.push_back(smooth(k, "xiwabh" + c));
  row.samples.push_back(smooth(k, "xiw", true));
  row.samples.push_back(smooth(k, "xiwabh" + c + "l"));
  row.samples.push_back(smooth(k, "xiwbh" + c + "l", true));
}

void gradient_samples(OpRow& row, Kind k) {
  const OpDef& op = *find_op(row.op);
  const std::string name = std::string(name_of(k)) + "_grad";
  const auto add = [&](const std::string& sample, const std::string& letters, bool reverse, double terms) {
    add_golden(row, name + "/" + sample,
               [&op, k, letters, reverse](In in) -> Out {
                 const auto at = [&](char c) { return find(in, letters, c); };
                 std::vector<OptionalTensor> x{at('Y'), at('H'), at('C'), at('h'), at('c'),
                                               at('p'), at('l'), at('w'), at('y')};
                 // What is kept has the computing dtype.
                 if (k == Kind::kLstm || k == Kind::kGru) x.emplace_back(machinery::widened(*at('k')));
                 const std::vector<Operand> operands(x.begin(), x.end());
                 const auto r = run_all(op, operands, RecurrentGradAttrs{reverse, nonlinearity_of(k)});
                 return {r[0], r[1], r[2], r[3]};
               },
               {.terms = terms});
  };
  const std::string c = k == Kind::kLstm ? "c" : "", wy = k == Kind::kLstm || k == Kind::kGru ? "wyk" : "wy";
  add("all", std::string("YH") + (c.empty() ? "" : "C") + "h" + c + wy, false, 64);
  add("output", "Y" + wy, false, 60);
  add("state", "H" + wy, false, 60);
  add("reverse", "YHh" + c + wy, true, 36);
  add("lengths", "YHh" + c + "l" + wy, false, 60);
  add("lengths, reverse", "YHh" + c + "l" + wy, true, 60);
  add("many rows", "YHh" + c + "l" + wy, false, 144);
  add("nothing", "YHh" + c + wy, false, 1);
  if (k != Kind::kLstm) return;
  add("projected", "YHChcpwyk", false, 72);
  add("projected, reverse", "YHChcplwyk", true, 100);
  add("projected, many rows", "Ypwyk", false, 152);
}

}  // namespace

static void rnn_rows(Rows& rows) {
  for (const std::vector<Kind>& kinds : {std::vector{Kind::kLstm}, {Kind::kGru}, {Kind::kTanh, Kind::kRelu}}) {
    OpRow row{.op = name_of(kinds[0]), .accuracy = Accuracy::kGradient, .zero_sign = false};
    OpRow grad{.op = row.op + "_grad", .accuracy = Accuracy::kGradient, .gradient = false, .zero_sign = false};
    for (Kind k : kinds) {
      forward_samples(row, k);
      gradient_samples(grad, k);
    }
    if (kinds[0] == Kind::kLstm) {
      add_golden(row, "lstm/projected", record(Kind::kLstm, "xwbhcp", false), {.batch = kTime, .terms = 32});
      add_golden(row, "lstm/projected, reverse", record(Kind::kLstm, "xwbhcpl", true), {.terms = 40});
      add_golden(row, "lstm/projected, many rows", record(Kind::kLstm, "xwp", false), {.batch = kTime, .terms = 78});
      row.samples.push_back(smooth(Kind::kLstm, "xiwabhcp"));
      row.samples.push_back(smooth(Kind::kLstm, "xiwabpl", true));
    }
    rows.push_back(std::move(row));
    rows.push_back(std::move(grad));
  }
}

HEARTH_OP_ROWS(rnn_rows);

}  // namespace hearth::testing
