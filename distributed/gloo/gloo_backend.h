// Gloo: collectives over TCP.
#pragma once

#include <string>

#include "distributed/group/backend.h"

namespace hearth::distributed {

/// Makes backends that exchange over TCP by means of Gloo. `host` is this host's name or address, as the other ranks
/// reach it; each group of each process listens on a port that the system chooses.
///
/// Gloo's connections are neither encrypted nor authenticated: use it in a network that you trust. A stranger who
/// connects while a group is being made costs a further attempt; it cannot take a rank's place in a group that stands.
///
/// A process that has a group ignores SIGPIPE, unless it handles it: Gloo's writes to a rank that has gone raise it.
BackendFactory gloo_backend(const std::string& host);

}  // namespace hearth::distributed
