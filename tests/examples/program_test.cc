// What a training program makes of exceptions.

#include <gtest/gtest.h>

#include <stdexcept>

#include "examples/common/program.h"

namespace hearth::examples {
namespace {

// Flags are parsed once in a process.
TEST(TrainingMain, AnyExceptionIsWordsAndAStatus) {
  char name[] = "train";
  char* argv[] = {name, nullptr};
  ::testing::internal::CaptureStderr();
  const int code = training_main(
      1, argv, "train", "usage", [] { return absl::OkStatus(); },
      []() -> absl::Status { throw std::runtime_error("the disk is gone"); });
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "train: the disk is gone\n");
  EXPECT_EQ(code, 1);
}

}  // namespace
}  // namespace hearth::examples
