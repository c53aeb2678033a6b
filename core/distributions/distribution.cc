#include "core/distributions/distribution.h"

#include <algorithm>
#include <atomic>
#include <string>

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/interposer.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::distributions {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
constinit std::atomic<bool> default_validate_args{true};

Shape joined(const Shape& a, const Shape& b) {
  Shape all = a;
  for (const int64_t size : b) all.push_back(size);
  return all;
}

// The place of element `flat` of a shape, in words; nothing of a 0-dim tensor.
std::string place(const Shape& shape, int64_t flat) {
  if (shape.rank() == 0) return "";
  Shape at = shape;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    at[d] = flat % shape[d];
    flat /= shape[d];
  }
  return concat(" at ", at);
}

std::string some_values(const Tensor& event) {
  const std::vector<double> all = reshape(event, -1).to_vector<double>();
  if (event.dim() == 0) return concat(all[0]);
  constexpr size_t kShown = 8;
  std::string text = "[";
  for (size_t i = 0; i < std::min(all.size(), kShown); ++i) text += concat(i ? ", " : "", all[i]);
  return text + (all.size() > kShown ? ", ...]" : "]");
}

}  // namespace

void Distribution::set_default_validate_args(bool on) { default_validate_args = on; }

Distribution::Distribution(const char* name, Shape batch_shape, Shape event_shape, DType dtype, Device device,
                           std::optional<bool> validate_args)
    : name_(name),
      batch_shape_(batch_shape),
      event_shape_(event_shape),
      dtype_(dtype),
      device_(device),
      validate_args_(validate_args.value_or(default_validate_args)) {}

Distribution::Parameters Distribution::broadcast(const char* name, std::initializer_list<Parameter> parameters) {
  const CalledAs called(name);
  Parameters all;
  std::vector<Operand> tensors;
  const Tensor* first = nullptr;
  for (const Parameter& p : parameters) {
    if (!p.tensor()) continue;
    const Tensor& t = *p.tensor();
    HEARTH_CHECK(t.defined(), name, ": a parameter is an undefined tensor");
    HEARTH_CHECK(!t.is_complex(), name, ": parameters are real numbers, but one is ", t.dtype());
    tensors.emplace_back(t);
    all.shape = broadcast_shapes(all.shape, t.shape(), name);
    // A number in CPU memory may stand beside tensors elsewhere.
    if (!first || (first->dim() == 0 && first->device().is_cpu())) first = &t;
  }
  const DType meet = tensors.empty() ? default_dtype() : result_type(tensors);
  all.dtype = is_floating_point(meet) ? meet : default_dtype();
  all.device = first ? first->device() : default_device();
  const DType wide = all.dtype == f64 ? f64 : f32;
  for (const Parameter& p : parameters) {
    const Tensor t =
        p.tensor() ? p.tensor()->to(all.device, wide) : full({}, p.number(), {.dtype = wide, .device = all.device});
    all.wide.push_back(hearth::expand(t, all.shape));
  }
  return all;
}

const Parameter& Distribution::chosen(const char* name, const ProbsOrLogits& p) {
  HEARTH_CHECK(p.probs.has_value() != p.logits.has_value(), name, ": expected either probs or logits, but got ",
               p.probs ? "both" : "none");
  return p.probs ? *p.probs : *p.logits;
}

Shape Distribution::extended(const Shape& sample_shape) const {
  return joined(joined(sample_shape, batch_shape_), event_shape_);
}

Tensor Distribution::constant(double value) const { return full(extended({}), value, wide_options()); }

Tensor Distribution::narrow(const Tensor& t) const { return is_half(dtype_) ? machinery::cast(t, dtype_) : t; }

Tensor Distribution::uniform_noise(const Shape& shape, Generator* generator) const {
  const NoGrad off;
  return clamp(rand(shape, {.dtype = f64, .device = device_}, generator), 0x1p-54);
}
Tensor Distribution::normal_noise(const Shape& shape, Generator* generator) const {
  const NoGrad off;
  return randn(shape, wide_options(), generator);
}

Tensor Distribution::expanded_batch(const Tensor& t, const Shape& from, const Shape& to) {
  if (!t.defined()) return t;
  Shape shape = to;
  for (int d = from.rank(); d < t.dim(); ++d) shape.push_back(t.shape()[d]);
  return hearth::expand(t, shape);
}

void Distribution::lacks(const char* what) const { fail(ErrorKind::kUnsupported, name_, " has no ", what); }

void Distribution::check(const char* what, const Tensor& value, const Constraint& constraint) const {
  if (!value.device().is_cpu() || tracing() || value.numel() == 0) return;
  const NoGrad off;
  const Tensor wrong = logical_not(constraint.check(value));
  if (!wrong.any().item<bool>()) return;
  const auto flat = argmax(reshape(wrong, -1).to(u8)).item<int64_t>();
  Shape events{-1};
  for (int d = wrong.dim(); d < value.dim(); ++d) events.push_back(value.shape()[d]);
  const Tensor event = select(
      reshape(
          hearth::expand(value, joined(wrong.shape(),
                                       Shape(std::span(value.shape().begin() + (value.dim() - constraint.event_dim()),
                                                       static_cast<size_t>(constraint.event_dim()))))),
          events),
      0, flat);
  fail(name_, ": ", what, " must be ", constraint.what(), ", but is ", some_values(event), place(wrong.shape(), flat));
}

void Distribution::expect(const char* parameter, const Tensor& value, const Constraint& constraint) const {
  if (validate_args_) check(parameter, value, constraint);
}

Tensor Distribution::checked_value(const char* method, const Tensor& value, const Constraint& constraint) const {
  HEARTH_CHECK(value.defined(), name_, ": ", method, ": the value is an undefined tensor");
  HEARTH_CHECK(!value.is_complex(), name_, ": ", method, ": values are real numbers, but the dtype is ", value.dtype());
  const int events = event_shape_.rank();
  bool fits = value.dim() >= events;
  for (int d = 1; fits && d <= events; ++d) fits = value.shape()[value.dim() - d] == event_shape_[events - d];
  HEARTH_CHECK(fits, name_, ": ", method, ": a value has the shape ", event_shape_, ", which ", value.shape(),
               " does not end in");
  broadcast_shapes(value.shape(), extended({}), name_);
  if (validate_args_) check(concat(method, ": the value").c_str(), value, constraint);
  if (takes_indices()) return value;
  return value.is_floating_point() ? machinery::widened(value) : value.to(wide_dtype());
}

Tensor Distribution::rounded_like(const Tensor& result, const Tensor& value) const {
  if (!is_half(dtype_)) return result;
  if (!value.is_floating_point()) return narrow(result);
  return machinery::cast(result, promote(dtype_, value.dtype()));
}

Tensor Distribution::mean() const {
  const CalledAs called(name_);
  return narrow(compute_mean());
}
Tensor Distribution::mode() const {
  const CalledAs called(name_);
  const Tensor m = compute_mode();
  return m.is_floating_point() ? narrow(m) : m;
}
Tensor Distribution::variance() const {
  const CalledAs called(name_);
  return narrow(compute_variance());
}
Tensor Distribution::stddev() const {
  const CalledAs called(name_);
  return narrow(sqrt(compute_variance()));
}

Tensor Distribution::sample(const Shape& sample_shape, Generator* generator) const {
  const CalledAs called(name_);
  const NoGrad off;
  const Tensor x = draw(sample_shape, generator);
  return x.is_floating_point() ? narrow(x) : x;
}
Tensor Distribution::rsample(const Shape& sample_shape, Generator* generator) const {
  if (!has_rsample()) lacks("rsample: no gradient passes through its samples");
  const CalledAs called(name_);
  return narrow(draw(sample_shape, generator));
}

Tensor Distribution::log_prob(const Tensor& value) const {
  const CalledAs called(name_);
  const Tensor x = checked_value("log_prob", value, support());
  return rounded_like(compute_log_prob(x), value);
}
Tensor Distribution::prob(const Tensor& value) const {
  const CalledAs called(name_);
  const Tensor x = checked_value("prob", value, support());
  return rounded_like(exp(compute_log_prob(x)), value);
}
Tensor Distribution::cdf(const Tensor& value) const {
  const CalledAs called(name_);
  const Tensor x = checked_value("cdf", value, support());
  return rounded_like(compute_cdf(x), value);
}
Tensor Distribution::icdf(const Tensor& value) const {
  const CalledAs called(name_);
  const Tensor p = checked_value("icdf", value, constraints::unit_interval());
  return rounded_like(compute_icdf(p), value);
}
Tensor Distribution::entropy() const {
  const CalledAs called(name_);
  return narrow(compute_entropy());
}
Tensor Distribution::perplexity() const {
  const CalledAs called(name_);
  return narrow(exp(compute_entropy()));
}

Tensor Distribution::enumerate_support(bool expand) const {
  const CalledAs called(name_);
  const Tensor values = compute_values();
  Shape lined{values.size(0)}, all = lined;
  for (const int64_t size : batch_shape_) {
    lined.push_back(1);
    all.push_back(size);
  }
  const Tensor line = reshape(values, joined(lined, event_shape_));
  const Tensor out = expand ? hearth::expand(line, joined(all, event_shape_)) : line;
  return out.is_floating_point() ? narrow(out) : out;
}

std::shared_ptr<const Distribution> Distribution::expand(const Shape& batch_shape) const {
  const CalledAs called(name_);
  HEARTH_CHECK(broadcastable_to(batch_shape_, batch_shape), name_, ": expand: a batch of shape ", batch_shape_,
               " cannot become one of shape ", batch_shape);
  return expanded(batch_shape);
}

}  // namespace hearth::distributions
