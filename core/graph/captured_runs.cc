#include "core/graph/captured_runs.h"

#include <algorithm>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"

namespace hearth::graph {

CapturedRuns::Runs* CapturedRuns::find(std::span<const Tensor> in) {
  const auto same = [](const Tensor& a, const Tensor& b) {
    return a.dtype() == b.dtype() && a.device() == b.device() && a.shape() == b.shape();
  };
  for (const auto& r : runs_) {
    if (std::equal(in.begin(), in.end(), r->in.begin(), r->in.end(), same)) return r.get();
  }
  return nullptr;
}

void CapturedRuns::capture(Runs& runs, std::span<const Tensor> in) {
  runs.tried = true;
  for (Tensor& t : runs.in) t = t.contiguous().clone();
  try {
    runs.replay.emplace(in[0].device(), [&] { runs.out = graph_.run(runs.in); });
  } catch (const Error&) {
    runs.out.clear();  // the run without a capture says what is wrong, if anything is
  }
}

std::vector<Tensor> CapturedRuns::run(std::span<const Tensor> in) {
  const NoGrad off;
  const bool on_gpu = !in.empty() && std::ranges::all_of(in, [&](const Tensor& t) {
    return t.defined() && t.device().is_cuda() && t.device() == in[0].device();
  });
  Runs* const runs = on_gpu && !Capture::current() ? find(in) : nullptr;
  if (!runs) {
    std::vector<Tensor> out = graph_.run(in);
    // Once it has run without an error, the next time is captured.
    if (on_gpu && !Capture::current() && runs_.size() < most_) {
      runs_.push_back(std::make_unique<Runs>());
      for (const Tensor& t : in) runs_.back()->in.push_back(t.detach());
    }
    return out;
  }
  if (!runs->tried) capture(*runs, in);
  if (!runs->replay) return graph_.run(in);
  for (size_t i = 0; i < in.size(); ++i) runs->in[i].copy_(in[i]);
  runs->replay->replay();
  std::vector<Tensor> out;
  out.reserve(runs->out.size());
  for (const Tensor& t : runs->out) out.push_back(t.clone());
  return out;
}

size_t CapturedRuns::captured() const {
  return static_cast<size_t>(std::ranges::count_if(runs_, [](const auto& r) { return r->replay.has_value(); }));
}

}  // namespace hearth::graph
