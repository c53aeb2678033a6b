// WebSockets of an HttpServer: when they end, and what is left of them.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "serve/http/server.h"
#include "serve/http/websocket.h"
#include "tests/serve/websocket_client.h"

namespace hearth::serve {
namespace {

using std::chrono::milliseconds;
using testing::Client;
using testing::client_frame;
using testing::WebSocketClient;

constexpr int kText = 0x81, kBinary = 0x82, kPing = 0x89, kPong = 10;
constexpr size_t kFill = size_t{32} << 20;  // more than sockets hold

void wait_a_little() { std::this_thread::sleep_for(milliseconds(2)); }

class SocketTest : public ::testing::Test {
 protected:
  // Answers a message by itself, if nothing is to be held or thrown.
  class Echo : public WebSocketHandler {
   public:
    explicit Echo(SocketTest& test) : test_(test) {}
    void message(WebSocketMessage m, Reply reply) override {
      reply_ = std::move(reply);
      last_ = std::move(m.payload);
      ++test_.messages;  // from here on the test's thread may answer
      if (test_.throws) throw std::runtime_error("no memory, for example");
      if (!test_.held) answer();
    }
    void answer() {
      if (Reply reply = std::exchange(reply_, nullptr)) reply({.text = last_});
    }

   private:
    SocketTest& test_;
    Reply reply_;
    std::string last_;
  };

  SocketTest() { options.max_connections_per_peer = 1000; }
  void start() {
    auto s = HttpServer::start(options, [this](HttpRequest r, Respond respond) {
      if (r.path() == "/plain") return respond([] { return HttpResponse{}; });
      respond([this, r = std::move(r)] {
        if (std::optional<HttpResponse> refused = refuse_websocket(r)) return *std::move(refused);
        auto echo = std::make_shared<Echo>(*this);
        const std::lock_guard lock(mutex);
        echoes.push_back(echo);
        cancelled = r.cancelled;
        HttpResponse answer = open_websocket(r, std::move(echo));
        if (r.path() == "/fill") answer.headers.emplace_back("X-Fill", std::string(kFill, 'a'));
        return answer;
      });
    });
    ASSERT_TRUE(s.ok()) << s.status();
    server = *std::move(s);
  }
  int plain() { return Client(server->port()).get("/plain").status; }
  void wait_for_messages(int n) {
    while (messages < n) wait_a_little();
  }
  void answer_all() {
    const std::lock_guard lock(mutex);
    for (const auto& e : echoes) {
      if (const auto still = e.lock()) still->answer();
    }
  }

  std::atomic<bool> held{false}, throws{false};
  std::atomic<int> messages{0};
  std::mutex mutex;
  std::vector<std::weak_ptr<Echo>> echoes;
  Cancelled cancelled;
  HttpServerOptions options;
  std::unique_ptr<HttpServer> server;
};

TEST_F(SocketTest, ThoseThatWaitMakeRoomThoseThatWorkDoNot) {
  options.max_connections = 2;
  start();
  WebSocketClient busy(server->port(), "/"), idle(server->port(), "/");
  EXPECT_EQ(idle.ask(kText, "a"), "a");
  held = true;
  busy.send(kText, "b");
  wait_for_messages(2);
  EXPECT_EQ(plain(), 200);
  EXPECT_TRUE(idle.ended());
  answer_all();
  const auto answer = busy.read();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->payload, "b");
}

TEST_F(SocketTest, OneWithinAMessageMakesNoRoom) {
  options.max_connections = 2;
  start();
  WebSocketClient within(server->port(), "/"), parts(server->port(), "/");
  const std::string frame = client_frame(kText, "a whole message");
  // The pongs tell that it has been read.
  within.send_bytes(client_frame(kPing, "?") + frame.substr(0, 3));
  parts.send_bytes(client_frame(kText & 0x0f, "in ") + client_frame(kPing, "?"));
  for (WebSocketClient* c : {&within, &parts}) {
    const auto pong = c->read();
    ASSERT_TRUE(pong);
    EXPECT_EQ(pong->opcode, kPong);
  }
  EXPECT_EQ(plain(), 503);
  within.send_bytes(frame.substr(3));
  const auto answer = within.read();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->payload, "a whole message");
  EXPECT_EQ(parts.ask(0x80, "parts"), "in parts");
  EXPECT_EQ(plain(), 200);
}

TEST_F(SocketTest, EmptyMessagesDoNotKeepItOpen) {
  options.idle_timeout = milliseconds(300);
  start();
  WebSocketClient c(server->port(), "/");
  int code = 0;
  // Many times as long as a connection may be idle.
  for (int i = 0; i < 300 && code == 0; ++i) {
    c.send(kBinary, "");
    const auto answer = c.read();
    ASSERT_TRUE(answer);
    if (answer->opcode == 8) code = answer->code();
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(code, 1001);
}

TEST_F(SocketTest, ADrainEndsOneThatIsNeverIdle) {
  start();
  held = true;
  std::optional<WebSocketClient> c(std::in_place, server->port(), "/");
  c->send_bytes(client_frame(kText, "one") + client_frame(kPing, "?") + client_frame(kText, "two"));
  wait_for_messages(1);
  bool all = false;
  std::thread drain([&] { all = server->drain(milliseconds(0), milliseconds(30'000)); });
  while (Client(server->port()).connected()) wait_a_little();
  held = false;
  answer_all();
  const auto answer = c->read();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->payload, "one");
  const auto end = c->read();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code(), 1001);
  c.reset();
  drain.join();
  EXPECT_TRUE(all);
  EXPECT_EQ(messages, 1);
}

TEST_F(SocketTest, PingsDoNotPutTheDeadlineOff) {
  options.idle_timeout = milliseconds(300);
  start();
  WebSocketClient c(server->port(), "/");
  int code = 0;
  for (int i = 0; i < 300 && code == 0; ++i) {
    c.send(kPing, "?");
    const auto answer = c.read();
    ASSERT_TRUE(answer);
    if (answer->opcode == 8) code = answer->code();
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(code, 1001);
}

TEST_F(SocketTest, AClientThatGoesWhileItsMessageRunsIsNoticed) {
  start();
  held = true;
  {
    WebSocketClient c(server->port(), "/");
    c.send(kText, "a");
    wait_for_messages(1);
  }
  while (!cancelled->load()) wait_a_little();
  answer_all();
  while (server->connections() > 0) wait_a_little();
}

TEST_F(SocketTest, AClientThatHasEndedItsSendingGetsItsAnswers) {
  start();
  held = true;
  WebSocketClient c(server->port(), "/");
  c.send_bytes(client_frame(kText, "one") + client_frame(kText, "two"));
  wait_for_messages(1);
  c.end_sending();
  const auto pong = c.read();
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->opcode, kPong);
  held = false;
  answer_all();
  for (const char* text : {"one", "two"}) {
    const auto answer = c.read();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->payload, text);
  }
  EXPECT_TRUE(c.ended());
}

TEST_F(SocketTest, AHandlerThatThrowsLeavesNothing) {
  start();
  throws = true;
  {
    WebSocketClient c(server->port(), "/");
    c.send(kText, "a");
    EXPECT_EQ(c.closed(), 1011);
  }
  while (server->connections() > 0) wait_a_little();
  EXPECT_TRUE(echoes[0].expired());
}

TEST_F(SocketTest, BytesBeforeThe101KeepTheirOrder) {
  start();
  const std::string frame = client_frame(kText, "early bird");
  Client c(server->port());
  c.send(concat("GET /fill HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                frame.substr(0, 3)));
  // The server's one thread has answered, but the sockets are full; then it has read the rest.
  EXPECT_EQ(plain(), 200);
  c.send(frame.substr(3));
  EXPECT_EQ(plain(), 200);
  EXPECT_EQ(plain(), 200);
  while (c.data().size() < kFill && c.wait_for_more()) continue;
  EXPECT_EQ(c.read().status, 101);
  EXPECT_TRUE(
      c.until("\x81\x0a"
              "early bird"))
      << c.data();
}

TEST_F(SocketTest, OldRequestsAreNotUpgraded) {
  start();
  Client c(server->port());
  c.send(
      "GET / HTTP/1.0\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  const testing::Answer answer = c.read();
  EXPECT_EQ(answer.status, 426);
  EXPECT_NE(answer.head.find("Connection: Upgrade\r\nUpgrade: websocket\r\n"), std::string::npos) << answer.head;
}

}  // namespace
}  // namespace hearth::serve
