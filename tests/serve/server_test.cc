// A running server and clients that behave, and that do not.
#include "serve/server.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "core/base/error.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/version.h"
#include "serve/http/compression.h"
#include "tests/serve/client.h"
#include "tests/serve/models.h"

namespace hearth::serve {
namespace {

using std::chrono::milliseconds;
using testing::Answer;
using testing::Client;
using testing::Scale;

const std::string kInfer = "/v2/models/scale/infer";
std::string ask(const std::string& data = "[1,2]") {
  return R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":)" + data + "}]}";
}
const std::string kAnswer =
    R"({"model_name":"scale","model_version":"1","outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"data":[2,4]}]})";

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    options.http.address = "127.0.0.1";
    options.http.port = 0;
    options.admin.port = 0;
    options.http.threads = 2;
  }
  void start() {
    auto s = Server::start(options, Repository::of("scale", model, scheduler));
    ASSERT_TRUE(s.ok()) << s.status();
    server = *std::move(s);
  }
  int port() { return server->port(); }
  // The connections that the server counts, when it has noticed.
  bool connections_become(int64_t n) {
    for (int i = 0; i < 6000; ++i) {
      Client c(server->admin_port());
      const std::string metrics = c.get("/metrics").body;
      if (metrics.find("\nhearth_connections " + std::to_string(n) + "\n") != std::string::npos) return true;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return false;
  }
  void wait_for_batches(size_t n) {
    while (model->batches().size() < n) std::this_thread::sleep_for(milliseconds(1));
  }

  std::shared_ptr<Scale> model = std::make_shared<Scale>();
  SchedulerOptions scheduler;
  ServerOptions options;
  std::unique_ptr<Server> server;
};

TEST_F(ServerTest, AnswersTheProtocol) {
  start();
  Client c(port());
  EXPECT_EQ(
      c.get("/v2").body,
      concat(
          R"({"name":"hearth","version":")", version(),
          R"(","extensions":["binary_tensor_data","classification","model_configuration","model_repository","statistics"]})"));
  EXPECT_EQ(c.get("/v2/health/live").body, R"({"live":true})");
  EXPECT_EQ(c.get("/v2/health/ready").body, R"({"ready":true})");
  EXPECT_EQ(
      c.get("/v2/models/scale").body,
      R"({"name":"scale","versions":["1"],"platform":"hearth_graph","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],"outputs":[{"name":"y","datatype":"FP32","shape":[-1,2]}]})");
  EXPECT_EQ(c.get("/v2/models/scale/versions/1/ready").body, R"({"name":"scale","ready":true})");
  const Answer a = c.post(kInfer, ask());
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.body, kAnswer);
  EXPECT_EQ(c.post("/v2/models/scale/versions/1/infer", ask()).body, kAnswer);
  EXPECT_EQ(c.get("/healthz").body, "ok\n");
  EXPECT_EQ(c.get("/").status, 200);
  EXPECT_NE(c.get("/v2/models/scale/stats").body.find(R"("inference_count":2,"execution_count":2)"), std::string::npos);
  EXPECT_NE(c.get("/metrics").body.find("nv_inference_request_success{model=\"scale\",version=\"1\"} 2\n"),
            std::string::npos);
}

TEST_F(ServerTest, BinaryTensors) {
  start();
  Client c(port());
  const std::string json =
      R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}],"parameters":{"binary_data_output":true}})";
  const float x[] = {1.5, -4};
  const std::string body = json + std::string(reinterpret_cast<const char*>(x), sizeof x);
  const Answer a = c.post(kInfer, body, concat("Inference-Header-Content-Length: ", json.size(), "\r\n"));
  ASSERT_EQ(a.status, 200) << a.body;
  const size_t at = a.head.find("Inference-Header-Content-Length: ");
  ASSERT_NE(at, std::string::npos);
  const size_t length = std::strtoull(a.head.c_str() + at + 33, nullptr, 10);
  float y[2];
  ASSERT_EQ(a.body.size(), length + sizeof y);
  std::memcpy(y, a.body.data() + length, sizeof y);
  EXPECT_EQ(y[0], 3);
  EXPECT_EQ(y[1], -8);
  EXPECT_EQ(c.post(kInfer, body, "Inference-Header-Content-Length: -5\r\n").status, 400);
  EXPECT_EQ(c.post(kInfer, body, "Inference-Header-Content-Length: many\r\n").status, 400);
  EXPECT_EQ(c.post(kInfer, body, "Inference-Header-Content-Length: 99999999999\r\n").status, 400);
}

TEST_F(ServerTest, CompressedBodies) {
  options.api.max_body_bytes = 100'000;
  start();
  std::string zeros;
  zeros.resize(50'000'000);
  Client c(port());
  for (const Compression how : {Compression::kGzip, Compression::kDeflate}) {
    const std::string encoding =
        how == Compression::kGzip ? "Content-Encoding: gzip\r\n" : "Content-Encoding: deflate\r\n";
    const std::string packed = compress(ask(), how);
    EXPECT_EQ(c.post(kInfer, packed, encoding).body, kAnswer);
    EXPECT_EQ(c.post(kInfer, packed.substr(0, packed.size() / 2), encoding).status, 400);
    EXPECT_EQ(c.post(kInfer, packed + "more", encoding).status, 400);
    EXPECT_EQ(c.post(kInfer, compress(zeros, how), encoding).status, 413);
    const Answer a =
        c.request("GET", "/v2/models/scale/stats",
                  how == Compression::kGzip ? "Accept-Encoding: gzip\r\n" : "Accept-Encoding: deflate\r\n", "");
    const auto plain = decompress(a.body, 1 << 20);
    ASSERT_TRUE(plain.ok()) << plain.status();
    EXPECT_EQ(plain->substr(0, 15), "{\"model_stats\":");
  }
  EXPECT_EQ(c.post(kInfer, ask(), "Content-Encoding: br\r\n").status, 415);
  EXPECT_EQ(c.post(kInfer, ask(), "Content-Encoding: identity\r\n").body, kAnswer);
}

TEST_F(ServerTest, WrongAddressesAndMethods) {
  start();
  Client c(port());
  for (const char* path : {"/v3", "/v2/models", "/v2/models/nobody", "/v2/models/scale/versions/7",
                           "/v2/models/scale/versions/x", "/v2/models/scale/what", "/v2/models/scale/infer/more",
                           "/v2/models/../../etc/passwd", "/v2/models/..%2f..%2fetc/ready", "/v2/models/%00/ready",
                           "/v2/models/%zz", "/v2/models//ready", "//", "/v2/models/scale/versions/-1/ready"}) {
    const Answer a = c.get(path);
    EXPECT_EQ(a.status, 404) << path;
    EXPECT_EQ(a.body.substr(0, 10), "{\"error\":\"") << path;
  }
  EXPECT_EQ(c.get(kInfer).status, 405);
  EXPECT_EQ(c.post("/v2/health/live", "").status, 405);
  EXPECT_EQ(c.post("/v2/repository/index", "").status, 403);
  EXPECT_EQ(c.get("/v2").status, 200);  // the same connection goes on
}

TEST_F(ServerTest, BadBodiesAreAnsweredAndTheConnectionGoesOn) {
  start();
  Client c(port());
  for (const std::string& body : {std::string(), std::string("{"), ask("[1]"), ask("\"a\""), ask("[NaN,1]"),
                                  std::string(100000, '['), std::string("\0\0", 2)}) {
    const Answer a = c.post(kInfer, body);
    EXPECT_EQ(a.status, 400) << body.substr(0, 100);
    EXPECT_NE(a.body.find("error"), std::string::npos);
  }
  EXPECT_EQ(c.post(kInfer, ask("[-1000,1]")).body, R"({"error":"a number below -100"})");
  EXPECT_EQ(c.post(kInfer, ask()).body, kAnswer);
}

TEST_F(ServerTest, WhatIsNoHttpIsRefused) {
  start();
  for (const std::string& text :
       {std::string("hello\r\n\r\n"), std::string("GET /v2 HTTP/9.9\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00", 7) + std::string(64, 'x') + "\r\n\r\n",
        std::string("POST /v2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"),
        std::string("POST /v2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"),
        std::string("POST /v2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
        std::string(
            "POST /v2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        std::string("POST /v2 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"),
        std::string("POST /v2 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
        std::string("POST /v2 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\nGET /x "
                    "HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        std::string("GET /v2 HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n")}) {
    Client c(port());
    c.send(text);
    const Answer a = c.read();
    EXPECT_EQ(a.status, 400) << text;
    EXPECT_NE(a.head.find("Connection: close"), std::string::npos);
    c.close();
  }
}

TEST_F(ServerTest, ChunkedBodiesAndPiecesAreRead) {
  start();
  Client c(port());
  const std::string body = ask();
  c.send("POST " + kInfer + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (size_t i = 0; i < body.size(); i += 7) {
    const std::string piece = body.substr(i, 7);
    char size[8];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    c.send(size + piece + "\r\n");
  }
  c.send("0\r\n\r\n");
  EXPECT_EQ(c.read().body, kAnswer);
  for (const char byte :
       concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body))
    c.send({&byte, 1});
  EXPECT_EQ(c.read().body, kAnswer);
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  Client c(port());
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const std::string body = ask(concat("[", i, ",0]"));
    all += concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
  }
  c.send(all);
  for (int i = 0; i < 50; ++i) EXPECT_NE(c.read().body.find(concat("\"data\":[", 2 * i, ",0]")), std::string::npos);
}

TEST_F(ServerTest, ConnectionsEndWhenAsked) {
  start();
  Client c(port());
  EXPECT_NE(c.get("/v2", "Connection: close\r\n").head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(c.ended());
  Client old(port());
  old.send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.read().body, "ok\n");
  EXPECT_TRUE(old.ended());
  Client kept(port());
  kept.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(kept.read().head.find("Connection: keep-alive"), std::string::npos);
  EXPECT_EQ(kept.get("/healthz").status, 200);
  Client head(port());
  head.send("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(head.read(true).status, 200);
  EXPECT_EQ(head.read().body, "ok\n");
  Client expects(port());
  expects.send(concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: ",
                      ask().size(), "\r\n\r\n"));
  EXPECT_EQ(expects.read().status, 100);
  expects.send(ask());
  EXPECT_EQ(expects.read().body, kAnswer);
}

TEST_F(ServerTest, LimitsOfHeaderAndBody) {
  options.http.max_body_bytes = 1000;
  options.http.max_header_bytes = 2000;
  start();
  {
    Client c(port());
    EXPECT_EQ(c.post(kInfer, std::string(1000, ' ')).status, 400);
    EXPECT_EQ(c.post(kInfer, std::string(1001, ' ')).status, 413);
  }
  {
    Client c(port());
    c.send("POST /v2 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n" +
           std::string(5000, 'x'));
    EXPECT_EQ(c.read().status, 413);
  }
  {
    Client c(port());
    EXPECT_EQ(c.get("/v2", "X-Long: " + std::string(3000, 'a') + "\r\n").status, 431);
  }
  {
    Client c(port());
    c.send("GET /" + std::string(100'000, 'a'));
    EXPECT_EQ(c.read().status, 431);
  }
}

TEST_F(ServerTest, AllBodiesTogetherAreLimited) {
  options.http.max_pending_bytes = 1'000'000;
  start();
  const std::string part(600'000, ' '), binary = "Inference-Header-Content-Length: 2\r\n";
  const std::string head =
      concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\n", binary, "Content-Length: 700000\r\n\r\n");
  Client first(port()), second(port());
  first.send(head + part);
  std::this_thread::sleep_for(milliseconds(300));
  second.send(head + part);
  const Answer a = second.read();
  EXPECT_EQ(a.status, 503);
  EXPECT_NE(a.head.find("Retry-After"), std::string::npos);
  second.close();
  first.send(std::string(100'000, ' '));
  EXPECT_EQ(first.read().status, 400);  // no JSON, but taken
  // What is answered counts no longer, as soon as its thread has let go of it.
  for (int i = 0; i < 5; ++i) {
    int status = 503;
    for (int wait = 0; wait < 2000 && status == 503; ++wait) {
      status = Client(port()).post(kInfer, part, binary).status;
      if (status == 503) std::this_thread::sleep_for(milliseconds(5));
    }
    EXPECT_EQ(status, 400);
  }
}

TEST_F(ServerTest, WhatBodiesUnpackToCounts) {
  options.http.max_pending_bytes = 1'000'000;
  start();
  const std::string gzip = "Content-Encoding: gzip\r\n";
  // 2 kB that become 2 MB; and text whose parser and tensors take more than there is.
  Answer a = Client(port()).post(kInfer, compress(std::string(2'000'000, ' '), Compression::kGzip), gzip);
  EXPECT_EQ(a.status, 503);
  EXPECT_NE(a.body.find("already use their memory limit"), std::string::npos) << a.body;
  a = Client(port()).post(kInfer, std::string(200'000, ' '));
  EXPECT_EQ(a.status, 503);
  EXPECT_NE(a.body.find("already use their memory limit"), std::string::npos) << a.body;
  EXPECT_EQ(Client(port()).post(kInfer, compress(std::string(1000, ' '), Compression::kGzip), gzip).status, 400);
  // All three were requests of the model, and failed.
  const std::string stats = Client(port()).get("/v2/models/scale/stats").body;
  EXPECT_NE(stats.find(R"("fail":{"count":3,)"), std::string::npos) << stats;
  EXPECT_EQ(testing::bytes_kept(*server->memory()), 0);
}

TEST_F(ServerTest, LackOfMemoryIsNotTheEnd) {
  class Hungry : public Scale {
   public:
    absl::StatusOr<std::vector<Tensor>> run_tensors(std::span<const Tensor>) const override { throw std::bad_alloc(); }
  };
  model = std::make_shared<Hungry>();
  start();
  const Answer a =
      Client(port()).post(kInfer, R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})");
  EXPECT_EQ(a.status, 503);
  EXPECT_EQ(a.body, R"({"error":"out of memory"})");
  EXPECT_EQ(Client(port()).get("/healthz").status, 200);
}

TEST_F(ServerTest, BodiesOfThoseWhoMayNotAreNotRead) {
  options.api.tokens.inference = {"sesame"};
  start();
  Client c(port());
  c.send(concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n{"));
  EXPECT_EQ(c.read().status, 401);
}

TEST_F(ServerTest, SlowAndIdleClientsAreLetGo) {
  options.http.idle_timeout = milliseconds(300);
  options.http.header_timeout = milliseconds(300);
  options.http.request_timeout = milliseconds(600);
  start();
  Client idle(port()), slow_header(port()), slow_body(port());
  slow_header.send("GET /v2 HT");
  slow_body.send("POST /v2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(slow_header.read().status, 408);
  EXPECT_EQ(slow_body.read().status, 408);
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(Client(port()).get("/healthz").status, 200);
}

TEST_F(ServerTest, AThousandIdleAndAThousandSlowConnections) {
  start();
  std::vector<std::unique_ptr<Client>> all;
  for (int i = 0; i < 2000; ++i) {
    all.push_back(std::make_unique<Client>(port()));
    if (!all.back()->connected()) GTEST_SKIP() << "this system allows no more than " << i << " connections";
    if (i % 2 == 0) all.back()->send("POST /v2/models/scale/infer HTTP/1.1\r\nHost: localhost\r\nContent-Le");
  }
  EXPECT_TRUE(connections_become(2000));
  Client c(port());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(c.post(kInfer, ask()).body, kAnswer);
  all.clear();
  EXPECT_TRUE(connections_become(1));
}

TEST_F(ServerTest, OneConnectionTooMany) {
  options.http.max_connections = 3;
  options.http.max_connections_per_peer = 100;
  start();
  Client a(port()), b(port()), c(port());
  for (Client* each : {&a, &b, &c}) EXPECT_EQ(each->get("/healthz").status, 200);
  // Nobody is idle who could make room: these wait for an answer.
  model->hold(true);
  for (Client* each : {&a, &b, &c})
    each->send(
        concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", ask().size(), "\r\n\r\n", ask()));
  wait_for_batches(1);
  for (int i = 0; i < 3; ++i) {
    Client d(port());
    // Two of the three requests may not have arrived yet, and their connections are idle then.
    const Answer refused = d.get("/v2");
    if (refused.status == 200) continue;
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(d.ended());
  }
  model->hold(false);
  a.close();
  EXPECT_TRUE(connections_become(2));
  EXPECT_EQ(Client(port()).get("/healthz").status, 200);
}

TEST_F(ServerTest, AFullQueueSays503) {
  scheduler = {.max_batch_size = 1, .max_queue_size = 1};
  start();
  model->hold(true);
  Client busy(port()), waiting(port()), refused(port());
  const std::string request =
      concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", ask().size(), "\r\n\r\n", ask());
  busy.send(request);
  wait_for_batches(1);
  waiting.send(request);
  while (Client(server->admin_port())
             .get("/metrics")
             .body.find("pending_request_count{model=\"scale\",version=\"1\"} 1\n") == std::string::npos)
    std::this_thread::sleep_for(milliseconds(1));
  const Answer a = refused.post(kInfer, ask());
  EXPECT_EQ(a.status, 503);
  EXPECT_NE(a.head.find("Retry-After: 1"), std::string::npos);
  model->hold(false);
  EXPECT_EQ(busy.read().body, kAnswer);
  EXPECT_EQ(waiting.read().body, kAnswer);
}

TEST_F(ServerTest, ClientsThatGoAwayAreNotComputedFor) {
  scheduler = {.max_batch_size = 1};
  start();
  model->hold(true);
  Client busy(port());
  const std::string request =
      concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", ask().size(), "\r\n\r\n", ask());
  busy.send(request);
  wait_for_batches(1);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Client>(port()));
    clients.back()->send(request);
    while (Client(server->admin_port())
               .get("/metrics")
               .body.find(concat("pending_request_count{model=\"scale\",version=\"1\"} ", i + 1, "\n")) ==
           std::string::npos)
      std::this_thread::sleep_for(milliseconds(1));
  }
  clients.clear();
  while (Client(server->admin_port()).get("/metrics").body.find("reason=\"CANCELED\"} 20\n") == std::string::npos)
    std::this_thread::sleep_for(milliseconds(1));
  model->hold(false);
  EXPECT_EQ(busy.read().body, kAnswer);
  EXPECT_TRUE(connections_become(1));
  EXPECT_NE(Client(server->admin_port()).get("/metrics").body.find("reason=\"CANCELED\"} 20\n"), std::string::npos);
  EXPECT_EQ(model->batches().size(), 1u);
}

TEST_F(ServerTest, RequestsHaveDeadlines) {
  scheduler = {.max_batch_size = 1};
  start();
  model->hold(true);
  Client busy(port()), late(port());
  busy.send(
      concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", ask().size(), "\r\n\r\n", ask()));
  wait_for_batches(1);
  std::string body = ask();
  body.insert(body.size() - 1, R"(,"parameters":{"timeout":1000})");
  late.send(concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  std::this_thread::sleep_for(milliseconds(30));
  model->hold(false);
  EXPECT_EQ(late.read().status, 504);
}

TEST_F(ServerTest, Tokens) {
  options.api.tokens = {.inference = {"open sesame", "second"}, .admin = {"root"}};
  start();
  Client c(port()), admin(server->admin_port());
  EXPECT_EQ(c.get("/healthz").status, 200);
  EXPECT_EQ(c.get("/v2/health/ready").status, 200);
  const Answer none = c.get("/v2");
  EXPECT_EQ(none.status, 401);
  EXPECT_NE(none.head.find("WWW-Authenticate: Bearer"), std::string::npos);
  for (const char* wrong : {"open sesam", "open sesame2", "root", ""}) {
    EXPECT_EQ(c.post(kInfer, ask(), concat("Authorization: Bearer ", wrong, "\r\n")).status, 401) << wrong;
  }
  EXPECT_EQ(c.post(kInfer, ask(), "Authorization: Basic second\r\n").status, 401);
  EXPECT_EQ(c.post(kInfer, ask(), "authorization: bearer second\r\n").status, 200);
  EXPECT_EQ(c.get("/metrics").status, 401);
  EXPECT_EQ(admin.post("/v2/repository/index", "", "Authorization: Bearer second\r\n").status, 401);
  EXPECT_EQ(admin.post("/v2/repository/index", "", "Authorization: Bearer root\r\n").status, 200);
}

TEST_F(ServerTest, RequestIdsAndTheAccessLog) {
  options.access_log = ::testing::TempDir() + "/access.log";
  start();
  Client c(port());
  EXPECT_NE(c.post(kInfer, ask(), "X-Request-Id: mine-7\r\n").head.find("X-Request-Id: mine-7"), std::string::npos);
  EXPECT_NE(c.get("/nothing\"here").head.find("X-Request-Id: "), std::string::npos);
  server.reset();
  std::ifstream log(options.access_log);
  std::string first, second;
  std::getline(log, first);
  std::getline(log, second);
  EXPECT_NE(first.find(R"("request_id":"mine-7")"), std::string::npos) << first;
  EXPECT_NE(first.find(R"("path":"/v2/models/scale/infer","status":200)"), std::string::npos) << first;
  EXPECT_NE(first.find(R"("model":"scale","version":1,"batch":1)"), std::string::npos) << first;
  EXPECT_NE(second.find(R"("status":404)"), std::string::npos) << second;
}

TEST_F(ServerTest, DrainingAnswersWhatWasAccepted) {
  start();
  model->hold(true);
  std::vector<std::unique_ptr<Client>> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(std::make_unique<Client>(port()));
    all.back()->send(
        concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", ask().size(), "\r\n\r\n", ask()));
  }
  Client idle(port()), late(port());
  EXPECT_EQ(late.get("/v2/health/ready").status, 200);
  wait_for_batches(1);
  bool complete = false;
  std::thread drain([&] { complete = server->drain(milliseconds(1000), milliseconds(30'000)); });
  // On a connection that is open a request still gets its answer, and is told that it was the last.
  Answer a;
  do a = late.get("/v2/health/ready");
  while (a.status == 200 && a.head.find("Connection: close") == std::string::npos);
  EXPECT_NE(a.head.find("Connection: close"), std::string::npos);
  late.close();
  model->hold(false);
  for (auto& c : all) {
    const Answer answer = c->read();
    EXPECT_EQ(answer.body, kAnswer);
    EXPECT_NE(answer.head.find("Connection: close"), std::string::npos);
    c->close();
  }
  drain.join();
  EXPECT_TRUE(complete);
  EXPECT_TRUE(idle.ended());
  EXPECT_FALSE(Client(port()).connected());
}

// A connection for each request, closed as soon as its answer is there, while the rest of its batch is still at work.
TEST_F(ServerTest, ConnectionsThatEndAtOnce) {
  start();
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 150; ++i) right += Client(port()).post(kInfer, ask()).body == kAnswer ? 1 : 0;
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(right, 1200);
  EXPECT_TRUE(connections_become(0));
}

TEST_F(ServerTest, PagesOfOtherOriginsMayNotAdminister) {
  start();
  Client c(server->admin_port());
  EXPECT_EQ(c.post("/v2/repository/index", "", "Origin: http://evil.example\r\n").status, 403);
  EXPECT_EQ(c.post("/v2/repository/index", "", "Origin: http://localhost\r\n").status, 200);
}

TEST_F(ServerTest, ItMayEndAtAnyTime) {
  for (int i = 0; i < 5; ++i) {
    start();
    std::vector<std::unique_ptr<Client>> all;
    for (int k = 0; k < 8; ++k) {
      all.push_back(std::make_unique<Client>(port()));
      all.back()->send(concat("POST ", kInfer, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", ask().size(),
                              "\r\n\r\n", ask().substr(0, 10 * static_cast<size_t>(k))));
    }
    server.reset();
  }
}

TEST(Failure, IsJsonWhateverItSays) {
  EXPECT_EQ(failure(400, "a \"b\"\n\xff\xc3\xa9").body, "{\"error\":\"a \\\"b\\\"\\u000a\\ufffd\xc3\xa9\"}");
}

TEST_F(ServerTest, OptionsAreChecked) {
  options.http.address = "localhost";
  EXPECT_EQ(Server::start(options, Repository::of("m", model)).status().message(),
            "\"localhost\" is not an IP address");
  options.http.address = "127.0.0.1";
  options.http.port = 70000;
  EXPECT_EQ(Server::start(options, Repository::of("m", model)).status().message(), "there is no port 70000");
  options.http.port = 0;
  options.http.certificate = "/nowhere.pem";
  EXPECT_EQ(Server::start(options, Repository::of("m", model)).status().message(),
            "TLS needs both a certificate and its private key");
  options.http.private_key = "/nowhere.key";
  EXPECT_NE(Server::start(options, Repository::of("m", model)).status().message().find("/nowhere.pem"),
            absl::string_view::npos);
  options.http.certificate = options.http.private_key = "";
  start();
  options.http.port = port();
  EXPECT_NE(
      Server::start(options, Repository::of("m", model)).status().message().find("cannot listen on 127.0.0.1 port "),
      absl::string_view::npos);
}

}  // namespace
}  // namespace hearth::serve
