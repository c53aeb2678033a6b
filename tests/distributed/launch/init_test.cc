#include "distributed/launch/init.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/ops/create.h"
#include "distributed/launch/addresses.h"
#include "distributed/store/store_server.h"
#include "tests/distributed/backends.h"
#include "tests/distributed/free_port.h"

namespace hearth::distributed {
namespace {

using Variables = std::map<std::string, std::string>;

Environment from(const Variables& v) {
  return environment([&](const char* name) -> const char* {
    const auto it = v.find(name);
    return it == v.end() ? nullptr : it->second.c_str();
  });
}

TEST(EnvironmentTest, ReadsWhatLaunchersSay) {
  const Environment alone = from({});
  EXPECT_EQ(alone.size, 1);
  EXPECT_EQ(alone.started_by, "hand");
  const Environment torchrun = from({{"RANK", "3"},
                                     {"WORLD_SIZE", "4"},
                                     {"LOCAL_RANK", "1"},
                                     {"LOCAL_WORLD_SIZE", "2"},
                                     {"MASTER_ADDR", "n1"},
                                     {"MASTER_PORT", "1234"},
                                     {"SLURM_PROCID", "0"}});
  EXPECT_EQ(torchrun.rank, 3);
  EXPECT_EQ(torchrun.size, 4);
  EXPECT_EQ(torchrun.local_rank, 1);
  EXPECT_EQ(torchrun.master, "n1");
  EXPECT_EQ(torchrun.port, 1234);
  const Environment mpi = from({{"OMPI_COMM_WORLD_RANK", "1"},
                                {"OMPI_COMM_WORLD_SIZE", "2"},
                                {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  EXPECT_EQ(mpi.rank, 1);
  EXPECT_EQ(mpi.master, "127.0.0.1");
  const Environment mpi_hosts = from({{"OMPI_COMM_WORLD_RANK", "1"},
                                      {"OMPI_COMM_WORLD_SIZE", "4"},
                                      {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                      {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  EXPECT_EQ(mpi_hosts.master, "");
  Variables slurm = {{"SLURM_PROCID", "5"},  {"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_LOCALID", "1"},
                     {"SLURM_JOB_ID", "77"}, {"SLURM_STEP_ID", "0"},        {"SLURM_STEP_NODELIST", "n[03-04,7],m3"}};
  EXPECT_EQ(from(slurm).rank, 5);
  EXPECT_EQ(from(slurm).size, 8);
  EXPECT_EQ(from(slurm).master, "n03");
  for (const auto& [list, host] : std::vector<std::pair<std::string, std::string>>{
           {"n1", "n1"}, {"n1,n2", "n1"}, {"gpu[2]", "gpu2"}, {"a[1-3]-ib,b", "a1-ib"}, {"n1,m[1-2]", "n1"}}) {
    slurm["SLURM_STEP_NODELIST"] = list;
    EXPECT_EQ(from(slurm).master, host) << list;
  }
  // A program that srun has not started is no rank.
  EXPECT_EQ(from({{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}}).started_by, "hand");
  // With MpiDefault=pmi2 srun sets MPICH's variables too.
  slurm["SLURM_STEP_NODELIST"] = "n1,n2";
  slurm["PMI_RANK"] = "5";
  slurm["PMI_SIZE"] = "8";
  EXPECT_EQ(from(slurm).started_by, "srun");
  EXPECT_EQ(from(slurm).master, "n1");
  slurm["PMI_SIZE"] = "4";
  slurm["PMI_RANK"] = "1";
  EXPECT_EQ(from(slurm).started_by, "MPICH") << "mpiexec in an allocation";
  EXPECT_EQ(from({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}}).started_by, "MPICH");
  // WORLD_SIZE alone is no launcher's.
  slurm.erase("PMI_RANK");
  slurm["WORLD_SIZE"] = "3";
  EXPECT_EQ(from(slurm).started_by, "srun");
  EXPECT_EQ(from({{"WORLD_SIZE", "3"},
                  {"OMPI_COMM_WORLD_RANK", "1"},
                  {"OMPI_COMM_WORLD_SIZE", "2"},
                  {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                  {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}})
                .size,
            2);
  // torchrun's agent has the port, and counts its own starts.
  Variables agent = {{"RANK", "0"},
                     {"WORLD_SIZE", "2"},
                     {"MASTER_ADDR", "n1"},
                     {"MASTER_PORT", "29400"},
                     {"TORCHELASTIC_RUN_ID", "x"},
                     {"TORCHELASTIC_RESTART_COUNT", "2"}};
  EXPECT_EQ(from(agent).port, 29401);
  EXPECT_EQ(from(agent).restarts, 2);
  agent["MASTER_PORT"] = "65535";
  EXPECT_EQ(from(agent).port, 65534);
  agent["HEARTH_MASTER_PORT"] = "1234";
  EXPECT_EQ(from(agent).port, 1234);
  const Environment kubernetes =
      from({{"JOB_COMPLETION_INDEX", "2"}, {"WORLD_SIZE", "3"}, {"MASTER_ADDR", "train-0.train"}});
  EXPECT_EQ(kubernetes.rank, 2);
  EXPECT_EQ(kubernetes.started_by, "Kubernetes");
}

TEST(EnvironmentTest, NamesWhatIsWrong) {
  const auto error = [](const Variables& v) { return error_of([&] { from(v); }); };
  EXPECT_NE(error({{"RANK", "1"}}).find("WORLD_SIZE is missing"), std::string::npos);
  EXPECT_NE(error({{"RANK", "x"}, {"WORLD_SIZE", "2"}}).find("RANK must be a whole number"), std::string::npos);
  EXPECT_NE(error({{"RANK", "-1"}, {"WORLD_SIZE", "2"}}).find("RANK must be a whole number"), std::string::npos);
  EXPECT_NE(error({{"RANK", "2"}, {"WORLD_SIZE", "2"}}).find("rank 2 of 2"), std::string::npos);
  EXPECT_NE(error({{"MASTER_PORT", "70000"}}).find("the port (MASTER_PORT) must be"), std::string::npos);
}

// Processes are threads here: each calls init with its rank.
std::vector<std::string> all(const std::vector<InitOptions>& each) {
  std::vector<std::string> out(each.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < each.size(); ++i) {
    threads.emplace_back([&, i] {
      out[i] = error_of([&] {
        ProcessGroup g = init(each[i]);
        Tensor t = full({3}, g.rank() + 1.0);
        g.all_reduce(t);
        EXPECT_EQ(t.to_vector<double>()[0], g.size() * (g.size() + 1) / 2.0);
      });
    });
  }
  for (auto& t : threads) t.join();
  return out;
}

std::string fresh_directory(const std::string& name) { return "file://" + testing::TempDir() + "/init_" + name; }

InitOptions place(const std::string& method, int rank, int size, int seconds = 600) {
  return {.method = method,
          .rank = rank,
          .size = size,
          .host = "127.0.0.1",
          .group = {.timeout = std::chrono::seconds(seconds)}};
}

TEST(Init, OneProcessNeedsNobody) { EXPECT_EQ(all({place("env", 0, 1)}), std::vector<std::string>{"no error"}); }

TEST(Init, MeetsInFilesAndOverTcp) {
  for (const std::string& method :
       {fresh_directory("meets"), std::string("tcp://127.0.0.1:") + std::to_string(free_port())}) {
    EXPECT_EQ(all({place(method, 0, 3), place(method, 1, 3), place(method, 2, 3)}),
              std::vector<std::string>(3, "no error"));
  }
}

TEST(Init, MeetsOverIPv6) {
  if (!StoreServer::start("::1", 0, {}).ok()) GTEST_SKIP() << "no IPv6 here";
  const std::string method = "tcp://[::1]:" + std::to_string(free_port());
  EXPECT_EQ(all({place(method, 0, 2), place(method, 1, 2)}), std::vector<std::string>(2, "no error"));
}

TEST(Init, AStoreOnTheNetworkNeedsAToken) {
  unsetenv("HEARTH_JOB_TOKEN");
  for (const int rank : {0, 1}) {
    const std::string e = all({place("tcp://192.0.2.1:29500", rank, 2)})[0];
    EXPECT_NE(e.find("the ranks meet at 192.0.2.1"), std::string::npos) << e;
    EXPECT_NE(e.find("set HEARTH_JOB_TOKEN"), std::string::npos) << e;
  }
}

TEST(Addresses, AreReadAndListenedOn) {
  EXPECT_EQ(parse_place("", "n1:5").host, "n1");
  EXPECT_EQ(parse_place("", "[2001:db8::1]:5").host, "2001:db8::1");
  EXPECT_EQ(parse_place("", "[::1]:65535").port, 65535);
  for (const char* bad : {"n1", ":5", "n1:0", "n1:65536", "n1:x", "n1:"})
    EXPECT_NE(error_of([&] { parse_place("tcp://", bad); }).find("tcp://host:port"), std::string::npos) << bad;
  EXPECT_EQ(address_to_listen_on("::1"), "::1");
  EXPECT_EQ(address_to_listen_on("127.0.0.2"), "127.0.0.2");
  EXPECT_EQ(address_to_listen_on("localhost"), "localhost");
  EXPECT_EQ(address_to_listen_on("n1"), "::");
  EXPECT_EQ(address_towards("127.0.0.1"), "127.0.0.1");
}

TEST(Init, AWrongNumberOfRanksIsFound) {
  const std::string d = fresh_directory("size");
  const auto errors = all({place(d, 0, 2, 2), place(d, 1, 3, 2)});
  EXPECT_TRUE(errors[0].find("another rank was told 3") != std::string::npos ||
              errors[1].find("another rank was told 2") != std::string::npos)
      << errors[0] << errors[1];
}

TEST(Init, TwoJobsInOneStoreAreFound) {
  const std::string d = fresh_directory("jobs");
  EXPECT_EQ(all({place(d, 0, 2), place(d, 1, 2)}), std::vector<std::string>(2, "no error"));
  for (const std::string& e : all({place(d, 0, 2, 2), place(d, 1, 2, 2)}))
    EXPECT_NE(e.find("two jobs use one store"), std::string::npos) << e;
}

TEST(Init, RefusesWhatMakesNoSense) {
  EXPECT_NE(all({place("udp://x", 0, 1)})[0].find("the method must be"), std::string::npos);
  EXPECT_NE(all({place("tcp://x", 0, 2)})[0].find("tcp://host:port"), std::string::npos);
  EXPECT_NE(all({place("env", 2, 2)})[0].find("rank 2 of 2"), std::string::npos);
  EXPECT_NE(all({{.rank = 0}})[0].find("both rank and size"), std::string::npos);
  EXPECT_NE(all({place("env", 0, 2)})[0].find("set MASTER_ADDR"), std::string::npos);
}

}  // namespace
}  // namespace hearth::distributed
