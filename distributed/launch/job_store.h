// JobStore: a process's share of its job's store.
#pragma once

#include <memory>
#include <string>

#include "distributed/store/store.h"
#include "distributed/store/store_server.h"

namespace hearth::distributed {

/// Another store, which it tells at its end that this rank has left. The process that serves the store goes last.
class JobStore final : public Store {
 public:
  /// `server` is null where another process serves it.
  JobStore(std::shared_ptr<Store> store, std::unique_ptr<StoreServer> server, int size);
  ~JobStore() override;
  absl::Status set(const std::string& key, const std::string& value) override { return store_->set(key, value); }
  absl::StatusOr<std::string> wait(const std::string& key, std::chrono::milliseconds timeout,
                                   const std::stop_token& stop) override {
    return store_->wait(key, timeout, stop);
  }
  absl::StatusOr<std::string> get(const std::string& key) override { return store_->get(key); }
  absl::StatusOr<std::string> set_if_absent(const std::string& key, const std::string& value) override {
    return store_->set_if_absent(key, value);
  }
  absl::StatusOr<int64_t> add(const std::string& key, int64_t amount) override { return store_->add(key, amount); }
  absl::Status erase(const std::string& key) override { return store_->erase(key); }

 private:
  const std::unique_ptr<StoreServer> server_;
  const std::shared_ptr<Store> store_;
  const int size_;
};

}  // namespace hearth::distributed
