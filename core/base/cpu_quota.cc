#include "core/base/cpu_quota.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdint>
#include <fstream>
#include <string_view>
#include <vector>

namespace hearth {
namespace {

std::optional<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line)) return std::nullopt;
  return line;
}

std::optional<int64_t> number(std::string_view text) {
  int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return v;
}

std::optional<int> rounded_up(std::optional<int64_t> quota, std::optional<int64_t> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;  // version 1 writes -1 for no limit
  const int64_t n = *quota / *period + (*quota % *period != 0);
  return static_cast<int>(std::min<int64_t>(n, INT_MAX));
}

// "max 100000" or "150000 100000".
std::optional<int> limit_v2(const std::string& group) {
  const auto line = first_line(group + "/cpu.max");
  if (!line) return std::nullopt;
  const std::string_view text = *line;
  const size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return rounded_up(number(text.substr(0, space)), number(text.substr(space + 1)));
}

std::optional<int> limit_v1(const std::string& group) {
  const auto quota = first_line(group + "/cpu.cfs_quota_us"), period = first_line(group + "/cpu.cfs_period_us");
  if (!quota || !period) return std::nullopt;
  return rounded_up(number(*quota), number(*period));
}

void take_smaller(std::optional<int>& least, std::optional<int> limit) {
  if (limit && (!least || *limit < *least)) least = limit;
}

// The limits of a group and of all above it, up to where the hierarchy is mounted. A container may see the group's path
// of its host, which it has not mounted: then only the top is there. A path that leaves what is mounted ("/..") is of
// no use either.
template <class Limit>
void walk_up(const std::string& mount, std::string path, Limit limit, std::optional<int>& least) {
  if (path.find("/..") != std::string::npos) path.clear();
  while (!path.empty() && path.back() == '/') path.pop_back();
  while (!path.empty()) {
    take_smaller(least, limit(mount + path));
    path.resize(std::min(path.rfind('/'), path.size() - 1));
  }
  take_smaller(least, limit(mount));
}

}  // namespace

std::optional<int> cpu_quota(const std::string& root) {
  std::ifstream groups(root + "/proc/self/cgroup");
  const std::string mounts = root + "/sys/fs/cgroup";
  std::optional<int> least;
  // "0::/path" is version 2, "4:cpu,cpuacct:/path" version 1.
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (path.empty() || path[0] != '/') continue;
    if (controllers.empty()) {
      walk_up(mounts, path, limit_v2, least);
      walk_up(mounts + "/unified", path, limit_v2, least);  // beside version 1
    } else if (("," + controllers + ",").find(",cpu,") != std::string::npos) {
      walk_up(mounts + "/" + controllers, path, limit_v1, least);
      if (controllers != "cpu") walk_up(mounts + "/cpu", path, limit_v1, least);
    }
  }
  return least;
}

}  // namespace hearth
