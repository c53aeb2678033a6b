// Names and addresses of the hosts of a job.
#pragma once

#include <string>

namespace hearth::distributed {

/// A host and a port.
struct Place {
  /// The name or address; an IPv6 address without brackets.
  std::string host;
  /// From 1 to 65535.
  int port = 0;
};

/// Reads "host:port" or "[IPv6 address]:port". Throws Error that names `method`, of which it is a part.
Place parse_place(const std::string& method, const std::string& text);

/// Whether only this host itself is reached by it.
bool is_loopback(const std::string& host);

/// Where a server listens that others reach as `host`: on that address alone if it is a loopback one, else on all
/// addresses of this host, of IPv4 and IPv6.
std::string address_to_listen_on(const std::string& host);

/// The address of this host on the way to another; empty if there is none. Nothing is sent.
std::string address_towards(const std::string& host);

/// This host's name.
std::string hostname();

}  // namespace hearth::distributed
