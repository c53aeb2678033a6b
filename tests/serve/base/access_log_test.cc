// The access log: files, pipes and devices.
#include "serve/base/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

namespace hearth::serve {
namespace {

// A log that writes to `end` as its standard error.
absl::StatusOr<std::unique_ptr<AccessLog>> log_to(int end) {
  const int error = dup(STDERR_FILENO);
  dup2(end, STDERR_FILENO);
  auto log = AccessLog::open("-", 1 << 16);
  dup2(error, STDERR_FILENO);
  close(error);
  return log;
}

TEST(AccessLog, APipeThatNobodyReadsHoldsNothingUp) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  auto log = log_to(ends[1]);
  ASSERT_TRUE(log.ok()) << log.status();
  for (int i = 0; i < 100'000; ++i) (*log)->write({.request_id = "a", .status = 200});
  EXPECT_GT((*log)->dropped(), 0);
  log->reset();  // ends, though nobody reads
  close(ends[0]);
  close(ends[1]);
}

TEST(AccessLog, ALineCutByAFullPipeHoldsNothingUp) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  const std::string page(4096, 'a');
  while (write(ends[1], page.data(), page.size()) > 0) {
  }
  std::string room(4096, ' ');
  ASSERT_EQ(read(ends[0], room.data(), room.size()), 4096);
  ASSERT_EQ(fcntl(ends[1], F_SETFL, 0), 0);
  auto log = log_to(ends[1]);
  ASSERT_TRUE(log.ok()) << log.status();
  (*log)->write({.request_id = std::string(10'000, 'b'), .status = 200});
  pollfd full{ends[1], POLLOUT, 0};
  while (poll(&full, 1, 0) != 0) std::this_thread::yield();
  (*log)->write({.request_id = "c", .status = 200});
  log->reset();  // ends, though the first line is cut
  close(ends[0]);
  close(ends[1]);
}

TEST(AccessLog, TakesADevice) {
  auto log = AccessLog::open("/dev/null");
  ASSERT_TRUE(log.ok()) << log.status();
  (*log)->write({.path = "/"});
  EXPECT_TRUE((*log)->reopen().ok());
  // Every line for this device is an error.
  const auto full = AccessLog::open("/dev/full");
  ASSERT_TRUE(full.ok()) << full.status();
  (*full)->write({.path = "/"});
  while ((*full)->dropped() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ((*full)->dropped(), 1);
  EXPECT_FALSE(AccessLog::open(::testing::TempDir()).ok());
}

TEST(AccessLog, OpensItsFileAnew) {
  const std::string path = ::testing::TempDir() + "/rotated.log";
  for (const char* end : {"", ".1"}) std::filesystem::remove(path + end);
  auto log = AccessLog::open(path);
  ASSERT_TRUE(log.ok()) << log.status();
  (*log)->write({.request_id = "first"});
  std::filesystem::rename(path, path + ".1");
  ASSERT_TRUE((*log)->reopen().ok());
  (*log)->write({.request_id = "second"});
  log->reset();
  const auto text = [](const std::string& p) {
    std::stringstream s;
    s << std::ifstream(p).rdbuf();
    return s.str();
  };
  EXPECT_NE(text(path + ".1").find("first"), std::string::npos);
  EXPECT_EQ(text(path + ".1").find("second"), std::string::npos);
  EXPECT_NE(text(path).find("second"), std::string::npos);
}

}  // namespace
}  // namespace hearth::serve
