// A client over a plain socket, for what a well-behaved one would never send.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace hearth::serve::testing {

struct Answer {
  int status = 0;  // 0: the connection ended without one
  std::string head, body;
};

class Client {
 public:
  explicit Client(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(static_cast<uint16_t>(port));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int error = connect(fd_, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0 ? 0 : errno;
    if (error == EINTR) {  // it goes on
      pollfd p{fd_, POLLOUT, 0};
      while (poll(&p, 1, -1) < 0 && errno == EINTR) continue;
      socklen_t size = sizeof error;
      getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    connected_ = error == 0;
  }
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      text.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  void end_sending() { shutdown(fd_, SHUT_WR); }

  // The next answer. Waits for it at most half a minute.
  Answer read(bool head_only = false) {
    while (true) {
      const size_t end = in_.find("\r\n\r\n");
      if (end != std::string::npos) {
        Answer a{std::atoi(in_.c_str() + 9), in_.substr(0, end), ""};
        const size_t at = a.head.find("Content-Length: ");
        const size_t length =
            at == std::string::npos || head_only ? 0 : std::strtoull(a.head.c_str() + at + 16, nullptr, 10);
        if (in_.size() >= end + 4 + length) {
          a.body = in_.substr(end + 4, length);
          in_.erase(0, end + 4 + length);
          return a;
        }
      }
      if (!more()) return {};
    }
  }
  // All that comes until the server closes the connection.
  std::string rest() {
    while (more()) continue;
    return in_;
  }
  // Whether this text comes, with half a minute between two pieces at most.
  bool until(std::string_view text) {
    while (in_.find(text) == std::string::npos) {
      if (!more()) return false;
    }
    return true;
  }
  // Whether something has come already.
  bool has_data() const {
    pollfd p{fd_, POLLIN, 0};
    return !in_.empty() || poll(&p, 1, 0) > 0;
  }
  // Whether the server closes the connection within half a minute.
  bool ended() {
    while (more()) continue;
    return ended_;
  }

  // What has come behind the answers, for other protocols than HTTP.
  std::string_view data() const { return in_; }
  void drop(size_t bytes) { in_.erase(0, bytes); }
  bool wait_for_more() { return more(); }

  Answer get(const std::string& path, const std::string& headers = "") { return request("GET", path, headers, ""); }
  Answer post(const std::string& path, const std::string& body, const std::string& headers = "") {
    return request("POST", path, headers, body);
  }
  Answer request(const std::string& method, const std::string& path, const std::string& headers,
                 const std::string& body) {
    send(concat(method, " ", path, " HTTP/1.1\r\nHost: localhost\r\n", headers, "Content-Length: ", body.size(),
                "\r\n\r\n", body));
    return read();
  }

 private:
  bool more() {
    const auto retry = [](auto call) {
      auto n = call();
      while (n < 0 && errno == EINTR) n = call();
      return n;
    };
    pollfd p{fd_, POLLIN, 0};
    if (retry([&] { return poll(&p, 1, 30'000); }) <= 0) return false;
    char buffer[16 << 10];
    const ssize_t n = retry([&] { return recv(fd_, buffer, sizeof buffer, 0); });
    ended_ = n <= 0;
    if (n > 0) in_.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }

  int fd_;
  bool connected_ = false, ended_ = false;
  std::string in_;
};

}  // namespace hearth::serve::testing
