// What RFC 9112 asks of a request's head beyond its grammar, and which hosts a server answers for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http.h"

namespace hearth::serve {

// The answer to a head that is not to be taken: 400 where its host, target or framing is wrong, 417 for an unknown
// expectation, 501 for what is not implemented. Otherwise the target is in origin form ("/path?query", or "*"), and
// Host is that of a target in absolute form. version: 10 or 11.
std::optional<HttpResponse> check_head(HttpRequest& head, int version);

// host[:port] as a URI has it (RFC 3986): a name, an IPv4 address, or an IPv6 address in brackets. Not empty.
bool is_host(std::string_view text);

// Whether a Host header names this server: a loopback name (localhost, *.localhost), an IP address, which no DNS answer
// of a stranger's can stand for, or one of `allowed`, with or without a port. "*" allows all.
bool is_known_host(std::string_view host, const std::vector<std::string>& allowed);

// Whether only this machine reaches an IP address: 127.0.0.0/8, ::1.
bool is_loopback(const std::string& address);

// The weight (0 to 1) that an Accept header gives a media type "type/subtype": of the most specific range that fits; 0
// if none does.
double accept_weight(std::string_view accept, std::string_view media_type);

}  // namespace hearth::serve
