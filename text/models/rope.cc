#include "text/models/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::text {
namespace {

using Type = RopeConfig::Type;

// YaRN's factor for attention (Peng et al., 2023, equation 22), with DeepSeek's weights.
double yarn_attention(const RopeConfig& c) {
  const auto scaled = [&](double weight) { return c.factor <= 1 ? 1 : 0.1 * weight * std::log(c.factor) + 1; };
  const double own = c.mscale.value_or(0), all = c.mscale_all_dim.value_or(0);
  return own != 0 && all != 0 ? scaled(own) / scaled(all) : scaled(1);
}

// Where YaRN's ramp from unchanged to divided frequencies begins and ends (section 3.2 there).
std::pair<double, double> yarn_ramp(const RopeConfig& c, double dim, double length) {
  const auto place = [&](double rotations) {
    return dim * std::log(length / (rotations * 2 * std::numbers::pi)) / (2 * std::log(c.theta));
  };
  double low = place(c.beta_fast), high = place(c.beta_slow);
  if (c.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1);
  return {low, low == high ? high + 0.001 : high};
}

}  // namespace

Rope::Rope(const RopeConfig& config, int64_t head_dim, int64_t max_position_embeddings)
    : config_(config),
      head_dim_(head_dim),
      max_positions_(max_position_embeddings),
      original_(config.original_length(max_position_embeddings)) {
  if (config.type == Type::kYarn) {
    attention_factor_ = config.attention_factor.value_or(yarn_attention(config));
  } else if (config.type == Type::kLongRope) {
    const double by_length =
        config.factor <= 1 ? 1 : std::sqrt(1 + std::log(config.factor) / std::log(static_cast<double>(original_)));
    attention_factor_ = config.attention_factor.value_or(by_length);
  }
  if (config.type != Type::kDynamic && config.type != Type::kLongRope) fixed_ = frequencies(1);
}

std::vector<float> Rope::frequencies(int64_t length) const {
  const auto dim = static_cast<double>(head_dim_), original = static_cast<double>(original_);
  double base = config_.theta;
  if (config_.type == Type::kDynamic) {
    const auto most = static_cast<double>(max_positions_), now = std::max(most, static_cast<double>(length));
    base *= std::pow(config_.factor * now / most - (config_.factor - 1), dim / (dim - 2));
  }
  const auto [low, high] = config_.type == Type::kYarn ? yarn_ramp(config_, dim, original) : std::pair{0.0, 1.0};
  std::vector<float> out(static_cast<size_t>(head_dim_ / 2));
  for (size_t i = 0; i < out.size(); ++i) {
    double f = std::pow(base, -2.0 * static_cast<double>(i) / dim);
    switch (config_.type) {
      case Type::kDefault:
      case Type::kDynamic:
        break;
      case Type::kLinear:
        f /= config_.factor;
        break;
      case Type::kYarn: {
        const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
        f = f / config_.factor * ramp + f * (1 - ramp);
        break;
      }
      case Type::kLongRope:
        f /= (length > original_ ? config_.long_factor : config_.short_factor)[i];
        break;
      case Type::kLlama3: {
        const double wave = 2 * std::numbers::pi / f, longest = original / config_.low_freq_factor,
                     shortest = original / config_.high_freq_factor;
        const double smooth =
            (original / wave - config_.low_freq_factor) / (config_.high_freq_factor - config_.low_freq_factor);
        if (wave > longest) f /= config_.factor;
        else if (wave >= shortest) f = (1 - smooth) * f / config_.factor + smooth * f;
        break;
      }
    }
    out[i] = static_cast<float>(f);
  }
  return out;
}

RopeTables Rope::tables(const Tensor& positions) const {
  const TensorOptions on_device{.device = positions.device()};
  Tensor f;
  if (!fixed_.empty()) {
    f = tensor(fixed_, on_device);
  } else {
    std::vector<float> all;
    const auto last = positions.size(0) ? positions.amax({1}).to_vector<int64_t>() : std::vector<int64_t>();
    for (const int64_t position : last) {
      const std::vector<float> row = frequencies(position + 1);
      all.insert(all.end(), row.begin(), row.end());
    }
    f = from_values(all, {positions.size(0), 1, head_dim_ / 2}, on_device);
  }
  const Tensor angles = unsqueeze(unsqueeze(positions.to(f32), -1) * f, -2);
  Tensor cosines = cos(angles), sines = sin(angles);
  if (attention_factor_ != 1) {
    cosines.mul_(attention_factor_);
    sines.mul_(attention_factor_);
  }
  return {cosines, sines};
}

Tensor rotate(const Tensor& x, const RopeTables& t) {
  const int64_t half = x.size(-1) / 2;
  const Tensor a = narrow(x, -1, 0, half), b = narrow(x, -1, half, half);
  const Tensor y = cat({addcmul(a * t.cos, b, t.sin, -1), addcmul(b * t.cos, a, t.sin)}, -1);
  return y.to(x.dtype());
}

}  // namespace hearth::text
