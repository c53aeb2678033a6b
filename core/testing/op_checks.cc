#include "core/testing/op_checks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>
#include <variant>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/base/parallel.h"
#include "core/graph/trace.h"
#include "core/op/interposer.h"
#include "core/op/run.h"
#include "core/tensor/generator.h"
#include "core/testing/error_of.h"
#include "core/testing/tensors.h"
#include "core/testing/watch.h"
#include "hwy/targets.h"

namespace hearth::testing {
namespace {

Tensors arranged(std::span<const Tensor> in, Arrangement a) {
  Tensors out;
  for (const Tensor& t : in) out.push_back(arranged(t, a));
  return out;
}

// Empty, or what is wrong with a result.
std::string compare(const OpRow& row, const Sample& s, const Want& want, const Tensor& got) {
  if (!got.defined()) return "is undefined";
  if (!(got.shape() == want.shape)) return concat("has shape ", got.shape(), "; expected ", want.shape);
  if (got.dtype() != want.dtype) return concat("is ", got.dtype(), "; expected ", want.dtype);
  const std::vector<long double> v = to_wide(got);
  const bool one = row.accuracy == Accuracy::kExact || row.accuracy == Accuracy::kMath;
  long double largest = 0;
  for (long double x : want.values) largest = std::isfinite(x) ? std::max(largest, std::abs(x)) : largest;
  for (size_t i = 0; i < v.size(); ++i) {
    const long double w = want.values[i], size = want.size.empty() ? largest : want.size[i];
    const long double over =
        excess(v[i], w, want.dtype, row.accuracy, std::isfinite(size) ? size : 0, s.terms, compute_type(want.dtype));
    const bool sign = row.zero_sign && one && v[i] == 0 && w == 0 && std::signbit(v[i]) != std::signbit(w) &&
                      is_floating_point(want.dtype);
    if (over <= 0 && !sign) continue;
    char text[200];
    std::snprintf(text, sizeof text, "element %zu of %zu is %.17Lg; expected %.21Lg (off by %.3Lg ulp)", i, v.size(),
                  v[i], w, is_floating_point(want.dtype) ? (v[i] - w) / ulp(w, want.dtype) : v[i] - w);
    return text;
  }
  return "";
}

std::string operands_text(std::span<const Tensor> in, size_t limit = 8) {
  std::string s;
  for (const Tensor& t : in) {
    s += concat("\n  ", t.dtype(), " ", t.shape(), ":");
    const std::vector<long double> v = to_wide(t);
    for (size_t i = 0; i < std::min(limit, v.size()); ++i) s += concat(" ", static_cast<double>(v[i]));
  }
  return s;
}

int64_t check_values_now(const OpRow& row, const OpDef& record, std::span<const Arrangement> arrangements) {
  int64_t n = 0;
  const NoGrad off;
  for_samples(row, record, [&](const Sample& s, DType t) {
    if (s.large && arrangements.size() == 1) return;
    const Tensors in = s.inputs(t);
    const std::vector<Want> want = s.want ? s.want(in, t) : std::vector<Want>();
    for (Arrangement a : arrangements) {
      if (a != Arrangement::kAsMade && (!s.rearranged || (s.large && a == Arrangement::kReversed))) continue;
      const Tensors x = arranged(in, a);
      Tensors before;
      for (const Tensor& o : x) before.push_back(arranged(o, Arrangement::kReversed));
      const Tensors got = call(s, x);
      ++n;
      for (size_t i = 0; i < x.size(); ++i)
        EXPECT_TRUE(same_bits(x[i], before[i])) << "operand " << i << " was changed";
      if (!s.want) continue;
      EXPECT_EQ(got.size(), want.size());
      for (size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
        const std::string wrong = compare(row, s, want[i], got[i]);
        if (wrong.empty()) continue;
        ADD_FAILURE() << "operands " << to_string(a) << ": result " << i << " " << wrong << operands_text(x);
        return;
      }
    }
  });
  return n;
}

int64_t check_values(const OpRow& row, const OpDef& record) { return check_values_now(row, record, kArrangements); }

int64_t check_targets(const OpRow& row, const OpDef& record) {
  int64_t n = 0;
  constexpr Arrangement as_made[] = {Arrangement::kAsMade};
  int64_t rest = hwy::SupportedTargets();
  rest &= rest - 1;  // the best one is what Values runs with
  for (; rest; rest &= rest - 1) {
    const int64_t target = rest & -rest;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    n += check_values_now(row, record, as_made);
    hwy::SetSupportedTargetsForTest(0);
  }
  return n;
}

// A number among the operands may carry them into a dtype that is stated: bool + 1 is i64.
bool lifted(const OpDef& record, const Watch::Seen& s, DType t) {
  if (record.promote == Promote::kSame) return false;
  if (record.promote == Promote::kFloat && !is_floating_point(t)) return true;
  for (const auto& v : s.in) {
    if (const Scalar* n = std::get_if<Scalar>(&v); n && n->kind() > traits(t).kind) return true;
  }
  return false;
}

// The record, called again with operands of a dtype that it does not state.
void check_refused(const OpDef& record, const Watch::Seen& s, DType own, DType other) {
  Watch::Seen cast = s;
  for (auto& v : cast.in) {
    if (Tensor* t = std::get_if<Tensor>(&v); t && t->dtype() == own) *t = t->to(other);
  }
  const std::vector<Operand> in = cast.operands();
  const std::string error = error_of([&] {
    if (s.bound.defined()) {
      Tensor out = s.bound.to(other);
      run_into(record, out, in, s.attrs.ref());
    } else {
      run_all(record, in, s.attrs.ref());
    }
  });
  EXPECT_TRUE(error.starts_with(concat(record.name, ": ")) && error.find(hearth::to_string(other)) != std::string::npos)
      << concat("in ", other, ", which the record does not state: ")
      << (error == kNoError ? error : "the error does not name op and dtype: " + error);
}

int64_t check_dtypes(const OpRow& row, const OpDef& record) {
  if (row.composed) return 0;
  const NoGrad off;
  Watch watch(record);
  int64_t n = 0;
  std::optional<DType> own;
  for_samples(row, record, [&](const Sample& s, DType t) {
    const Tensors in = s.inputs(t);
    const InterposerGuard guard(watch);
    const size_t before = watch.seen.size();
    call(s, in);
    ++n;
    if (watch.seen.size() > before && record.dtypes.contains(t)) own = t;
  });
  EXPECT_FALSE(watch.seen.empty()) << "no sample runs this op";
  for_dtypes(record.dtypes, [&](DType t) {
    EXPECT_TRUE(watch.dtypes.contains(t)) << concat("no sample runs the op in ", t, ", which it states");
  });
  if (!own || row.samples.empty()) return n;

  // The last call in that dtype, in dtypes that are not stated.
  const Watch::Seen* last = nullptr;
  for (const Watch::Seen& s : watch.seen) {
    bool fits = s.bound.defined() && s.bound.dtype() == *own;
    for (const auto& v : s.in) {
      if (const Tensor* t = std::get_if<Tensor>(&v)) fits |= t->dtype() == *own;
    }
    if (fits) last = &s;
  }
  for (int other = 0; last && other < kDTypes; ++other) {
    const auto t = static_cast<DType>(other);
    if (record.dtypes.contains(t) || lifted(record, *last, t)) continue;
    check_refused(record, *last, *own, t);
    ++n;
  }
  const DTypeSet takes = taken(row, record);
  for (int other = 0; other < kDTypes; ++other) {
    const auto t = static_cast<DType>(other);
    if (takes.contains(t)) continue;
    const Tensors in = row.samples[0].inputs(t);
    Watch now(record);
    const std::string error = error_of([&] {
      const InterposerGuard guard(now);
      call(row.samples[0], in);
    });
    if (!now.seen.empty() && lifted(record, now.seen[0], t)) continue;
    EXPECT_NE(error.find(hearth::to_string(t)), std::string::npos)
        << concat("the function in ", t, ": ") << (error == kNoError ? error : "the error does not name it: " + error);
    ++n;
  }
  return n;
}

int64_t check_meta(const OpRow& row, const OpDef& record) {
  int64_t n = 0;
  if (row.reads_values) return 0;
  const NoGrad off;
  for_samples(row, record, [&](const Sample& s, DType t) {
    for (Arrangement a : kArrangements) {
      if (s.large || (a != Arrangement::kAsMade && !s.rearranged)) continue;
      const Tensors in = arranged(s.inputs(t), a);
      Tensors meta;
      for (const Tensor& x : in) meta.push_back(on_meta(x));
      // A function of no operands makes its own tensors.
      if (in.empty()) return;
      const Tensors real = call(s, in), shapes = call(s, meta);
      ++n;
      ASSERT_EQ(real.size(), shapes.size());
      for (size_t i = 0; i < real.size(); ++i) {
        EXPECT_TRUE(shapes[i].device().is_meta()) << "result " << i;
        EXPECT_EQ(hearth::to_string(shapes[i].shape()), hearth::to_string(real[i].shape())) << "result " << i;
        EXPECT_EQ(hearth::to_string(shapes[i].dtype()), hearth::to_string(real[i].dtype())) << "result " << i;
        EXPECT_EQ(hearth::to_string(shapes[i].strides()), hearth::to_string(real[i].strides())) << "result " << i;
      }
    }
  });
  return n;
}

// Gradients of narrower dtypes have these and are near those of f64 at the same place.
void check_gradient_dtypes(const OpRow& row, const Sample& s, DType t) {
  const TensorFunction fn = [&](std::span<const Tensor> x) { return call(s, x); };
  Tensors leaves, wide;
  for (const Tensor& x : s.inputs(t)) {
    const bool wanted = x.is_floating_point() && !(s.constants >> leaves.size() & 1);
    leaves.push_back(x.clone());
    wide.push_back(x.is_floating_point() ? from_wide(to_wide(x), x.shape(), f64) : x);
    if (wanted) leaves.back().requires_grad_(), wide.back().requires_grad_();
  }
  const Tensors got = gradients_of(fn, leaves), want = gradients_of(fn, wide);
  size_t k = 0;
  for (const Tensor& x : leaves) {
    if (!x.requires_grad()) continue;
    const size_t i = k++;
    EXPECT_EQ(got[i].defined(), want[i].defined()) << "gradient " << i;
    if (!got[i].defined() || !want[i].defined()) continue;
    EXPECT_EQ(hearth::to_string(got[i].dtype()), hearth::to_string(x.dtype())) << "gradient " << i;
    EXPECT_EQ(hearth::to_string(got[i].shape()), hearth::to_string(x.shape())) << "gradient " << i;
    const std::vector<long double> a = to_wide(got[i]), b = to_wide(want[i]);
    long double largest = 1;
    for (long double v : b) largest = std::max(largest, std::abs(v));
    for (size_t e = 0; e < a.size(); ++e) {
      // Every op on the way rounds to the narrowest of the operands' dtypes.
      long double unit = 0;
      for (const Tensor& y : leaves) unit = y.is_floating_point() ? std::max(unit, ulp(1, y.dtype())) : unit;
      if (std::isnan(a[e]) && std::isnan(b[e])) continue;
      if (std::abs(a[e] - b[e]) <= 16 * unit * std::sqrt(s.terms) * largest) continue;
      ADD_FAILURE() << "gradient " << i << ", element " << e << ", is " << static_cast<double>(a[e])
                    << "; in f64 it is " << static_cast<double>(b[e]);
      return;
    }
  }
}

// The op written over one of its operands hands back the gradients of the op beside it.
int64_t check_gradients_in_place(const OpDef& record, const Sample& s) {
  Watch watch(record);
  {
    const NoGrad off;
    const Tensors in = s.inputs(f64);
    const InterposerGuard guard(watch);
    call(s, in);
  }
  int64_t n = 0;
  for (const Watch::Seen& seen : watch.seen) {
    if (seen.bound.defined()) continue;
    Tensors leaves;
    for (const auto& v : seen.in) {
      const Tensor* x = std::get_if<Tensor>(&v);
      leaves.push_back(!x ? Tensor() : x->clone());
      if (x && x->dtype() == f64) leaves.back().requires_grad_();
    }
    std::vector<Tensor> wanted;
    for (const Tensor& l : leaves) {
      if (l.defined() && l.requires_grad()) wanted.push_back(l);
    }
    // over: the operand that is overwritten; -1: none.
    const auto gradients = [&](int over) {
      Watch::Seen now = seen;
      for (size_t k = 0; k < leaves.size(); ++k) {
        if (leaves[k].defined()) now.in[k] = leaves[k];
      }
      Tensor y;
      if (over >= 0) {
        y = leaves[static_cast<size_t>(over)] * 1;
        now.in[static_cast<size_t>(over)] = y;
        run_into(record, y, now.operands(), now.attrs.ref());
      } else {
        y = run(record, now.operands(), now.attrs.ref());
      }
      const Tensor with = noise(y.shape(), f64, -1, 1, 77);
      return y.requires_grad() ? grad({&y, 1}, wanted, {&with, 1}, {}, true) : Tensors(wanted.size());
    };
    const Tensors want = gradients(-1);
    const Tensor result = run(record, seen.operands(), seen.attrs.ref());
    for (size_t k = 0; k < leaves.size(); ++k) {
      // A complex result cannot be written over a real operand.
      if (!leaves[k].defined() || leaves[k].dtype() != f64 || result.is_complex()) continue;
      if (!(leaves[k].shape() == result.shape())) continue;
      ++n;
      const Tensors got = gradients(static_cast<int>(k));
      for (size_t i = 0; i < want.size(); ++i) {
        EXPECT_TRUE(got[i].defined() == want[i].defined() && (!got[i].defined() || same_bits(got[i], want[i])))
            << "written over operand " << k << ", the gradient " << i << " differs";
      }
    }
  }
  return n;
}

int64_t check_gradients(const OpRow& row, const OpDef& record) {
  int64_t n = 0;
  if (row.composed && !row.gradient) return 0;
  if (!row.gradient) {
    EXPECT_EQ(record.backward, nullptr) << "the record has a gradient, but the row says that there is none";
    return 0;
  }
  EXPECT_TRUE(record.backward || row.composed) << "the record has no gradient, but the row says that there is one";
  bool smooth = false;
  for (const Sample& s : row.samples) {
    if (!s.smooth || !both(s.dtypes, taken(row, record)).contains(f64)) continue;
    smooth = true;
    SCOPED_TRACE(concat("sample \"", s.name, "\""));
    try {
      if (record.kind == OpKind::kPointwise && record.outputs == 1 && test_device().is_cpu())
        n += check_gradients_in_place(record, s);
      for_dtypes(both(both(s.dtypes, taken(row, record)), kFloatTypes), [&](DType t) {
        if (t == f64) return;
        SCOPED_TRACE(hearth::to_string(t));
        check_gradient_dtypes(row, s, t);
        ++n;
      });
    } catch (const Error& e) {
      if (lacks_kernel(e)) continue;
      ADD_FAILURE() << "threw: " << e.what();
    }
    for (Arrangement a : kArrangements) {
      if (a != Arrangement::kAsMade && !s.rearranged) continue;
      SCOPED_TRACE(concat("sample \"", s.name, "\", operands ", to_string(a)));
      Tensors in;
      for (const Tensor& x : s.inputs(f64)) {
        Tensor leaf = x.layout().overlapping() ? x.clone() : arranged(x, a);
        const bool constant = s.constants >> in.size() & 1;
        in.push_back(leaf.dtype() == f64 && !constant ? leaf.requires_grad_() : leaf);
      }
      const TensorFunction fn = [&](std::span<const Tensor> x) { return call(s, x); };
      ++n;
      const std::string error = error_of([&] {
        gradcheck(fn, in);
        if (row.second) gradgradcheck(fn, in);
      });
      EXPECT_EQ(error, kNoError);
      if (error != kNoError) return n;
    }
  }
  EXPECT_TRUE(smooth) << "no sample is smooth";
  return n;
}

int64_t check_trace(const OpRow& row, const OpDef& record) {
  int64_t n = 0;
  if (row.untraced || row.reads_values) return 0;
  const NoGrad off;
  for_samples(row, record, [&](const Sample& s, DType t) {
    const Tensors in = s.inputs(t);
    if (in.empty() || s.large) return;
    std::vector<graph::Spec> specs;
    for (size_t i = 0; i < in.size(); ++i) {
      std::vector<graph::Size> shape;
      for (int64_t size : in[i].shape()) shape.emplace_back(size);
      if (s.batch >> i & 1) shape[0] = graph::Size("batch");
      specs.push_back({concat("x", i), in[i].dtype(), std::move(shape)});
    }
    const graph::Graph g = graph::trace(s.call, specs);
    bool holds = false;
    for (const graph::Node& node : g.nodes) holds |= node.op == &record;
    // Of a dtype that the record does not state, the public function may answer by other means.
    EXPECT_TRUE(holds || row.composed || !(record.dtypes.contains(t) || record.promote == Promote::kFloat))
        << "the graph does not contain the op:\n"
        << to_string(g);
    std::vector<int64_t> sizes{-1};
    if (s.batch) sizes = {-1, 1, 2, 5};
    for (int64_t size : sizes) {
      Tensors x;
      for (size_t i = 0; i < in.size(); ++i)
        x.push_back(size < 0 || !(s.batch >> i & 1) ? in[i] : with_rows(in[i], size));
      const Tensors eager = call(s, x);
      manual_seed(7);
      const Tensors replayed = g.run(x);
      ++n;
      ASSERT_EQ(eager.size(), replayed.size());
      for (size_t i = 0; i < eager.size(); ++i) {
        EXPECT_TRUE(same_bits(eager[i], replayed[i]))
            << "result " << i << (size < 0 ? "" : concat(" of batch size ", size)) << " differs:\n"
            << to_string(g);
      }
    }
  });
  return n;
}

int64_t check_threads(const OpRow& row, const OpDef& record) {
  int64_t n = 0;
  const NoGrad off;
  for_samples(row, record, [&](const Sample& s, DType t) {
    const Tensors in = s.inputs(t);
    Tensors first;
    for (int width : {1, 2, 4}) {
      const ThreadWidth guard(width);
      Tensors got = call(s, in);
      ++n;
      for (size_t i = 0; i < first.size(); ++i)
        EXPECT_TRUE(same_bits(first[i], got[i])) << "result " << i << " has other bits with " << width << " threads";
      if (width == 1) first = std::move(got);
    }
  });
  return n;
}

// Has every record that can be composed of others composed, as on a device without kernels.
class Compose final : public Interposer {
 public:
  void intercept(OpCall& c) override {
    if (!c.op.compose || c.bound) return c.proceed();
    ++calls;
    if (!c.generator) c.generator = &default_generator();
    for (const Operand& o : c.in) {
      if (!o.is_tensor()) continue;
      c.device = o.tensor().device();
      c.dtype = o.tensor().dtype();
      break;
    }
    c.op.infer(c);
    c.op.compose(c);
  }
  int64_t calls = 0;
};

// Composed of other ops a record gives the same, for all that several roundings allow.
int64_t check_composed(const OpRow& row, const OpDef& record) {
  if (!record.compose) return 0;
  OpRow loose = row;
  loose.accuracy = Accuracy::kGradient;
  int64_t n = 0;
  const NoGrad off;
  for_samples(loose, record, [&](const Sample& s, DType t) {
    const Tensors in = s.inputs(t);
    const Tensors whole = call(s, in);
    std::vector<Want> want = s.want ? s.want(in, t) : std::vector<Want>();
    for (size_t i = want.size(); i < whole.size(); ++i)
      want.push_back({whole[i].dtype(), whole[i].shape(), to_wide(whole[i])});
    Compose composing;
    Tensors got;
    {
      const InterposerGuard guard(composing);
      got = call(s, in);
    }
    n += composing.calls;
    EXPECT_GT(composing.calls, 0);
    for (size_t i = 0; i < got.size(); ++i) {
      const std::string wrong = compare(loose, s, want[i], got[i]);
      if (!wrong.empty()) ADD_FAILURE() << "composed: result " << i << " " << wrong << operands_text(in);
    }
  });
  return n;
}

constexpr OpCheck kChecks[] = {{"Values", check_values},       {"Dtypes", check_dtypes}, {"Meta", check_meta},
                               {"Gradients", check_gradients}, {"Trace", check_trace},   {"Targets", check_targets},
                               {"Threads", check_threads},     {"Bound", check_bound},   {"Memory", check_memory},
                               {"Composed", check_composed}};
// Those that a device's kernels can fail; the others are of what all devices share.
constexpr OpCheck kDeviceChecks[] = {{"Values", check_values}, {"Gradients", check_gradients}};

}  // namespace

std::span<const OpCheck> op_checks() {
  if (test_device().is_cpu()) return kChecks;
  return kDeviceChecks;
}

}  // namespace hearth::testing
