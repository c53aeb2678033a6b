#include "core/graph/graph.h"

#include <set>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/base/thread_state.h"
#include "core/op/machinery.h"
#include "core/op/run.h"

namespace hearth::graph {
namespace {

struct ScopeGuard {
  NameScope scope;
  explicit ScopeGuard(const std::string& name) : scope{name.c_str(), thread_state.scope} {
    if (!name.empty()) thread_state.scope = &scope;
  }
  ~ScopeGuard() {
    if (thread_state.scope == &scope) thread_state.scope = scope.parent;
  }
};

// A value's place in a list of all.
size_t place(int value, int k = 0) { return static_cast<size_t>(value) + static_cast<size_t>(k); }

Shape shape_of(const std::vector<SizeExpr>& sizes, std::span<const int64_t> dims) {
  Shape s;
  for (const SizeExpr& e : sizes) s.push_back(e.value(dims));
  return s;
}

std::string shape_text(const std::vector<SizeExpr>& sizes, const std::vector<std::string>& names) {
  std::string s = "[";
  for (size_t i = 0; i < sizes.size(); ++i) s += (i ? ", " : "") + to_string(sizes[i], names);
  return s + "]";
}

std::vector<std::string> dim_names(const Graph& g) {
  std::vector<std::string> names;
  names.reserve(g.dims.size());
  for (const Dim& d : g.dims) names.push_back(d.name);
  return names;
}

std::string symbolic_text(const Argument::Number& n, const std::vector<std::string>& names) {
  const std::string size = to_string(n.size, names);
  return n.function == SizeFunction::kWhole ? size
                                            : concat(kSizeFunctions[static_cast<size_t>(n.function)], "(", size, ")");
}

// The values of all dims, from the inputs' shapes.
std::vector<int64_t> bind(const Graph& g, std::span<const Tensor> in) {
  HEARTH_CHECK(in.size() == g.inputs.size(), "graph: expected ", g.inputs.size(), " inputs, but got ", in.size());
  std::vector<int64_t> dims(g.dims.size(), -1);
  for (size_t i = 0; i < in.size(); ++i) {
    const Input& want = g.inputs[i];
    HEARTH_CHECK(in[i].defined(), "graph: input \"", want.name, "\" is an undefined tensor");
    HEARTH_CHECK(in[i].dtype() == want.dtype, "graph: input \"", want.name, "\" must be ", want.dtype, ", but is ",
                 in[i].dtype());
    const Shape& s = in[i].shape();
    bool fits = s.size() == want.shape.size();
    const Dim* exceeded = nullptr;
    int64_t excess = 0;
    for (int d = 0; fits && d < s.rank(); ++d) {
      const SizeExpr& e = want.shape[static_cast<size_t>(d)];
      if (e.constant()) {
        fits = s[d] == e.offset;
      } else {
        int64_t& bound = dims[static_cast<size_t>(e.dims[0])];
        fits = bound == -1 || bound == s[d];
        bound = s[d];
        const Dim& dim = g.dims[static_cast<size_t>(e.dims[0])];
        if (dim.max && s[d] > *dim.max) {
          exceeded = &dim;
          excess = s[d];
        }
      }
    }
    HEARTH_CHECK(fits, "graph: input \"", want.name, "\" has shape ", s, "; expected ",
                 shape_text(want.shape, dim_names(g)));
    HEARTH_CHECK(!exceeded, "graph: input \"", want.name, "\": dimension \"", exceeded->name, "\" is ", excess,
                 ", the model takes at most ", *exceeded->max);
  }
  return dims;
}

// The attributes with sizes filled in; `own` holds them if any had to be.
AttrsRef filled_in(const Node& n, std::span<const int64_t> dims, OwnedAttrs& own) {
  if (n.sizes.empty()) return n.attrs.ref();
  own = n.attrs;
  const std::vector<Whole> slots = wholes(own);
  for (const auto& [slot, size] : n.sizes) *slots[static_cast<size_t>(slot)].at = size.value(dims);
  return own.ref();
}

void run_node(const Node& n, std::span<const int64_t> dims, Device device, std::vector<Tensor>& values) {
  const ScopeGuard scope(n.scope);
  std::vector<Operand> in;
  in.reserve(n.in.size());
  for (const Argument& a : n.in) {
    if (const int* v = std::get_if<int>(&a.is)) {
      in.emplace_back(values[static_cast<size_t>(*v)]);
    } else if (const auto* number = std::get_if<Argument::Number>(&a.is)) {
      in.emplace_back(number->at(dims));
    } else {
      in.emplace_back(std::nullopt);
    }
  }
  OwnedAttrs own;
  OpCall call(*n.op, in, filled_in(n, dims, own));
  if (n.target) {
    const Shape shape = shape_of(n.target->shape, dims);
    checked_numel(shape, size_of(n.target->dtype), n.op->name);
    call.out[0] = hearth::detail::empty_strided(shape, strides_for(Layout(shape), n.target->format), n.target->dtype,
                                                device, n.op->name);
    call.bound = true;
  }
  execute(call);
  for (int k = 0; k < n.count; ++k) values[place(n.first, k)] = std::move(call.out[k]);
}

// Runs all nodes over values, which holds inputs and constants; a value goes after its last use.
std::vector<Tensor> run_nodes(const Graph& g, std::span<const int64_t> dims, Device device,
                              std::vector<Tensor>& values) {
  std::vector<int> last(values.size(), -1);
  const int made = g.first_made();
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    for (const Argument& a : n.in) {
      if (const int* v = std::get_if<int>(&a.is)) last[static_cast<size_t>(*v)] = static_cast<int>(i);
    }
    for (int k = 0; k < n.count; ++k) last[place(n.first, k)] = static_cast<int>(i);
  }
  for (const Output& o : g.outputs) last[static_cast<size_t>(o.value)] = static_cast<int>(g.nodes.size());
  for (const Update& u : g.updates) last[static_cast<size_t>(u.value)] = static_cast<int>(g.nodes.size());
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    run_node(n, dims, device, values);
    const auto drop = [&](int v) {
      if (v >= made && last[static_cast<size_t>(v)] == static_cast<int>(i)) values[static_cast<size_t>(v)] = Tensor();
    };
    for (const Argument& a : n.in) {
      if (const int* v = std::get_if<int>(&a.is)) drop(*v);
    }
    for (int k = 0; k < n.count; ++k) drop(n.first + k);
  }
  std::vector<Tensor> out;
  out.reserve(g.outputs.size() + g.updates.size());
  for (const Output& o : g.outputs) out.push_back(values[static_cast<size_t>(o.value)]);
  for (const Update& u : g.updates) out.push_back(values[static_cast<size_t>(u.value)]);
  return out;
}

size_t value_count(const Graph& g) {
  size_t n = static_cast<size_t>(g.first_made());
  for (const Node& node : g.nodes) n += static_cast<size_t>(node.count);
  return n;
}

void check_sizes(const Graph& g, const std::vector<SizeExpr>& sizes, const char* what) {
  HEARTH_CHECK(sizes.size() <= kMaxRank, "graph: ", what, " has rank ", sizes.size(), "; at most 8 is possible");
  for (const SizeExpr& e : sizes) {
    HEARTH_CHECK(e.divisor >= 1 && (!e.constant() || e.divisor == 1), "graph: ", what, " has a size divided by ",
                 e.divisor);
    for (int d : e.dims) {
      HEARTH_CHECK(d >= 0 && d < static_cast<int>(g.dims.size()), "graph: ", what, " names dim ", d, " of ",
                   g.dims.size());
    }
  }
}

void check_structure(const Graph& g) {
  std::set<std::string> names;
  std::vector<bool> bound(g.dims.size());
  for (const Dim& d : g.dims) {
    HEARTH_CHECK(!d.name.empty() && names.insert("dim " + d.name).second, "graph: two dims are called \"", d.name,
                 "\"");
    HEARTH_CHECK(d.example >= 0, "graph: dim \"", d.name, "\" has the example ", d.example);
    HEARTH_CHECK(!d.max || *d.max >= d.example, "graph: dim \"", d.name, "\" has the example ", d.example,
                 ", above its largest size ", *d.max);
  }
  for (const Input& in : g.inputs) {
    HEARTH_CHECK(names.insert("input " + in.name).second, "graph: two inputs are called \"", in.name, "\"");
    check_sizes(g, in.shape, "an input");
    for (const SizeExpr& e : in.shape) {
      HEARTH_CHECK(e.constant() ? e.offset >= 0 : e.plain(), "graph: a size of input \"", in.name,
                   "\" is neither a number nor a dim");
      if (!e.constant()) bound[static_cast<size_t>(e.dims[0])] = true;
    }
  }
  for (size_t d = 0; d < bound.size(); ++d)
    HEARTH_CHECK(bound[d], "graph: no input has the dim \"", g.dims[d].name, "\"");
  for (const Constant& c : g.constants) {
    HEARTH_CHECK(names.insert("constant " + c.name).second, "graph: two constants are called \"", c.name, "\"");
    HEARTH_CHECK(c.value.defined(), "graph: constant \"", c.name, "\" has no value");
  }
  int next = g.first_made();
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    const auto who = [&] { return concat("graph: node ", i, " (", n.op->name, ")"); };
    HEARTH_CHECK(n.first == next && n.count >= 1 && n.count <= n.op->outputs, who(), " makes ", n.count,
                 " values from ", n.first, "; expected up to ", int{n.op->outputs}, " from ", next);
    for (const Argument& a : n.in) {
      if (const int* v = std::get_if<int>(&a.is)) {
        HEARTH_CHECK(*v >= 0 && *v < n.first, who(), " reads value ", *v,
                     ", which is not made before it: a graph has no cycles");
      } else if (const auto* number = std::get_if<Argument::Number>(&a.is)) {
        check_sizes(g, {number->size}, "an operand");
      }
    }
    const AttrsRef attrs = n.attrs.ref();
    HEARTH_CHECK(attrs.type == n.op->attrs || (!attrs.data && !n.op->attrs), who(),
                 " has the attributes of another op");
    const int slots = static_cast<int>(wholes(n.attrs).size());
    for (const auto& [slot, size] : n.sizes) {
      HEARTH_CHECK(slot >= 0 && slot < slots, who(), " has no whole number ", slot, " among its attributes");
      check_sizes(g, {size}, "an attribute");
    }
    if (n.target) check_sizes(g, n.target->shape, "a target");
    next += n.count;
  }
  HEARTH_CHECK(!g.outputs.empty(), "graph: there are no outputs");
  for (const Output& o : g.outputs) {
    HEARTH_CHECK(names.insert("output " + o.name).second, "graph: two outputs are called \"", o.name, "\"");
    HEARTH_CHECK(o.value >= 0 && o.value < next, "graph: output \"", o.name, "\" is value ", o.value, " of ", next);
    check_sizes(g, o.shape, "an output");
  }
  for (const Update& u : g.updates) {
    HEARTH_CHECK(u.constant >= 0 && u.constant < static_cast<int>(g.constants.size()) && u.value >= 0 && u.value < next,
                 "graph: an update of constant ", u.constant, " by value ", u.value, " is out of range");
  }
}

Tensor on_meta(const Tensor& t) {
  return hearth::detail::empty_strided(t.shape(), t.strides(), t.dtype(), Device::parse("meta"), "graph");
}

}  // namespace

Scalar Argument::Number::at(std::span<const int64_t> dim_values) const {
  if (!symbolic) return value;
  const int64_t v = size.value(dim_values);
  if (function == SizeFunction::kWhole) return v;
  return apply(function, v);
}

std::vector<Tensor> Graph::run(std::span<const Tensor> in) const {
  const NoGrad off;
  const std::vector<int64_t> bound = bind(*this, in);
  const Device device = !in.empty() ? in[0].device() : !constants.empty() ? constants[0].value.device() : kCpu;
  for (size_t i = 0; i < in.size(); ++i)
    HEARTH_CHECK(in[i].device() == device, "graph: input \"", inputs[i].name, "\" is on ", in[i].device(),
                 ", but input \"", inputs[0].name, "\" on ", device);
  // Numbers in CPU memory meet tensors of any device.
  for (const Constant& c : constants)
    HEARTH_CHECK(c.value.device() == device || (c.value.dim() == 0 && c.value.device().is_cpu()),
                 "graph: the inputs are on ", device, ", but constant \"", c.name, "\" is on ", c.value.device(),
                 "; to(device) gives the graph for another device");
  std::vector<Tensor> values(value_count(*this));
  for (size_t i = 0; i < in.size(); ++i) values[i] = in[i];
  for (size_t i = 0; i < constants.size(); ++i) values[inputs.size() + i] = constants[i].value;
  return run_nodes(*this, bound, device, values);
}

Tensor Graph::operator()(const Tensor& in) const { return run({&in, 1})[0]; }

Graph Graph::to(Device device) const {
  const NoGrad off;
  Graph g = *this;
  for (Constant& c : g.constants) c.value = c.value.to(device);
  for (Node& n : g.nodes) {
    if (n.op == &kTransfer) n.attrs = OwnedAttrs(TransferAttrs{device});
  }
  return g;
}

void Graph::validate() const {
  check_structure(*this);
  const NoGrad off;
  std::vector<int64_t> sizes;
  sizes.reserve(dims.size());
  for (const Dim& d : dims) sizes.push_back(d.example);
  const Device meta = Device::parse("meta");
  std::vector<Tensor> values(value_count(*this));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Shape shape = shape_of(inputs[i].shape, sizes);
    checked_numel(shape, size_of(inputs[i].dtype), "graph");
    values[i] = hearth::detail::empty(shape, inputs[i].dtype, meta, "graph");
  }
  for (size_t i = 0; i < constants.size(); ++i) values[inputs.size() + i] = on_meta(constants[i].value);
  const std::vector<Tensor> out = run_nodes(*this, sizes, meta, values);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Output& want = outputs[i];
    HEARTH_CHECK(out[i].defined(), "graph: output \"", want.name, "\" has no value");
    HEARTH_CHECK(out[i].dtype() == want.dtype && out[i].shape() == shape_of(want.shape, sizes), "graph: output \"",
                 want.name, "\" is ", out[i].dtype(), " ", out[i].shape(), "; expected ", want.dtype, " ",
                 shape_of(want.shape, sizes));
  }
  for (size_t i = 0; i < updates.size(); ++i) {
    const Constant& c = constants[static_cast<size_t>(updates[i].constant)];
    const Tensor& value = out[outputs.size() + i];
    HEARTH_CHECK(value.defined() && value.dtype() == c.value.dtype() && value.shape() == c.value.shape(),
                 "graph: the update of constant \"", c.name, "\" by value ", updates[i].value,
                 " has another dtype or shape than the constant");
  }
}

std::string to_string(const Graph& g) {
  const std::vector<std::string> names = dim_names(g);
  std::string s;
  int v = 0;
  for (const Input& in : g.inputs)
    s += concat("%", v++, " = input \"", in.name, "\": ", in.dtype, " ", shape_text(in.shape, names), "\n");
  for (const Constant& c : g.constants)
    s += concat("%", v++, " = constant \"", c.name, "\": ", c.value.dtype(), " ", c.value.shape(), "\n");
  for (const Node& n : g.nodes) {
    for (int k = 0; k < n.count; ++k) s += concat(k ? ", %" : "%", n.first + k);
    s += concat(" = ", n.op->name, "(");
    for (size_t i = 0; i < n.in.size(); ++i) {
      s += i ? ", " : "";
      if (const int* value = std::get_if<int>(&n.in[i].is)) s += concat("%", *value);
      else if (const auto* number = std::get_if<Argument::Number>(&n.in[i].is))
        s += number->symbolic ? symbolic_text(*number, names) : hearth::to_string(number->value);
      else s += "none";
    }
    s += ")";
    if (n.attrs.ref().data) s += " " + hearth::to_string(n.attrs.ref());
    if (!n.sizes.empty()) {
      const auto slots = wholes(n.attrs);
      for (const auto& [slot, size] : n.sizes) {
        const Whole& w = slots[static_cast<size_t>(slot)];
        s += concat(" ", w.field, w.index >= 0 ? concat("[", w.index, "]") : "", " = ", to_string(size, names));
      }
    }
    if (n.target) s += concat(" into ", n.target->dtype, " ", shape_text(n.target->shape, names));
    if (!n.scope.empty()) s += "  # " + n.scope;
    s += "\n";
  }
  for (const Output& o : g.outputs)
    s += concat("output \"", o.name, "\" = %", o.value, ": ", o.dtype, " ", shape_text(o.shape, names), "\n");
  return s;
}

}  // namespace hearth::graph
