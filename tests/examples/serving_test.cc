// examples/serving: its program starts, and answers with its own kind and op.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <string>

#include "tests/serve/client.h"

namespace hearth::serve {
namespace {

TEST(OwnServer, AnswersWithItsOwnKindAndOp) {
  std::array<int, 2> in{}, out{};
  ASSERT_EQ(pipe(in.data()), 0);
  ASSERT_EQ(pipe(out.data()), 0);
  const std::string directory = ::testing::TempDir() + "/models";
  const pid_t child = fork();
  if (child == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    close(in[1]);
    execl("examples/serving/own_server", "own_server", directory.c_str(), nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  std::string text;
  char byte = 0;
  while (text.find("ends it.\n") == std::string::npos && read(out[0], &byte, 1) == 1) text += byte;
  const size_t at = text.find("127.0.0.1:");
  ASSERT_NE(at, std::string::npos) << text;
  testing::Client c(std::atoi(text.c_str() + at + 10));
  const testing::Answer a =
      c.post("/v2/models/own/infer", R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,4]}]})");
  EXPECT_EQ(a.status, 200) << a.body;
  // softmax([1/4, 2/4, 1] / 0.5)
  const size_t data = a.body.find("\"data\":[");
  ASSERT_NE(data, std::string::npos) << a.body;
  double y[3];
  ASSERT_EQ(std::sscanf(a.body.c_str() + data, "\"data\":[%lf,%lf,%lf]", &y[0], &y[1], &y[2]), 3);
  const double sum = std::exp(0.5) + std::exp(1.0) + std::exp(2.0);
  EXPECT_NEAR(y[0], std::exp(0.5) / sum, 1e-6);
  EXPECT_NEAR(y[1], std::exp(1.0) / sum, 1e-6);
  EXPECT_NEAR(y[2], std::exp(2.0) / sum, 1e-6);
  EXPECT_NE(c.get("/v2/models/own").body.find("\"platform\":\"hearth_calibrated\""), std::string::npos);
  c.close();
  close(in[1]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  close(out[0]);
}

}  // namespace
}  // namespace hearth::serve
