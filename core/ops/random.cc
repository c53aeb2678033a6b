#include "core/ops/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/random.h"
#include "core/op/attrs/random.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void infer_random(OpCall& c) {
  HEARTH_CHECK(c.bound, "random: it only writes in place");
  c.device = c.out[0].device();
  c.dtype = c.out[0].dtype();
}

Tensor& draw(Tensor& t, const RandomAttrs& a, Generator* g) {
  OpCall call(kRandom, {}, a);
  call.out[0] = t;
  call.bound = true;
  call.generator = g;
  execute(call);
  return t;
}

Tensor finish(Tensor t, const TensorOptions& o) {
  if (o.requires_grad) t.requires_grad_();
  return t;
}

void check_float(const char* op, DType t) {
  HEARTH_CHECK(is_floating_point(t), op, ": the dtype must be floating-point, but is ", t);
}

}  // namespace

extern constinit const OpDef kRandom = {.name = "random",
                                        .kind = OpKind::kRandom,
                                        .dtypes = kAllTypes,
                                        .min_inputs = 0,
                                        .max_inputs = 0,
                                        .attrs = &attrs_type<RandomAttrs>,
                                        .infer = infer_random,
                                        .kernel = {cpu::random, cuda::random}};
HEARTH_OP(kRandom);

Tensor& Tensor::uniform_(double low, double high, Generator* g) & {
  expect_defined("uniform_", {*this});
  check_float("uniform_", dtype());
  HEARTH_CHECK(std::isfinite(low) && std::isfinite(high) && low <= high, "uniform_: [", low, ", ", high,
               ") is not an interval");
  HEARTH_CHECK(fits(low, dtype()) && fits(high, dtype()) && fits(high - low, dtype()) && std::isfinite(high - low),
               "uniform_: [", low, ", ", high, ") does not fit into ", dtype());
  return draw(*this, {.distribution = Distribution::kUniform, .a = low, .b = high}, g);
}
Tensor& Tensor::normal_(double mean, double std, Generator* g) & {
  expect_defined("normal_", {*this});
  check_float("normal_", dtype());
  HEARTH_CHECK(std >= 0, "normal_: the standard deviation must not be negative, but is ", std);
  return draw(*this, {.distribution = Distribution::kNormal, .a = mean, .b = std}, g);
}
Tensor& Tensor::bernoulli_(double p, Generator* g) & {
  HEARTH_CHECK(p >= 0 && p <= 1, "bernoulli_: the probability must be from 0 to 1, but is ", p);
  return draw(*this, {.distribution = Distribution::kBernoulli, .a = p}, g);
}
namespace {
void check_integers(const char* op, int64_t low, int64_t high, DType t) {
  HEARTH_CHECK(low < high, op, ": there are no integers in [", low, ", ", high, ")");
  HEARTH_CHECK(fits(low, t) && fits(high - 1, t), op, ": integers in [", low, ", ", high, ") do not fit into ", t);
}
}  // namespace
Tensor& Tensor::random_(int64_t low, int64_t high, Generator* g) & {
  expect_defined("random_", {*this});
  check_integers("random_", low, high, dtype());
  return draw(*this, {.distribution = Distribution::kInteger, .low = low, .high = high}, g);
}

Tensor rand(const Shape& shape, const TensorOptions& o, Generator* g) {
  const CalledAs called("rand");
  Tensor t = empty(shape, {.dtype = o.dtype, .device = o.device});
  return finish(t.uniform_(0, 1, g), o);
}
Tensor randn(const Shape& shape, const TensorOptions& o, Generator* g) {
  const CalledAs called("randn");
  Tensor t = empty(shape, {.dtype = o.dtype, .device = o.device});
  return finish(t.normal_(0, 1, g), o);
}
Tensor randint(int64_t low, int64_t high, const Shape& shape, const TensorOptions& o, Generator* g) {
  const CalledAs called("randint");
  check_integers("randint", low, high, o.dtype.value_or(i64));
  Tensor t = empty(shape, {.dtype = o.dtype.value_or(i64), .device = o.device});
  return finish(t.random_(low, high, g), o);
}
Tensor rand_like(const Tensor& t, Generator* g) {
  const CalledAs called("rand_like");
  expect_defined("rand_like", {t});
  Tensor r = empty_like(t);
  return r.uniform_(0, 1, g);
}
Tensor randn_like(const Tensor& t, Generator* g) {
  const CalledAs called("randn_like");
  expect_defined("randn_like", {t});
  Tensor r = empty_like(t);
  return r.normal_(0, 1, g);
}

Tensor randint_like(const Tensor& t, int64_t low, int64_t high, Generator* g) {
  const CalledAs called("randint_like");
  expect_defined("randint_like", {t});
  check_integers("randint_like", low, high, t.dtype());
  Tensor r = empty_like(t);
  return r.random_(low, high, g);
}
namespace {

// What f makes of numbers from [0, 1), in f64 where they become f64 or integers, else in f32.
template <class F>
Tensor& fill_by_inversion(Tensor& t, Generator* g, F f) {
  const DType wide = t.dtype() == f64 || !is_floating_point(t.dtype()) ? f64 : f32;
  return t.copy_(f(rand(t.shape(), {.dtype = wide, .device = t.device()}, g)));
}

}  // namespace
Tensor& Tensor::exponential_(double rate, Generator* g) & {
  const CalledAs called("exponential_");
  expect_defined("exponential_", {*this});
  check_float("exponential_", dtype());
  HEARTH_CHECK(rate > 0, "exponential_: the rate must be positive, but is ", rate);
  // 0 is drawn as half of the smallest number that can be: waiting times are positive.
  return fill_by_inversion(*this, g, [=](const Tensor& u) {
    return hearth::log1p(-hearth::clamp(u, u.dtype() == f64 ? 0x1p-54 : 0x1p-25)) * (-1 / rate);
  });
}
Tensor& Tensor::geometric_(double p, Generator* g) & {
  const CalledAs called("geometric_");
  expect_defined("geometric_", {*this});
  HEARTH_CHECK(p > 0 && p < 1, "geometric_: the probability must be between 0 and 1, but is ", p);
  return fill_by_inversion(
      *this, g, [=](const Tensor& u) { return hearth::clamp(hearth::ceil(hearth::log1p(-u) / std::log1p(-p)), 1); });
}
Tensor& Tensor::log_normal_(double mean, double std, Generator* g) & {
  const CalledAs called("log_normal_");
  expect_defined("log_normal_", {*this});
  check_float("log_normal_", dtype());
  HEARTH_CHECK(std > 0, "log_normal_: the standard deviation must be positive, but is ", std);
  const DType wide = dtype() == f64 ? f64 : f32;
  return copy_(hearth::exp(randn(shape(), {.dtype = wide, .device = device()}, g) * std + mean));
}
Tensor& Tensor::cauchy_(double median, double sigma, Generator* g) & {
  const CalledAs called("cauchy_");
  expect_defined("cauchy_", {*this});
  check_float("cauchy_", dtype());
  HEARTH_CHECK(sigma > 0, "cauchy_: sigma must be positive, but is ", sigma);
  return fill_by_inversion(*this, g,
                           [=](const Tensor& u) { return hearth::tan((u - 0.5) * std::numbers::pi) * sigma + median; });
}
Tensor& Tensor::bernoulli_(const Tensor& p, Generator* g) & {
  expect_defined("bernoulli_", {*this, p});
  return copy_(hearth::bernoulli(hearth::expand(p, shape()), g));
}

namespace {
void check_std(const Tensor& std) {
  HEARTH_CHECK(!std.device().is_cpu() || std.numel() == 0 || !lt(std, 0).any().item<bool>(),
               "normal: a standard deviation is negative");
}
}  // namespace
Tensor normal(const Tensor& mean, const Tensor& std, Generator* g) {
  const CalledAs called("normal");
  expect_defined("normal", {mean, std});
  check_std(std);
  const Shape shape = broadcast_shapes(mean.shape(), std.shape(), "normal");
  const Device device = mean.dim() == 0 && mean.device().is_cpu() ? std.device() : mean.device();
  return randn(shape, {.dtype = promote(mean.dtype(), std.dtype()), .device = device}, g) * std + mean;
}
Tensor normal(const Tensor& mean, double std, Generator* g) {
  const CalledAs called("normal");
  HEARTH_CHECK(std >= 0, "normal: the standard deviation must not be negative, but is ", std);
  return randn_like(mean, g) * std + mean;
}
Tensor normal(double mean, const Tensor& std, Generator* g) {
  const CalledAs called("normal");
  expect_defined("normal", {std});
  check_std(std);
  return randn_like(std, g) * std + mean;
}
Tensor normal(double mean, double std, const Shape& shape, const TensorOptions& o, Generator* g) {
  const CalledAs called("normal");
  Tensor t = empty(shape, {.dtype = o.dtype, .device = o.device});
  return finish(t.normal_(mean, std, g), o);
}

namespace {
// Up to here the dtype has every whole number; where it is an integer, a bound that bounds nothing.
int64_t last_of_all_wholes(DType t) {
  switch (t) {
    case DType::kF64:
      return int64_t{1} << 53;
    case DType::kF32:
      return int64_t{1} << 24;
    case DType::kF16:
      return int64_t{1} << 11;
    case DType::kBF16:
      return int64_t{1} << 8;
    default:
      return std::numeric_limits<int64_t>::max();
  }
}
}  // namespace
Tensor randperm(int64_t n, const TensorOptions& o, Generator* g) {
  const CalledAs called("randperm");
  HEARTH_CHECK(n >= 0, "randperm: the size must not be negative, but is ", n);
  const DType t = o.dtype.value_or(i64);
  HEARTH_CHECK(n <= 1 || (fits(n - 1, t) && n - 1 <= last_of_all_wholes(t)), "randperm: the numbers below ", n,
               " are not all in ", t);
  // Fisher and Yates' shuffle; a 64-bit draw for each place.
  std::vector<int64_t> p(static_cast<size_t>(n));
  std::iota(p.begin(), p.end(), 0);
  Generator& source = g ? *g : default_generator();
  const GeneratorState s = source.take(static_cast<uint64_t>(2 * n));
  for (int64_t i = n - 1; i > 0; --i) {
    const auto w = philox(s.seed, s.offset + static_cast<uint64_t>(i / 2));
    const uint64_t r = uint64_t{w[static_cast<size_t>(i % 2 * 2)]} << 32 | w[static_cast<size_t>(i % 2 * 2 + 1)];
    const auto j = static_cast<int64_t>(static_cast<unsigned __int128>(r) * static_cast<uint64_t>(i + 1) >> 64);
    std::swap(p[static_cast<size_t>(i)], p[static_cast<size_t>(j)]);
  }
  return from_values(p, {n}, o);
}

Tensor bernoulli(const Tensor& p, Generator* g) {
  const CalledAs called("bernoulli");
  expect_dtypes("bernoulli", p, kFloatTypes);
  HEARTH_CHECK(!p.device().is_cpu() || p.numel() == 0 || logical_and(ge(p, 0), le(p, 1)).all().item<bool>(),
               "bernoulli: a probability is not from 0 to 1");
  // In f32 for halves: their uniform numbers are rounded, and would be biased.
  const Tensor wide = machinery::widened(p);
  return lt(rand_like(wide, g), wide).to(p.dtype());
}

namespace {

// Draws with replacement: where a number below the total comes to lie among the running sums.
void draw_again(const std::vector<double>& weights, std::span<const double> u, std::vector<int64_t>& out) {
  std::vector<double> sums(weights.size());
  std::partial_sum(weights.begin(), weights.end(), sums.begin());
  // The last that can be drawn, for a number that was rounded up to the total.
  const auto last = std::lower_bound(sums.begin(), sums.end(), sums.back());
  for (double v : u)
    out.push_back(std::min(std::upper_bound(sums.begin(), sums.end(), v * sums.back()), last) - sums.begin());
}

// Draws without replacement: each weight w has an exponential waiting time -log(1 - u) / w, and those that are over
// first are drawn, in their order (Efraimidis and Spirakis, 2006). Compared by their logarithms, which have no limits.
void draw_once(const std::vector<double>& weights, std::span<const double> u, int64_t count,
               std::vector<int64_t>& out) {
  std::vector<std::pair<double, int64_t>> waiting;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] > 0) waiting.emplace_back(std::log(-std::log1p(-u[i])) - std::log(weights[i]), i);
  }
  HEARTH_CHECK(std::ssize(waiting) >= count, "multinomial: cannot draw ", count, " without replacement: only ",
               waiting.size(), " weights are above 0");
  const auto end = waiting.begin() + count;
  if (end != waiting.end()) std::nth_element(waiting.begin(), end, waiting.end());
  std::sort(waiting.begin(), end);
  for (auto i = waiting.begin(); i != end; ++i) out.push_back(i->second);
}

}  // namespace

Tensor multinomial(const Tensor& weights, int64_t count, bool replacement, Generator* g) {
  const CalledAs called("multinomial");
  expect_defined("multinomial", {weights});
  HEARTH_CHECK(weights.dim() == 1 || weights.dim() == 2,
               "multinomial: the weights must be [n] or [m, n], but their shape is ", weights.shape());
  const int64_t n = weights.size(-1), m = weights.dim() == 2 ? weights.size(0) : 1;
  HEARTH_CHECK(n >= 1, "multinomial: there are no weights in shape ", weights.shape());
  HEARTH_CHECK(count >= 1, "multinomial: the number of draws must be at least 1, but is ", count);
  HEARTH_CHECK(replacement || count <= n, "multinomial: cannot draw ", count, " of ", n, " without replacement");
  detail::expect_values(weights, "multinomial");
  const std::vector<double> w = weights.to_vector<double>();
  const int64_t draws = replacement ? count : n;  // random numbers of a row
  const std::vector<double> u = rand({m, draws}, {.dtype = f64, .device = kCpu}, g).to_vector<double>();
  std::vector<int64_t> out;
  out.reserve(static_cast<size_t>(m * count));
  for (int64_t row = 0; row < m; ++row) {
    std::vector<double> p(w.begin() + row * n, w.begin() + (row + 1) * n);
    double largest = 0;
    for (double v : p) {
      HEARTH_CHECK(v >= 0 && std::isfinite(v), "multinomial: weights must be finite and not negative, but one is ", v);
      largest = std::max(largest, v);
    }
    HEARTH_CHECK(largest > 0, "multinomial: all weights are 0");
    for (double& v : p) v /= largest;  // so that their sum is finite
    const std::span<const double> of_row =
        std::span(u).subspan(static_cast<size_t>(row * draws), static_cast<size_t>(draws));
    if (replacement) draw_again(p, of_row, out);
    else draw_once(p, of_row, count, out);
  }
  return from_values(out, weights.dim() == 2 ? Shape{m, count} : Shape{count}, {.device = weights.device()});
}

}  // namespace hearth
