// Ids by which a request is found again in logs: the client's own, or one that is made here.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::serve {

// Thread-safe.
class RequestIds {
 public:
  RequestIds();
  // `given` where it is 1 to 128 visible ASCII characters, else a new one.
  std::string id(std::string_view given);

 private:
  const std::string prefix_;
  std::atomic<uint64_t> next_{0};
};

}  // namespace hearth::serve
