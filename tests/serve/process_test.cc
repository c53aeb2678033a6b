// hearth-serve as a process: its command line and its signals.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/serve/client.h"
#include "tests/serve/http2_client.h"

namespace hearth::serve {
namespace {

using testing::Client;

class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    int out[2];
    EXPECT_EQ(pipe(out), 0);
    arguments.insert(arguments.begin(), "tests/serve/endless_serve");
    pid_ = fork();
    if (pid_ == 0) {
      std::vector<char*> argv;
      for (std::string& a : arguments) argv.push_back(a.data());
      argv.push_back(nullptr);
      dup2(out[1], STDOUT_FILENO);
      dup2(out[1], STDERR_FILENO);
      close(out[0]);
      close(out[1]);
      execv(argv[0], argv.data());
      _exit(126);
    }
    close(out[1]);
    out_ = out[0];
  }
  ~Process() {
    if (pid_ > 0) kill(SIGKILL), wait();
    close(out_);
  }
  void kill(int signal) const { ::kill(pid_, signal); }
  // Its status; 1000 and the signal if one ended it.
  int wait() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  // What it prints until `text` comes, or it ends.
  const std::string& until(const std::string& text) {
    char byte = 0;
    while (seen_.find(text) == std::string::npos && read(out_, &byte, 1) == 1) seen_ += byte;
    return seen_;
  }
  int number_after(const std::string& text) const { return std::atoi(seen_.c_str() + seen_.find(text) + text.size()); }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  std::string seen_;
};

std::string empty_repository(const std::string& name) {
  const std::string d = ::testing::TempDir() + "/" + name;
  std::filesystem::remove_all(d);
  std::filesystem::create_directories(d);
  return d;
}

std::vector<std::string> flags(const std::string& repository, const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{"--model_repository=" + repository, "--address=127.0.0.1", "--port=0", "--admin_port=0",
                               "--grpc_port=-1"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(Process, HelpHelps) {
  Process p({"--help"});
  const std::string text = p.until("never printed");
  EXPECT_EQ(p.wait(), 0);
  for (const char* wanted : {"--port=8000", "--model_repository=DIR", "--admin_token_file", "SIGHUP"})
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted;
  // Every flag that is defined is explained.
  Process full({"--helpmatch=serve/tools/flags"});
  std::string all = full.until("never printed");
  full.wait();
  const size_t begin = all.find("serve/tools/flags.cc");
  ASSERT_NE(begin, std::string::npos) << all;
  for (size_t at = all.find("\n    --", begin); at != std::string::npos; at = all.find("\n    --", at + 1)) {
    const size_t next_file = all.find("Flags from", begin);
    if (next_file < at) break;
    const std::string flag = all.substr(at + 5, all.find(' ', at + 6) - at - 5);
    EXPECT_NE(text.find("  " + flag + "="), std::string::npos) << flag;
  }
}

TEST(Process, FlagsAreChecked) {
  const std::string models = empty_repository("checked");
  const auto complaint = [&](std::vector<std::string> more) {
    Process p(flags(models, more));
    const std::string text = p.until("never printed");
    EXPECT_EQ(p.wait(), 2) << more[0];
    return text;
  };
  for (const char* flag : {"--port=-1",
                           "--port=70000",
                           "--timeout_seconds=nan",
                           "--timeout_seconds=-1",
                           "--idle_seconds=inf",
                           "--drain_seconds=-0.5",
                           "--poll_seconds=-1",
                           "--instances=0",
                           "--max_batch_size=-1",
                           "--max_queue_size=0",
                           "--max_queue_delay_us=-1",
                           "--threads_per_instance=-1",
                           "--versions=0",
                           "--max_connections=0",
                           "--max_connections_per_peer=-1",
                           "--max_body_mb=0",
                           "--max_pending_mb=99999999999",
                           "--request_seconds=0",
                           "--io_threads=-1",
                           "--grpc_port=-2",
                           "--admin_port=99999"}) {
    const std::string name = std::string(flag).substr(0, std::string(flag).find('='));
    EXPECT_NE(complaint({flag}).find(name + " must be "), std::string::npos) << flag;
  }
  EXPECT_NE(complaint({"--tls_key=x.pem"}).find("--tls_key is given without --tls_certificate"), std::string::npos);
  EXPECT_NE(complaint({"--port=9000", "--grpc_port=9000"}).find("--port and --grpc_port are both 9000"),
            std::string::npos);
  EXPECT_NE(complaint({"--max_body_mb=64", "--max_pending_mb=32"}).find("--max_body_mb"), std::string::npos);
  EXPECT_NE(complaint({"--admin_address=0.0.0.0"}).find("--admin_token_file"), std::string::npos);
  EXPECT_NE(complaint({"--allowed_hosts=a b"}).find("--allowed_hosts"), std::string::npos);
  EXPECT_NE(complaint({"--token_file=/nowhere"}).find("--token_file"), std::string::npos);
  EXPECT_NE(complaint({"--admin_port=-1", "--admin_token_file=/nowhere"}).find("--admin_port"), std::string::npos);
}

TEST(Process, ASignalEndsAServerThatIsStillLoading) {
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT}) {
    const std::string models = empty_repository("loading");
    std::filesystem::create_directories(models + "/slow/1");
    std::ofstream(models + "/slow/1/signature.json")
        << R"({"format":"hearth.signature","version":1,"kind":"endless","description":"","inputs":[],"outputs":[],"labels":[],"metadata":{}})";
    Process p(flags(models));
    while (!std::filesystem::exists(models + "/slow/1/begun"))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    p.kill(signal);
    EXPECT_EQ(p.wait(), 0) << signal;
  }
}

TEST(Process, TerminationSignalsDrain) {
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT}) {
    Process p(flags(empty_repository("draining")));
    p.until("listening on 127.0.0.1 port ");
    p.until("\n");
    p.kill(signal);
    EXPECT_NE(p.until("draining").find("draining"), std::string::npos);
    EXPECT_EQ(p.wait(), 0) << signal;
  }
}

TEST(Process, HangupReadsTokensAnewAndReopensTheLog) {
  const std::string models = empty_repository("hangup"), log = ::testing::TempDir() + "/hangup.log",
                    tokens = ::testing::TempDir() + "/tokens";
  for (const char* end : {"", ".1"}) std::filesystem::remove(log + end);
  std::ofstream(tokens) << "first\n";
  Process p(flags(models, {"--token_file=" + tokens, "--access_log=" + log, "--grpc_port=0"}));
  p.until("gRPC on port ");
  p.until("\n");
  const int port = p.number_after("listening on 127.0.0.1 port ");
  const auto ask = [&](const char* token) {
    return Client(port).get("/v2", concat("Authorization: Bearer ", token, "\r\n")).status;
  };
  const int grpc_port = p.number_after("gRPC on port ");
  const auto grpc_status = [&](const std::string& token, const std::string& status) {
    Client c(grpc_port);
    c.send(testing::hello() +
           testing::frame(1, 4, 1, testing::call_headers("ServerMetadata", testing::header("authorization", token))) +
           testing::frame(0, 1, 1, testing::message_prefix(false, 0)));
    return c.until("grpc-status" + std::string(1, static_cast<char>(status.size())) + status);
  };
  EXPECT_EQ(ask("first"), 200);
  EXPECT_EQ(ask("second"), 401);
  EXPECT_TRUE(grpc_status("Bearer first", "0"));
  EXPECT_TRUE(grpc_status("Bearer second", "16"));
  std::ofstream(tokens) << "second\n";
  std::filesystem::rename(log, log + ".1");
  p.kill(SIGHUP);
  EXPECT_NE(p.until("certificates again").find("certificates again"), std::string::npos);
  EXPECT_EQ(ask("first"), 401);
  EXPECT_EQ(ask("second"), 200);
  EXPECT_TRUE(grpc_status("Bearer first", "16"));
  EXPECT_TRUE(grpc_status("Bearer second", "0"));
  p.kill(SIGTERM);
  EXPECT_EQ(p.wait(), 0);
  EXPECT_GT(std::filesystem::file_size(log), 0u);
  EXPECT_GT(std::filesystem::file_size(log + ".1"), 0u);
}

}  // namespace
}  // namespace hearth::serve
