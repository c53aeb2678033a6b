#include "core/autograd/gradcheck.h"

#include <cmath>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/op/machinery.h"

namespace hearth {
namespace {

using Values = std::vector<double>;

// The address of element i, counted in row-major order.
double& element(const Tensor& t, int64_t i) {
  int64_t offset = 0;
  for (int d = t.dim(); d-- > 0;) {
    offset += i % t.shape()[d] * t.strides()[d];
    i /= t.shape()[d];
  }
  return static_cast<double*>(t.impl()->data())[offset];
}

// A tensor of the same values and strides over memory of its own.
Tensor twin(const Tensor& t, bool requires_grad) {
  Tensor c = detail::empty_strided(t.shape(), t.strides(), t.dtype(), t.device(), "gradcheck");
  machinery::copy_into(c, t.detach());
  if (requires_grad) c.requires_grad_();
  return c;
}

bool differentiable(const char* name, const Tensor& output) {
  if (!output.defined()) return false;
  HEARTH_CHECK(!output.is_complex(), name, ": an output is ", output.dtype(),
               "; differences are taken of real ones alone, as which view_as_real() shows it");
  return output.is_floating_point();
}

Values values(const Tensor& t) {
  if (!t.defined()) return {};
  const Tensor wide = machinery::cast(t.detach(), f64);
  Values v(static_cast<size_t>(t.numel()));
  for (int64_t i = 0; i < t.numel(); ++i) v[static_cast<size_t>(i)] = element(wide, i);
  return v;
}

// Numbers without a pattern in (-1, 1), for gradients that nobody gave.
double made_up(int64_t i) { return std::sin(static_cast<double>(i) * 1.7 + 0.4) * 0.75 + 0.1; }

// An f64 gradient for an output; its dimensions lie in memory in reverse order.
Tensor made_up_gradient(const Tensor& output, int64_t seed) {
  Strides strides = Dims::filled(output.dim(), 1);
  int64_t step = 1;
  for (int d = 0; d < output.dim(); ++d) {
    strides[d] = step;
    step *= std::max<int64_t>(output.shape()[d], 1);
  }
  Tensor g = detail::empty_strided(output.shape(), strides, f64, output.device(), "gradcheck");
  for (int64_t i = 0; i < g.numel(); ++i) element(g, i) = made_up(i + 31 * seed);
  return g;
}

class Check {
 public:
  Check(const TensorFunction& fn, std::span<const Tensor> inputs, const GradcheckOptions& options, const char* name)
      : fn_(fn), inputs_(inputs), options_(options), name_(name) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Tensor& t = inputs[i];
      HEARTH_CHECK(t.defined(), name, ": input ", i, " is an undefined tensor");
      if (!t.requires_grad()) continue;
      HEARTH_CHECK(t.dtype() == f64, name, ": input ", i, " requires a gradient, but is ", t.dtype(),
                   "; differences of f64 alone are precise enough");
      HEARTH_CHECK(!t.layout().overlapping(), name, ": several elements of input ", i, " lie at one address (shape ",
                   t.shape(), ", strides ", t.strides(), ")");
      wanted_.push_back(i);
    }
    HEARTH_CHECK(!wanted_.empty(), name, ": none of the inputs requires a gradient");
  }

  void run() {
    differences();
    one_by_one();
    for (bool create_graph : {false, true}) all_at_once(create_graph, kNone);
    // An op may not compute, or not have kept, what only the gradient of a constant would need.
    for (size_t w = 0; w < wanted_.size() && wanted_.size() > 1; ++w) {
      for (bool create_graph : {false, true}) all_at_once(create_graph, wanted_[w]);
    }
  }

 private:
  static constexpr size_t kNone = ~size_t{0};

  // constant: an input that is to have no gradient although one could be wanted.
  std::vector<Tensor> twins(bool requires_grad, size_t constant = kNone) const {
    std::vector<Tensor> t;
    size_t next = 0;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const bool wanted = next < wanted_.size() && wanted_[next] == i;
      next += wanted;
      t.push_back(wanted ? twin(inputs_[i], requires_grad && i != constant) : inputs_[i]);
    }
    return t;
  }

  std::vector<Values> outputs_at(std::span<const Tensor> x) const {
    const NoGrad off;
    std::vector<Values> v;
    for (const Tensor& y : fn_(x)) v.push_back(differentiable(name_, y) ? values(y) : Values());
    return v;
  }

  // slopes_[wanted input][output][element of the input][element of the output]
  void differences() {
    const std::vector<Tensor> x = twins(false);
    for (const size_t i : wanted_) {
      std::vector<std::vector<Values>> of_input;
      for (int64_t e = 0; e < x[i].numel(); ++e) {
        double& at = element(x[i], e);
        const double before = at;
        const auto moved = [&](double to) {
          at = to;
          x[i].impl()->storage->bump_version();
          return outputs_at(x);
        };
        const double up = before + options_.eps, down = before - options_.eps;
        std::vector<Values> high = moved(up);
        const std::vector<Values> low = moved(down);
        at = before;
        x[i].impl()->storage->bump_version();
        HEARTH_CHECK(high.size() == low.size(), name_, ": the function gives ", high.size(), " or ", low.size(),
                     " tensors");
        of_input.resize(high.size());
        for (size_t o = 0; o < high.size(); ++o) {
          HEARTH_CHECK(high[o].size() == low[o].size(), name_, ": output ", o, " changes its size with the values");
          for (size_t k = 0; k < high[o].size(); ++k) high[o][k] = (high[o][k] - low[o][k]) / (up - down);
          of_input[o].push_back(std::move(high[o]));
        }
      }
      slopes_.push_back(std::move(of_input));
    }
  }

  std::vector<Tensor> leaves(const std::vector<Tensor>& x) const {
    std::vector<Tensor> l;
    l.reserve(wanted_.size());
    for (size_t i : wanted_) l.push_back(x[i]);
    return l;
  }

  double slope(size_t w, size_t o, int64_t in, int64_t out) const {
    if (slopes_[w].empty()) return 0;  // an input without elements
    return slopes_[w][o][static_cast<size_t>(in)][static_cast<size_t>(out)];
  }

  bool close(double analytic, double numeric, double scale) const {
    return std::abs(analytic - numeric) <= options_.atol + options_.rtol * std::max(std::abs(numeric), scale);
  }

  [[noreturn]] void report(size_t o, const std::string& which, size_t w, int64_t e, double analytic,
                           double numeric) const {
    const Shape& shape = inputs_[wanted_[w]].shape();
    Dims at = Dims::filled(shape.rank(), 0);
    for (int d = shape.rank(); d-- > 0;) {
      at[d] = e % shape[d];
      e /= shape[d];
    }
    fail(name_, ": the gradient of ", which, " output ", o, " with respect to input ", wanted_[w], " at ", at,
         " (shape ", shape, ") is ", analytic, ", but differences give ", numeric);
  }

  void check_shape(const Tensor& g, size_t w) const {
    HEARTH_CHECK(g.shape() == inputs_[wanted_[w]].shape() && g.dtype() == f64, name_, ": the gradient of input ",
                 wanted_[w], " is ", g.dtype(), " of shape ", g.shape(), "; expected f64 of shape ",
                 inputs_[wanted_[w]].shape());
  }

  void one_by_one() {
    const std::vector<Tensor> x = twins(true), l = leaves(x), y = fn_(x);
    for (size_t o = 0; o < y.size(); ++o) {
      if (!differentiable(name_, y[o])) continue;
      const bool recorded = y[o].requires_grad();
      for (int64_t k = 0; k < y[o].numel(); ++k) {
        std::vector<Tensor> got(l.size());
        if (recorded) {
          Tensor one = machinery::full(y[o].shape(), 0, f64, y[o].device());
          element(one, k) = 1;
          got = grad({&y[o], 1}, l, {&one, 1}, {.retain_graph = true}, true);
        }
        for (size_t w = 0; w < l.size(); ++w) {
          if (got[w].defined()) check_shape(got[w], w);
          const Values v = values(got[w]);
          for (int64_t e = 0; e < l[w].numel(); ++e) {
            const double a = v.empty() ? 0 : v[static_cast<size_t>(e)], n = slope(w, o, e, k);
            if (!close(a, n, 0)) report(o, concat("element ", k, " of"), w, e, a, n);
          }
        }
      }
    }
  }

  void all_at_once(bool create_graph, size_t constant) {
    const std::vector<Tensor> x = twins(true, constant), y = fn_(x);
    std::vector<Tensor> l;
    std::vector<size_t> of;  // the wanted input of each leaf
    for (size_t w = 0; w < wanted_.size(); ++w) {
      if (wanted_[w] == constant) continue;
      l.push_back(x[wanted_[w]]);
      of.push_back(w);
    }
    std::vector<Tensor> recorded, gradients;
    std::vector<size_t> numbers;
    for (size_t o = 0; o < y.size(); ++o) {
      if (!differentiable(name_, y[o]) || !y[o].requires_grad()) continue;
      recorded.push_back(y[o]);
      gradients.push_back(made_up_gradient(y[o], static_cast<int64_t>(o)));
      numbers.push_back(o);
    }
    if (recorded.empty()) return;
    const std::vector<Tensor> got = grad(recorded, l, gradients, {.create_graph = create_graph}, true);
    for (size_t i = 0; i < l.size(); ++i) {
      const size_t w = of[i];
      const Values v = values(got[i]);
      for (int64_t e = 0; e < l[i].numel(); ++e) {
        double n = 0, scale = 0;
        for (size_t r = 0; r < recorded.size(); ++r) {
          for (int64_t k = 0; k < recorded[r].numel(); ++k) {
            const double term = slope(w, numbers[r], e, k) * element(gradients[r], k);
            n += term;
            scale += std::abs(term);
          }
        }
        const double a = v.empty() ? 0 : v[static_cast<size_t>(e)];
        if (close(a, n, scale)) continue;
        std::string which = create_graph ? "a weighted sum, taken with create_graph, from" : "a weighted sum from";
        if (constant != kNone) which = concat("(with input ", constant, " constant) ", which);
        report(numbers[0], which, w, e, a, n);
      }
    }
  }

  const TensorFunction& fn_;
  std::span<const Tensor> inputs_;
  const GradcheckOptions& options_;
  const char* name_;
  std::vector<size_t> wanted_;
  std::vector<std::vector<std::vector<Values>>> slopes_;
};

}  // namespace

void gradcheck(const TensorFunction& fn, std::span<const Tensor> inputs, const GradcheckOptions& options) {
  const GradMode on(true);
  Check(fn, inputs, options, "gradcheck").run();
}

void gradgradcheck(const TensorFunction& fn, std::span<const Tensor> inputs, std::span<const Tensor> output_gradients,
                   const GradcheckOptions& options) {
  const GradMode on(true);
  std::vector<size_t> outputs, wanted;
  std::vector<Tensor> all(inputs.begin(), inputs.end());
  const std::vector<Tensor> y = fn(inputs);
  for (size_t o = 0; o < y.size(); ++o) {
    if (!differentiable("gradgradcheck", y[o]) || !y[o].requires_grad()) continue;
    outputs.push_back(o);
    Tensor g = o < output_gradients.size() && output_gradients[o].defined()
                   ? twin(output_gradients[o], false)
                   : made_up_gradient(y[o], static_cast<int64_t>(o));
    all.push_back(g.requires_grad_());
  }
  HEARTH_CHECK(!outputs.empty(), "gradgradcheck: no output requires a gradient");
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].requires_grad()) wanted.push_back(i);
  }
  const size_t n = inputs.size();
  const TensorFunction gradients = [&](std::span<const Tensor> x) {
    // Differences are taken without recording: there the inputs are made leaves that record. Otherwise an input that
    // does not is a constant, and has no gradient.
    const bool recording = GradMode::enabled();
    const GradMode record(true);
    std::vector<Tensor> in(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(n)), leaves, result(wanted.size());
    std::vector<size_t> of;
    for (size_t w = 0; w < wanted.size(); ++w) {
      Tensor& leaf = in[wanted[w]];
      if (!leaf.requires_grad() && recording) continue;
      if (!leaf.requires_grad()) leaf = twin(leaf, true);
      leaves.push_back(leaf);
      of.push_back(w);
    }
    const std::vector<Tensor> out = fn(in);
    std::vector<Tensor> from, with;
    for (size_t k = 0; k < outputs.size(); ++k) {
      if (!out[outputs[k]].requires_grad()) continue;
      from.push_back(out[outputs[k]]);
      with.push_back(x[n + k]);
    }
    if (from.empty()) return result;
    const std::vector<Tensor> g = grad(from, leaves, with, {.create_graph = true}, true);
    for (size_t i = 0; i < of.size(); ++i) {
      result[of[i]] = g[i].defined() ? g[i] : machinery::full(leaves[i].shape(), 0, f64, leaves[i].device());
    }
    return result;
  };
  Check(gradients, all, options, "gradgradcheck").run();
}

}  // namespace hearth
