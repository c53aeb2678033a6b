// RequestIds: ids by which a request is found in logs.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::serve {

/// Makes ids for requests that bring none. Thread-safe.
class RequestIds {
 public:
  /// Ids that begin with a random number of 8 hexadecimal digits, so that those of several servers hardly ever meet.
  RequestIds();
  /// `given`, the client's own id, if it has 1 to 128 visible ASCII characters; else a new one, unique in this process.
  std::string id(std::string_view given);

 private:
  const std::string prefix_;
  std::atomic<uint64_t> next_{0};
};

}  // namespace hearth::serve
