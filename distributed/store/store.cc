#include "distributed/store/store.h"

namespace hearth::distributed {

absl::Status PrefixStore::set(const std::string& key, const std::string& value) {
  return store_->set(prefix_ + key, value);
}
absl::StatusOr<std::string> PrefixStore::wait(const std::string& key, std::chrono::milliseconds timeout,
                                              const std::stop_token& stop) {
  return store_->wait(prefix_ + key, timeout, stop);
}
absl::StatusOr<std::string> PrefixStore::get(const std::string& key) { return store_->get(prefix_ + key); }
absl::StatusOr<std::string> PrefixStore::set_if_absent(const std::string& key, const std::string& value) {
  return store_->set_if_absent(prefix_ + key, value);
}
absl::StatusOr<int64_t> PrefixStore::add(const std::string& key, int64_t amount) {
  return store_->add(prefix_ + key, amount);
}
absl::Status PrefixStore::erase(const std::string& key) { return store_->erase(prefix_ + key); }

}  // namespace hearth::distributed
