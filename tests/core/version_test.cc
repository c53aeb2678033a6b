#include "core/version.h"

#include <gtest/gtest.h>

#include <string>

#include "core/ops/create.h"
#include "core/ops/matmul.h"

namespace hearth {
namespace {

TEST(Version, IsThreeNumbers) {
  EXPECT_EQ(version(), std::to_string(HEARTH_VERSION_MAJOR) + "." + std::to_string(HEARTH_VERSION_MINOR) + "." +
                           std::to_string(HEARTH_VERSION_PATCH));
}

TEST(Version, ConfigNamesWhatTheProgramRunsWith) {
  ASSERT_EQ(matmul(ones({64, 64}), ones({64, 64})).numel(), 4096);  // so that the library behind it is linked
  const std::string text = config();
  for (const char* line :
       {"Hearth ", "compiler: ", "threads: ", "instruction sets: ", "oneDNN: ", "HEARTH_NUM_THREADS: "})
    EXPECT_NE(text.find(line), std::string::npos) << line << " in\n" << text;
}

}  // namespace
}  // namespace hearth
