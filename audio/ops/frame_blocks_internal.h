// Features of frames, a block of frames at a time.
#pragma once

#include <functional>
#include <initializer_list>

#include "core/tensor/tensor.h"

namespace hearth::audio::detail {

// True if ops of these tensors are recorded: for a gradient, or by a tracer.
bool recorded(std::initializer_list<std::reference_wrapper<const Tensor>> tensors);

// f of frames [..., count, n], where f makes [..., count, m] and looks at each frame alone. If `whole`, f is called
// once. Otherwise, on the CPU, it is called for blocks of frames, which it may be in several threads, after it was
// called for the first block: what f is made of then stays in the caches. Blocks depend on the frames' shape alone.
Tensor in_blocks(const Tensor& frames, bool whole, const std::function<Tensor(const Tensor&)>& f);

}  // namespace hearth::audio::detail
