// Cancelled: a flag that a connection and the work on its request share.
#pragma once

#include <atomic>
#include <memory>

namespace hearth::serve {

/// True once the client has gone: nobody waits for the answer any more. May be null: never cancelled.
using Cancelled = std::shared_ptr<std::atomic<bool>>;

}  // namespace hearth::serve
