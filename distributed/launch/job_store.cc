#include "distributed/launch/job_store.h"

#include <utility>

namespace hearth::distributed {
namespace {

// How long rank 0 keeps the store for the others at the end.
constexpr std::chrono::milliseconds kFarewell{5000};

}  // namespace

JobStore::JobStore(std::shared_ptr<Store> store, std::unique_ptr<StoreServer> server, int size)
    : server_(std::move(server)), store_(std::move(store)), size_(size) {}

JobStore::~JobStore() {
  if (size_ == 1) return;
  const auto left = store_->add("left", 1);
  if (!left.ok()) return;
  if (*left == size_) (void)store_->set("all left", "");
  else if (server_) (void)store_->wait("all left", kFarewell);
}

}  // namespace hearth::distributed
