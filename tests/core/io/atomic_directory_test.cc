#include "core/io/atomic_directory.h"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hearth::io {

struct AtomicDirectoryAccess {
  static void cannot_exchange(AtomicDirectory& d) { d.can_exchange_ = false; }
};

namespace {

const std::vector<std::string> kFiles = {"main", "more"};

// Both ways of replacing: of a file system that can exchange two directories, and of one that cannot.
class AtomicDirectoryTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    root_ = std::filesystem::canonical(testing::TempDir()).string() + "/atomic_directory";
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    path_ = root_ + "/d";
  }
  absl::StatusOr<AtomicDirectory> create() const {
    auto d = AtomicDirectory::create(path_, kFiles);
    if (d.ok() && !GetParam()) AtomicDirectoryAccess::cannot_exchange(*d);
    return d;
  }
  absl::Status write(const std::string& text) const {
    auto d = create();
    if (!d.ok()) return d.status();
    for (const std::string& f : kFiles) {
      if (absl::Status s = write_file(d->file(f), text); !s.ok()) return s;
    }
    return d->commit();
  }
  // What both files hold; "torn" if they differ, "" if there is none.
  std::string read() const {
    std::string out;
    const absl::Status s = with_directory(path_, [&](const std::string& d) {
      const auto a = read_file(d + "/main", 1000), b = read_file(d + "/more", 1000);
      if (!a.ok()) return a.status();
      if (!b.ok()) return b.status();
      out = *a == *b ? *a : "torn";
      return absl::OkStatus();
    });
    return s.ok() ? out : "";
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& e : std::filesystem::directory_iterator(root_)) out.push_back(e.path().filename());
    return out;
  }

  std::string root_, path_;
};
INSTANTIATE_TEST_SUITE_P(Ways, AtomicDirectoryTest, testing::Bool());

TEST_P(AtomicDirectoryTest, AppearsAndIsReplaced) {
  EXPECT_EQ(read(), "");
  ASSERT_TRUE(write("one").ok());
  EXPECT_EQ(read(), "one");
  ASSERT_TRUE(write("two").ok());
  EXPECT_EQ(read(), "two");
  EXPECT_THAT(names(), testing::ElementsAre("d"));
}

TEST_P(AtomicDirectoryTest, AbandonedWriterLeavesTheOldOne) {
  ASSERT_TRUE(write("old").ok());
  {
    auto d = create();
    ASSERT_TRUE(write_file(d->file("main"), "new").ok());
    AtomicDirectory moved = *std::move(d);
    EXPECT_EQ(create().status().code(), absl::StatusCode::kAborted);
  }
  EXPECT_EQ(read(), "old");
  EXPECT_THAT(names(), testing::ElementsAre("d"));
  auto d = create();
  ASSERT_TRUE(write_file(d->file("more"), "new").ok());
  EXPECT_EQ(d->commit().code(), absl::StatusCode::kFailedPrecondition);  // it has no main
}

TEST_P(AtomicDirectoryTest, WhatSomebodyPutThereMeanwhileStays) {
  ASSERT_TRUE(write("old").ok());
  auto d = create();
  for (const std::string& f : kFiles) ASSERT_TRUE(write_file(d->file(f), "new").ok());
  std::ofstream(path_ + "/thesis") << "years";
  EXPECT_EQ(d->commit().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::exists(path_ + "/thesis"));
  EXPECT_EQ(read(), "old");
}

TEST_P(AtomicDirectoryTest, StatesThatAKilledWriterLeaves) {
  const auto make = [&](const std::string& name, const std::string& text) {
    std::filesystem::create_directories(path_ + name);
    for (const std::string& f : kFiles) std::ofstream(path_ + name + "/" + f) << text;
  };
  // Between the two renames: the old one stands aside.
  make(".old", "old");
  make(".tmp", "new");
  std::ofstream(path_ + ".tmp/main.tmp") << "half";
  EXPECT_EQ(read(), "old");
  ASSERT_TRUE(write("third").ok());
  EXPECT_EQ(read(), "third");
  EXPECT_THAT(names(), testing::ElementsAre("d"));
  // Before the old one was removed.
  make(".old", "old");
  EXPECT_EQ(read(), "third");
  ASSERT_TRUE(write("fourth").ok());
  EXPECT_EQ(read(), "fourth");
  EXPECT_THAT(names(), testing::ElementsAre("d"));
}

TEST_P(AtomicDirectoryTest, AReaderThatIsOvertakenReadsAgain) {
  ASSERT_TRUE(write("one").ok());
  std::vector<std::string> seen;
  const absl::Status s = with_directory(path_, [&](const std::string& d) {
    const auto a = read_file(d + "/main", 1000);
    if (seen.empty()) {
      EXPECT_TRUE(write("two").ok());
    }
    const auto b = read_file(d + "/more", 1000);
    seen.push_back(a.value_or("none") + b.value_or("none"));
    return a.ok() ? b.status() : a.status();
  });
  EXPECT_TRUE(s.ok()) << s;
  EXPECT_THAT(seen, testing::ElementsAre("onetwo", "twotwo"));
}

TEST_P(AtomicDirectoryTest, ReadersNeverSeeHalf) {
  ASSERT_TRUE(write("0").ok());
  for (int i = 0; i < 5; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      for (int n = 0;; ++n) (void)write(std::to_string(n % 3));
    }
    for (int k = 0; k < 200; ++k) {
      const std::string seen = read();
      EXPECT_TRUE(seen == "0" || seen == "1" || seen == "2") << seen;
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_NE(read(), "");
    EXPECT_NE(read(), "torn");
  }
}

}  // namespace
}  // namespace hearth::io
