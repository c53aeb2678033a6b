#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "distributed/store/file_store.h"
#include "distributed/store/grpc_store.h"
#include "distributed/store/memory_store.h"
#include "distributed/store/store_server.h"

namespace hearth::distributed {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A store, and another client of it.
struct Pair {
  std::unique_ptr<StoreServer> server;
  std::shared_ptr<Store> a, b;
};

Pair make(const std::string& kind) {
  Pair p;
  if (kind == "memory") {
    p.a = p.b = std::make_shared<MemoryStore>();
  } else if (kind == "file") {
    const std::string dir =
        testing::TempDir() + "/store_" + testing::UnitTest::GetInstance()->current_test_info()->name() + "/deep/store";
    p.a = *FileStore::open(dir);
    p.b = *FileStore::open(dir);
  } else {
    p.server = *StoreServer::start("127.0.0.1", 0, {.token = "secret"});
    p.a = *connect_store("127.0.0.1", p.server->port(), {.token = "secret"}, seconds(30));
    p.b = *connect_store("127.0.0.1", p.server->port(), {.token = "secret"}, seconds(30));
  }
  return p;
}

class Stores : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Kinds, Stores, testing::Values("memory", "file", "grpc"),
                         [](const auto& info) { return info.param; });

TEST_P(Stores, HoldsValues) {
  const Pair p = make(GetParam());
  const std::string bytes("a\0b\xff/", 5);
  EXPECT_TRUE(absl::IsNotFound(p.a->get("x").status()));
  ASSERT_TRUE(p.a->set("x", bytes).ok());
  EXPECT_EQ(*p.b->get("x"), bytes);
  EXPECT_EQ(*p.b->wait("x", milliseconds(0)), bytes);
  ASSERT_TRUE(p.b->set("x", "").ok());
  EXPECT_EQ(*p.a->get("x"), "");
  // Keys that differ in a character that no file name has.
  for (const char* key : {"a/b", "a_b", "a b", "A/b", "..", "lock"}) ASSERT_TRUE(p.a->set(key, key).ok()) << key;
  for (const char* key : {"a/b", "a_b", "a b", "A/b", "..", "lock"}) EXPECT_EQ(*p.b->get(key), key);
  const std::string longest(kMaxStoreKey, 'k');
  ASSERT_TRUE(p.a->set(longest, "1").ok());
  EXPECT_EQ(*p.b->get(longest), "1");
  EXPECT_FALSE(p.b->get(longest.substr(1)).ok());
  ASSERT_TRUE(p.a->erase("x").ok());
  ASSERT_TRUE(p.a->erase("x").ok());
  EXPECT_TRUE(absl::IsNotFound(p.b->get("x").status()));
  const std::string largest(kMaxStoreValue, 'v');
  ASSERT_TRUE(p.a->set("x", largest).ok());
  EXPECT_EQ(*p.b->get("x"), largest);
}

TEST_P(Stores, RefusesWhatIsTooLong) {
  const Pair p = make(GetParam());
  EXPECT_TRUE(absl::IsInvalidArgument(p.a->set("", "")));
  EXPECT_TRUE(absl::IsInvalidArgument(p.a->set(std::string(kMaxStoreKey + 1, 'k'), "")));
  EXPECT_FALSE(p.a->set("x", std::string(kMaxStoreValue + 1, 'v')).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(p.a->wait("", seconds(1)).status()));
}

TEST_P(Stores, CountsAndSettles) {
  const Pair p = make(GetParam());
  std::atomic<int> first{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 25; ++k) EXPECT_TRUE((i % 2 ? p.a : p.b)->add("n", 1).ok());
      const std::string mine = std::to_string(i);
      first += *(i % 2 ? p.a : p.b)->set_if_absent("first", mine) == mine;
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(*p.a->add("n", -100), 0);
  EXPECT_EQ(first, 1);
  ASSERT_TRUE(p.a->set("text", "12x").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(p.a->add("text", 1).status()));
  ASSERT_TRUE(p.a->set("huge", std::to_string(INT64_MAX)).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(p.a->add("huge", 1).status()));
  EXPECT_EQ(*p.a->get("huge"), std::to_string(INT64_MAX));
}

TEST_P(Stores, WaitsForAValue) {
  const Pair p = make(GetParam());
  EXPECT_TRUE(absl::IsDeadlineExceeded(p.a->wait("x", milliseconds(30)).status()));
  std::thread setter([&] {
    std::this_thread::sleep_for(milliseconds(50));
    EXPECT_TRUE(p.b->set("x", "there").ok());
  });
  EXPECT_EQ(*p.a->wait("x", seconds(60)), "there");
  setter.join();
  std::stop_source stop;
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(50));
    stop.request_stop();
  });
  EXPECT_TRUE(absl::IsCancelled(p.a->wait("never", std::chrono::hours(1), stop.get_token()).status()));
  stopper.join();
  EXPECT_TRUE(absl::IsCancelled(p.a->wait("never", std::chrono::hours(1), stop.get_token()).status()));
}

TEST(GrpcStore, RefusesStrangers) {
  const auto server = *StoreServer::start("127.0.0.1", 0, {.token = "secret"});
  for (const char* token : {"", "secreT", "secret2"}) {
    const auto s = connect_store("127.0.0.1", server->port(), {.token = token}, seconds(30)).status();
    EXPECT_TRUE(absl::IsUnauthenticated(s)) << s;
  }
  EXPECT_TRUE(absl::IsUnavailable(StoreServer::start("127.0.0.1", server->port(), {}).status()));
}

TEST(GrpcStore, SaysThatNobodyAnswers) {
  int port = 0;
  {
    const auto server = *StoreServer::start("127.0.0.1", 0, {});
    port = server->port();
  }
  const auto s = connect_store("127.0.0.1", port, {}, milliseconds(300)).status();
  EXPECT_TRUE(absl::IsUnavailable(s)) << s;
  EXPECT_NE(std::string(s.message()).find("does not answer"), std::string::npos);
}

TEST(GrpcStore, AServerThatGoesEndsCalls) {
  auto server = *StoreServer::start("127.0.0.1", 0, {});
  const auto client = *connect_store("127.0.0.1", server->port(), {}, seconds(30));
  std::thread end([&] {
    std::this_thread::sleep_for(milliseconds(100));
    server.reset();
  });
  EXPECT_FALSE(client->wait("x", seconds(60)).ok());
  end.join();
  EXPECT_FALSE(client->set("x", "").ok());
}

TEST(GrpcStore, RefusesATokenThatCannotBeSent) {
  // Such as one from a file that ends with a newline.
  for (const char* token : {"secret\n", " secret", "secret ", "se\tcret", "secr\xc3\xa9t"}) {
    for (const absl::Status& s : {StoreServer::start("127.0.0.1", 0, {.token = token}).status(),
                                  connect_store("127.0.0.1", 1, {.token = token}, milliseconds(1)).status()}) {
      EXPECT_TRUE(absl::IsInvalidArgument(s)) << s;
      EXPECT_NE(s.message().find("HEARTH_JOB_TOKEN"), std::string::npos) << s;
    }
  }
  EXPECT_TRUE(check_token("two words, and ~!").ok());
}

TEST(GrpcStore, OverIPv6) {
  const auto server = StoreServer::start("::1", 0, {});
  if (!server.ok()) GTEST_SKIP() << "no IPv6 here: " << server.status();
  const auto client = connect_store("::1", (*server)->port(), {}, seconds(60));
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE((*client)->set("x", "").ok());
}

// A server on all addresses is reached by each.
TEST(GrpcStore, OnAllAddresses) {
  const auto server = *StoreServer::start("::", 0, {});
  EXPECT_TRUE(connect_store("127.0.0.1", server->port(), {}, seconds(60)).ok());
  EXPECT_TRUE(connect_store("localhost", server->port(), {}, seconds(60)).ok());
}

TEST(Table, IsLimited) {
  Table t(Table::kEntry + 100, 1);
  EXPECT_TRUE(t.set("a", std::string(60, 'x')).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(t.set("b", std::string(60, 'x'))));
  EXPECT_TRUE(t.set("a", std::string(90, 'x')).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(t.set("a", std::string(100, 'x'))));
  EXPECT_EQ(*t.get("a"), std::string(90, 'x'));
  EXPECT_TRUE(t.erase("a").ok());
  EXPECT_TRUE(t.set("b", std::string(60, 'x')).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(t.when_set("c", [](const std::string&) {}).status())) << "it takes memory too";
}

TEST(Table, CountsWhatEntriesAndWaitersTake) {
  Table t(1 << 20, 2);
  int64_t entries = 0;
  while (t.set(std::to_string(entries), "").ok()) ++entries;
  EXPECT_LE(entries, (1 << 20) / 128);
  for (int64_t i = 0; i < entries; ++i) EXPECT_TRUE(t.erase(std::to_string(i)).ok());
  const auto nothing = [](const std::string&) {};
  const auto first = t.when_set("c", nothing);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(t.when_set("c", nothing).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(t.when_set("d", nothing).status()));
  EXPECT_TRUE(t.forget(*first));
  EXPECT_FALSE(t.forget(*first));
  EXPECT_TRUE(t.when_set("d", nothing).ok());
  EXPECT_TRUE(t.set("c", "").ok());
  EXPECT_TRUE(t.set("d", "").ok());
  // All is given back.
  EXPECT_TRUE(t.erase("c").ok());
  EXPECT_TRUE(t.erase("d").ok());
  int64_t again = 0;
  while (t.set(std::to_string(again), "").ok()) ++again;
  EXPECT_EQ(again, entries);
}

}  // namespace
}  // namespace hearth::distributed
