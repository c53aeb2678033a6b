// The store over TLS, with certificates that the test makes itself.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/ops/create.h"
#include "distributed/launch/init.h"
#include "distributed/store/grpc_store.h"
#include "distributed/store/store_server.h"
#include "tests/distributed/backends.h"
#include "tests/distributed/free_port.h"

namespace hearth::distributed {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Files {
  std::string certificate, key;
};

// A self-signed certificate of "localhost", and its key.
Files make_certificate(const std::string& name) {
  const Files out{testing::TempDir() + "/" + name + ".pem", testing::TempDir() + "/" + name + ".key"};
  EVP_PKEY* pair = EVP_EC_gen("P-256");
  X509* x = X509_new();
  X509_set_version(x, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), 0);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, pair);
  X509_NAME* subject = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(x, subject);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
  X509_add_ext(x, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(x, pair, EVP_sha256());
  std::FILE* f = std::fopen(out.certificate.c_str(), "w");
  PEM_write_X509(f, x);
  std::fclose(f);
  f = std::fopen(out.key.c_str(), "w");
  PEM_write_PrivateKey(f, pair, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(f);
  X509_free(x);
  EVP_PKEY_free(pair);
  return out;
}

StoreSecurity server_of(const Files& f) {
  return {.token = "secret", .certificate_file = f.certificate, .key_file = f.key};
}
StoreSecurity client_of(const Files& f, const std::string& token = "secret") {
  return {.token = token, .ca_file = f.certificate};
}

TEST(StoreOverTls, IsForWhoTrustsItsCertificate) {
  const Files own = make_certificate("own"), other = make_certificate("other");
  auto started = StoreServer::start("localhost", 0, server_of(own));
  ASSERT_TRUE(started.ok()) << started.status();
  const auto server = *std::move(started);
  const auto client = connect_store("localhost", server->port(), client_of(own), seconds(60));
  ASSERT_TRUE(client.ok()) << client.status();
  ASSERT_TRUE((*client)->set("x", "y").ok());
  EXPECT_EQ(*(*client)->wait("x", seconds(60)), "y");
  // Another certificate than the server's, a name that is not in it, no encryption.
  EXPECT_TRUE(
      absl::IsUnavailable(connect_store("localhost", server->port(), client_of(other), milliseconds(500)).status()));
  EXPECT_TRUE(
      absl::IsUnavailable(connect_store("127.0.0.1", server->port(), client_of(own), milliseconds(500)).status()));
  EXPECT_FALSE(connect_store("localhost", server->port(), {.token = "secret"}, milliseconds(500)).ok());
  // The token counts beside it.
  EXPECT_TRUE(
      absl::IsUnauthenticated(connect_store("localhost", server->port(), client_of(own, "s"), seconds(60)).status()));
}

TEST(StoreOverTls, SaysWhichFileIsMissing) {
  const Files own = make_certificate("own");
  const auto server = StoreServer::start("localhost", 0, {.certificate_file = own.certificate});
  EXPECT_TRUE(absl::IsInvalidArgument(server.status())) << server.status();
  const auto absent = StoreServer::start("localhost", 0, {.certificate_file = own.certificate, .key_file = "/nowhere"});
  EXPECT_TRUE(absl::IsNotFound(absent.status())) << absent.status();
  EXPECT_NE(std::string(absent.status().message()).find("/nowhere"), std::string::npos);
  const auto client = connect_store("localhost", 1, {.certificate_file = own.certificate}, seconds(1));
  EXPECT_TRUE(absl::IsInvalidArgument(client.status())) << client.status();
}

TEST(StoreOverTls, RanksMeetInIt) {
  const Files own = make_certificate("own");
  const std::string method = "tcp://localhost:" + std::to_string(free_port());
  const StoreSecurity all{
      .token = "secret", .ca_file = own.certificate, .certificate_file = own.certificate, .key_file = own.key};
  std::vector<std::string> errors(2);
  std::vector<std::thread> ranks;
  for (int r = 0; r < 2; ++r) {
    ranks.emplace_back([&, r] {
      errors[static_cast<size_t>(r)] = error_of([&] {
        ProcessGroup g = init({.method = method, .rank = r, .size = 2, .group = patient(), .security = all});
        Tensor t = full({3}, r + 1.0);
        g.all_reduce(t);
        EXPECT_EQ(t.to_vector<double>()[0], 3);
      });
    });
  }
  for (auto& t : ranks) t.join();
  EXPECT_EQ(errors, std::vector<std::string>(2, "no error"));
}

}  // namespace
}  // namespace hearth::distributed
