#include "audio/stream/resample_stream.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "audio/ops/resample_internal.h"
#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/join.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

ResampleStream::ResampleStream(int64_t orig_freq, int64_t new_freq, const ResampleOptions& o) : options_(o) {
  const CalledAs called("ResampleStream");
  detail::check_resample(orig_freq, new_freq, o);
  const int64_t common = std::gcd(orig_freq, new_freq);
  from_ = orig_freq / common;
  to_ = new_freq / common;
}

// The filter in the signal's dtype.
void ResampleStream::begin(const Tensor& x) {
  if (from_ != to_ && !(taps_.defined() && taps_.dtype() == x.dtype() && taps_.device() == x.device())) {
    auto filter = detail::resample_filter(from_, to_, options_, {.dtype = x.dtype(), .device = x.device()});
    taps_ = std::move(filter.taps);
    attrs_ = filter.attrs;
    width_ = filter.width;
  }
  waiting_ = slice(x.detach(), -1, 0, 0);
}

void ResampleStream::reset() {
  waiting_ = {};
  first_ = received_ = given_ = 0;
}

int64_t ResampleStream::bytes() const {
  size_t all = 0;
  for (const Tensor* t : {&taps_, &waiting_}) all += t->defined() ? t->nbytes() : 0;
  return static_cast<int64_t>(all);
}

// The samples up to `until`, and what the next ones need.
Tensor ResampleStream::give(int64_t until) {
  const int64_t before = first_ / from_ * to_;
  const Tensor all = from_ == to_ ? waiting_ : run(kResample, {waiting_, taps_}, attrs_);
  const Tensor result = slice(all, -1, given_ - before, until - before).clone();
  given_ = until;
  // From a multiple of from_ on, so that the samples that follow are made of the same filters.
  const int64_t first = std::max<int64_t>((given_ / to_ * from_ - width_ - from_) / from_ * from_, first_);
  waiting_ = slice(waiting_, -1, first - first_, received_ - first_).clone();
  first_ = first;
  return result;
}

Tensor ResampleStream::operator()(const Tensor& x) {
  const NoGrad off;
  const CalledAs called("ResampleStream");
  expect_defined("ResampleStream", {x});
  expect_dtypes("ResampleStream", x, DTypeSet{f32, f64});
  HEARTH_CHECK(x.dim() >= 1, "ResampleStream: expected signals [..., time], but the tensor is 0-dim");
  if (!waiting_.defined()) begin(x);
  Shape goes_on = x.shape(), began = waiting_.shape();
  goes_on[x.dim() - 1] = 0;
  began[waiting_.dim() - 1] = 0;
  HEARTH_CHECK(x.dtype() == waiting_.dtype() && goes_on == began, "ResampleStream: the signal goes on as ", x.dtype(),
               " ", x.shape(), ", but it began as ", waiting_.dtype(), " with the dimensions ", began);
  waiting_ = cat({waiting_, x.detach()}, -1);
  received_ += x.size(-1);
  return give(std::max(received_ > width_ ? ceil_div((received_ - width_) * to_, from_) : 0, given_));
}

Tensor ResampleStream::finish() {
  const NoGrad off;
  HEARTH_CHECK(waiting_.defined(), "ResampleStream: there was no signal");
  Tensor result = give(ceil_div(received_ * to_, from_));
  reset();
  return result;
}

}  // namespace hearth::audio
