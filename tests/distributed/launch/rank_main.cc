// A rank for tests of the launcher: what its first argument says.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/ops/create.h"
#include "distributed/launch/init.h"

using namespace hearth;
using namespace hearth::distributed;

namespace {

// Makes groups that reduce tensors of several sizes, in so many rounds or until the first rank sees this file; checks
// each result.
void loop(ProcessGroup& g, const std::string& rounds_or_file) {
  const int rounds = std::atoi(rounds_or_file.c_str());
  const double sum = g.size() * (g.size() + 1) / 2.0;
  int64_t count = 0;
  bool ends = false;
  for (int round = 1; !ends; ++round) {
    const auto own = g.duplicate();
    for (const int64_t n : {1, 1000, 100000}) {
      Tensor t = full({n + 1}, g.rank() + 1.0);
      t[n].fill_(rounds > 0 ? round == rounds : g.rank() == 0 && std::filesystem::exists(rounds_or_file));
      own->all_reduce(t);
      const auto v = t.to_vector<double>();
      for (int64_t i = 0; i < n; ++i) {
        if (v[static_cast<size_t>(i)] != sum) fail("all_reduce gave ", v[static_cast<size_t>(i)], " in place of ", sum);
      }
      ends |= v.back() != 0;
      ++count;
    }
  }
  std::printf("%lld right results\n", static_cast<long long>(count));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "sum";
  try {
    const Environment e = environment();
    const bool first = e.restarts == 0;
    const int last = e.size - 1;
    if (what == "print") {
      std::printf("rank %d of %d, local %d of %d, threads %d, restart %d\n", e.rank, e.size, e.local_rank, e.local_size,
                  num_threads(), e.restarts);
      return 0;
    }
    if (what == "sleep") {  // with a child that outlives it if nobody ends it
      if (fork() == 0) execlp("sleep", "sleep", argv[2], nullptr);
      std::ofstream(std::string(argv[3]) + "/" + std::to_string(e.rank)) << getpid() << std::endl;
      std::this_thread::sleep_for(std::chrono::hours(1));
    }
    // At first the first rank ends well, and the last one fails later.
    if (what == "late" && first) {
      if (e.rank != last) return 0;
      std::this_thread::sleep_for(std::chrono::seconds(2));
      throw std::runtime_error("out of cheese, late");
    }
    if (what == "throw" && e.rank == last) throw std::runtime_error("out of cheese before the first collective");
    InitOptions o;
    o.group.timeout = std::chrono::seconds(what == "stop" ? std::atoi(argv[2]) : 60);
    ProcessGroup g = init(o);
    const auto sum = [&] {
      Tensor t = full({1000}, g.rank() + 1.0);
      g.all_reduce(t);
      return t.to_vector<double>()[999];
    };
    sum();
    if (what == "kill" && first && g.rank() == last) kill(getpid(), SIGKILL);
    if (what == "stop" && g.rank() == last) kill(getpid(), SIGSTOP);
    if (what == "cut" && first) {  // SECONDS RANK: in a cluster, that rank's host loses its network
      g.set_timeout(std::chrono::seconds(std::atoi(argv[2])));
      if (g.rank() == std::atoi(argv[3]) && std::system("cluster cut $(hostname)") != 0) fail("no cluster");
      try {
        sum();
      } catch (const Error& e) {
        const Recorded r = g.record().back();
        std::fprintf(stderr, "%s\nrecorded: %.3f s\n", e.what(), r.end - r.begin);
        return 1;
      }
    }
    if (what == "loop") {
      loop(g, argv[2]);
      return 0;
    }
    if (what == "fail" && g.rank() == last) throw std::runtime_error("out of cheese");
    std::printf("sum %g over %s\n", sum(), g.backend());
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
