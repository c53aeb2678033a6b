#include "core/ops/derivatives.h"

#include <algorithm>
#include <utility>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

using Tensors = std::vector<Tensor>;

TensorsFunction of_list(const UnaryTensorFunction& f) {
  return [&f](const Tensors& x) { return Tensors{f(x[0])}; };
}

// Leaves of the inputs' values, or with create_graph tensors that have them for their history.
Tensors leaves_of(const char* what, const Tensors& inputs, bool create_graph) {
  HEARTH_CHECK(!inputs.empty(), what, ": there is no input");
  Tensors out;
  for (const Tensor& x : inputs) {
    HEARTH_CHECK(x.defined() && (x.is_floating_point() || x.is_complex()), what,
                 ": inputs must be floating-point or complex, but one is ",
                 x.defined() ? concat(x.dtype()) : std::string("undefined"));
    Tensor leaf = create_graph && x.requires_grad() ? view(x, x.shape()) : x.detach();
    if (!leaf.requires_grad()) leaf.requires_grad_();
    out.push_back(std::move(leaf));
  }
  return out;
}

Tensors outputs_of(const char* what, const TensorsFunction& f, const Tensors& leaves, const DerivativeOptions& o) {
  Tensors out = f(leaves);
  for (size_t i = 0; i < out.size(); ++i) {
    HEARTH_CHECK(out[i].defined(), what, ": output ", i, " of the function is undefined");
    HEARTH_CHECK(!o.strict || out[i].requires_grad(), what, ": output ", i, " does not depend on the inputs");
  }
  return out;
}

// The gradients of y, weighted by v, for all leaves; 0 where there is none.
Tensors gradients(const char* what, const Tensors& y, const Tensors& leaves, const Tensors& v, bool create_graph,
                  bool strict) {
  Tensors of, weights;
  for (size_t i = 0; i < y.size(); ++i) {
    if (!y[i].requires_grad()) continue;
    of.push_back(y[i]);
    weights.push_back(v[i]);
  }
  Tensors out(leaves.size());
  if (!of.empty())
    out = grad(of, leaves, weights, {.retain_graph = true, .create_graph = create_graph}, /*allow_unused=*/true);
  for (size_t i = 0; i < out.size(); ++i) {
    HEARTH_CHECK(!strict || out[i].defined(), what, ": the outputs do not depend on input ", i);
    HEARTH_CHECK(!strict || !create_graph || out[i].requires_grad(), what, ": the derivative for input ", i,
                 " does not depend on the inputs");
    if (!out[i].defined()) out[i] = zeros_like(leaves[i]);
  }
  return out;
}

// Without history, unless it is asked for.
Tensor finished(const Tensor& t, const DerivativeOptions& o) { return o.create_graph ? t : t.detach(); }
Tensors finished(Tensors t, const DerivativeOptions& o) {
  for (Tensor& x : t) x = finished(x, o);
  return t;
}

// Weights of the shapes of y, outputs or inputs: those given, or for a single element 1.
Tensors weights_of(const char* what, const char* of, const Tensors& y, const Tensors& v) {
  HEARTH_CHECK(v.size() == y.size(), what, ": there are ", v.size(), " vectors for ", y.size(), " tensors");
  Tensors out;
  for (size_t i = 0; i < y.size(); ++i) {
    if (!v[i].defined()) {
      HEARTH_CHECK(y[i].numel() == 1, what, ": vector ", i, " is undefined, and the ", of, " has the shape ",
                   y[i].shape());
      out.push_back(ones_like(y[i]));
      continue;
    }
    HEARTH_CHECK(v[i].shape() == y[i].shape(), what, ": vector ", i, " has the shape ", v[i].shape(), "; expected ",
                 y[i].shape());
    out.push_back(v[i].to(y[i].dtype()));
  }
  return out;
}

// A row of the Jacobian for each element of y.
Tensors jacobian_of(const char* what, const Tensor& y, const Tensors& leaves, const DerivativeOptions& o) {
  std::vector<Tensors> rows(leaves.size());
  const Tensor flat = reshape(y, {-1});
  for (int64_t i = 0; i < flat.numel(); ++i) {
    const Tensor element = select(flat, 0, i);
    Tensors row = gradients(what, {element}, leaves, {ones_like(element)}, o.create_graph, o.strict);
    for (size_t j = 0; j < leaves.size(); ++j) rows[j].push_back(finished(row[j], o));
  }
  Tensors out;
  for (size_t j = 0; j < leaves.size(); ++j) {
    Shape shape = y.shape();
    for (const int64_t n : leaves[j].shape()) shape.push_back(n);
    out.push_back(rows[j].empty() ? zeros(shape, {.dtype = leaves[j].dtype(), .device = leaves[j].device()})
                                  : reshape(stack(rows[j]), shape));
  }
  return out;
}

std::vector<Tensors> jacobian_at(const char* what, const TensorsFunction& f, const Tensors& inputs,
                                 const DerivativeOptions& o) {
  const GradMode on(true);
  const Tensors leaves = leaves_of(what, inputs, o.create_graph), y = outputs_of(what, f, leaves, o);
  std::vector<Tensors> out;
  for (const Tensor& t : y) out.push_back(jacobian_of(what, t, leaves, o));
  return out;
}

// The one output of a function that is to have one element.
Tensor single(const char* what, const Tensors& y) {
  HEARTH_CHECK(y.size() == 1 && y[0].numel() == 1, what, ": the function must give one tensor of one element, but ",
               y.size() == 1 ? concat("its shape is ", y[0].shape()) : concat("it gives ", y.size()));
  return y[0];
}

}  // namespace

std::vector<Tensors> jacobian(const TensorsFunction& f, const Tensors& inputs, const DerivativeOptions& options) {
  return jacobian_at("jacobian", f, inputs, options);
}
Tensor jacobian(const UnaryTensorFunction& f, const Tensor& x, const DerivativeOptions& options) {
  return jacobian_at("jacobian", of_list(f), {x}, options)[0][0];
}

std::vector<Tensors> hessian(const TensorsFunction& f, const Tensors& inputs, const DerivativeOptions& options) {
  const auto slope = [&](const Tensors& x) {
    const Tensor y = single("hessian", outputs_of("hessian", f, x, options));
    return gradients("hessian", {y}, x, {ones_like(y)}, true, options.strict);
  };
  return jacobian_at("hessian", slope, inputs, options);
}
Tensor hessian(const UnaryTensorFunction& f, const Tensor& x, const DerivativeOptions& options) {
  return hessian(of_list(f), Tensors{x}, options)[0][0];
}

std::pair<Tensors, Tensors> vjp(const TensorsFunction& f, const Tensors& inputs, const Tensors& v,
                                const DerivativeOptions& options) {
  const GradMode on(true);
  const Tensors leaves = leaves_of("vjp", inputs, options.create_graph), y = outputs_of("vjp", f, leaves, options);
  const Tensors g =
      gradients("vjp", y, leaves, weights_of("vjp", "output", y, v), options.create_graph, options.strict);
  return {finished(y, options), finished(g, options)};
}
std::pair<Tensor, Tensor> vjp(const UnaryTensorFunction& f, const Tensor& x, const Tensor& v,
                              const DerivativeOptions& options) {
  const auto [y, g] = vjp(of_list(f), Tensors{x}, Tensors{v}, options);
  return {y[0], g[0]};
}

// The gradient for x, weighted by w, is linear in w: its own gradient for w, weighted by v, is the derivative along v.
std::pair<Tensors, Tensors> jvp(const TensorsFunction& f, const Tensors& inputs, const Tensors& v,
                                const DerivativeOptions& options) {
  const GradMode on(true);
  const Tensors leaves = leaves_of("jvp", inputs, options.create_graph), y = outputs_of("jvp", f, leaves, options);
  const Tensors direction = weights_of("jvp", "input", leaves, v);
  Tensors w;
  for (const Tensor& t : y) w.push_back(zeros_like(t.detach()).requires_grad_());
  const Tensors g = gradients("jvp", y, leaves, w, true, options.strict);
  // A second strictness would refuse linear functions, whose gradients do not depend on x.
  const Tensors d = gradients("jvp", g, w, direction, options.create_graph, false);
  return {finished(y, options), finished(d, options)};
}
std::pair<Tensor, Tensor> jvp(const UnaryTensorFunction& f, const Tensor& x, const Tensor& v,
                              const DerivativeOptions& options) {
  HEARTH_CHECK(v.defined(), "jvp: the vector is undefined");
  const auto [y, d] = jvp(of_list(f), Tensors{x}, Tensors{v}, options);
  return {y[0], d[0]};
}

std::pair<Tensor, Tensors> hvp(const TensorsFunction& f, const Tensors& inputs, const Tensors& v,
                               const DerivativeOptions& options) {
  const GradMode on(true);
  const Tensors leaves = leaves_of("hvp", inputs, options.create_graph);
  const Tensor y = single("hvp", outputs_of("hvp", f, leaves, options));
  const Tensors slope = gradients("hvp", {y}, leaves, {ones_like(y)}, true, options.strict);
  const Tensors out =
      gradients("hvp", slope, leaves, weights_of("hvp", "input", leaves, v), options.create_graph, options.strict);
  return {finished(y, options), finished(out, options)};
}
std::pair<Tensor, Tensor> hvp(const UnaryTensorFunction& f, const Tensor& x, const Tensor& v,
                              const DerivativeOptions& options) {
  const auto [y, h] = hvp(of_list(f), Tensors{x}, Tensors{v}, options);
  return {y, h[0]};
}

Tensors vmap(const TensorsFunction& f, const Tensors& inputs, const std::vector<std::optional<int64_t>>& in_dims,
             int64_t out_dim) {
  HEARTH_CHECK(!inputs.empty(), "vmap: there is no input");
  HEARTH_CHECK(in_dims.size() == inputs.size(), "vmap: there are ", in_dims.size(), " dimensions for ", inputs.size(),
               " inputs");
  std::vector<Tensors> parts(inputs.size());  // nothing of an input that is given whole
  bool cut = false;
  size_t count = 0;
  for (size_t k = 0; k < inputs.size(); ++k) {
    const std::optional<int64_t> dim = in_dims[k];
    if (!dim) continue;
    HEARTH_CHECK(inputs[k].defined() && inputs[k].dim() >= 1, "vmap: an input has no dimension to cut");
    parts[k] = unbind(inputs[k], *dim);
    if (!std::exchange(cut, true)) count = parts[k].size();
    HEARTH_CHECK(count > 0 && parts[k].size() == count, "vmap: inputs have ", count, " and ", parts[k].size(),
                 " parts");
  }
  HEARTH_CHECK(cut, "vmap: no input has a dimension to cut");
  std::vector<Tensors> results;
  for (size_t i = 0; i < count; ++i) {
    Tensors one;
    for (size_t k = 0; k < inputs.size(); ++k) one.push_back(in_dims[k] ? parts[k][i] : inputs[k]);
    Tensors y = f(one);
    results.resize(i == 0 ? y.size() : results.size());
    HEARTH_CHECK(y.size() == results.size(), "vmap: the function gives ", y.size(), " tensors for part ", i, " and ",
                 results.size(), " for others");
    for (size_t k = 0; k < y.size(); ++k) results[k].push_back(std::move(y[k]));
  }
  Tensors out;
  for (const Tensors& r : results) out.push_back(stack(r, out_dim));
  return out;
}
Tensors vmap(const TensorsFunction& f, const Tensors& inputs, int64_t in_dim, int64_t out_dim) {
  return vmap(f, inputs, std::vector<std::optional<int64_t>>(inputs.size(), in_dim), out_dim);
}
Tensor vmap(const UnaryTensorFunction& f, const Tensor& x, int64_t in_dim, int64_t out_dim) {
  return vmap(of_list(f), Tensors{x}, in_dim, out_dim)[0];
}

}  // namespace hearth
