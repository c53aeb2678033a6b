#include "distributed/launch/addresses.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <system_error>

#include "core/base/error.h"

namespace hearth::distributed {

Place parse_place(const std::string& method, const std::string& text) {
  const size_t colon = text.rfind(':');
  Place p;
  if (colon != std::string::npos) {
    p.host = text.substr(0, colon);
    if (p.host.size() > 2 && p.host.front() == '[' && p.host.back() == ']')
      p.host = p.host.substr(1, p.host.size() - 2);
    const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), p.port);
    if (error != std::errc() || end != text.data() + text.size()) p.port = 0;
  }
  HEARTH_CHECK(!p.host.empty() && p.port >= 1 && p.port <= 65535, "init: the method must be tcp://host:port, but is \"",
               method, "\"");
  return p;
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0; }

std::string address_to_listen_on(const std::string& host) { return is_loopback(host) ? host : "::"; }

std::string address_towards(const std::string& host) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  if (::getaddrinfo(host.c_str(), "9", &hints, &found) != 0) return {};
  std::string out;
  for (const addrinfo* a = found; a && out.empty(); a = a->ai_next) {
    const int fd = ::socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    sockaddr_storage mine{};
    socklen_t length = sizeof mine;
    char name[NI_MAXHOST];
    if (::connect(fd, a->ai_addr, a->ai_addrlen) == 0 &&
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&mine), &length) == 0 &&
        ::getnameinfo(reinterpret_cast<sockaddr*>(&mine), length, name, sizeof name, nullptr, 0, NI_NUMERICHOST) == 0)
      out = name;
    ::close(fd);
  }
  ::freeaddrinfo(found);
  return out;
}

std::string hostname() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace hearth::distributed
