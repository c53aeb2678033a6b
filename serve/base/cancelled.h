// Cancelled: a flag that a connection and the work on its request share.
#pragma once

#include <atomic>
#include <memory>

namespace hearth::serve {

/// A shared flag that becomes true when the client has gone: nobody waits for the answer any more. Null means that the
/// work is never cancelled.
using Cancelled = std::shared_ptr<std::atomic<bool>>;

}  // namespace hearth::serve
