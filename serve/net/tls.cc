#include <openssl/ssl.h>

#include <string_view>
#include <utility>

#include "core/base/error.h"
#include "core/io/file.h"
#include "serve/net/tls_internal.h"

namespace hearth::serve {
namespace {

namespace asio = boost::asio;

constexpr uint64_t kMaxFileBytes = 1 << 20;

// RFC 9325: with TLS 1.2 only suites that are forward secret and authenticate what they encrypt.
constexpr const char* kSuites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// RFC 7301: a client that offers protocols gets an alert if ours is not among them.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* offered,
                    unsigned int length, void* protocol) {
  const std::string_view ours = *static_cast<const std::string*>(protocol);
  for (unsigned int at = 0; at < length; at += 1u + offered[at]) {
    if (at + 1 + offered[at] > length) break;
    if (std::string_view(reinterpret_cast<const char*>(offered + at + 1), offered[at]) != ours) continue;
    *out = offered + at + 1;
    *out_length = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::string unusable(const std::string& certificate, const std::string& private_key, std::string_view why) {
  return concat("the certificate ", certificate, " or its key ", private_key, " cannot be used: ", why);
}

}  // namespace

absl::StatusOr<std::shared_ptr<TlsContext>> TlsContext::load(const std::string& certificate,
                                                             const std::string& private_key,
                                                             const std::string& protocol) {
  const auto chain = io::read_file(certificate, kMaxFileBytes), key = io::read_file(private_key, kMaxFileBytes);
  for (const auto* file : {&chain, &key}) {
    if (file->ok()) continue;
    const absl::Status& s = file->status();
    return absl::Status(s.code(), unusable(certificate, private_key, std::string(s.message())));
  }
  try {
    std::shared_ptr<TlsContext> tls(new TlsContext(protocol));
    asio::ssl::context& c = tls->context_;
    c.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                  asio::ssl::context::no_tlsv1_1);
    SSL_CTX* native = c.native_handle();
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_alpn_select_cb(native, select_protocol, const_cast<std::string*>(&tls->protocol_));
    if (SSL_CTX_set_cipher_list(native, kSuites) != 1)
      return absl::InternalError("OpenSSL has none of the cipher suites that the server uses");
    c.use_certificate_chain(asio::buffer(*chain));
    c.use_private_key(asio::buffer(*key), asio::ssl::context::pem);
    return tls;
  } catch (const std::exception& e) {
    return absl::InvalidArgumentError(unusable(certificate, private_key, e.what()));
  }
}

}  // namespace hearth::serve
