// The rules of RFC 9112 for a request's head that the parser does not check, and of hosts that a server answers for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http/message.h"

namespace hearth::serve {

/// The response that refuses a head: 400 for a malformed host, target or framing, 417 for an unknown expectation, 501
/// for something that is not implemented. Nothing if the head is right; its target is then in origin form
/// ("/path?query") or "*", and for a target in absolute form Host is the target's host. `version` is 10 for
/// HTTP/1.0, 11 for HTTP/1.1.
std::optional<HttpResponse> check_head(HttpRequest& head, int version);

/// Whether the text is host[:port] as in a URI (RFC 3986): a name, an IPv4 address, or an IPv6 address in brackets.
bool is_host(std::string_view text);

/// Whether a Host header names this server, with or without a port: a loopback name (localhost, *.localhost), an IP
/// address (DNS rebinding cannot forge one), or one of `allowed`, where "*" allows all.
bool is_known_host(std::string_view host, const std::vector<std::string>& allowed);

/// Whether only this machine can reach the IP address: 127.0.0.0/8 or ::1.
bool is_loopback(const std::string& address);

/// The weight, 0 to 1, that an Accept header gives to a media type "type/subtype": that of the most specific range that
/// matches; 0 if none matches.
double accept_weight(std::string_view accept, std::string_view media_type);

}  // namespace hearth::serve
