// Directories of models that come, change, break and go while they are served.
#include "serve/repository/repository.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>

#include <sys/stat.h>

#include "core/base/threads.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/io/file.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"

namespace hearth::serve {
namespace {

namespace fs = std::filesystem;

// A kind whose models run, and from version 2 on are loaded, only while the gate is open.
std::atomic<bool> gate_open{true}, gate_loading{false}, gate_running{false};
void pass_gate() {
  while (!gate_open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}
class Gate : public TensorServable {
 public:
  explicit Gate(const std::string& directory) : signature_(*graph::load_signature(directory)) {}
  const graph::Signature& signature() const override { return signature_; }
  absl::StatusOr<std::vector<Tensor>> run_tensors(std::span<const Tensor> in) const override {
    gate_running = true;
    pass_gate();
    return std::vector<Tensor>{in[0]};
  }

 private:
  const graph::Signature signature_;
};
constexpr ServableKind kGate{"gate", [](const std::string& directory) -> absl::StatusOr<std::unique_ptr<Servable>> {
                               if (!directory.ends_with("/1")) {
                                 gate_loading = true;
                                 pass_gate();
                               }
                               return std::make_unique<Gate>(directory);
                             }};
HEARTH_SERVABLE(kGate);

class RepositoryTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root); }

  // y = factor * x, for x f32 [batch, 2].
  void write(const std::string& model, int64_t version, double factor) {
    const auto times = [factor](std::span<const Tensor> in) { return std::vector<Tensor>{in[0] * factor}; };
    const graph::Spec x[] = {{"x", f32, {"batch", 2}}};
    fs::create_directories(root + "/" + model);
    const absl::Status s =
        graph::save({.main = graph::trace(times, x), .preprocess = {}, .signature = {}}, path(model, version));
    ASSERT_TRUE(s.ok()) << s;
  }
  std::string path(const std::string& model, int64_t version) {
    return root + "/" + model + "/" + std::to_string(version);
  }
  void text(const std::string& file, const std::string& content) { std::ofstream(root + "/" + file) << content; }
  void open(RepositoryOptions o = {}) {
    o.directory = root;
    auto r = Repository::open(o);
    ASSERT_TRUE(r.ok()) << r.status();
    repository = *std::move(r);
  }
  // What the model makes of 1; 0 if there is none.
  float ask(const std::string& model, int64_t version = 0) {
    const auto m = repository->find(model, version);
    if (!m.ok()) return 0;
    auto promise = std::make_shared<std::promise<float>>();
    auto answer = promise->get_future();
    Job j;
    j.inputs = {full({1, 2}, 1.0)};
    j.done = [promise](absl::StatusOr<std::vector<Value>> r, const Job::Timing&) {
      promise->set_value(r.ok() ? (*r)[0].tensor().to_vector<float>()[0] : -1);
    };
    EXPECT_TRUE((*m)->scheduler->submit(std::move(j)).ok());
    return answer.get();
  }
  std::string listed() {
    std::string all;
    for (const IndexEntry& e : repository->index()) {
      all += e.name + " " + std::to_string(e.version) + " " + kVersionStateNames[static_cast<size_t>(e.state)] +
             (e.reason.empty() ? "" : " (!)") + "\n";
    }
    return all;
  }

  const std::string root = ::testing::TempDir() + "/" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::unique_ptr<Repository> repository;
};

TEST_F(RepositoryTest, LoadingDelaysNoDeadline) {
  const auto add = [&](int64_t version) {
    write("m", version, 1);  // whose signature then names the other kind
    std::string signature = *io::read_file(path("m", version) + "/signature.json", 1 << 20);
    const size_t at = signature.find("\"graph\"");
    ASSERT_NE(at, std::string::npos) << signature;
    std::ofstream(path("m", version) + "/signature.json") << signature.replace(at, 7, "\"gate\"");
  };
  add(1);
  open({.scheduler = {.max_batch_size = 1}, .poll = std::chrono::milliseconds(10)});
  const auto m = repository->find("m");
  ASSERT_TRUE(m.ok()) << m.status();
  gate_open = gate_running = false;
  const auto submit = [&](Clock::time_point deadline) {
    auto promise = std::make_shared<std::promise<absl::Status>>();
    Job j;
    j.inputs = {full({1, 2}, 1.0)};
    j.deadline = deadline;
    j.done = [promise](const absl::StatusOr<std::vector<Value>>& r, const Job::Timing&) {
      promise->set_value(r.status());
    };
    EXPECT_TRUE((*m)->scheduler->submit(std::move(j)).ok());
    return promise->get_future();
  };
  auto busy = submit(Clock::time_point::max());
  while (!gate_running) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  add(2);
  while (!gate_loading) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  // The instance is busy and the watcher loads; the late request is answered all the same.
  EXPECT_EQ(submit(Clock::now()).get().code(), absl::StatusCode::kDeadlineExceeded);
  gate_open = true;
  EXPECT_TRUE(busy.get().ok());
}

TEST_F(RepositoryTest, TheNewestVersionAnswers) {
  write("a", 1, 1);
  write("a", 10, 10);
  write("a", 9, 9);
  write("b", 1, 2);
  fs::create_directories(root + "/a/latest");
  fs::create_directories(root + "/.hidden/1");
  text("README", "no model");
  open();
  EXPECT_EQ(ask("a"), 10);
  EXPECT_EQ(ask("b"), 2);
  EXPECT_EQ(listed(), "a 10 READY\nb 1 READY\n");
  EXPECT_EQ(repository->find("a", 9).status().message(), "version 9 of the model \"a\" is not loaded");
  EXPECT_EQ(repository->find("c").status().message(), "there is no model \"c\"");
  EXPECT_TRUE(repository->ready());
}

TEST_F(RepositoryTest, SeveralVersionsIfAsked) {
  for (int v = 1; v <= 4; ++v) write("a", v, v);
  text("a/config.json", R"({"versions": 3, "max_batch_size": 5, "instances": 2})");
  open();
  EXPECT_EQ(listed(), "a 2 READY\na 3 READY\na 4 READY\n");
  EXPECT_EQ(ask("a", 2), 2);
  EXPECT_EQ(ask("a"), 4);
  const auto m = repository->find("a");
  EXPECT_EQ((*m)->scheduler->options().max_batch_size, 5);
  EXPECT_EQ((*m)->scheduler->options().instances, 2);
}

TEST_F(RepositoryTest, AThreadThatCannotStartIsAFailedLoad) {
  write("a", 1, 1);
  open();
  write("a", 2, 2);
  text("a/config.json", R"({"instances": 3})");
  hearth::detail::limit_threads(1);
  const absl::Status s = repository->load("a");
  hearth::detail::limit_threads(-1);
  EXPECT_FALSE(s.ok());
  EXPECT_NE(std::string(s.message()).find("thread 2 of 3 could not be started"), std::string::npos) << s;
  EXPECT_EQ(ask("a"), 1);  // what answered before still does
  EXPECT_TRUE(repository->load("a").ok());
  EXPECT_EQ(ask("a"), 2);
}

TEST_F(RepositoryTest, LoadSwitches) {
  write("a", 1, 1);
  open();
  write("a", 2, 2);
  EXPECT_EQ(ask("a"), 1);
  EXPECT_TRUE(repository->load("a").ok());
  EXPECT_EQ(ask("a"), 2);
  EXPECT_EQ(listed(), "a 2 READY\n");
  // The same number with other content.
  write("a", 2, 5);
  EXPECT_TRUE(repository->load("a").ok());
  EXPECT_EQ(ask("a"), 5);
  // Back to the one before.
  fs::remove_all(path("a", 2));
  EXPECT_TRUE(repository->load("a").ok());
  EXPECT_EQ(ask("a"), 1);
}

TEST_F(RepositoryTest, ABrokenVersionLeavesTheOldOneServing) {
  write("a", 1, 1);
  open();
  fs::create_directories(path("a", 2));
  text("a/2/graph.json", "{");
  absl::Status s = repository->load("a");
  EXPECT_NE(s.message().find("signature.json"), absl::string_view::npos) << s;
  EXPECT_EQ(ask("a"), 1);
  EXPECT_EQ(listed(), "a 1 READY\na 2 UNAVAILABLE (!)\n");
  for (const char* file : {"graph.json", "weights.safetensors", "signature.json"}) {
    fs::copy(path("a", 1) + "/" + file, path("a", 2) + "/" + file, fs::copy_options::overwrite_existing);
    const auto size = fs::file_size(path("a", 2) + "/" + file);
    fs::resize_file(path("a", 2) + "/" + file, size / 2);
    EXPECT_FALSE(repository->load("a").ok()) << file;
    EXPECT_EQ(ask("a"), 1);
    fs::copy(path("a", 1) + "/" + file, path("a", 2) + "/" + file, fs::copy_options::overwrite_existing);
  }
  // Mended, it takes over.
  EXPECT_TRUE(repository->load("a").ok());
  EXPECT_EQ(listed(), "a 2 READY\n");
  // The files of a version that serves are damaged: it goes on as it was read.
  fs::resize_file(path("a", 2) + "/weights.safetensors", 3);
  EXPECT_FALSE(repository->load("a").ok());
  EXPECT_EQ(ask("a", 2), 1);
}

TEST_F(RepositoryTest, OnlyBrokenOnesAreNotReady) {
  fs::create_directories(path("a", 1));
  open();
  EXPECT_FALSE(repository->ready());
  EXPECT_FALSE(repository->find("a").ok());
  EXPECT_NE(repository->find("a", 1).status().message().find("is not loaded: "), absl::string_view::npos);
}

TEST_F(RepositoryTest, ANewOrBrokenModelDoesNotMakeTheServerUnready) {
  write("a", 1, 1);
  open();
  fs::create_directories(path("b", 1));
  EXPECT_FALSE(repository->load("b").ok());
  EXPECT_TRUE(repository->ready());
  fs::remove_all(root + "/a");
  EXPECT_FALSE(repository->load("a").ok());
  EXPECT_FALSE(repository->ready());
}

TEST_F(RepositoryTest, WhatCannotBeLookedAtIsLeftAlone) {
  write("a", 1, 1);
  fs::create_symlink("3", root + "/a/3");
  fs::create_symlink("loop", root + "/loop");
  open({.poll = std::chrono::milliseconds(2)});
  EXPECT_TRUE(repository->load("a").ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(ask("a"), 1);
}

TEST_F(RepositoryTest, FilesThatChangeWhileTheyAreRead) {
  write("a", 1, 1);
  open();
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) write("a", 1, 2 + i % 5);
  });
  for (int i = 0; i < 30; ++i) {
    repository->load("a").IgnoreError();
    const float y = ask("a");
    EXPECT_TRUE(y >= 1 && y <= 6) << y;
  }
  stop = true;
  writer.join();
  EXPECT_TRUE(repository->load("a").ok());
}

TEST_F(RepositoryTest, UnknownKindsAreNamed) {
  write("a", 1, 1);
  auto s = io::read_file(path("a", 1) + "/signature.json", 1 << 20);
  ASSERT_TRUE(s.ok());
  const size_t at = s->find("\"graph\"");
  ASSERT_NE(at, std::string::npos);
  s->replace(at, 7, "\"oracle\"");
  text("a/1/signature.json", *s);
  open();
  ASSERT_EQ(repository->index().size(), 1u);
  EXPECT_NE(repository->index()[0].reason.find(
                "models of the kind \"oracle\" are not linked into this program, which has: gate, graph"),
            std::string::npos)
      << repository->index()[0].reason;
}

TEST_F(RepositoryTest, BadConfigurationsAreNamed) {
  write("a", 1, 1);
  for (const auto& [config, what] : {std::pair{"[]", "expected an object"},
                                     {"{", "config.json: "},
                                     {R"({"max_batch": 3})", "\"max_batch\": 3 is not an option"},
                                     {R"({"max_batch_size": "3"})", "\"max_batch_size\" must be a whole number"},
                                     {R"({"warmup": 1})", "\"warmup\" must be true or false"},
                                     {R"({"instances": -4})", "instances must be 1 to 256"},
                                     {R"({"versions": 0})", "\"versions\": 0 is not an option, or out of range"}}) {
    text("a/config.json", config);
    open();
    ASSERT_EQ(repository->index().size(), 1u);
    EXPECT_NE(repository->index()[0].reason.find(what), std::string::npos) << repository->index()[0].reason;
  }
}

TEST_F(RepositoryTest, AFifoIsNotWaitedFor) {
  for (const char* file : {"a/config.json", "a/1/graph.json", "a/1/signature.json", "a/1/weights.safetensors"}) {
    fs::remove_all(root + "/a");
    write("a", 1, 1);
    fs::remove(root + "/" + file);
    ASSERT_EQ(::mkfifo((root + "/" + file).c_str(), 0666), 0);
    open();
    ASSERT_EQ(repository->index().size(), 1u);
    EXPECT_NE(repository->index()[0].reason.find(std::string(file) + " is a FIFO"), std::string::npos)
        << repository->index()[0].reason;
  }
}

// As wide as its batch may be, however the model is tried and its requests are joined.
TEST_F(RepositoryTest, ALargestBatchIsKept) {
  const auto twice = [](std::span<const Tensor> in) { return std::vector<Tensor>{in[0] * 2}; };
  const graph::Spec x[] = {{"x", f32, {graph::Size("batch", {.max = 5}), 2}}};
  ASSERT_TRUE(graph::save({.main = graph::trace(twice, x)}, path("a", 1)).ok());
  for (int64_t wanted : {0, 3, 64}) {
    open({.scheduler = {.max_batch_size = wanted}, .warmup = true});
    EXPECT_EQ(ask("a"), 2) << listed();
    const int64_t size = repository->find("a", 0).value()->scheduler->options().max_batch_size;
    EXPECT_LE(size, wanted == 3 ? 3 : 5);
    EXPECT_GE(size, 1);
  }
}

TEST_F(RepositoryTest, Unload) {
  write("a", 1, 1);
  open();
  EXPECT_TRUE(repository->unload("a").ok());
  EXPECT_EQ(ask("a"), 0);
  EXPECT_EQ(listed(), "a 0 UNAVAILABLE (!)\n");
  EXPECT_TRUE(repository->ready());
  EXPECT_TRUE(absl::IsNotFound(repository->unload("a")));
  EXPECT_TRUE(repository->load("a").ok());
  EXPECT_EQ(ask("a"), 1);
  EXPECT_TRUE(absl::IsNotFound(repository->load("zebra")));
  EXPECT_TRUE(absl::IsInvalidArgument(repository->load("../a")));
}

TEST_F(RepositoryTest, PollingFollowsTheDirectory) {
  write("a", 1, 1);
  open({.poll = std::chrono::milliseconds(5)});
  const auto eventually = [&](const std::string& what) {
    for (int i = 0; i < 6000 && listed() != what; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(listed(), what);
  };
  write("a", 2, 2);
  eventually("a 2 READY\n");
  write("b", 1, 3);
  eventually("a 2 READY\nb 1 READY\n");
  fs::remove_all(root + "/a");
  eventually("b 1 READY\n");
  EXPECT_EQ(ask("a"), 0);
  EXPECT_TRUE(repository->unload("b").ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(ask("b"), 0);
}

TEST_F(RepositoryTest, SwitchingLosesNoRequest) {
  write("a", 1, 1);
  open();
  std::atomic<bool> stop{false};
  std::atomic<int> answers{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        const float y = ask("a");
        ++answers;
        if (y < 1) ++wrong;
      }
    });
  }
  for (int v = 2; v <= 12; ++v) {
    write("a", v, v);
    EXPECT_TRUE(repository->load("a").ok());
  }
  stop = true;
  for (auto& t : threads) t.join();
  EXPECT_GT(answers, 0);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(ask("a"), 12);
}

TEST_F(RepositoryTest, OptionsAreChecked) {
  const auto message = [&](const RepositoryOptions& o) { return std::string(Repository::open(o).status().message()); };
  EXPECT_EQ(message({.directory = root, .scheduler = {.instances = 0}}), "instances must be 1 to 256, but is 0");
  EXPECT_EQ(message({.directory = root, .versions = 0}),
            "the number of versions that answer must be from 1 to 1000, but is 0");
  EXPECT_EQ(message({.directory = root + "/none"}),
            "the model repository " + root + "/none cannot be read: No such file or directory");
}

TEST(ModelNames, AndVersions) {
  for (const char* good : {"a", "resnet-50", "A.b_c", "0"}) EXPECT_TRUE(is_model_name(good)) << good;
  for (const char* bad : {"", ".", "..", ".a", "a/b", "a b", "a\\b", "\xc3\xa4"})
    EXPECT_FALSE(is_model_name(bad)) << bad;
  EXPECT_FALSE(is_model_name(std::string(129, 'a')));
  EXPECT_EQ(parse_version("12"), 12);
  EXPECT_EQ(parse_version("9223372036854775807"), INT64_MAX);
  for (const char* bad : {"", "0", "-1", "+1", "01", "1a", "1.0", " 1", "9223372036854775808"})
    EXPECT_FALSE(parse_version(bad)) << bad;
}

TEST_F(RepositoryTest, FilesBelowAVersionCount) {
  write("m", 1, 2);
  fs::create_directories(path("m", 1) + "/below/it");
  const std::string file = path("m", 1) + "/below/it/a";
  std::ofstream(file) << "1";
  open();
  const auto before = *repository->find("m");
  ASSERT_TRUE(repository->load("m").ok());
  EXPECT_EQ(*repository->find("m"), before);
  std::ofstream(file) << "22";
  ASSERT_TRUE(repository->load("m").ok());
  EXPECT_NE(*repository->find("m"), before);
}

}  // namespace
}  // namespace hearth::serve
