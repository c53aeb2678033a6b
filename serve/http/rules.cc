#include "serve/http/rules.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "core/base/error.h"

namespace hearth::serve {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

// The non-empty elements of a comma-separated list.
std::vector<std::string_view> elements(std::string_view list) {
  std::vector<std::string_view> all;
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(one.size() + 1, list.size()));
    if (const std::string_view t = trim(one); !t.empty()) all.push_back(t);
  }
  return all;
}

// The host of host[:port], with an IPv6 address in its brackets. The port is not checked.
std::string_view without_port(std::string_view host) {
  if (absl::StartsWith({host.data(), host.size()}, "[")) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool is_address(std::string_view host) {
  unsigned char bytes[16];
  const bool v6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string text(v6 ? host.substr(1, host.size() - 2) : host);
  return inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes) == 1;
}

std::optional<HttpResponse> check_framing(const HttpRequest& r, int version) {
  std::vector<std::string_view> codings;
  bool coded = false;
  for (const auto& [k, v] : r.headers) {
    if (!equal_ignoring_case(k, "Transfer-Encoding")) continue;
    coded = true;
    for (const std::string_view c : elements(v)) codings.push_back(c);
  }
  if (!coded) return {};
  // Two readers could disagree about the length of such a body, and about where the next request begins (request
  // smuggling).
  if (version < 11) return failure(400, "HTTP/1.0 has no Transfer-Encoding");
  if (r.header("Content-Length")) return failure(400, "a request has Content-Length or Transfer-Encoding, not both");
  if (codings.empty()) return failure(400, "Transfer-Encoding is empty");
  for (size_t i = 0; i < codings.size(); ++i) {
    if (!equal_ignoring_case(codings[i], "chunked")) continue;
    if (i + 1 < codings.size()) return failure(400, "the last transfer coding must be \"chunked\", and only that one");
  }
  for (const std::string_view c : codings) {
    if (!equal_ignoring_case(c, "chunked"))
      return failure(501, concat("the transfer coding \"", c.substr(0, 40), "\" is not implemented"));
  }
  return {};
}

std::optional<HttpResponse> check_target(HttpRequest& r) {
  const std::string_view target = r.target;
  if (r.method == "CONNECT") return failure(501, "CONNECT is not implemented");
  if (target.find('#') != std::string_view::npos) return failure(400, "a request's target has no fragment");
  if (target.substr(0, 1) == "/" || (target == "*" && r.method == "OPTIONS")) return {};
  size_t scheme = 0;
  for (const char* s : {"http://", "https://"}) {
    if (absl::StartsWithIgnoreCase(r.target, s)) scheme = std::string_view(s).size();
  }
  if (scheme == 0) return failure(400, "the request's target is neither a path nor an http URI");
  const std::string_view rest = target.substr(scheme);
  const std::string authority(rest.substr(0, rest.find_first_of("/?")));
  if (!is_host(authority)) return failure(400, "the host in the request's target is not valid");
  std::string path(rest.substr(authority.size()));
  if (path.empty() && r.method == "OPTIONS") path = "*";
  else if (path.empty() || path[0] == '?') path.insert(0, "/");
  r.target = std::move(path);
  // The target's host replaces the header's (RFC 9112, 3.2.2).
  std::erase_if(r.headers, [](const auto& h) { return equal_ignoring_case(h.first, "Host"); });
  r.headers.emplace_back("Host", authority);
  return {};
}

}  // namespace

bool is_host(std::string_view text) {
  const std::string_view host = without_port(text);
  if (host.empty()) return false;
  std::string_view port = text.substr(host.size());
  if (!port.empty()) {
    if (port[0] != ':') return false;
    port.remove_prefix(1);
    int number = 0;
    if (port.size() > 5 || !std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return false;
    if (!port.empty() && (!absl::SimpleAtoi(std::string(port), &number) || number > 65535)) return false;
  }
  if (host[0] == '[') return is_address(host);
  for (size_t i = 0; i < host.size(); ++i) {
    const auto c = static_cast<unsigned char>(host[i]);
    const auto hexadecimal = [&](size_t at) {
      return at < host.size() && absl::ascii_isxdigit(static_cast<unsigned char>(host[at]));
    };
    if (c == '%') {
      if (!hexadecimal(i + 1) || !hexadecimal(i + 2)) return false;
      i += 2;
    } else if (!absl::ascii_isalnum(c) && std::string_view("-._~!$&'()*+,;=").find(host[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool is_known_host(std::string_view host, const std::vector<std::string>& allowed) {
  std::string_view name = without_port(host);
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (equal_ignoring_case(name, "localhost") || absl::EndsWithIgnoreCase({name.data(), name.size()}, ".localhost"))
    return true;
  if (is_address(name)) return true;
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& a) {
    return a == "*" || equal_ignoring_case(a, name) || equal_ignoring_case(a, host);
  });
}

std::optional<HttpResponse> check_head(HttpRequest& r, int version) {
  const auto hosts = std::count_if(r.headers.begin(), r.headers.end(),
                                   [](const auto& h) { return equal_ignoring_case(h.first, "Host"); });
  if (hosts > 1) return failure(400, "a request has one Host header");
  if (hosts == 0 && version >= 11) return failure(400, "the Host header is missing");
  if (const std::string* h = r.header("Host"); h && !is_host(*h)) return failure(400, "the Host header is not valid");
  if (auto refused = check_framing(r, version)) return refused;
  if (auto refused = check_target(r)) return refused;
  if (const std::string* e = r.header("Expect"); e && version >= 11 && !equal_ignoring_case(*e, "100-continue"))
    return failure(417, "the only expectation that can be met is \"100-continue\"");
  return {};
}

bool is_loopback(const std::string& address) {
  in6_addr v6{};
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

double accept_weight(std::string_view accept, std::string_view media_type) {
  const std::string_view type = media_type.substr(0, media_type.find('/'));
  int best = -1;
  double weight = 0;
  for (const std::string_view range : elements(accept)) {
    const std::string_view name = trim(range.substr(0, range.find(';')));
    const int specific = equal_ignoring_case(name, media_type)           ? 2
                         : equal_ignoring_case(name, concat(type, "/*")) ? 1
                         : name == "*/*"                                 ? 0
                                                                         : -1;
    if (specific < 0) continue;
    double q = 1;
    std::string_view rest = range.substr(std::min(range.find(';'), range.size()));
    while (!rest.empty()) {
      rest.remove_prefix(1);
      const std::string_view parameter = trim(rest.substr(0, rest.find(';')));
      rest.remove_prefix(std::min(rest.find(';'), rest.size()));
      if (parameter.size() < 2 || (parameter[0] != 'q' && parameter[0] != 'Q') || parameter[1] != '=') continue;
      if (!absl::SimpleAtod(std::string(parameter.substr(2)), &q) || !(q >= 0 && q <= 1)) q = 0;
    }
    if (specific > best || (specific == best && q > weight)) {
      best = specific;
      weight = q;
    }
  }
  return weight;
}

}  // namespace hearth::serve
