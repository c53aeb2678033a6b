// Groups over NCCL: ranks are threads, each with a GPU of its own. Needs four devices, which the emulation has.
#include "distributed/nccl/nccl_backend.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "core/device/cuda/runtime.h"
#include "core/hearth.h"
#include "distributed/parallel/data_parallel.h"
#include "distributed/parallel/zero.h"
#include "tests/distributed/backends.h"

namespace hearth::distributed {
namespace {

constexpr int kRanks = 4;

Device gpu_of(const ProcessGroup& g) { return {DeviceType::kCuda, static_cast<int8_t>(g.rank())}; }

class Nccl : public testing::Test {
 protected:
  void SetUp() override {
    if (cuda::device_count() < kRanks) GTEST_SKIP() << "needs " << kRanks << " CUDA devices";
  }
  static void run(const std::function<void(ProcessGroup&)>& body, const GroupOptions& options = patient()) {
    const BackendFactory threads = threads_backend();
    run_ranks(kRanks, body, options,
              [threads](const std::shared_ptr<Store>& store, const std::string& group, int rank, int size,
                        std::chrono::milliseconds timeout) {
                return nccl_backend(rank, threads)(store, group, rank, size, timeout);
              });
  }
};

TEST_F(Nccl, Reductions) {
  run([](ProcessGroup& g) {
    EXPECT_STREQ(g.backend(), "nccl");
    for (DType t : {u8, i8, i32, i64, f16, bf16, f32, f64}) {
      const Tensor own = (arange(5) + g.rank()).to(t).to(gpu_of(g));
      Tensor x = own.clone();
      g.all_reduce(x);
      EXPECT_TRUE(x.cpu().equal((arange(5) * kRanks + 6).to(t))) << to_string(t);
      x.copy_(own);
      g.all_reduce(x, ReduceOp::kMax);
      EXPECT_TRUE(x.cpu().equal((arange(5) + 3).to(t))) << to_string(t);
      x.copy_(own);
      g.reduce(x, 2, ReduceOp::kMin);
      EXPECT_TRUE(x.cpu().equal((g.rank() == 2 ? arange(5) : arange(5) + g.rank()).to(t))) << to_string(t);
    }
    Tensor average = full({3}, static_cast<double>(g.rank()), {.device = gpu_of(g)});
    g.all_reduce(average, ReduceOp::kAvg);
    EXPECT_TRUE(average.cpu().equal(full({3}, 1.5)));
    Tensor any = tensor({g.rank() == 1, false}).to(gpu_of(g));
    g.all_reduce(any);
    EXPECT_TRUE(any.cpu().equal(tensor({true, false})));
    // Columns, which are no dense memory.
    const Tensor matrix = zeros({4, 6}, {.device = gpu_of(g)});
    Tensor column = matrix.select(1, 2);
    column.fill_(g.rank());
    g.all_reduce(column);
    EXPECT_EQ(matrix.cpu().sum().item<float>(), 24);
  });
}

TEST_F(Nccl, Moves) {
  run([](ProcessGroup& g) {
    const Device gpu = gpu_of(g);
    Tensor x = full({2, 3}, static_cast<double>(g.rank()), {.device = gpu});
    g.broadcast(x, 3);
    EXPECT_TRUE(x.cpu().equal(full({2, 3}, 3.0)));
    const Tensor own = full({2}, g.rank() + 1.0, {.device = gpu});
    EXPECT_TRUE(g.all_gather(own).cpu().equal(tensor({{1., 1.}, {2., 2.}, {3., 3.}, {4., 4.}}).to(f32)));
    Tensor part = empty({2}, {.device = gpu});
    g.reduce_scatter(part, arange(8).to(f32).to(gpu));
    EXPECT_TRUE(part.cpu().equal((arange(2) + 2 * g.rank()).to(f32) * kRanks));
    Tensor gathered = g.rank() == 1 ? empty({4, 2}, {.device = gpu}) : Tensor();
    g.gather(gathered, own, 1);
    if (g.rank() == 1) EXPECT_EQ(gathered.cpu().sum().item<float>(), 20);
    g.scatter(part, g.rank() == 0 ? arange(8).to(f32).to(gpu) : Tensor(), 0);
    EXPECT_TRUE(part.cpu().equal((arange(2) + 2 * g.rank()).to(f32)));
    const Tensor rows = (arange(4) + 10 * g.rank()).to(gpu);
    Tensor turned = empty({4}, {.dtype = i64, .device = gpu});
    g.all_to_all(turned, rows);
    EXPECT_TRUE(turned.cpu().equal(arange(4) * 10 + g.rank()));
    // One message around the circle, through CPU memory.
    Tensor got = empty({2}, {.device = gpu});
    Work send = g.send_async(own, (g.rank() + 1) % kRanks), receive = g.recv_async(got, (g.rank() + 3) % kRanks);
    send.wait();
    receive.wait();
    EXPECT_TRUE(got.cpu().equal(full({2}, (g.rank() + 3) % kRanks + 1.0)));
    // Tensors in CPU memory go by the other backend.
    Tensor on_cpu = full({2}, 1.0);
    g.all_reduce(on_cpu);
    EXPECT_EQ(on_cpu.sum().item<float>(), 8);
    g.barrier();
  });
}

struct Net : nn::Module<Net> {
  nn::Linear a{this, "a", 6, 32}, b{this, "b", 32, 3};
  Tensor forward(const Tensor& x) { return b(gelu(a(x))); }
};

TEST_F(Nccl, TrainsAsOneProcessDoes) {
  run([](ProcessGroup& g) {
    const Device gpu = gpu_of(g);
    for (bool zero : {false, true}) {
      manual_seed(3);
      Net net, alone;
      alone.load_state_dict(net.state_dict());
      net.to(gpu);
      DistributedDataParallel parallel(net, g, {.bucket_bytes = 512, .first_bucket_bytes = 256});
      std::unique_ptr<ZeroOptimizer> split;
      optim::AdamW whole(net.parameters(), {.lr = 0.02}), reference(alone.parameters(), {.lr = 0.02});
      if (zero) split = std::make_unique<ZeroOptimizer>(optim::AdamW(net.parameters(), {.lr = 0.02}), g);
      Generator random(5);
      for (int step = 0; step < 4; ++step) {
        const Tensor x = zeros({8, 6}).normal_(0, 1, &random), y = zeros({8}, {.dtype = i64}).random_(0, 3, &random);
        net.zero_grad();
        cross_entropy(net(x.narrow(0, 2 * g.rank(), 2).to(gpu)), y.narrow(0, 2 * g.rank(), 2).to(gpu)).backward();
        split ? split->step() : whole.step();
        alone.zero_grad();
        cross_entropy(alone(x), y).backward();
        reference.step();
      }
      const auto got = net.parameters(), want = alone.parameters();
      for (size_t i = 0; i < want.size(); ++i)
        EXPECT_LE((got[i].detach().cpu() - want[i].detach()).abs().max().item<float>(), 2e-5f) << i;
    }
  });
}

TEST_F(Nccl, AMissingRankIsNamed) {
  run(
      [](ProcessGroup& g) {
        g.barrier();
        if (g.rank() == 2) {  // comes late
          std::this_thread::sleep_for(std::chrono::milliseconds(1500));
          return;
        }
        g.set_timeout(std::chrono::milliseconds(300));
        Tensor x = zeros({2}, {.device = gpu_of(g)});
        const std::string error = error_of([&] { g.all_reduce(x); });
        EXPECT_NE(error.find("all_reduce"), std::string::npos) << error;
        EXPECT_NE(error.find("nccl"), std::string::npos) << error;
        EXPECT_NE(error.find("rank 2"), std::string::npos) << error;
      },
      {.timeout = std::chrono::minutes(10), .grace = std::chrono::milliseconds(200)});
}

TEST_F(Nccl, OtherDevicesAreRefused) {
  run([](ProcessGroup& g) {
    Tensor x = zeros({2}, {.device = Device{DeviceType::kCuda, static_cast<int8_t>((g.rank() + 1) % kRanks)}});
    EXPECT_NE(error_of([&] { g.all_reduce(x); }).find("the backend nccl does not carry tensors on cuda:"),
              std::string::npos);
  });
}

}  // namespace
}  // namespace hearth::distributed
