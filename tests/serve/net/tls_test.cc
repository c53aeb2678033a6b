// HTTPS, with a certificate that the test makes itself.
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "serve/grpc/server.h"
#include "serve/server.h"
#include "tests/serve/client.h"
#include "tests/serve/models.h"

namespace hearth::serve {
namespace {

// Writes a self-signed certificate and its key.
void make_certificate(const std::string& certificate, const std::string& key) {
  EVP_PKEY* pair = EVP_EC_gen("P-256");
  X509* x = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), 0);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, pair);
  X509_NAME* name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_sign(x, pair, EVP_sha256());
  std::FILE* f = std::fopen(certificate.c_str(), "w");
  ASSERT_NE(f, nullptr);
  PEM_write_X509(f, x);
  std::fclose(f);
  f = std::fopen(key.c_str(), "w");
  ASSERT_NE(f, nullptr);
  PEM_write_PrivateKey(f, pair, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(f);
  X509_free(x);
  EVP_PKEY_free(pair);
}

struct Offer {
  int version = TLS1_3_VERSION;  // at most
  std::string suites = {};       // of TLS 1.2; empty: OpenSSL's
  std::string protocols = {};    // ALPN, each with its length before it
};

// A connection over TLS; null BIO if the server does not agree.
class TlsClient {
 public:
  TlsClient(int port, const std::string& trusted, const Offer& offer = {})
      : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context_, offer.version);
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_security_level(context_, 0);
    if (!offer.suites.empty()) SSL_CTX_set_cipher_list(context_, offer.suites.c_str());
    if (!offer.protocols.empty()) {
      SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>(offer.protocols.data()),
                              static_cast<unsigned int>(offer.protocols.size()));
    }
    SSL_CTX_load_verify_locations(context_, trusted.c_str(), nullptr);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    bio_ = BIO_new_ssl_connect(context_);
    BIO_set_conn_hostname(bio_, concat("127.0.0.1:", port).c_str());
    connected_ = BIO_do_connect(bio_) > 0;
  }
  ~TlsClient() {
    ERR_clear_error();
    BIO_free_all(bio_);  // with "close notify"
    SSL_CTX_free(context_);
  }
  void send(const std::string& text) {
    if (connected_) BIO_write(bio_, text.data(), static_cast<int>(text.size()));
  }
  std::string rest() {
    std::string out;
    char buffer[4096];
    for (int n = 0; connected_ && (n = BIO_read(bio_, buffer, sizeof buffer)) > 0;)
      out.append(buffer, static_cast<size_t>(n));
    return out;
  }
  std::string protocol() {
    SSL* ssl = nullptr;
    BIO_get_ssl(bio_, &ssl);
    const unsigned char* name = nullptr;
    unsigned int length = 0;
    SSL_get0_alpn_selected(ssl, &name, &length);
    return {reinterpret_cast<const char*>(name), length};
  }

 private:
  SSL_CTX* context_;
  BIO* bio_;
  bool connected_;
};

// What the server answers to `request`; empty if it does not agree to what is offered.
std::string ask(int port, const std::string& request, const std::string& trusted, const Offer& offer = {}) {
  TlsClient c(port, trusted, offer);
  c.send(request);
  return c.rest();
}

TEST(Tls, AnswersAndKeepsToNewVersions) {
  const std::string certificate = ::testing::TempDir() + "/certificate.pem", key = ::testing::TempDir() + "/key.pem";
  make_certificate(certificate, key);
  ServerOptions options;
  options.http = {.address = "127.0.0.1", .certificate = certificate, .private_key = key};
  options.admin.port = 0;
  auto server = Server::start(options, Repository::of("scale", std::make_shared<testing::Scale>()));
  ASSERT_TRUE(server.ok()) << server.status();
  const int port = (*server)->port();
  const std::string body = R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})";
  const std::string request = concat(
      "POST /v2/models/scale/infer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ", body.size(),
      "\r\n\r\n", body);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const std::string answer = ask(port, request, certificate, {.version = version});
    EXPECT_EQ(answer.substr(0, 15), "HTTP/1.1 200 OK") << answer;
    EXPECT_NE(answer.find("\"data\":[2,4]"), std::string::npos);
  }
  EXPECT_EQ(ask(port, request, certificate, {.version = TLS1_1_VERSION}), "");
  // Without TLS, and with nonsense in its place, the connection ends; the server goes on.
  testing::Client plain(port);
  plain.send("GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(plain.read().status, 0);
  testing::Client noise(port);
  noise.send(std::string(100, '\x16'));
  EXPECT_EQ(noise.read().status, 0);
  EXPECT_EQ(ask(port, request, certificate).substr(0, 15), "HTTP/1.1 200 OK");
  EXPECT_TRUE((*server)->drain());
}

TEST(Tls, OnlyForwardSecretSuitesAndHttp) {
  const std::string certificate = ::testing::TempDir() + "/suites.pem", key = ::testing::TempDir() + "/suites_key.pem";
  make_certificate(certificate, key);
  ServerOptions options;
  options.http = {.address = "127.0.0.1", .certificate = certificate, .private_key = key};
  options.serve_admin = false;
  auto server = Server::start(options, Repository::of("scale", std::make_shared<testing::Scale>()));
  ASSERT_TRUE(server.ok()) << server.status();
  const int port = (*server)->port();
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const auto with = [&](const std::string& suites) {
    return ask(port, request, certificate, {.version = TLS1_2_VERSION, .suites = suites}).substr(0, 15);
  };
  for (const char* good :
       {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"})
    EXPECT_EQ(with(good), "HTTP/1.1 200 OK") << good;
  for (const char* bad :
       {"ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-CCM", "AES128-GCM-SHA256"})
    EXPECT_EQ(with(bad), "") << bad;
  const std::string h2 = "\x02h2", http = "\x08http/1.1";
  EXPECT_EQ(ask(port, request, certificate, {.protocols = h2}), "");
  TlsClient both(port, certificate, {.protocols = h2 + http});
  EXPECT_EQ(both.protocol(), "http/1.1");
  both.send(request);
  EXPECT_EQ(both.rest().substr(0, 15), "HTTP/1.1 200 OK");
  // Another certificate from now on.
  const std::string other = ::testing::TempDir() + "/other.pem";
  make_certificate(other, key);
  std::filesystem::copy_file(other, certificate, std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE((*server)->reload({}).ok());
  EXPECT_EQ(ask(port, request, other).substr(0, 15), "HTTP/1.1 200 OK");
  std::ofstream(certificate) << "no certificate";
  EXPECT_FALSE((*server)->reload({}).ok());
  EXPECT_EQ(ask(port, request, other).substr(0, 15), "HTTP/1.1 200 OK");
}

TEST(Tls, GrpcWithTheSameSuites) {
  const std::string certificate = ::testing::TempDir() + "/grpc.pem", key = ::testing::TempDir() + "/grpc_key.pem";
  make_certificate(certificate, key);
  const auto models = Repository::of("scale", std::make_shared<testing::Scale>());
  auto server = GrpcServer::start({.certificate = certificate, .private_key = key}, *models);
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string h2 = "\x02h2", http = "\x08http/1.1";
  // A malformed HTTP/2 connection is answered with a frame that ends the connection, if there is one.
  const auto connects = [&](const std::string& trusted, const Offer& offer) {
    return !ask((*server)->port(), "GET / HTTP/1.1\r\n\r\n", trusted, offer).empty();
  };
  EXPECT_TRUE(connects(certificate, {.protocols = h2}));
  EXPECT_TRUE(connects(certificate, {.protocols = http + h2}));
  EXPECT_FALSE(connects(certificate, {.protocols = http}));
  EXPECT_TRUE(
      connects(certificate, {.version = TLS1_2_VERSION, .suites = "ECDHE-ECDSA-AES128-GCM-SHA256", .protocols = h2}));
  for (const char* bad : {"ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256"})
    EXPECT_FALSE(connects(certificate, {.version = TLS1_2_VERSION, .suites = bad, .protocols = h2})) << bad;
  EXPECT_FALSE(connects(certificate, {.version = TLS1_1_VERSION, .protocols = h2}));
  // Another certificate from now on.
  const std::string other = ::testing::TempDir() + "/grpc_other.pem";
  make_certificate(other, key);
  EXPECT_FALSE(connects(other, {.protocols = h2}));
  std::filesystem::copy_file(other, certificate, std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE((*server)->reload_tls().ok());
  EXPECT_TRUE(connects(other, {.protocols = h2}));
  std::ofstream(certificate) << "no certificate";
  EXPECT_FALSE((*server)->reload_tls().ok());
  EXPECT_TRUE(connects(other, {.protocols = h2}));
}

TEST(Tls, AClientThatGoesAwayIsNotComputedFor) {
  const std::string certificate = ::testing::TempDir() + "/gone.pem", key = ::testing::TempDir() + "/gone_key.pem";
  make_certificate(certificate, key);
  ServerOptions options;
  options.http = {.address = "127.0.0.1", .certificate = certificate, .private_key = key};
  options.admin.port = 0;
  auto model = std::make_shared<testing::Scale>();
  auto server = Server::start(options, Repository::of("scale", model, {.max_batch_size = 1}));
  ASSERT_TRUE(server.ok()) << server.status();
  model->hold(true);
  const std::string body = R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})";
  const std::string request = concat("POST /v2/models/scale/infer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
                                     "Content-Length: ", body.size(), "\r\n\r\n", body);
  const auto metrics_have = [&](const std::string& text) {
    return testing::Client((*server)->admin_port()).get("/metrics").body.find(text) != std::string::npos;
  };
  TlsClient busy((*server)->port(), certificate);
  busy.send(request);
  while (model->batches().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  {
    TlsClient gone((*server)->port(), certificate);
    gone.send(request);
    while (!metrics_have("pending_request_count{model=\"scale\",version=\"1\"} 1\n"))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  while (!metrics_have("reason=\"CANCELED\"} 1\n")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  model->hold(false);
  EXPECT_NE(busy.rest().find("\"data\":[2,4]"), std::string::npos);
  EXPECT_EQ(model->batches().size(), 1u);
}

}  // namespace
}  // namespace hearth::serve
