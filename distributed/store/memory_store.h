// MemoryStore: the store of ranks that are threads of one process.
#pragma once

#include "distributed/store/store.h"
#include "distributed/store/table.h"

namespace hearth::distributed {

/// A store in this process's memory.
class MemoryStore final : public Store {
 public:
  absl::Status set(const std::string& key, const std::string& value) override { return table_.set(key, value); }
  absl::StatusOr<std::string> wait(const std::string& key, std::chrono::milliseconds timeout,
                                   const std::stop_token& stop = {}) override;
  absl::StatusOr<std::string> get(const std::string& key) override { return table_.get(key); }
  absl::StatusOr<std::string> set_if_absent(const std::string& key, const std::string& value) override {
    return table_.set_if_absent(key, value);
  }
  absl::StatusOr<int64_t> add(const std::string& key, int64_t amount) override { return table_.add(key, amount); }
  absl::Status erase(const std::string& key) override { return table_.erase(key); }

 private:
  Table table_;
};

}  // namespace hearth::distributed
