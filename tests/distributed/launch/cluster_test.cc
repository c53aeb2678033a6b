// Faults of a network, among hosts that tools/cluster makes. Times are those of the group's own record.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/distributed/command.h"

namespace hearth {
namespace {

using distributed::Ended;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// What a host has printed.
std::string said(const Ended& r, const std::string& host) {
  std::istringstream lines(r.out);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(host + ": ", 0) == 0) out += line.substr(host.size() + 2) + "\n";
  }
  return out;
}

// Seconds of the last operation of a host's rank.
double recorded(const std::string& text) {
  const std::string before = "recorded: ";
  const size_t at = text.find(before);
  return at == std::string::npos ? 1e9 : std::atof(text.c_str() + at + before.size());
}

class Cluster : public testing::Test {
 protected:
  void SetUp() override {
    std::string dir = testing::TempDir() + "/cluster_XXXXXX";
    out_ = mkdtemp(dir.data());
    const std::string environment =
        "export OUT=" + out_ +
        " HEARTH_JOB_TOKEN=secret\n"
        "hearthrun=distributed/launch/hearthrun rank=tests/distributed/launch/rank_main\n"
        // For a command of `each`: a rank on each host.
        "one='RANK=$NODE_RANK WORLD_SIZE=$NNODES LOCAL_RANK=0 LOCAL_WORLD_SIZE=1 MASTER_PORT=29500 exec '$rank\n"
        // The same by hearthrun.
        "launch='exec '$hearthrun' --node_rank=$NODE_RANK --master_addr=n1 --log_dir=$OUT/$NODE_RANK'\n";
    std::ofstream(out_ + "/environment") << environment;
  }
  // A script of the shell at the head of so many hosts.
  Ended run(int hosts, const std::string& script) {
    std::ofstream(out_ + "/script") << ". " << out_ << "/environment\n" << script;
    return distributed::run_command("tools/cluster --hosts=" + std::to_string(hosts) + " run bash -eu " + out_ +
                                    "/script");
  }
  std::string out_;
};

#define SKIP_IF_LACKING(ended) \
  if ((ended).status == 77) GTEST_SKIP() << (ended).out

TEST_F(Cluster, AHostThatIsCutOffIsNamedInTime) {
  const Ended r = run(3, "cluster each bash -c \"$one cut 5 2\"");
  SKIP_IF_LACKING(r);
  EXPECT_EQ(r.status, 1);
  for (const std::string host : {"n1", "n2"}) {
    const std::string text = said(r, host);
    EXPECT_TRUE(has(text, "all_reduce #2 of f32 [1000], sum on rank")) << text;
    EXPECT_TRUE(has(text, "no word from rank 2; rank")) << text;
    EXPECT_LT(recorded(text), 5 + 1) << text;
  }
  // The host itself knows only that it is alone.
  EXPECT_TRUE(has(said(r, "n3"), "nobody can be asked: store: n1:29500")) << r.out;
}

TEST_F(Cluster, TheHostOfTheStoreIsCutOff) {
  const Ended r = run(3, "cluster each bash -c \"$one cut 5 0\"");
  SKIP_IF_LACKING(r);
  EXPECT_EQ(r.status, 1);
  for (const std::string host : {"n2", "n3"}) {
    const std::string text = said(r, host);
    EXPECT_TRUE(has(text, "nobody can be asked: store: n1:29500")) << text;
    EXPECT_LT(recorded(text), 5 + 1) << text;
  }
  EXPECT_TRUE(has(said(r, "n1"), "no word from rank 1, 2")) << r.out;
}

// When the network is back, the job starts again on all hosts.
TEST_F(Cluster, AHostThatComesBackTakesPartAgain) {
  const Ended r =
      run(3, R"bash(cluster each bash -c "$launch --nnodes=3 --max_restarts=1 $rank cut 5 2" > $OUT/all 2>&1 &
until grep -q 'n1: hearthrun: starting again' $OUT/all || ! kill -0 $!; do sleep 0.1; done
cluster mend n3
wait $! || status=$?
cat $OUT/all
exit ${status:-0})bash");
  SKIP_IF_LACKING(r);
  EXPECT_EQ(r.status, 0) << r.out;
  for (const std::string host : {"n1", "n2", "n3"}) {
    EXPECT_TRUE(has(said(r, host), "starting again, 1 of 1")) << r.out;
    EXPECT_TRUE(has(said(r, host), "sum 6 over gloo")) << r.out;
  }
}

TEST_F(Cluster, ASlowHostIsWaitedFor) {
  const Ended r = run(3, "cluster rate n2 10mbit\ncluster each bash -c \"$one loop 3\"");
  SKIP_IF_LACKING(r);
  EXPECT_EQ(r.status, 0) << r.out;
  for (const std::string host : {"n1", "n2", "n3"}) EXPECT_EQ(said(r, host), "9 right results\n") << r.out;
}

TEST_F(Cluster, LostPacketsLoseNothing) {
  const Ended r =
      run(2, "cluster loss n1 2%; cluster loss n2 2%\ncluster each bash -c \"$launch --nnodes=2 $rank loop 10\"");
  SKIP_IF_LACKING(r);
  EXPECT_EQ(r.status, 0) << r.out;
  for (const std::string host : {"n1", "n2"}) EXPECT_TRUE(has(said(r, host), "30 right results")) << r.out;
}

// Random bytes to the store, and to Gloo's ports while groups are made.
TEST_F(Cluster, StrangersOnThePortsDisturbNobody) {
  const Ended r = run(3, R"bash(net=/proc/$(cluster on n1 bash -c 'sleep 1000 > /dev/null & echo $!')/net
cluster on n3 tests/distributed/launch/stranger_main $net 10.77.0.1 29500 300 3 $OUT/enough &
for i in 0 1; do
  NODE_RANK=$i NNODES=2 MASTER_ADDR=n1 cluster on n$((i + 1)) bash -c "$one loop $OUT/enough" &
  ranks+=" $!"
done
for p in $ranks; do wait $p; done)bash");
  SKIP_IF_LACKING(r);
  EXPECT_EQ(r.status, 0) << r.out;
  EXPECT_TRUE(has(r.out, "stranger: 300 connections to the store, 3 to others")) << r.out;
  const size_t first = r.out.find(" right results");
  EXPECT_NE(first, std::string::npos) << r.out;
  EXPECT_TRUE(has(r.out.substr(std::min(r.out.size(), first + 1)), " right results")) << r.out;
}

TEST_F(Cluster, HostsThatCountDifferentlyAreFound) {
  const Ended r = run(2, "cluster each bash -c \"$launch --nnodes=\\$((2 + NODE_RANK)) $rank sum\"");
  SKIP_IF_LACKING(r);
  EXPECT_EQ(r.status, 1);
  EXPECT_TRUE(has(r.out, "was told that the job has ")) << r.out;
  EXPECT_TRUE(has(r.out, "another host ends the job: rank ") || has(r.out, "hearthrun: rank 0 ended with 1")) << r.out;
}

// Another job takes the same port on the same host: it is refused, and the first one does not notice.
TEST_F(Cluster, TwoJobsAtOnePlace) {
  const Ended r = run(2, R"bash(export NNODES=2 MASTER_ADDR=n1
NODE_RANK=0 cluster on n1 bash -c "$launch --nnodes=2 $rank loop $OUT/enough" &
first=$!
NODE_RANK=1 cluster on n2 bash -c "$launch --nnodes=2 $rank loop $OUT/enough" &
second=$!
until [ -s $OUT/seen ]; do cluster on n2 bash -c 'exec 3<> /dev/tcp/n1/29500 && echo > $OUT/seen' 2> /dev/null || sleep 0.1; done
NODE_RANK=0 cluster on n1 bash -c "$launch --nnodes=2 --log_dir=$OUT/other $rank sum" || echo "other 0: $?"
HEARTH_JOB_TOKEN=another NODE_RANK=1 cluster on n2 bash -c "$launch --nnodes=2 --log_dir=$OUT/other $rank sum" || echo "other 1: $?"
touch $OUT/enough
wait $first
wait $second)bash");
  SKIP_IF_LACKING(r);
  EXPECT_EQ(r.status, 0) << r.out;
  EXPECT_TRUE(has(r.out, "store: cannot listen on ")) << r.out;
  EXPECT_TRUE(has(r.out, "other 0: 1")) << r.out;
  EXPECT_TRUE(has(r.out, "store: n1:29500: another job's token")) << r.out;
  EXPECT_TRUE(has(r.out, "other 1: 1")) << r.out;
  EXPECT_TRUE(has(r.out, "[0] ")) << r.out;
  EXPECT_TRUE(has(r.out, "[1] ")) << r.out;
}

}  // namespace
}  // namespace hearth
