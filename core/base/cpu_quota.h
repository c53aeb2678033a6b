// The CPU time that control groups grant this process.
#pragma once

#include <optional>
#include <string>

namespace hearth {

/// The processors' worth of time that the control groups (version 2's cpu.max; version 1's cpu.cfs_quota_us and
/// cpu.cfs_period_us) of this process and all groups above grant it: the smallest quota / period, rounded up, at least
/// 1. Nothing if none sets a limit, or if what the system says cannot be read. `root` is where /proc and /sys are
/// looked for.
std::optional<int> cpu_quota(const std::string& root = "");

}  // namespace hearth
