// A connection of gRPC without the network, whose clock the tests set.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "serve/grpc/session.h"
#include "tests/serve/http2_client.h"
#include "tests/serve/models.h"

namespace hearth::serve {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): frames are all that this file is about
using std::chrono::milliseconds;

std::string number(uint32_t v) {
  std::string s;
  for (int shift = 24; shift >= 0; shift -= 8) s += static_cast<char>(v >> shift & 0xff);
  return s;
}

// Requests are worked on until the test releases them.
class Worker : public http2::Connection::Handler {
 public:
  void on_request(uint32_t, http2::Headers, bool) override { ++requests; }
  void on_data(uint32_t, std::string_view, bool) override {}
  bool on_reset(uint32_t stream) override {
    abandoned.push_back(stream);
    return true;
  }
  void on_sent(uint32_t) override {}
  int requests = 0;
  std::vector<uint32_t> abandoned;
};

class Http2ConnectionTest : public ::testing::Test {
 protected:
  bool receive(const std::string& bytes) { return connection.receive(bytes, now); }
  std::string request(uint32_t stream) { return frame(1, 5, stream, call_headers("ModelInfer")); }

  http2::Connection::Clock::time_point now;
  Worker worker;
  http2::Connection connection{worker, {}, now};
};

TEST_F(Http2ConnectionTest, ShortDeadlinesAreNoFlood) {
  ASSERT_TRUE(receive(hello()));
  uint32_t stream = 1;
  for (int round = 0; round < 50; ++round) {
    std::string calls, resets;
    for (int i = 0; i < 100; ++i, stream += 2) {
      calls += request(stream);
      resets += reset(stream);
    }
    ASSERT_TRUE(receive(calls));
    now += milliseconds(100);
    ASSERT_TRUE(receive(resets)) << round;
    for (const uint32_t s : std::exchange(worker.abandoned, {})) connection.release(s);
    connection.take_output();
  }
  EXPECT_EQ(worker.requests, 5000);
}

TEST_F(Http2ConnectionTest, WhatIsAbandonedCountsUntilItIsDone) {
  ASSERT_TRUE(receive(hello()));
  std::string calls, resets;
  for (uint32_t i = 0; i < 100; ++i) {
    calls += request(2 * i + 1);
    resets += reset(2 * i + 1);
  }
  ASSERT_TRUE(receive(calls));
  now += milliseconds(100);
  ASSERT_TRUE(receive(resets));
  EXPECT_EQ(connection.streams(), 0U);
  ASSERT_TRUE(receive(request(201)));
  EXPECT_EQ(worker.requests, 100);
  EXPECT_TRUE(connection.take_output().ends_with(frame(3, 0, 201, number(7))));
  connection.release(1);
  ASSERT_TRUE(receive(request(203)));
  EXPECT_EQ(worker.requests, 101);
}

TEST_F(Http2ConnectionTest, HastyResetsAreAFlood) {
  ASSERT_TRUE(receive(hello()));
  bool open = true;
  for (uint32_t stream = 1; open && stream < 10'000; stream += 2) {
    open = receive(request(stream) + reset(stream));
    connection.release(stream);
  }
  EXPECT_FALSE(open);
}

TEST_F(Http2ConnectionTest, SettingsAreFew) {
  const auto settings = [](int n) {
    std::string s;
    for (int i = 0; i < n; ++i) s += std::string("\0\4", 2) + number(65535);
    return frame(4, 0, 0, s);
  };
  ASSERT_TRUE(receive(hello() + settings(64)));
  EXPECT_FALSE(receive(settings(65)));
  EXPECT_NE(connection.take_output().find("too many settings"), std::string::npos);
}

TEST_F(Http2ConnectionTest, HeadersFarBeyondTheLimitEndTheConnection) {
  // A value of 4000 bytes that the table keeps, and names it again and again.
  std::string block = call_headers("ModelInfer");
  block += std::string("\x40\1x\x7f\xa1\x1e", 6) + std::string(4000, 'v');
  ASSERT_TRUE(receive(hello() + frame(1, 5, 1, block + std::string(3, '\xbe'))));
  EXPECT_NE(connection.take_output().find("431"), std::string::npos);
  EXPECT_FALSE(receive(frame(1, 5, 3, call_headers("ModelInfer") + std::string(100, '\xbe'))));
  EXPECT_NE(connection.take_output().find("a header block is too large"), std::string::npos);
}

// A session with an answer whose client opens its window by a byte at a time.
void take_byte_by_byte(const std::function<void(GrpcSession&)>& then) {
  const auto models = Repository::of("scale", std::make_shared<Scale>());
  GrpcShared shared({.request_timeout = std::chrono::minutes(1), .memory = std::make_shared<MemoryBudget>(1 << 24)},
                    *models);
  using Make = absl::AnyInvocable<absl::StatusOr<std::string>()>;
  std::mutex mutex;
  std::vector<std::pair<uint32_t, Make>> answers;
  {
    GrpcSession session(shared, "peer", [&](uint32_t stream, Make make) {
      const std::lock_guard lock(mutex);
      answers.emplace_back(stream, std::move(make));
    });
    // Without a window nothing of an answer goes.
    ASSERT_TRUE(
        session.receive("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, std::string("\0\4", 2) + number(0)) +
                        frame(1, 4, 1, call_headers("ServerMetadata")) + frame(0, 1, 1, message_prefix(false, 0))));
    ASSERT_EQ(answers.size(), 1U);
    session.answer(1, std::move(answers[0].second));
    answers.clear();
    session.take_output();
    then(session);
  }
  EXPECT_EQ(shared.running.load(), 0);
}

const std::string kCancelled = frame(3, 0, 1, number(8));

TEST(GrpcSession, AnAnswerThatMovesOnIsNotReset) {
  take_byte_by_byte([](GrpcSession& session) {
    Clock::time_point now = Clock::now();
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(session.receive(frame(8, 0, 1, number(1))));
      session.take_output();
      now += std::chrono::seconds(40);
      ASSERT_TRUE(session.check(now));
      EXPECT_EQ(session.take_output(), "");
    }
    now += std::chrono::seconds(61);
    session.check(now);
    EXPECT_EQ(session.take_output(), kCancelled);
  });
}

// Ten times request_timeout for all of it, however it moves on.
TEST(GrpcSession, AnAnswerIsNotKeptForEver) {
  take_byte_by_byte([](GrpcSession& session) {
    const Clock::time_point start = Clock::now();
    for (Clock::time_point now = start; now - start < std::chrono::seconds(599); now += std::chrono::seconds(30)) {
      ASSERT_TRUE(session.receive(frame(8, 0, 1, number(1))));
      session.take_output();
      session.check(now);
      ASSERT_EQ(session.take_output(), "");
    }
    ASSERT_TRUE(session.receive(frame(8, 0, 1, number(1))));
    session.take_output();
    session.check(start + std::chrono::seconds(602));
    EXPECT_EQ(session.take_output(), kCancelled);
  });
}

}  // namespace
}  // namespace hearth::serve
