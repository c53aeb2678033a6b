#include "distributed/store/grpc_wire_internal.h"

#include "absl/strings/str_cat.h"
#include "core/io/file.h"

namespace hearth::distributed {

absl::StatusOr<std::string> read_pem(const std::string& path) {
  constexpr uint64_t kLongest = 1 << 20;
  if (path.empty()) return std::string();
  return io::read_file(path, kLongest);
}

std::string address_of(const std::string& host, int port) {
  return host.find(':') != std::string::npos && host.front() != '[' ? absl::StrCat("[", host, "]:", port)
                                                                    : absl::StrCat(host, ":", port);
}

}  // namespace hearth::distributed
