// A stranger on a cluster's network: sends random bytes to every port that somebody listens on at a host, again and
// again, and leaves some of its connections open. When it has sent enough to the store's port and to others it makes a
// file.
//
//   stranger NET ADDRESS STORE_PORT COUNT OTHERS FILE
//
// NET is /proc/PID/net of a process there: it lists the host's sockets. A group's own ports are open only while
// its ranks connect, for some milliseconds: at most OTHERS connections are made to them.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

// The ports that somebody listens on, as Linux lists them: "sl: LOCAL:PORT REMOTE:PORT STATE ..." in hexadecimal.
std::vector<int> listening(const std::string& net) {
  std::vector<int> ports;
  for (const char* table : {"/tcp", "/tcp6"}) {
    std::ifstream lines(net + table);
    for (std::string line, number, local, remote, state; std::getline(lines, line);) {
      std::istringstream fields(line);
      if (fields >> number >> local >> remote >> state && state == "0A")
        ports.push_back(static_cast<int>(std::strtol(local.c_str() + local.rfind(':') + 1, nullptr, 16)));
    }
  }
  return ports;
}

// A port's connection, or -1.
int connect_to(const char* address, int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<uint16_t>(port));
  ::inet_pton(AF_INET, address, &a.sin_addr);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  const int store = std::atoi(argv[3]), count = std::atoi(argv[4]), others = std::atoi(argv[5]);
  std::mt19937 random(1);
  int to_store = 0, to_others = 0;
  std::vector<int> open;
  while (to_store < count || to_others < others) {
    for (const int port : listening(argv[1])) {
      int& sent = port == store ? to_store : to_others;
      if (sent >= (port == store ? count : others)) continue;
      const int fd = connect_to(argv[2], port);
      if (fd < 0) continue;
      // From nothing to some kilobytes.
      std::string bytes(random() % 4 == 0 ? 0 : random() % 5000, 0);
      for (char& c : bytes) c = static_cast<char>(random());
      if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0) ++sent;
      if (random() % 4 == 0) open.push_back(fd);
      else ::close(fd);
    }
  }
  std::ofstream(argv[6]) << "enough";
  std::printf("stranger: %d connections to the store, %d to others\n", to_store, to_others);
  return 0;
}
