// What strangers send to the port of gRPC: the server's memory stays bounded, and it goes on answering.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "core/base/error.h"
#include "serve/grpc/server.h"
#include "tests/serve/http2_client.h"
#include "tests/serve/models.h"

namespace hearth::serve {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): frames are all that this file is about

// Sanitizers keep for a while what is freed.
#if defined(HEARTH_ASAN) || defined(HEARTH_TSAN)
constexpr bool kMemoryIsGivenBack = false;
#else
constexpr bool kMemoryIsGivenBack = true;
#endif

class GrpcAttackTest : public ::testing::Test {
 protected:
  void start(GrpcServerOptions options = {}) {
    memory = std::make_shared<MemoryBudget>(int64_t{64} << 20);
    options.memory = memory;
    models = Repository::of("scale", model);
    auto s = GrpcServer::start(options, *models);
    ASSERT_TRUE(s.ok()) << s.status();
    server = *std::move(s);
  }
  // Whether a call by hand is answered.
  bool lives() {
    Client c(server->port());
    c.send(hello() + frame(1, 4, 1, call_headers("ServerLive")) + frame(0, 1, 1, message_prefix(false, 0)));
    return c.until(
        std::string_view("grpc-status\x01"
                         "0",
                         13));
  }
  // Whether the server answers these bytes with this text.
  bool says(const std::string& bytes, std::string_view text) {
    Client c(server->port());
    c.send(hello() + bytes);
    return c.until(text);
  }
  std::shared_ptr<Scale> model = std::make_shared<Scale>();
  std::shared_ptr<MemoryBudget> memory;
  std::unique_ptr<Repository> models;
  std::unique_ptr<GrpcServer> server;
};

TEST_F(GrpcAttackTest, ManyResetsEndTheConnection) {
  start();
  const int64_t before = resident_mb();
  for (int connection = 0; connection < 4; ++connection) {
    Client c(server->port());
    c.send(hello());
    std::string flood;
    for (uint32_t i = 0; i < 25'000; ++i) {
      flood += frame(1, 4, 2 * i + 1, call_headers("ModelInfer"));
      flood += reset(2 * i + 1);
    }
    c.send(flood);  // fails where the server has closed already
    EXPECT_TRUE(c.until("too many resets"));
    EXPECT_TRUE(c.ended());
  }
  EXPECT_TRUE(lives());
  if (kMemoryIsGivenBack) {
    EXPECT_LT(resident_mb() - before, 40);
  }
  EXPECT_EQ(bytes_kept(*memory), 0);
}

TEST_F(GrpcAttackTest, CompressedMessagesAreRefusedUnread) {
  start();
  const int64_t before = resident_mb();
  const std::string body = message_prefix(true, 8 << 20);
  EXPECT_TRUE(says(frame(1, 4, 1, call_headers("ModelInfer", header("grpc-encoding", "gzip"))) + frame(0, 0, 1, body),
                   "compressed messages are not supported"));
  EXPECT_TRUE(says(frame(1, 4, 1, call_headers("ModelInfer")) + frame(0, 0, 1, body), "compressed messages"));
  EXPECT_TRUE(lives());
  if (kMemoryIsGivenBack) {
    EXPECT_LT(resident_mb() - before, 20);
  }
}

TEST_F(GrpcAttackTest, TheTokenComesBeforeTheMessage) {
  start({.tokens = {"sesame"}});
  // The message never comes.
  EXPECT_TRUE(says(frame(1, 4, 1, call_headers("ModelInfer", header("authorization", "Bearer sesam"))),
                   "a valid bearer token is needed"));
  EXPECT_TRUE(says(frame(1, 4, 1, call_headers("RepositoryModelUnload", header("authorization", "Bearer sesame"))),
                   "another port"));
}

TEST_F(GrpcAttackTest, MessagesCount) {
  start({.request_timeout = std::chrono::minutes(10)});
  // Messages of 40 MiB that do not end: the second is refused where the budget ends.
  const auto part = [](uint32_t stream, int pieces) {
    std::string s = frame(1, 4, stream, call_headers("ModelInfer")) +
                    frame(0, 0, stream, message_prefix(false, uint32_t{40} << 20));
    for (int i = 0; i < pieces; ++i) s += frame(0, 0, stream, std::string(16384, 'x'));
    return s;
  };
  Client first(server->port());
  EXPECT_TRUE(first.send(hello() + part(1, 2500)));
  EXPECT_TRUE(says(part(1, 2500), "already use their memory limit"));
  EXPECT_LE(memory->in_use(), memory->limit());
  first.close();
  EXPECT_EQ(bytes_kept(*memory), 0);
  EXPECT_TRUE(lives());
}

TEST_F(GrpcAttackTest, WhatAMessageUnpacksToCounts) {
  start();
  // Two bytes for each of a list's texts, of which each takes dozens.
  std::string many;
  for (int i = 0; i < 4'000'000; ++i) many += std::string_view("\x3a\0", 2);
  std::string all = frame(1, 4, 1, call_headers("ModelInfer")) +
                    frame(0, 0, 1, message_prefix(false, static_cast<uint32_t>(many.size())));
  for (size_t at = 0; at < many.size(); at += 16384)
    all += frame(0, at + 16384 >= many.size() ? 1 : 0, 1, std::string_view(many).substr(at, 16384));
  const int64_t before = resident_mb();
  EXPECT_TRUE(says(all, "already use their memory limit"));
  if (kMemoryIsGivenBack) {
    EXPECT_LT(resident_mb() - before, 40);
  }
  EXPECT_TRUE(lives());
}

TEST_F(GrpcAttackTest, DeepNestingIsNoDeepRecursion) {
  start();
  // Fields of one another, from the innermost.
  std::string length, nested;
  std::vector<std::string> heads;
  for (size_t size = 0; size < 300'000;) {
    length.clear();
    size_t n = size;
    for (; n >= 128; n >>= 7) length += static_cast<char>((n & 0x7f) | 0x80);
    length += static_cast<char>(n);
    heads.push_back("\x0a" + length);
    size += heads.back().size();
  }
  for (auto h = heads.rbegin(); h != heads.rend(); ++h) nested += *h;
  std::string all = frame(1, 4, 1, call_headers("ModelInfer")) +
                    frame(0, 0, 1, message_prefix(false, static_cast<uint32_t>(nested.size())));
  for (size_t at = 0; at < nested.size(); at += 16384)
    all += frame(0, at + 16384 >= nested.size() ? 1 : 0, 1, std::string_view(nested).substr(at, 16384));
  EXPECT_TRUE(says(all, "grpc-status"));
  EXPECT_TRUE(lives());
}

TEST_F(GrpcAttackTest, HeadersAreBounded) {
  start();
  std::string h = call_headers("ServerLive");
  for (int i = 0; i < 100; ++i) h += header("x", std::string(120, 'x'));
  EXPECT_TRUE(says(frame(1, 5, 1, h), "431"));
  // A block that does not end.
  std::string flood = frame(1, 0, 1, call_headers("ServerLive"));
  for (int i = 0; i < 10'000; ++i) flood += frame(9, 0, 1, "");
  EXPECT_TRUE(says(flood, "a header block is too large"));
  // Settings without end, whose answers are not read.
  std::string settings;
  for (int i = 0; i < 100'000; ++i) settings += frame(4, 0, 0, "");
  EXPECT_TRUE(says(settings, "too many resets or empty frames"));
  EXPECT_TRUE(lives());
}

TEST_F(GrpcAttackTest, StreamsAreBounded) {
  start({.max_streams = 10});
  std::string all;
  for (uint32_t i = 0; i < 12; ++i) all += frame(1, 4, 2 * i + 1, call_headers("ModelInfer"));
  // RST_STREAM with REFUSED_STREAM for the last two.
  EXPECT_TRUE(says(all, frame(3, 0, 21, {"\0\0\0\7", 4}) + frame(3, 0, 23, {"\0\0\0\7", 4})));
  EXPECT_TRUE(lives());
}

TEST_F(GrpcAttackTest, WhatIsNoHttp2IsClosed) {
  start();
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), hello() + frame(0, 0, 1, "x"), hello() + frame(1, 4, 2, "\x82"),
        hello() + frame(1, 4, 1, "\xff\xff\xff\xff\xff"), hello() + frame(8, 0, 0, {"\0\0\0\0", 4}),
        hello() + frame(5, 4, 1, "1234"), hello() + frame(9, 4, 1, ""), hello() + frame(6, 0, 0, "short")}) {
    Client c(server->port());
    c.send(bytes);
    EXPECT_TRUE(c.ended());
  }
  EXPECT_TRUE(lives());
}

}  // namespace
}  // namespace hearth::serve
