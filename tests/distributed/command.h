// A command of the shell, its status and its output.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace hearth::distributed {

struct Ended {
  int status = -1;  // -1: a signal has ended it
  std::string out;  // both streams
};

inline Ended run_command(const std::string& command) {
  Ended r;
  std::FILE* p = popen((command + " 2>&1").c_str(), "r");
  if (p == nullptr) return r;
  std::array<char, 4096> data;
  while (const size_t n = std::fread(data.data(), 1, data.size(), p)) r.out.append(data.data(), n);
  const int status = pclose(p);
  r.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return r;
}

}  // namespace hearth::distributed
