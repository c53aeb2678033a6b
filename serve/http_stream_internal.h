// Where a connection's bytes come from and go to: TCP, or TLS over it.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace hearth::serve {

class HttpStream {
 public:
  using Handler = std::function<void(boost::system::error_code, size_t)>;
  virtual ~HttpStream() = default;
  virtual void handshake(Handler done) = 0;
  // The client's end is asio::error::eof, however it came.
  virtual void read_some(boost::asio::mutable_buffer to, Handler done) = 0;
  virtual void write(const std::array<boost::asio::const_buffer, 2>& from, Handler done) = 0;
  virtual void shutdown(Handler done) = 0;  // no more will be written
  virtual boost::asio::ip::tcp::socket& socket() = 0;
};

// A certificate with its key. TLS 1.3, and 1.2 with forward-secret AEAD suites; ALPN offers http/1.1.
class TlsContext;
absl::StatusOr<std::shared_ptr<TlsContext>> load_tls(const std::string& certificate, const std::string& private_key);

// tls: null for plain TCP.
std::unique_ptr<HttpStream> make_stream(boost::asio::ip::tcp::socket socket, std::shared_ptr<TlsContext> tls);

}  // namespace hearth::serve
