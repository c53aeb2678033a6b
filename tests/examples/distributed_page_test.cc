// The page of a traced run: what it makes of traces that were written by hand.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/distributed/command.h"

namespace {

using hearth::distributed::Ended;
using hearth::distributed::run_command;

std::string temporary() {
  std::string dir = testing::TempDir() + "/page_XXXXXX";
  return mkdtemp(dir.data());
}

std::string text_of(const std::string& path) {
  std::ifstream f(path);
  std::stringstream s;
  s << f.rdbuf();
  return s.str();
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Steps of a hundredth of a second: half of an exchange of 4 ms is hidden.
std::string steps(int first, int last, double begin) {
  std::ostringstream out;
  for (int n = first; n <= last; ++n) {
    const double t = begin + 0.01 * (n - first);
    out << R"({"step":)" << n << R"(,"loss":0.5,"times":[)" << t << "," << t + 0.001 << "," << t + 0.003 << ","
        << t + 0.008 << "," << t + 0.01 << R"(],"communication":0.004,"hidden":0.002,"exchanges":[["all_reduce #1",)"
        << t + 0.004 << "," << t + 0.008 << "," << t + 0.006 << R"(],["barrier #2",)" << t << "," << t << ",-1]]}\n";
  }
  return out.str();
}

std::string head(int attempt, int rank, double clock) {
  std::ostringstream out;
  out.precision(12);
  out << R"({"attempt":)" << attempt << R"(,"rank":)" << rank << R"(,"ranks":2,"process":1,"clock":)" << clock
      << R"(,"start":0.5})"
      << "\n";
  return out.str();
}

Ended draw(const std::string& dir) {
  return run_command("examples/distributed/page --killed=1 --trace=" + dir + " --out=" + dir + "/page.html");
}

TEST(PageOfARun, ShowsTheKillAndWhatWasHidden) {
  const std::string dir = temporary();
  for (const int rank : {0, 1}) {
    // Each process has a clock of its own.
    const double clock = 1000 + 50 * rank, begin = 1001 - clock;
    std::ofstream(dir + "/0." + std::to_string(rank) + ".jsonl")
        << head(0, rank, clock) << "{\"saved\":3,\"time\":1.0}\n"
        << steps(1, 5, begin) << (rank == 1 ? "{\"step\":6,\"lo" : "");  // killed
    std::ofstream(dir + "/1." + std::to_string(rank) + ".jsonl")
        << head(1, rank, clock) << steps(4, 9, begin + 2) << "{\"accuracy\":0.1234}\n";
  }
  const Ended r = draw(dir);
  ASSERT_EQ(r.status, 0) << r.out;
  const std::string page = text_of(dir + "/page.html");
  EXPECT_TRUE(has(page, "<b>12.34 %</b>test accuracy")) << page;
  EXPECT_TRUE(has(page, "<b>9</b>steps in ")) << page;
  EXPECT_TRUE(has(page, "<b>2</b>steps done again")) << page;
  // From 1001.05 to 1003.
  EXPECT_TRUE(has(page, "<b>1.9 s</b>from the last step before") || has(page, "<b>2.0 s</b>from the last")) << page;
  EXPECT_TRUE(has(page, "<b>50 %</b>of the exchange hidden")) << page;
  EXPECT_TRUE(has(page, ">SIGKILL</text>")) << page;
  EXPECT_TRUE(has(page, "attempt 1, steps 4 to 9")) << page;
  // A step takes 10 ms, of which the rank waits for 2.
  EXPECT_TRUE(has(page, "<td>1<td>10.00 ms<td>8.00 ms<td>2.00 ms<td>2.00 ms")) << page;
  EXPECT_TRUE(has(page, "<title>waits for all_reduce #1: 4.00 ms</title>")) << page;
  EXPECT_TRUE(has(page, ": backward, 5.00 ms</title>")) << page;
}

TEST(PageOfARun, NamesWhatIsWrong) {
  const std::string dir = temporary();
  Ended r = draw(dir);
  EXPECT_EQ(r.status, 1);
  EXPECT_TRUE(has(r.out, "there is no step of any rank")) << r.out;
  std::ofstream(dir + "/0.0.jsonl") << head(0, 0, 0) << "{\"step\":1}\n";
  r = draw(dir);
  EXPECT_EQ(r.status, 1);
  EXPECT_TRUE(has(r.out, "0.0.jsonl: ")) << r.out;
  r = draw(dir + "/nowhere");
  EXPECT_EQ(r.status, 1);
  EXPECT_TRUE(has(r.out, "nowhere: No such file")) << r.out;
}

}  // namespace
