// --device of the training program: it trains on a GPU where there is one, and says why not where there is none.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/device/device.h"
#include "core/io/file.h"
#include "tests/examples/training_process.h"

namespace hearth {
namespace {

struct Outcome {
  int exit = -1;
  std::string log;
};

Outcome train(const std::string& name, const std::string& device) {
  const std::string out = fresh_directory(name);
  Process process(
      {"examples/fashion/train", "--out=" + out, "--limit=32", "--batch=16", "--epochs=1", "--device=" + device},
      out + "/log");
  const int status = process.wait();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, io::read_file(out + "/log", 1 << 20).value_or("")};
}

TEST(DeviceFlag, TrainsOnAGpu) {
  if (device_count(DeviceType::kCuda) == 0) GTEST_SKIP() << "there is no CUDA device";
  const Outcome run = train("gpu", "cuda");
  EXPECT_EQ(run.exit, 0) << run.log;
  EXPECT_NE(run.log.find("parameters; cuda:0"), std::string::npos) << run.log;
  EXPECT_NE(run.log.find("test accuracy: "), std::string::npos) << run.log;
}

TEST(DeviceFlag, SaysWhyThereIsNone) {
  const Outcome run = train("none", "cuda:9");
  EXPECT_EQ(run.exit, 2) << run.log;
  EXPECT_NE(run.log.find("--device: there is no device cuda:9: this "), std::string::npos) << run.log;
  const Outcome unknown = train("unknown", "gpu");
  EXPECT_EQ(unknown.exit, 2) << unknown.log;
  EXPECT_NE(unknown.log.find("--device: unknown device 'gpu'"), std::string::npos) << unknown.log;
}

}  // namespace
}  // namespace hearth
