// What tools/gpu_check packs runs: the program's measurements and the script's report, with small sizes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "core/io/file.h"

namespace hearth {
namespace {

constexpr const char* kHere = "tests/gpu_check";

TEST(GpuCheck, WritesAReport) {
  const std::string pack = ::testing::TempDir() + "/pack", report = ::testing::TempDir() + "/report";
  const std::string here = kHere;
  const std::string command =
      "mkdir -p " + pack + "/tests/core/op_table && cp " + here + "/gpu_check " + here + "/run.sh " + here +
      "/peer.py " + pack +
      " && cp tests/core/op_table/*golden.safetensors tests/core/op_table/lacking_cuda_kernels.txt " + pack +
      "/tests/core/op_table && echo commit > " + pack + "/commit.txt && chmod -R u+w " + pack +
      " && PYTHON=none SMALL=1024 PARTS='versions smoke speed training' " + pack + "/run.sh " + report + " 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const std::string text = io::read_file(report + "/report.md", 1 << 20).value_or("");
  for (const char* part : {"**versions**: ok", "**smoke**: ok", "**speed**: ok", "**training**: ok",
                           "| attention_decode_bf16 | ", "| resnet50_bf16 | "})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(text.find("FAILED"), std::string::npos) << text;
  EXPECT_EQ(text.find("failed:"), std::string::npos) << text;
  for (const char* not_there : {"Failed: ", "no test has passed", "Without a result"})
    EXPECT_EQ(text.find(not_there), std::string::npos) << text;
}

}  // namespace
}  // namespace hearth
