// CPU limits of control groups, read from trees of files as the kernel shows them.
#include "core/base/cpu_quota.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace hearth {
namespace {

std::optional<int> quota(const std::map<std::string, std::string>& files) {
  const std::filesystem::path root = std::filesystem::path(testing::TempDir()) / "cpu_quota";
  std::filesystem::remove_all(root);
  for (const auto& [name, text] : files) {
    std::filesystem::create_directories((root / name).parent_path());
    std::ofstream(root / name) << text;
  }
  return cpu_quota(root.string());
}

const std::string kSelf = "proc/self/cgroup", kTop = "sys/fs/cgroup/";

TEST(CpuQuota, Version2) {
  EXPECT_EQ(quota({{kSelf, "0::/\n"}, {kTop + "cpu.max", "200000 100000\n"}}), 2);
  EXPECT_EQ(quota({{kSelf, "0::/\n"}, {kTop + "cpu.max", "150000 100000\n"}}), 2);  // rounded up
  EXPECT_EQ(quota({{kSelf, "0::/\n"}, {kTop + "cpu.max", "1000 100000\n"}}), 1);
  EXPECT_EQ(quota({{kSelf, "0::/\n"}, {kTop + "cpu.max", "max 100000\n"}}), std::nullopt);
  EXPECT_EQ(quota({{kSelf, "0::/\n"}}), std::nullopt);
}

// The smallest limit on the way up.
TEST(CpuQuota, GroupsAbove) {
  EXPECT_EQ(quota({{kSelf, "0::/a/b/c\n"},
                   {kTop + "a/b/c/cpu.max", "max 100000\n"},
                   {kTop + "a/b/cpu.max", "700000 100000\n"},
                   {kTop + "a/cpu.max", "300000 100000\n"}}),
            3);
  EXPECT_EQ(quota({{kSelf, "0::/a/b\n"}, {kTop + "a/b/cpu.max", "400000 100000\n"}, {kTop + "a/cpu.max", "max 1\n"}}),
            4);
  EXPECT_EQ(quota({{kSelf, "0::/other\n"}, {kTop + "a/cpu.max", "400000 100000\n"}}), std::nullopt);
  // A container that is shown its host's path, and one whose group lies outside of what is mounted.
  EXPECT_EQ(quota({{kSelf, "0::/docker/0123\n"}, {kTop + "cpu.max", "500000 100000\n"}}), 5);
  EXPECT_EQ(quota({{kSelf, "0::/../other\n"}, {kTop + "cpu.max", "500000 100000\n"}, {"sys/fs/other/cpu.max", "1 1"}}),
            5);
}

TEST(CpuQuota, Version1) {
  const std::string self = "12:cpuset:/x\n4:cpu,cpuacct:/job/1\n1:name=systemd:/x\n";
  for (const std::string mount : {"cpu,cpuacct/", "cpu/"}) {
    EXPECT_EQ(quota({{kSelf, self},
                     {kTop + mount + "job/1/cpu.cfs_quota_us", "-1\n"},
                     {kTop + mount + "job/1/cpu.cfs_period_us", "100000\n"},
                     {kTop + mount + "job/cpu.cfs_quota_us", "250000\n"},
                     {kTop + mount + "job/cpu.cfs_period_us", "100000\n"},
                     {kTop + "cpuset/x/cpu.cfs_quota_us", "1\n"},
                     {kTop + "cpuset/x/cpu.cfs_period_us", "1\n"}}),
              3);
  }
  // Both versions side by side.
  EXPECT_EQ(quota({{kSelf, "2:cpu:/\n0::/a\n"},
                   {kTop + "cpu/cpu.cfs_quota_us", "800000\n"},
                   {kTop + "cpu/cpu.cfs_period_us", "100000\n"},
                   {kTop + "unified/a/cpu.max", "600000 100000\n"}}),
            6);
}

TEST(CpuQuota, WhatCannotBeReadIsNoLimit) {
  EXPECT_EQ(quota({}), std::nullopt);
  for (const char* text : {"", "\n", "max", "100000", "x 100000", "100000 x", "100000 0", "0 100000", "-5 100000",
                           "100000 -1", "99999999999999999999 100000", "1e5 100000", "100000  100000"}) {
    EXPECT_EQ(quota({{kSelf, "0::/\n"}, {kTop + "cpu.max", text}}), std::nullopt) << text;
  }
  for (const char* self : {"", "0:", "0::", "0::a", "nonsense", ":::", "4:cpuacct:/\n"})
    EXPECT_EQ(quota({{kSelf, self}, {kTop + "cpu.max", "100000 100000"}}), std::nullopt) << self;
  EXPECT_EQ(quota({{kSelf, "0::/\n"}, {kTop + "cpu.max", "9223372036854775807 1"}}), 2147483647);
}

}  // namespace
}  // namespace hearth
