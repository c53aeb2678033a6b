// HTTPS, with a certificate that the test makes itself.
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdio>

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

// What the server answers to `request`, over TLS of at most `version`; empty if it speaks none.
std::string ask(int port, const std::string& request, const std::string& trusted, int version = TLS1_3_VERSION) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, version);
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_load_verify_locations(context, trusted.c_str(), nullptr);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  BIO* bio = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(bio, concat("127.0.0.1:", port).c_str());
  std::string out;
  if (BIO_do_connect(bio) > 0) {
    BIO_write(bio, request.data(), static_cast<int>(request.size()));
    char buffer[4096];
    for (int n = 0; (n = BIO_read(bio, buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<size_t>(n));
  }
  ERR_clear_error();
  BIO_free_all(bio);
  SSL_CTX_free(context);
  return out;
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
    const std::string answer = ask(port, request, certificate, version);
    EXPECT_EQ(answer.substr(0, 15), "HTTP/1.1 200 OK") << answer;
    EXPECT_NE(answer.find("\"data\":[2,4]"), std::string::npos);
  }
  EXPECT_EQ(ask(port, request, certificate, TLS1_1_VERSION), "");
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

}  // namespace
}  // namespace hearth::serve
