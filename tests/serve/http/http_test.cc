// HTTP as RFC 9112 has it, over plain sockets; who may connect, and as whom; what the server says of itself.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/ops/create.h"
#include "serve/base/access_log.h"
#include "serve/http/rules.h"
#include "serve/model/decoder.h"
#include "serve/server.h"
#include "tests/serve/client.h"
#include "tests/serve/models.h"

namespace hearth::serve {
namespace {

using std::chrono::milliseconds;
using testing::Answer;
using testing::Client;
using testing::Scale;

std::atomic<bool> decoding{false}, decode_on{false};
constexpr Decoder kSlowDecoder{
    "slow", [](std::string_view, const std::map<std::string, std::string>&) -> absl::StatusOr<std::vector<Tensor>> {
      decoding = true;
      while (!decode_on) std::this_thread::sleep_for(milliseconds(1));
      return absl::InvalidArgumentError("decoded");
    }};
HEARTH_DECODER(kSlowDecoder);

// Takes files that are decoded slowly.
class SlowFiles : public Scale {
 public:
  SlowFiles() { signature_.preprocess_input = {{"type", "slow"}}; }
};

const std::string kInfer = "/v2/models/scale/infer";
const std::string kBody = R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})";
std::string infer_request(const std::string& body = kBody) {
  return concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

class HttpTest : public ::testing::Test {
 protected:
  HttpTest() {
    options.http.address = "127.0.0.1";
    options.http.port = 0;
    options.admin.port = 0;
    options.http.threads = 1;
    options.http.max_connections_per_peer = 1000;
  }
  void start() {
    auto s = Server::start(options, Repository::of("scale", model, scheduler));
    ASSERT_TRUE(s.ok()) << s.status();
    server = *std::move(s);
  }
  Answer raw(const std::string& text, bool head = false) {
    Client c(server->port());
    c.send(text);
    return c.read(head);
  }
  int status(const std::string& text) { return raw(text, true).status; }
  std::string metrics() { return Client(server->admin_port()).get("/metrics").body; }
  void wait_for_batches(size_t n) {
    while (model->batches().size() < n) std::this_thread::sleep_for(milliseconds(1));
  }

  std::shared_ptr<Scale> model = std::make_shared<Scale>();
  SchedulerOptions scheduler{.max_batch_size = 1};
  ServerOptions options;
  std::unique_ptr<Server> server;
};

TEST_F(HttpTest, HostIsThereOnceAndValid) {
  start();
  const auto with = [&](const std::string& headers) { return status("GET /healthz HTTP/1.1\r\n" + headers + "\r\n"); };
  EXPECT_EQ(with(""), 400);
  EXPECT_EQ(with("Host: a\r\nHost: a\r\n"), 400);
  for (const char* bad : {"", "a b", "user@a", "a/b", "[::1", "[fe80]", "a:70000", "a:x", ":80", "a%zz"})
    EXPECT_EQ(with(concat("Host: ", bad, "\r\n")), 400) << bad;
  for (const char* good : {"a", "a.example:80", "127.0.0.1:8000", "[::1]", "[2001:db8::1]:443", "a_b", "a%41", "a:"})
    EXPECT_EQ(with(concat("Host: ", good, "\r\n")), 200) << good;
  EXPECT_EQ(status("GET /healthz HTTP/1.0\r\n\r\n"), 200);
}

TEST_F(HttpTest, TargetsInAllForms) {
  start();
  const auto ask = [&](const std::string& line) { return raw(line + " HTTP/1.1\r\nHost: localhost\r\n\r\n", true); };
  EXPECT_EQ(ask("GET http://localhost/v2/health/live").status, 200);
  EXPECT_EQ(ask("GET HTTP://other.example:81/healthz?x=1").status, 200);
  EXPECT_EQ(ask("GET http://localhost").status, 200);  // the page
  for (const char* bad : {"GET healthz", "GET *", "GET http://", "GET http://a@b/healthz", "GET ftp://a/healthz",
                          "GET /healthz#x", "GET localhost:80"})
    EXPECT_EQ(ask(bad).status, 400) << bad;
  EXPECT_EQ(ask("CONNECT localhost:80").status, 501);
  for (const char* line : {"OPTIONS *", "OPTIONS http://localhost"}) {
    const Answer a = ask(line);
    EXPECT_EQ(a.status, 204) << line;
    EXPECT_NE(a.head.find("Allow: GET, HEAD, POST, OPTIONS"), std::string::npos);
  }
  EXPECT_NE(ask("OPTIONS /v2").head.find("Allow: GET, HEAD, OPTIONS"), std::string::npos);
  EXPECT_NE(ask("OPTIONS " + kInfer).head.find("Allow: POST, OPTIONS"), std::string::npos);
}

TEST_F(HttpTest, TransferCodings) {
  start();
  const auto with = [&](const std::string& headers, const char* version = "1.1") {
    return status(concat("POST ", kInfer, " HTTP/", version, "\r\nHost: localhost\r\n", headers, "\r\n0\r\n\r\n"));
  };
  EXPECT_EQ(with("Transfer-Encoding: chunked\r\n"), 400);  // an empty body is not JSON
  EXPECT_EQ(with("Transfer-Encoding: gzip, chunked\r\n"), 501);
  EXPECT_EQ(with("Transfer-Encoding: gzip\r\n"), 501);
  EXPECT_NE(raw("POST /v2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n").body.find("last transfer"),
            std::string::npos);
  EXPECT_NE(raw("GET /v2 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").body.find("HTTP/1.0 has no"),
            std::string::npos);
  EXPECT_EQ(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400);
  EXPECT_EQ(with("Expect: something\r\nContent-Length: 5\r\n"), 417);
}

TEST_F(HttpTest, TrailersAreNotHeaders) {
  start();
  const Answer a =
      raw("POST /v2/models/scale/infer HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
          "0\r\nX-Request-Id: from-the-trailer\r\nContent-Encoding: br\r\n\r\n");
  EXPECT_EQ(a.status, 400);
  EXPECT_EQ(a.head.find("from-the-trailer"), std::string::npos) << a.head;
}

TEST_F(HttpTest, AHeadOfTheLimitIsTakenAndOneMoreIsNot) {
  start();
  const std::string begin = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ";
  const size_t fill = static_cast<size_t>(options.http.max_header_bytes) - begin.size() - 4;
  EXPECT_EQ(status(begin + std::string(fill, 'a') + "\r\n\r\n"), 200);
  EXPECT_EQ(status(begin + std::string(fill + 1, 'a') + "\r\n\r\n"), 431);
}

TEST_F(HttpTest, HalfClosedClientsAreAnswered) {
  start();
  model->hold(true);
  Client busy(server->port()), half(server->port()), old(server->port()), two(server->port());
  busy.send(infer_request());
  wait_for_batches(1);
  half.send(infer_request());
  half.end_sending();
  old.send(concat("POST ", kInfer, " HTTP/1.0\r\nContent-Length: ", kBody.size(), "\r\n\r\n", kBody));
  old.end_sending();
  two.send(infer_request() + infer_request());
  two.end_sending();
  // The server has noticed that no more comes, and has asked whether anybody is there.
  EXPECT_EQ(half.read().status, 100);
  EXPECT_EQ(two.read().status, 100);
  model->hold(false);
  EXPECT_EQ(busy.read().status, 200);
  EXPECT_EQ(half.read().status, 200);
  EXPECT_TRUE(half.ended());
  EXPECT_EQ(old.read().status, 200);
  EXPECT_EQ(two.read().status, 200);
  Answer second = two.read();
  if (second.status == 100) second = two.read();
  EXPECT_EQ(second.status, 200);
  Client incomplete(server->port());
  incomplete.send("GET /v2 HT");
  incomplete.end_sending();
  EXPECT_EQ(incomplete.read().status, 400);
}

TEST_F(HttpTest, WhatTheTransportRefusesIsLoggedWithItsId) {
  options.access_log = ::testing::TempDir() + "/refused.log";
  std::filesystem::remove(options.access_log);
  options.http.max_body_bytes = 1000;
  options.http.header_timeout = milliseconds(200);
  options.api.tokens.inference = {"sesame"};
  start();
  std::vector<std::string> ids;
  for (const auto& [text, code] : {std::pair<std::string, int>("nonsense\r\n\r\n", 400),
                                   {"POST /v2 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", 413},
                                   {"GET /v2 HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n", 431},
                                   {"GET /v2 HTTP/1.1\r\nHo", 408},
                                   {"POST /v2/x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", 401}}) {
    const Answer a = raw(text);
    EXPECT_EQ(a.status, code) << text.substr(0, 40);
    const size_t at = a.head.find("X-Request-Id: ");
    ASSERT_NE(at, std::string::npos) << a.head;
    const std::string id = a.head.substr(at + 14, a.head.find("\r\n", at) - at - 14);
    ids.push_back(concat("\"request_id\":\"", id, "\",\"peer\":\"127.0.0.1\""));
    ids.push_back(concat("\"status\":", code));
  }
  server.reset();
  std::stringstream log;
  log << std::ifstream(options.access_log).rdbuf();
  for (const std::string& id : ids) EXPECT_NE(log.str().find(id), std::string::npos) << id << "\n" << log.str();
}

TEST_F(HttpTest, IdleConnectionsMakeRoomAndHealthIsAlwaysAnswered) {
  options.http.max_connections = 3;
  start();
  Client a(server->port()), b(server->port()), c(server->port());
  for (Client* each : {&a, &b, &c}) EXPECT_EQ(each->get("/healthz").status, 200);
  // The one that has been idle for longest goes.
  Client d(server->port());
  EXPECT_EQ(d.get("/v2").status, 200);
  EXPECT_TRUE(a.ended());
  model->hold(true);
  for (Client* each : {&b, &c, &d}) each->send(infer_request());
  while (metrics().find("pending_request_count{model=\"scale\",version=\"1\"} 2\n") == std::string::npos)
    std::this_thread::sleep_for(milliseconds(1));
  EXPECT_EQ(Client(server->port()).get("/v2").status, 503);
  EXPECT_EQ(Client(server->port()).get("/healthz").status, 200);
  EXPECT_EQ(Client(server->port()).get("/v2/health/ready").status, 200);
  EXPECT_EQ(Client(server->admin_port()).post("/v2/repository/index", "").status, 200);
  model->hold(false);
  for (Client* each : {&b, &c, &d}) EXPECT_EQ(each->read().status, 200);
}

TEST_F(HttpTest, AnAddressHasItsShareOfConnections) {
  options.http.max_connections_per_peer = 2;
  start();
  Client a(server->port()), b(server->port());
  for (Client* each : {&a, &b}) EXPECT_EQ(each->get("/healthz").status, 200);
  EXPECT_EQ(Client(server->port()).get("/v2").status, 429);
  EXPECT_EQ(Client(server->port()).get("/healthz").status, 200);
}

TEST_F(HttpTest, AdministrationForOthersNeedsAToken) {
  options.admin.address = "0.0.0.0";
  const auto s = Server::start(options, Repository::of("scale", model));
  EXPECT_EQ(s.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(s.status().message().find("0.0.0.0"), absl::string_view::npos);
  options.admin_without_token = true;
  start();
  options.admin_without_token = false;
  options.api.tokens.admin = {"root"};
  start();
  EXPECT_EQ(Client(server->admin_port()).post("/v2/repository/index", "").status, 401);
}

TEST_F(HttpTest, ATokenForInferenceHoldsOnEveryPort) {
  options.api.tokens.inference = {"sesame"};
  start();
  const std::string sesame = "Authorization: Bearer sesame\r\n", root = "Authorization: Bearer root\r\n";
  for (const int port : {server->port(), server->admin_port()}) {
    EXPECT_EQ(Client(port).post(kInfer, kBody).status, 401);
    EXPECT_EQ(Client(port).post(kInfer, kBody, sesame).status, 200);
    EXPECT_EQ(Client(port).get("/metrics").status, 401);
    EXPECT_EQ(Client(port).get("/healthz").status, 200);
  }
  EXPECT_EQ(Client(server->admin_port()).post("/v2/repository/index", "").status, 401);
  EXPECT_EQ(Client(server->admin_port()).post("/v2/repository/index", "", sesame).status, 200);
  // Others from now on, as after SIGHUP.
  ASSERT_TRUE(server->reload({.inference = {"sesame"}, .admin = {"root"}}).ok());
  EXPECT_EQ(Client(server->admin_port()).post("/v2/repository/index", "", sesame).status, 401);
  EXPECT_EQ(Client(server->admin_port()).post("/v2/repository/index", "", root).status, 200);
  EXPECT_EQ(Client(server->admin_port()).post(kInfer, kBody, root).status, 200);
  EXPECT_EQ(Client(server->port()).post(kInfer, kBody, root).status, 401);
}

TEST_F(HttpTest, AdministrationKnowsItsHosts) {
  options.api.allowed_hosts = {"hearth.example"};
  start();
  const auto from = [&](const char* host) {
    Client c(server->admin_port());
    c.send(concat("POST /v2/repository/index HTTP/1.1\r\nHost: ", host, "\r\nContent-Length: 0\r\n\r\n"));
    return c.read().status;
  };
  for (const char* known : {"localhost", "localhost:8002", "LOCALHOST.", "a.localhost", "127.0.0.1:8002", "[::1]:8002",
                            "192.0.2.7", "hearth.example", "hearth.example:8002"})
    EXPECT_EQ(from(known), 200) << known;
  for (const char* stranger :
       {"evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "hearth.example.evil"})
    EXPECT_EQ(from(stranger), 421) << stranger;
  EXPECT_EQ(status("GET /v2 HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 421);
}

TEST_F(HttpTest, LargeAnswersAreMadeOutsideTheConnectionsThread) {
  model = std::make_shared<SlowFiles>();
  options.api.workers = 1;
  start();
  // The only worker is busy with a file.
  Client file(server->port());
  file.send("POST /v2/models/scale/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx");
  while (!decoding) std::this_thread::sleep_for(milliseconds(1));
  constexpr int64_t kRows = 10'000;
  std::string data;
  for (int64_t i = 0; i < 2 * kRows; ++i) data += i > 0 ? ",1" : "1";
  Client large(server->port()), small(server->port());
  large.send(infer_request(
      concat(R"({"inputs":[{"name":"x","shape":[)", kRows, R"(,2],"datatype":"FP32","data":[)", data, "]}]}")));
  wait_for_batches(1);
  // Others are answered, and the large one waits for the worker.
  EXPECT_EQ(small.post(kInfer, kBody).status, 200);
  EXPECT_EQ(small.get("/healthz").status, 200);
  EXPECT_FALSE(large.has_data());
  decode_on = true;
  const Answer a = large.read();
  EXPECT_EQ(a.status, 200);
  EXPECT_GT(a.body.size(), static_cast<size_t>(2 * kRows));
  EXPECT_EQ(file.read().status, 400);
}

TEST_F(HttpTest, OpenMetricsWhereItIsAskedFor) {
  start();
  Client c(server->port());
  EXPECT_EQ(c.post(kInfer, kBody).status, 200);
  const Answer text = c.get("/metrics", "Accept: text/html, */*\r\n");
  EXPECT_NE(text.head.find("Content-Type: text/plain; version=0.0.4"), std::string::npos);
  EXPECT_EQ(text.body.find("# EOF"), std::string::npos);
  const Answer open =
      c.get("/metrics", "Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4\r\n");
  EXPECT_NE(open.head.find("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
            std::string::npos);
  EXPECT_TRUE(open.body.ends_with("\n# EOF\n"));
  EXPECT_NE(open.body.find("# TYPE hearth_access_log_dropped counter\nhearth_access_log_dropped_total 0\n"),
            std::string::npos);
  EXPECT_NE(open.body.find("# TYPE nv_inference_request_success unknown\n"), std::string::npos);
  EXPECT_NE(open.body.find(",le=\"1.0\"}"), std::string::npos);
  EXPECT_NE(c.get("/metrics", "Accept: application/openmetrics-text;q=0.1,text/plain\r\n").head.find("text/plain"),
            std::string::npos);
}

TEST(Accept, Weights) {
  EXPECT_EQ(accept_weight("text/*;q=0.3, text/plain;q=0.7, */*;q=0.5", "text/plain"), 0.7);
  EXPECT_EQ(accept_weight("text/*;q=0.3, */*;q=0.5", "text/plain"), 0.3);
  EXPECT_EQ(accept_weight("text/*;q=0.3, */*;q=0.5", "image/png"), 0.5);
  EXPECT_EQ(accept_weight("text/html", "image/png"), 0);
  EXPECT_EQ(accept_weight("TEXT/HTML ; level=1 ; q=1", "text/html"), 1);
}

}  // namespace
}  // namespace hearth::serve
