// The store of ranks on several hosts: a client of the StoreServer that one process has.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "distributed/store/store.h"
#include "distributed/store/store_security.h"

namespace hearth::distributed {

/// A client of the store at host:port. Waits until the server answers, for `timeout` at most: kUnavailable then.
/// kUnauthenticated for another token than the server's, kInvalidArgument for one that cannot be sent.
absl::StatusOr<std::shared_ptr<Store>> connect_store(const std::string& host, int port, const StoreSecurity& security,
                                                     std::chrono::milliseconds timeout);

}  // namespace hearth::distributed
