// What a group costs over Gloo alone, what DistributedDataParallel costs at one rank, and how much of its exchange of
// gradients lies behind backward. Rows are taken in turns.
//
//   distributed_bench allreduce|ddp [rounds]
//   tools/cluster --rate=100mbit each hearthrun ... distributed_bench hidden [steps]
#include <gloo/allreduce.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/file_store.h>
#include <gloo/transport/tcp/device.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "core/hearth.h"
#include "distributed/distributed.h"
#include "distributed/store/file_store.h"
#include "examples/fashion/net.h"

namespace {

using namespace hearth;
namespace dist = hearth::distributed;
using dist::Clock;

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}
double since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

void all_reduce_rank(int rank, const std::string& dir) {
  auto store = std::shared_ptr<dist::Store>(*dist::FileStore::open(dir + "/group"));
  dist::ProcessGroup group(rank, 2, store, dist::gloo_backend("127.0.0.1"));
  gloo::rendezvous::FileStore files(dir + "/gloo");
  gloo::transport::tcp::attr attr;
  attr.hostname = "127.0.0.1";
  auto device = gloo::transport::tcp::CreateDevice(attr);
  auto context = std::make_shared<gloo::rendezvous::Context>(rank, 2);
  context->connectFullMesh(files, device);
  uint32_t tag = 1;
  for (const auto& [bytes, rounds] : {std::pair<int64_t, int>{4 << 10, 3000}, {1 << 20, 400}, {64 << 20, 15}}) {
    Tensor t = full({bytes / 4}, 1e-3);
    float* p = t.mutable_data<float>();
    std::vector<double> ring, tree, ours;
    const auto alone = [&](gloo::AllreduceOptions::Algorithm algorithm) {
      const auto begin = Clock::now();
      gloo::AllreduceOptions o(context);
      o.setOutput(p, static_cast<size_t>(t.numel()));
      o.setAlgorithm(algorithm);
      o.setReduceFunction([](void* to, const void* a, const void* b, size_t n) {
        auto* x = static_cast<float*>(to);
        const auto *y = static_cast<const float*>(a), *z = static_cast<const float*>(b);
        for (size_t i = 0; i < n; ++i) x[i] = y[i] + z[i];
      });
      o.setTag(++tag);
      gloo::allreduce(o);
      return since(begin);
    };
    for (int i = 0; i < rounds; ++i) {
      ring.push_back(alone(gloo::AllreduceOptions::Algorithm::RING));
      tree.push_back(alone(gloo::AllreduceOptions::Algorithm::BCUBE));
      const auto begin = Clock::now();
      group.all_reduce(t);
      ours.push_back(since(begin));
    }
    if (rank == 0) {
      std::printf(
          "all_reduce, 2 ranks, %6lld KiB: Gloo's ring %8.0f us, tree %8.0f us; group %8.0f us; %3.0f %% of the "
          "better\n",
          static_cast<long long>(bytes >> 10), median(ring) * 1e6, median(tree) * 1e6, median(ours) * 1e6,
          100 * std::min(median(ring), median(tree)) / median(ours));
      std::fflush(stdout);
    }
  }
}

int all_reduce() {
  std::string dir = (std::filesystem::temp_directory_path() / "distributed_bench_XXXXXX").string();
  if (!mkdtemp(dir.data())) return 1;
  std::filesystem::create_directory(dir + "/gloo");
  const pid_t other = fork();
  if (other == 0) {
    all_reduce_rank(1, dir);
    _exit(0);
  }
  all_reduce_rank(0, dir);
  waitpid(other, nullptr, 0);
  std::filesystem::remove_all(dir);
  return 0;
}

// The processor's time, of all threads: neighbours disturb it less.
double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

int one_rank(int rounds) {
  dist::run_ranks(1, [&](dist::ProcessGroup& group) {
    fashion::Net net;
    const Tensor x = zeros({64, 1, 28, 28}).normal_(), y = zeros({64}, {.dtype = i64}).random_(0, 10);
    optim::AdamW optimizer(net.parameters(), {.lr = 1e-4});
    const auto step = [&] {
      const double begin = cpu_seconds();
      const Tensor loss = cross_entropy(net(x), y);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      return cpu_seconds() - begin;
    };
    std::vector<double> without, with;
    for (int i = 0; i < 5; ++i) step();
    for (int round = 0; round < rounds; ++round) {
      for (int i = 0; i < 5; ++i) without.push_back(step());
      const dist::DistributedDataParallel parallel(net, group);
      for (int i = 0; i < 5; ++i) with.push_back(step());
    }
    std::printf("quickstart's net, batch 64, one rank, processor time: %.3f ms without, %.3f ms with (%+.2f %%)\n",
                median(without) * 1e3, median(with) * 1e3, 100 * (median(with) / median(without) - 1));
  });
  return 0;
}

// One of several ranks, which a launcher has started: the quickstart's net, 64 pictures a rank.
int hidden(int steps) {
  dist::ProcessGroup group = dist::init();
  fashion::Net net;
  const Tensor x = zeros({64, 1, 28, 28}).normal_(), y = zeros({64}, {.dtype = i64}).random_(0, 10);
  optim::AdamW optimizer(net.parameters(), {.lr = 1e-4});
  dist::DistributedDataParallel parallel(net, group);
  double exchanged = 0, behind = 0;
  std::vector<double> took;
  for (int step = -5; step < steps; ++step) {
    const double begin = dist::Recorder::now();
    optimizer.zero_grad();
    cross_entropy(net(x), y).backward();
    optimizer.step();
    if (step < 0) continue;
    took.push_back(dist::Recorder::now() - begin);
    for (const dist::Recorded& r : parallel.record()) {
      if (r.called < begin || r.end < 0) continue;
      exchanged += r.end - r.begin;
      behind += (r.waited < 0 ? r.end : std::clamp(r.waited, r.begin, r.end)) - r.begin;
    }
  }
  std::printf("rank %d of %d: a step %.1f ms, exchange of gradients %.1f ms of it, %.0f %% hidden behind backward\n",
              group.rank(), group.size(), median(took) * 1e3, exchanged / steps * 1e3, 100 * behind / exchanged);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 40;
  if (what == "allreduce") return all_reduce();
  if (what == "ddp") return one_rank(rounds);
  if (what == "hidden") return hidden(rounds);
  std::fprintf(stderr, "distributed_bench allreduce|ddp|hidden [rounds]\n");
  return 2;
}
