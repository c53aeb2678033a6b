#include "core/graph/trace.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/graph/recorder.h"

namespace hearth::graph {
namespace {

// What one run was like.
struct Run {
  std::vector<int64_t> dims;
  std::vector<Recorder::Captured> constants;
  std::vector<Recorded> ops;
  std::vector<ValueId> outputs;
  std::vector<Tensor> output_tensors;  // without data
  std::vector<std::pair<int, ValueId>> updates;
};

constexpr size_t kRuns = 3;
// One more run is far away from those: a size that is the same in all of them, because it is divided by much, differs.
constexpr int64_t kFar = 8192;
// Where these do not explain a size: more, of sizes one after the other. Twice as many as the greatest divisor, so that
// no two divisions agree in all.
constexpr std::array<int64_t, 2> kDivisors = {32, 1024};
struct NeedsMoreRuns {};

constexpr const char* kOtherWork =
    "; a loop over a size or a condition on one is not part of a graph: give that dimension a number in the Spec";
constexpr const char* kWayOut =
    "; give that dimension a number in the Spec, or compute with dim_size(x, d), which is a tensor";

bool prime(int64_t n) {
  for (int64_t d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return n > 1;
}

// A dim's name and what it can be, over all inputs that have it.
struct NamedDim {
  std::string name;
  int64_t min = 0;
  int64_t max = INT64_MAX;
};

using Sizes = std::array<int64_t, kRuns>;  // of one dim, by run

// Whether one dim is a multiple of the other plus a constant in all runs: then nobody could tell them apart.
bool alike(const Sizes& a, const Sizes& b) { return (a[1] - a[0]) * (b[2] - b[1]) == (a[2] - a[1]) * (b[1] - b[0]); }

// Sizes from few: primes where there are enough.
Sizes sample_within(const NamedDim& dim, const std::vector<Sizes>& others) {
  constexpr size_t kEnough = 24;
  std::vector<int64_t> from;
  for (bool want_prime : {true, false}) {
    for (int64_t n = std::max<int64_t>(dim.min, 0); n <= dim.max && from.size() < kEnough; ++n) {
      if (prime(n) == want_prime) from.push_back(n);
    }
  }
  for (int64_t a : from) {
    for (int64_t b : from) {
      for (int64_t c : from) {
        const Sizes s{a, b, c};
        if (a == b || b == c || a == c) continue;
        if (std::ranges::none_of(others, [&](const Sizes& o) { return alike(s, o); })) return s;
      }
    }
  }
  fail("trace: the dimension \"", dim.name, "\" is from ", dim.min, " to ", dim.max,
       ": tracing needs three sizes that it can take; give a smaller Range::min or a larger max, or a number in place "
       "of the name");
}

// Different primes for each dim and run, none below what the dim allows. They are spread so that no dim is a multiple
// of another plus a constant in all runs, as twin primes would be.
std::vector<Sizes> sample_sizes(const std::vector<NamedDim>& dims) {
  std::vector<Sizes> out(dims.size()), chosen;
  std::set<int64_t> used;
  std::vector<size_t> narrow;
  for (size_t d = 0; d < dims.size(); ++d) {
    bool fits = true;
    for (size_t r = 0; r < kRuns; ++r) {
      int64_t n = std::max<int64_t>(dims[d].min, 5) + static_cast<int64_t>(5 * r + d * d * (r * r + 3 * r));
      while (!prime(n) || used.contains(n)) ++n;
      used.insert(n);
      out[d][r] = n;
      fits &= n <= dims[d].max;
    }
    if (fits) chosen.push_back(out[d]);
    else narrow.push_back(d);
  }
  for (size_t d : narrow) chosen.push_back(out[d] = sample_within(dims[d], chosen));
  return out;
}

Run record(const Function& fn, std::span<const Spec> specs, const std::vector<std::string>& dim_names,
           const std::vector<int64_t>& dims, const TraceOptions& options) {
  Run run;
  run.dims = dims;
  const NoGrad off;
  std::vector<Tensor> in;
  for (const Spec& s : specs) {
    Shape shape;
    for (const Size& size : s.shape) {
      if (size.name().empty()) {
        HEARTH_CHECK(size.number() >= 0, "trace: input \"", s.name, "\" has the size ", size.number());
        shape.push_back(size.number());
      } else {
        shape.push_back(dims[static_cast<size_t>(std::ranges::find(dim_names, size.name()) - dim_names.begin())]);
      }
    }
    in.push_back(hearth::detail::empty(shape, s.dtype, Device::parse("meta"), "trace"));
  }
  Recorder recorder(options.names);
  for (const Tensor& t : in) recorder.add_input(t);
  {
    InterposerGuard guard(recorder);
    for (const Tensor& t : fn(in)) {
      HEARTH_CHECK(t.defined(), "trace: the function gives an undefined tensor");
      run.outputs.push_back(recorder.value(t));
      run.output_tensors.push_back(recorder.stand_in(t));
    }
  }
  run.constants = recorder.constants();
  run.ops = recorder.ops();
  run.updates = recorder.updates();
  return run;
}

// One size for each dim of run number `run` of `runs` of those.
std::vector<int64_t> further_sizes(const std::vector<NamedDim>& dims, const std::vector<Sizes>& samples, size_t runs,
                                   size_t run) {
  std::vector<int64_t> out;
  for (size_t d = 0; d < dims.size(); ++d) {
    int64_t first = std::ranges::min(samples[d]), count = static_cast<int64_t>(runs);
    if (dims[d].max - first < count - 1) {
      first = std::max<int64_t>(dims[d].min, 1);
      count = std::min(count, dims[d].max - first + 1);
    }
    const size_t step = (d % 2 ? runs - 1 - run : run) + 11 * d / 2;
    out.push_back(first + static_cast<int64_t>(step) % count);
  }
  return out;
}

// About `distance` more than the samples of a dim, as far as it allows.
int64_t far_size(const NamedDim& dim, const Sizes& samples, int64_t distance) {
  int64_t n = std::ranges::max(samples) + distance;
  while (!prime(n)) ++n;
  return std::min(n, dim.max);
}

// One run of which all sizes are far from the samples; where the function takes no such sizes (a length that is more
// than a table of positions has), one for each dim, of which that alone is about as far as the function takes it.
template <class Record>
std::vector<Run> far_runs(const std::vector<NamedDim>& dims, const std::vector<Sizes>& samples, Record record) {
  std::vector<Run> out;
  std::vector<int64_t> near, far;
  for (size_t d = 0; d < dims.size(); ++d) {
    near.push_back(samples[d].back());
    far.push_back(far_size(dims[d], samples[d], kFar / (static_cast<int64_t>(d) + 1)));
  }
  if (dims.empty()) return out;
  try {
    out.push_back(record(far));
    return out;
  } catch (const Error&) {
    // See below.
  }
  for (size_t d = 0; d < dims.size(); ++d) {
    for (int64_t distance = kFar; distance > 0; distance /= 2) {
      std::vector<int64_t> sizes = near;
      sizes[d] = far_size(dims[d], samples[d], distance);
      try {
        out.push_back(record(sizes));
        break;
      } catch (const Error&) {
        continue;
      }
    }
  }
  return out;
}

// Finds each size that differs between runs again as an expression.
class Solver {
 public:
  // Sizes may be divided by up to `divisor`; throws NeedsMoreRuns for what is not found, unless it is the `last` try.
  Solver(const std::vector<Run>& runs, const std::vector<std::string>& names, int64_t divisor, bool last)
      : runs_(runs), names_(names), divisor_(divisor), last_(last) {}

  // The expression whose value is v[i] in run i. `what` is called to name the place in an error.
  template <class What>
  SizeExpr solve(const std::vector<int64_t>& v, What what) const {
    if (std::ranges::all_of(v, [&](int64_t x) { return x == v[0]; })) return v[0];
    const int n = static_cast<int>(names_.size());
    std::vector<int> pick;
    SizeExpr e;
    // Products alone are likelier than sums.
    for (bool offset : {false, true}) {
      for (int size = 1; size <= 3; ++size) {
        if (search(v, pick, 0, n, size, offset, e)) return e;
      }
    }
    for (int d = 0; d < n; ++d) {
      if (divided(v, d, e)) return e;
    }
    if (!last_) throw NeedsMoreRuns();
    // The first runs, and one that differs.
    std::string seen;
    const auto other = static_cast<size_t>(std::ranges::find_if(v, [&](int64_t x) { return x != v[0]; }) - v.begin());
    for (size_t i : {size_t{0}, size_t{1}, std::max<size_t>(other, 2)}) {
      seen += i ? ", " : "";
      seen += concat(v[i], " where ");
      for (size_t d = 0; d < names_.size(); ++d) seen += concat(d ? ", " : "", names_[d], " = ", runs_[i].dims[d]);
    }
    fail("trace: ", what(),
         " depends on the sizes in another way than a * size + b, or that divided by a number (it is ", seen, ")",
         kWayOut);
  }

 private:
  // Tries all sets of `left` more dims, from `from` on.
  bool search(const std::vector<int64_t>& v, std::vector<int>& pick, int from, int n, int left, bool offset,
              SizeExpr& e) const {
    if (left == 0) {
      const auto product = [&](size_t i) {
        int64_t p = 1;
        for (int d : pick) p *= runs_[i].dims[static_cast<size_t>(d)];
        return p;
      };
      const int64_t p0 = product(0), p1 = product(1);
      if (p1 == p0 || (v[1] - v[0]) % (p1 - p0) != 0) return false;
      const int64_t a = (v[1] - v[0]) / (p1 - p0), b = v[0] - a * p0;
      if (a == 0 || (b != 0 && !offset)) return false;
      for (size_t i = 2; i < v.size(); ++i) {
        if (v[i] != a * product(i) + b) return false;
      }
      e = SizeExpr(a, pick, b);
      return true;
    }
    for (int d = from; d < n; ++d) {
      pick.push_back(d);
      const bool found = search(v, pick, d, n, left - 1, offset, e);
      pick.pop_back();
      if (found) return true;
    }
    return false;
  }

  // v = (a * size + b) / c, rounded down. The sizes have every remainder of c, which leaves one b.
  bool divided(const std::vector<int64_t>& v, int dim, SizeExpr& e) const {
    const auto size = [&](size_t i) { return runs_[i].dims[static_cast<size_t>(dim)]; };
    size_t low = 0, high = 0;
    for (size_t i = 1; i < v.size(); ++i) {
      if (size(i) < size(low)) low = i;
      if (size(i) > size(high)) high = i;
    }
    if (size(low) == size(high)) return false;
    for (int64_t c = 2; c <= divisor_; ++c) {
      const int64_t about = c * (v[high] - v[low]) / (size(high) - size(low));
      for (int64_t a = std::max<int64_t>(about - 1, 1); a <= about + 1; ++a) {
        int64_t least = INT64_MIN, most = INT64_MAX;  // of b
        for (size_t i = 0; i < v.size(); ++i) {
          const int64_t rest = v[i] * c - a * size(i);
          least = std::max(least, rest);
          most = std::min(most, rest + c - 1);
        }
        if (least != most) continue;
        e = SizeExpr(a, {dim}, least, c);
        return true;
      }
    }
    return false;
  }

  const std::vector<Run>& runs_;
  const std::vector<std::string>& names_;
  const int64_t divisor_;
  const bool last_;
};

// The size that a function was applied to, if it was that function; what it was is for the caller to check.
int64_t undo(SizeFunction f, double v) {
  double n = v;
  if (f == SizeFunction::kSqrt) n = v * v;
  if (f == SizeFunction::kReciprocal) n = 1 / v;
  if (f == SizeFunction::kReciprocalSqrt) n = 1 / (v * v);
  if (f == SizeFunction::kLog) n = std::exp(v);
  return std::abs(n) < 1e15 ? std::llround(n) : 0;
}

std::string place(const Recorded& r) { return (r.scope.empty() ? "" : "in " + r.scope + ": ") + r.op->name; }

bool same_bytes(const Tensor& a, const Tensor& b) {
  if (!a.layout().contiguous || !b.layout().contiguous) return true;  // a view of something older than the run
  return a.nbytes() == 0 || std::memcmp(a.raw_data(), b.raw_data(), static_cast<size_t>(a.nbytes())) == 0;
}

class Merger {
 public:
  Merger(const std::vector<Run>& runs, Graph& g, const std::vector<std::string>& names, int64_t divisor = 0,
         bool last = false)
      : runs_(runs), g_(g), solver_(runs, names, divisor, last) {}

  void merge(const TraceOptions& options) {
    check_same_ops();
    for (size_t i = 0; i < runs_[0].constants.size(); ++i) add_constant(i);
    int next = g_.first_made();
    for (size_t i = 0; i < runs_[0].ops.size(); ++i) {
      first_.push_back(next);
      add_node(i);
      next += g_.nodes.back().count;
    }
    const size_t n = runs_[0].outputs.size();
    HEARTH_CHECK(n > 0, "trace: the function gives no tensor");
    HEARTH_CHECK(options.outputs.empty() || options.outputs.size() == n, "trace: ", options.outputs.size(),
                 " names for ", n, " outputs");
    for (size_t i = 0; i < n; ++i) {
      const std::string name = !options.outputs.empty() ? options.outputs[i] : n == 1 ? "output" : concat("output.", i);
      const Tensor& t = runs_[0].output_tensors[i];
      g_.outputs.push_back({name, number(runs_[0].outputs[i]), t.dtype(),
                            shape([&](const Run& r) -> const Shape& { return r.output_tensors[i].shape(); },
                                  [&] { return "the shape of output \"" + name + "\""; })});
    }
    for (const auto& [constant, value] : runs_[0].updates) g_.updates.push_back({constant, number(value)});
  }

  void check_same_ops() const {
    for (const Run& r : runs_) {
      const size_t n = std::min(r.ops.size(), runs_[0].ops.size());
      for (size_t i = 0; i < n; ++i) {
        HEARTH_CHECK(r.ops[i].op == runs_[0].ops[i].op && r.ops[i].scope == runs_[0].ops[i].scope,
                     "trace: the function does something else for other sizes: ", place(runs_[0].ops[i]), " or ",
                     place(r.ops[i]), kOtherWork);
      }
      HEARTH_CHECK(r.ops.size() == runs_[0].ops.size() && r.outputs == runs_[0].outputs &&
                       r.constants.size() == runs_[0].constants.size(),
                   "trace: the function does something else for other sizes: it runs ", runs_[0].ops.size(), " ops or ",
                   r.ops.size(), kOtherWork);
    }
  }

 private:
  void add_constant(size_t i) {
    const Recorder::Captured& c = runs_[0].constants[i];
    const std::string name = c.name.empty() ? concat("constant.", i) : c.name;
    for (const Run& r : runs_) {
      const Tensor& t = r.constants[i].tensor;
      if (t.impl() == c.tensor.impl()) continue;
      HEARTH_CHECK(
          t.shape() == c.tensor.shape() && t.dtype() == c.tensor.dtype() && same_bytes(t, c.tensor),
          "trace: the function makes a tensor whose content depends on the sizes (of shape ", c.tensor.shape(), " or ",
          t.shape(),
          ") by other means than ops: it cannot be a constant; make it by arange, linspace, full or dim_size(x, d)");
    }
    g_.constants.push_back({name, c.tensor.detach()});
  }

  void add_node(size_t i) {
    const Recorded& r = runs_[0].ops[i];
    Node n;
    n.op = r.op;
    n.attrs = r.attrs;
    n.count = r.count;
    n.first = first_.back();
    n.scope = r.scope;
    add_attributes(n, i);
    for (size_t k = 0; k < r.in.size(); ++k) n.in.push_back(argument(i, k));
    if (r.target) {
      n.target = Target{r.target->dtype, r.target->format,
                        shape([&](const Run& run) -> const Shape& { return run.ops[i].target->shape; },
                              [&] { return "the size of the result of " + place(r); })};
    }
    g_.nodes.push_back(std::move(n));
  }

  void add_attributes(Node& n, size_t i) const {
    const Recorded& r = runs_[0].ops[i];
    std::vector<OwnedAttrs> copies;
    std::vector<std::vector<Whole>> slots;
    copies.reserve(runs_.size());
    for (const Run& run : runs_) {
      copies.push_back(run.ops[i].attrs);
      slots.push_back(wholes(copies.back()));
      HEARTH_CHECK(slots.back().size() == slots[0].size(), "trace: ", place(r),
                   ": the number of attributes differs for other sizes");
    }
    for (size_t s = 0; s < slots[0].size(); ++s) {
      std::vector<int64_t> v;
      for (const auto& of_run : slots) v.push_back(*of_run[s].at);
      SizeExpr e = solver_.solve(v, [&] {
        return concat(place(r), "'s ", slots[0][s].field,
                      slots[0][s].index >= 0 ? concat("[", slots[0][s].index, "]") : std::string());
      });
      if (!e.constant()) n.sizes.emplace_back(static_cast<int>(s), std::move(e));
      for (const auto& of_run : slots) *of_run[s].at = v[0];
    }
    // What is not a whole number must not differ at all.
    for (const OwnedAttrs& other : copies) {
      HEARTH_CHECK(other == copies[0], "trace: ", place(r),
                   ": attributes differ for other sizes: ", to_string(copies[0].ref()), " or ", to_string(other.ref()),
                   kWayOut);
    }
  }

  Argument argument(size_t i, size_t k) const {
    const RecordedArgument& a = runs_[0].ops[i].in[k];
    const Recorded& r = runs_[0].ops[i];
    for (const Run& run : runs_) {
      HEARTH_CHECK(run.ops[i].in.size() == r.in.size() && run.ops[i].in[k].value == a.value, "trace: ", place(r),
                   ": operand ", k, " is another value for other sizes");
    }
    if (a.value.from != ValueId::From::kNone) return {number(a.value)};
    if (!a.is_number) return {Argument::Absent{}};
    Argument::Number n{a.number, {}, false};
    std::vector<Scalar> all;
    for (const Run& run : runs_) all.push_back(run.ops[i].in[k].number);
    if (std::ranges::all_of(all, [&](const Scalar& x) { return x == a.number; })) return {n};
    const auto what = [&] { return concat(place(r), "'s operand ", k); };
    n.symbolic = true;
    const auto of_kind = [&](DTypeKind kind) {
      return std::ranges::all_of(all, [&](const Scalar& x) { return x.kind() == kind; });
    };
    std::vector<int64_t> v;
    if (of_kind(DTypeKind::kInt)) {
      for (const Scalar& x : all) v.push_back(x.to<int64_t>());
      n.size = solver_.solve(v, what);
      return {n};
    }
    for (SizeFunction f : {SizeFunction::kFloat, SizeFunction::kSqrt, SizeFunction::kReciprocal,
                           SizeFunction::kReciprocalSqrt, SizeFunction::kLog}) {
      if (!of_kind(DTypeKind::kFloat)) break;
      v.clear();
      for (const Scalar& x : all) v.push_back(undo(f, x.to<double>()));
      bool same = true;
      for (size_t run = 0; run < all.size(); ++run) same &= apply(f, v[run]) == all[run].to<double>();
      if (!same) continue;
      n.function = f;
      n.size = solver_.solve(v, what);
      return {n};
    }
    fail("trace: ", what(), " is the number ", a.number, " or ", all[1],
         " for other sizes; a number may be a size, its square root, logarithm or reciprocal, or 1 / std::sqrt of it, "
         "in "
         "double; for anything else compute with dim_size(x, d), which is a tensor");
  }

  template <class Of, class What>
  std::vector<SizeExpr> shape(Of of, What what) const {
    std::vector<SizeExpr> out;
    const int rank = of(runs_[0]).rank();
    for (const Run& r : runs_)
      HEARTH_CHECK(of(r).rank() == rank, "trace: ", what(), " has another rank for other sizes");
    for (int d = 0; d < rank; ++d) {
      std::vector<int64_t> v;
      for (const Run& r : runs_) v.push_back(of(r)[d]);
      out.push_back(solver_.solve(v, what));
    }
    return out;
  }

  int number(const ValueId& v) const {
    switch (v.from) {
      case ValueId::From::kInput:
        return v.index;
      case ValueId::From::kConstant:
        return g_.first_constant() + v.index;
      case ValueId::From::kNode:
        return first_[static_cast<size_t>(v.index)] + v.output;
      case ValueId::From::kNone:
        break;
    }
    fail("trace: a tensor was read before anything was written to it");
  }

  const std::vector<Run>& runs_;
  Graph& g_;
  Solver solver_;
  std::vector<int> first_;
};

// A value's place in a list of all.
size_t at(int value, int k = 0) { return static_cast<size_t>(value) + static_cast<size_t>(k); }

// Drops nodes and constants that no output needs, and numbers the rest anew. Random ops stay in their order.
void prune(Graph& g) {
  const int made = g.first_made();
  std::vector<bool> used(static_cast<size_t>(made));
  for (const Node& n : g.nodes) used.resize(at(n.first, n.count));
  for (const Output& o : g.outputs) used[static_cast<size_t>(o.value)] = true;
  for (const Update& u : g.updates) {
    used[static_cast<size_t>(u.value)] = true;
    used[at(g.first_constant(), u.constant)] = true;
  }
  std::vector<Node> kept;
  for (size_t i = g.nodes.size(); i-- > 0;) {
    const Node& n = g.nodes[i];
    bool wanted = n.op->kind == OpKind::kRandom;
    for (int k = 0; k < n.count; ++k) wanted |= used[at(n.first, k)];
    if (!wanted) continue;
    for (const Argument& a : n.in) {
      if (const int* v = std::get_if<int>(&a.is)) used[static_cast<size_t>(*v)] = true;
    }
    kept.push_back(n);
  }
  std::ranges::reverse(kept);
  std::vector<int> renamed(used.size(), -1);
  int next = static_cast<int>(g.inputs.size());
  for (int i = 0; i < next; ++i) renamed[static_cast<size_t>(i)] = i;
  std::vector<Constant> constants;
  std::vector<int> constant_at(g.constants.size(), -1);
  for (size_t i = 0; i < g.constants.size(); ++i) {
    if (!used[g.inputs.size() + i]) continue;
    constant_at[i] = static_cast<int>(constants.size());
    renamed[g.inputs.size() + i] = next++;
    constants.push_back(std::move(g.constants[i]));
  }
  for (Node& n : kept) {
    for (Argument& a : n.in) {
      if (int* v = std::get_if<int>(&a.is)) *v = renamed[static_cast<size_t>(*v)];
    }
    for (int k = 0; k < n.count; ++k) renamed[at(n.first, k)] = next + k;
    n.first = next;
    next += n.count;
  }
  for (Output& o : g.outputs) o.value = renamed[static_cast<size_t>(o.value)];
  for (Update& u : g.updates) u = {constant_at[static_cast<size_t>(u.constant)], renamed[static_cast<size_t>(u.value)]};
  g.constants = std::move(constants);
  g.nodes = std::move(kept);
}

}  // namespace

void check_training_mode(bool training, const std::string& name, const TraceOptions& options) {
  HEARTH_CHECK(!training || options.training, "trace: the module", name.empty() ? "" : " ", name,
               " is in training mode; call eval() first, or set TraceOptions::training");
}

void bad_input_count(size_t n) { fail("trace: the module cannot be called with ", n, " tensors"); }

Graph trace(const Function& fn, std::span<const Spec> specs, const TraceOptions& options) {
  HEARTH_CHECK(!tracing(), "trace: a function that is being traced cannot call trace");
  Graph g;
  std::vector<std::string> names;
  std::vector<NamedDim> open;
  for (const Spec& s : specs) {
    Input in{s.name, s.dtype, {}};
    for (const Size& size : s.shape) {
      if (size.name().empty()) {
        in.shape.emplace_back(size.number());
        continue;
      }
      const auto at = std::ranges::find(names, size.name()) - names.begin();
      if (at == std::ssize(names)) {
        names.push_back(size.name());
        open.push_back({.name = size.name()});
      }
      NamedDim& dim = open[static_cast<size_t>(at)];
      dim.min = std::max(dim.min, size.number());
      dim.max = std::min(dim.max, size.max().value_or(INT64_MAX));
      in.shape.emplace_back(1, std::vector<int>{static_cast<int>(at)}, 0);
    }
    g.inputs.push_back(std::move(in));
  }
  std::vector<Run> runs;
  const std::vector<Sizes> samples = sample_sizes(open);
  for (size_t r = 0; r < kRuns; ++r) {
    std::vector<int64_t> dims;
    for (const Sizes& sizes : samples) dims.push_back(sizes[r]);
    runs.push_back(record(fn, specs, names, dims, options));
  }
  for (size_t d = 0; d < names.size(); ++d) {
    g.dims.push_back({names[d], runs[0].dims[d], {}});
    if (open[d].max != INT64_MAX) g.dims.back().max = open[d].max;
  }
  const auto run = [&](const std::vector<int64_t>& dims) { return record(fn, specs, names, dims, options); };
  // Before the function runs with sizes that a loop would take long for.
  Merger(runs, g, names).check_same_ops();
  for (Run& far : far_runs(open, samples, run)) runs.push_back(std::move(far));
  const size_t first_runs = runs.size();
  const Graph inputs_only = g;
  bool last = false;
  for (size_t more = 0;; ++more) {
    try {
      Merger(runs, g, names, more == 0 ? 0 : kDivisors.at(more - 1), last).merge(options);
      break;
    } catch (const NeedsMoreRuns&) {
      g = inputs_only;
      const auto count = static_cast<size_t>(2 * kDivisors.at(more));
      runs.resize(first_runs);
      last = more + 1 == kDivisors.size();
      try {
        for (size_t r = 0; r < count; ++r) runs.push_back(run(further_sizes(open, samples, count, r)));
      } catch (const Error&) {
        // The function does not take so many sizes. What the others do not explain is an error.
        last = true;
      }
    }
  }
  prune(g);
  g.validate();
  return g;
}

}  // namespace hearth::graph
