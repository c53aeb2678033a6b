#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <string_view>
#include <utility>

#include "core/base/error.h"
#include "serve/http_stream_internal.h"

namespace hearth::serve {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

class TlsContext {
 public:
  asio::ssl::context context{asio::ssl::context::tls_server};
};

namespace {

// RFC 9325: of TLS 1.2 only what is forward secret and authenticates what it encrypts.
constexpr const char* kSuites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// RFC 7301: a client that offers protocols, none of them ours, is told so.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* offered,
                    unsigned int length, void*) {
  constexpr std::string_view kHttp = "http/1.1";
  for (unsigned int at = 0; at < length; at += 1u + offered[at]) {
    if (at + 1 + offered[at] > length) break;
    if (std::string_view(reinterpret_cast<const char*>(offered + at + 1), offered[at]) != kHttp) continue;
    *out = offered + at + 1;
    *out_length = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

class PlainStream final : public HttpStream {
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

class TlsStream final : public HttpStream {
 public:
  TlsStream(tcp::socket s, std::shared_ptr<TlsContext> tls)
      : tls_(std::move(tls)), stream_(std::move(s), tls_->context) {}
  void handshake(Handler done) override {
    stream_.async_handshake(asio::ssl::stream_base::server, [done = std::move(done)](error_code e) { done(e, 0); });
  }
  void read_some(asio::mutable_buffer to, Handler done) override {
    stream_.async_read_some(to, [done = std::move(done)](error_code e, size_t n) {
      // Without "close notify", as many clients end; a request's own length says whether it is whole.
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
  const std::shared_ptr<TlsContext> tls_;  // what it was when the connection began
  asio::ssl::stream<tcp::socket> stream_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<TlsContext>> load_tls(const std::string& certificate, const std::string& private_key) {
  try {
    auto tls = std::make_shared<TlsContext>();
    asio::ssl::context& c = tls->context;
    c.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                  asio::ssl::context::no_tlsv1_1);
    SSL_CTX* native = c.native_handle();
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_alpn_select_cb(native, select_protocol, nullptr);
    if (SSL_CTX_set_cipher_list(native, kSuites) != 1)
      return absl::InternalError("OpenSSL has none of the cipher suites that are wanted");
    c.use_certificate_chain_file(certificate);
    c.use_private_key_file(private_key, asio::ssl::context::pem);
    return tls;
  } catch (const std::exception& e) {
    return absl::InvalidArgumentError(
        concat("the certificate ", certificate, " or its key ", private_key, " cannot be used: ", e.what()));
  }
}

std::unique_ptr<HttpStream> make_stream(tcp::socket socket, std::shared_ptr<TlsContext> tls) {
  if (tls) return std::make_unique<TlsStream>(std::move(socket), std::move(tls));
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace hearth::serve
