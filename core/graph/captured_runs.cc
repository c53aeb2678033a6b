#include "core/graph/captured_runs.h"

#include <algorithm>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/base/thread_state.h"

namespace hearth::graph {

std::vector<CapturedRuns::Key> CapturedRuns::keys_of(std::span<const Tensor> in) {
  std::vector<Key> keys;
  keys.reserve(in.size());
  for (const Tensor& t : in) keys.push_back({t.dtype(), t.device(), t.shape()});
  return keys;
}

void CapturedRuns::capture(Runs& runs, std::span<const Tensor> in) {
  runs.tried = true;
  try {
    for (const Tensor& t : in) runs.in.push_back(t.contiguous().clone());
    runs.replay.emplace(in[0].device(), [&] { runs.out = graph_.run(runs.in); });
  } catch (const Error&) {
    runs.replay.reset();
    runs.in.clear();
    runs.out.clear();  // the run without a capture says what is wrong, if anything is
  }
}

std::vector<Tensor> CapturedRuns::run(std::span<const Tensor> in) {
  const NoGrad off;
  const bool on_gpu = !in.empty() && std::ranges::all_of(in, [&](const Tensor& t) {
    return t.defined() && t.device().is_cuda() && t.device() == in[0].device();
  });
  // Ops that somebody watches or changes are not those of the next call.
  if (!on_gpu || Capture::current() || thread_state.interposer) return graph_.run(in);
  std::vector<Key> keys = keys_of(in);
  const auto found = std::ranges::find_if(runs_, [&](const auto& r) { return r->keys == keys; });
  if (found == runs_.end()) {
    std::vector<Tensor> out = graph_.run(in);
    // Once it has run without an error, the next time is captured.
    if (runs_.size() < most_) {
      runs_.push_back(std::make_unique<Runs>());
      runs_.back()->keys = std::move(keys);
    }
    return out;
  }
  Runs& runs = **found;
  if (!runs.tried) capture(runs, in);
  if (!runs.replay) return graph_.run(in);
  for (size_t i = 0; i < in.size(); ++i) runs.in[i].copy_(in[i]);
  runs.replay->replay();
  std::vector<Tensor> out;
  out.reserve(runs.out.size());
  for (const Tensor& t : runs.out) out.push_back(t.clone());
  return out;
}

size_t CapturedRuns::captured() const {
  return static_cast<size_t>(std::ranges::count_if(runs_, [](const auto& r) { return r->replay.has_value(); }));
}

}  // namespace hearth::graph
