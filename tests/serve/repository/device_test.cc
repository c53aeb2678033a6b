// A model that runs on several GPUs answers as it does on the CPU.
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "core/device/device.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "serve/repository/repository.h"

namespace hearth::serve {
namespace {

constexpr Device kSecond{DeviceType::kCuda, 1};

class OnGpus : public ::testing::Test {
 protected:
  void SetUp() override {
    if (device_count(DeviceType::kCuda) < 2) GTEST_SKIP() << "needs two CUDA devices";
    // Linear and ReLU, for x f32 [batch, 6].
    const Tensor w = randn({6, 4});
    const auto f = [w](std::span<const Tensor> in) { return std::vector<Tensor>{relu(matmul(in[0], w))}; };
    const graph::Spec x[] = {{"x", f32, {"batch", 6}}};
    const graph::Graph g = graph::trace(f, x);
    std::filesystem::create_directories(root_ + "/m");
    const absl::Status s = graph::save({.main = g, .preprocess = {}, .signature = {}}, root_ + "/m/1");
    ASSERT_TRUE(s.ok()) << s;
  }
  // What the model makes of the inputs, which wait together.
  static std::vector<Tensor> ask(const Model& model, const std::vector<Tensor>& inputs) {
    std::vector<std::future<Tensor>> answers;
    for (const Tensor& in : inputs) {
      auto promise = std::make_shared<std::promise<Tensor>>();
      answers.push_back(promise->get_future());
      Job j;
      j.inputs = {in};
      j.done = [promise](absl::StatusOr<std::vector<Value>> r, const Job::Timing&) {
        EXPECT_TRUE(r.ok()) << r.status();
        promise->set_value(r.ok() ? (*r)[0].tensor() : Tensor());
      };
      EXPECT_TRUE(model.scheduler->submit(std::move(j)).ok());
    }
    std::vector<Tensor> out;
    for (auto& a : answers) out.push_back(a.get());
    return out;
  }
  ModelPtr open(const std::vector<Device>& devices) {
    auto r = Repository::open({.directory = root_, .scheduler = {.max_batch_size = 4, .devices = devices}});
    EXPECT_TRUE(r.ok()) << r.status();
    repositories_.push_back(*std::move(r));
    auto m = repositories_.back()->find("m");
    EXPECT_TRUE(m.ok()) << m.status();
    return m.ok() ? *m : nullptr;
  }

  const std::string root_ = ::testing::TempDir() + "/device_test";
  std::vector<std::unique_ptr<Repository>> repositories_;
};

TEST_F(OnGpus, AnswersAreThoseOfTheCpu) {
  const ModelPtr on_cpu = open({}), on_gpus = open({kCuda, kSecond});
  ASSERT_TRUE(on_cpu && on_gpus);
  std::vector<Tensor> inputs;
  for (int i = 0; i < 30; ++i) inputs.push_back(randn({1 + i % 3, 6}));
  const std::vector<Tensor> want = ask(*on_cpu, inputs), got = ask(*on_gpus, inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    ASSERT_TRUE(got[i].defined());
    EXPECT_EQ(got[i].device(), kCpu);
    EXPECT_TRUE(got[i].allclose(want[i], 1e-5, 1e-6)) << i;
  }
}

TEST_F(OnGpus, ADeviceThatIsNotThereIsTheModelsError) {
  auto r = Repository::open({.directory = root_, .scheduler = {.devices = {Device{DeviceType::kCuda, 9}}}});
  ASSERT_TRUE(r.ok()) << r.status();
  const std::vector<IndexEntry> index = (*r)->index();
  ASSERT_EQ(index.size(), 1u);
  EXPECT_NE(index[0].reason.find("there is no device cuda:9"), std::string::npos) << index[0].reason;
}

}  // namespace
}  // namespace hearth::serve
