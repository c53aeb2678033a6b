#include "serve/net/stream_internal.h"

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace hearth::serve {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(tcp::socket s) : socket_(std::move(s)) {}
  void handshake(Handler done) override { done({}, 0); }
  void read_some(asio::mutable_buffer to, Handler done) override { socket_.async_read_some(to, std::move(done)); }
  void write(const std::array<asio::const_buffer, 2>& from, Handler done) override {
    asio::async_write(socket_, from, std::move(done));
  }
  void shutdown(Handler done) override {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    done({}, 0);
  }
  tcp::socket& socket() override { return socket_; }

 private:
  tcp::socket socket_;
};

class TlsStream final : public ByteStream {
 public:
  TlsStream(tcp::socket s, std::shared_ptr<TlsContext> tls)
      : tls_(std::move(tls)), stream_(std::move(s), tls_->asio()) {}
  void handshake(Handler done) override {
    stream_.async_handshake(asio::ssl::stream_base::server, [done = std::move(done)](error_code e) { done(e, 0); });
  }
  void read_some(asio::mutable_buffer to, Handler done) override {
    stream_.async_read_some(to, [done = std::move(done)](error_code e, size_t n) {
      // Many clients end without "close notify". The request's own length says whether it is complete.
      if (e == asio::ssl::error::stream_truncated) e = asio::error::eof;
      done(e, n);
    });
  }
  void write(const std::array<asio::const_buffer, 2>& from, Handler done) override {
    asio::async_write(stream_, from, std::move(done));
  }
  void shutdown(Handler done) override {
    stream_.async_shutdown([done = std::move(done)](error_code e) { done(e, 0); });
  }
  tcp::socket& socket() override { return stream_.next_layer(); }

 private:
  const std::shared_ptr<TlsContext> tls_;  // the certificate in use when the connection began
  asio::ssl::stream<tcp::socket> stream_;
};

}  // namespace

std::unique_ptr<ByteStream> make_stream(tcp::socket socket, std::shared_ptr<TlsContext> tls) {
  if (tls) return std::make_unique<TlsStream>(std::move(socket), std::move(tls));
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace hearth::serve
