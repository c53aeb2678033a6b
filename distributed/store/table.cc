#include "distributed/store/table.h"

#include <charconv>

#include "absl/strings/str_cat.h"
#include "distributed/store/store.h"

namespace hearth::distributed {

absl::Status check_entry(const std::string& key, const std::string& value) {
  if (key.empty() || key.size() > kMaxStoreKey)
    return absl::InvalidArgumentError(
        absl::StrCat("store: a key must have 1 to ", kMaxStoreKey, " bytes, but has ", key.size()));
  if (value.size() > kMaxStoreValue)
    return absl::InvalidArgumentError(
        absl::StrCat("store: a value must have at most ", kMaxStoreValue, " bytes, but has ", value.size()));
  return absl::OkStatus();
}

absl::StatusOr<int64_t> parse_number(const std::string& key, const std::string& value) {
  int64_t n = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), n);
  if (error != std::errc() || end != value.data() + value.size())
    return absl::InvalidArgumentError(absl::StrCat("store: the value of \"", key, "\" is not a number"));
  return n;
}

absl::StatusOr<int64_t> checked_sum(const std::string& key, int64_t a, int64_t b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum))
    return absl::InvalidArgumentError(absl::StrCat("store: the sum in \"", key, "\" is too large"));
  return sum;
}

namespace {

size_t size_of_entry(const std::string& key, const std::string& value) {
  return Table::kEntry + key.size() + value.size();
}
// Its key is kept twice, and what it calls.
size_t size_of_waiter(const std::string& key) { return 2 * (Table::kEntry + key.size()); }

}  // namespace

absl::Status Table::take(size_t bytes) {
  if (bytes > max_bytes_ - bytes_)
    return absl::ResourceExhaustedError(absl::StrCat("store: it holds ", bytes_, " bytes, and may hold ", max_bytes_));
  bytes_ += bytes;
  return absl::OkStatus();
}

absl::Status Table::put(const std::string& key, const std::string& value) {
  const auto it = values_.find(key);
  const size_t before = it == values_.end() ? 0 : size_of_entry(key, it->second);
  bytes_ -= before;
  if (absl::Status s = take(size_of_entry(key, value)); !s.ok()) {
    bytes_ += before;
    return s;
  }
  if (it == values_.end()) values_.emplace(key, value);
  else it->second = value;
  for (auto w = waiting_.find(key); w != waiting_.end() && w->first == key; w = waiting_.erase(w)) {
    const auto entry = waiters_.find(w->second);
    entry->second.second(value);
    waiters_.erase(entry);
    bytes_ -= size_of_waiter(key);
  }
  return absl::OkStatus();
}

absl::Status Table::set(const std::string& key, const std::string& value) {
  if (absl::Status s = check_entry(key, value); !s.ok()) return s;
  const MutexLock lock(mutex_);
  return put(key, value);
}

absl::StatusOr<std::string> Table::get(const std::string& key) const {
  if (absl::Status s = check_entry(key, ""); !s.ok()) return s;
  const MutexLock lock(mutex_);
  const auto it = values_.find(key);
  if (it == values_.end()) return absl::NotFoundError(absl::StrCat("store: there is no \"", key, "\""));
  return it->second;
}

absl::StatusOr<std::string> Table::set_if_absent(const std::string& key, const std::string& value) {
  if (absl::Status s = check_entry(key, value); !s.ok()) return s;
  const MutexLock lock(mutex_);
  if (const auto it = values_.find(key); it != values_.end()) return it->second;
  if (absl::Status s = put(key, value); !s.ok()) return s;
  return value;
}

absl::StatusOr<int64_t> Table::add(const std::string& key, int64_t amount) {
  if (absl::Status s = check_entry(key, ""); !s.ok()) return s;
  const MutexLock lock(mutex_);
  int64_t before = 0;
  if (const auto it = values_.find(key); it != values_.end()) {
    const auto n = parse_number(key, it->second);
    if (!n.ok()) return n.status();
    before = *n;
  }
  const auto sum = checked_sum(key, before, amount);
  if (!sum.ok()) return sum;
  if (absl::Status s = put(key, std::to_string(*sum)); !s.ok()) return s;
  return sum;
}

absl::Status Table::erase(const std::string& key) {
  if (absl::Status s = check_entry(key, ""); !s.ok()) return s;
  const MutexLock lock(mutex_);
  const auto it = values_.find(key);
  if (it == values_.end()) return absl::OkStatus();
  bytes_ -= size_of_entry(key, it->second);
  values_.erase(it);
  return absl::OkStatus();
}

std::map<std::string, std::string> Table::entries(const std::string& prefix) const {
  const MutexLock lock(mutex_);
  std::map<std::string, std::string> out;
  for (auto it = values_.lower_bound(prefix); it != values_.end() && it->first.rfind(prefix, 0) == 0; ++it)
    out.insert(*it);
  return out;
}

absl::StatusOr<uint64_t> Table::when_set(const std::string& key, Waiter waiter) {
  if (absl::Status s = check_entry(key, ""); !s.ok()) return s;
  const MutexLock lock(mutex_);
  if (const auto it = values_.find(key); it != values_.end()) {
    waiter(it->second);
    return 0;
  }
  if (waiters_.size() >= max_waiters_) return absl::ResourceExhaustedError("store: too many calls wait for a value");
  if (absl::Status s = take(size_of_waiter(key)); !s.ok()) return s;
  const uint64_t number = ++last_;
  waiters_.emplace(number, std::make_pair(key, std::move(waiter)));
  waiting_.emplace(key, number);
  return number;
}

bool Table::forget(uint64_t number) {
  const MutexLock lock(mutex_);
  const auto it = waiters_.find(number);
  if (it == waiters_.end()) return false;
  bytes_ -= size_of_waiter(it->second.first);
  const auto [begin, end] = waiting_.equal_range(it->second.first);
  for (auto w = begin; w != end; ++w) {
    if (w->second != number) continue;
    waiting_.erase(w);
    break;
  }
  waiters_.erase(it);
  return true;
}

}  // namespace hearth::distributed
