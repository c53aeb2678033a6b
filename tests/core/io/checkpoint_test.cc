// A training that was stopped and goes on from its checkpoint ends in the same bits as one that was not.
#include "core/io/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/safetensors.h"
#include "core/nn/activation.h"
#include "core/nn/linear.h"
#include "core/nn/norm.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/loss.h"
#include "core/ops/random.h"
#include "core/optim/adam.h"
#include "core/optim/clip.h"
#include "core/optim/sgd.h"

namespace hearth::io {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::string path(const std::string& name) { return testing::TempDir() + "/" + name; }

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         (a.nbytes() == 0 || std::memcmp(a.contiguous().raw_data(), b.contiguous().raw_data(), a.nbytes()) == 0);
}
void expect_same(const std::map<std::string, Tensor>& a, const std::map<std::string, Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, t] : a) EXPECT_TRUE(same_bits(t, b.at(name))) << name;
}
void refused(const absl::Status& s, absl::StatusCode code, const std::string& part) {
  EXPECT_EQ(s.code(), code) << s;
  EXPECT_THAT(std::string(s.message()), HasSubstr(part));
}

struct Net : nn::Module<Net> {
  nn::Linear a{this, "a", 6, 16};
  nn::BatchNorm1d norm{this, "norm", 16};
  nn::Dropout drop{this, "drop", 0.3};
  nn::Linear b{this, "b", 16, 3};
  Tensor forward(const Tensor& x) { return b(drop(norm(a(x)).relu())); }
};

data::DatasetPtr examples() {
  Generator g(5);
  Tensor x = empty({70, 6}), y = empty({70}, {.dtype = i64});
  x.normal_(0, 1, &g);
  y.random_(0, 3, &g);
  return std::make_shared<data::MapDataset>(std::make_shared<data::TensorDataset>(x, y),
                                            [](data::Example e, Generator& random) {
                                              Tensor& x = e["input"];
                                              x = x + empty_like(x).normal_(0, 0.1, &random);
                                              return e;
                                            });
}

struct Seeded {
  explicit Seeded(uint64_t seed) { manual_seed(seed); }
};

// Everything that a training has.
struct Training : Seeded {
  Net net;
  optim::AdamW opt{net.parameters(), {.lr = 1e-3}};
  optim::OneCycleLR schedule{opt, {.max_lr = 0.02, .total_steps = 40}};
  optim::EMA averages{net.parameters(), 0.9};
  data::DataLoader loader{examples(), {.batch_size = 16, .shuffle = true, .workers = 2, .seed = 3}};
  std::vector<double> losses;
  int64_t steps = 0;

  using Seeded::Seeded;
  // Until so many steps have been made altogether.
  void run(int64_t until) {
    while (steps < until) {
      for (auto& [x, y] : loader) {
        const Tensor loss = cross_entropy(net(x), y);
        opt.zero_grad();
        loss.backward();
        optim::clip_grad_norm_(net.parameters(), 1.0);
        opt.step();
        schedule.step();
        averages.update();
        losses.push_back(loss.item<double>());
        if (++steps == until) break;
      }
    }
  }
  Checkpoint checkpoint() {
    Checkpoint c;
    c.put("model", net);
    c.put("optimizer", opt);
    c.put("schedule", schedule);
    c.put("averages", averages);
    c.put("loader", loader);
    c.put("random", default_generator());
    c.set("losses", losses);
    c.set("steps", steps);
    return c;
  }
  absl::Status restore(const Checkpoint& c) {
    absl::Status s = c.get("model", net);
    s.Update(c.get("optimizer", opt));
    s.Update(c.get("schedule", schedule));
    s.Update(c.get("averages", averages));
    s.Update(c.get("loader", loader));
    s.Update(c.get("random", default_generator()));
    s.Update(c.get("losses", losses));
    s.Update(c.get("steps", steps));
    return s;
  }
};

TEST(Checkpoint, TrainingGoesOnInTheSameBits) {
  Training whole(1);
  whole.run(23);
  const Checkpoint want = whole.checkpoint();
  const GeneratorState random = default_generator().state();
  // 5 batches make an epoch: these stop at its start, inside, before its last batch, and at its end.
  for (int64_t stop : {0, 7, 9, 15}) {
    SCOPED_TRACE(stop);
    const std::string file = path("training.checkpoint");
    {
      Training first(1);
      first.run(stop);
      const Checkpoint c = first.checkpoint();
      first.run(stop + 1);  // what is in the checkpoint stays as it was
      ASSERT_TRUE(c.save(file).ok());
    }
    Training second(99);
    const auto c = Checkpoint::load(file);
    ASSERT_TRUE(c.ok()) << c.status();
    const absl::Status restored = second.restore(*c);
    ASSERT_TRUE(restored.ok()) << restored;
    EXPECT_EQ(second.steps, stop);
    second.run(23);
    expect_same(second.net.state_dict(), whole.net.state_dict());
    expect_same(second.opt.state_dict(), whole.opt.state_dict());
    expect_same(second.averages.state_dict(), whole.averages.state_dict());
    EXPECT_EQ(second.losses, whole.losses);
    EXPECT_EQ(std::bit_cast<uint64_t>(second.opt.lr()), std::bit_cast<uint64_t>(whole.opt.lr()));
    EXPECT_EQ(second.loader.state(), whole.loader.state());
    EXPECT_EQ(default_generator().state(), random);
  }
}

// A place is kept as a number of examples: another batch size, and other processes, go on with the very next one.
TEST(Checkpoint, ALoaderGoesOnWithAnotherBatchSize) {
  data::DataLoader first(examples(), {.batch_size = 16, .shuffle = true, .seed = 3});
  auto it = first.begin();
  ++it;  // the second batch has been taken
  Checkpoint c;
  c.put("loader", first);
  ++it;
  data::DataLoader larger(examples(), {.batch_size = 40, .shuffle = true, .seed = 3});
  ASSERT_TRUE(c.get("loader", larger).ok());
  EXPECT_EQ(larger.state(), (data::LoaderState{0, 32}));
  data::DataLoader half(examples(), {.batch_size = 8, .shuffle = true, .seed = 3, .shard = {1, 2}});
  ASSERT_TRUE(c.get("loader", half).ok());
  const auto next = *larger.begin(), mine = *half.begin();
  EXPECT_TRUE(same_bits(next["input"].slice(0, 0, 16), (*it)["input"]));
  EXPECT_TRUE(same_bits(mine["input"], (*it)["input"].slice(0, 1, {}, 2)));
}

// Files from before count batches.
TEST(Checkpoint, ALoaderOfAnOldFile) {
  const std::string p = path("old.checkpoint");
  ASSERT_TRUE(
      save_safetensors(p, {{"loader", tensor({1, 2, 5})}}, {{"hearth.checkpoint", "1"}, {"entry/loader", "loader"}})
          .ok());
  const Checkpoint c = Checkpoint::load(p).value();
  data::DataLoader same(examples(), {.batch_size = 16}), other(examples(), {.batch_size = 8});
  ASSERT_TRUE(c.get("loader", same).ok());
  EXPECT_EQ(same.state(), (data::LoaderState{1, 32}));
  refused(
      c.get("loader", other), absl::StatusCode::kInvalidArgument,
      "the state counts batches and is of a loader of 5 batches, but this one has 9; restore it into a loader of the "
      "same batch size");
  EXPECT_EQ(other.state(), data::LoaderState());
  // Written again it stays what it is; a new put() counts examples.
  ASSERT_TRUE(c.save(p).ok());
  data::DataLoader again(examples(), {.batch_size = 16});
  ASSERT_TRUE(Checkpoint::load(p).value().get("loader", again).ok());
  EXPECT_EQ(again.state(), (data::LoaderState{1, 32}));
}

TEST(Checkpoint, ValuesKeepEveryBit) {
  const std::vector<double> doubles = {0.1,
                                       -0.0,
                                       1e-320,
                                       1.7976931348623157e308,
                                       std::numeric_limits<double>::infinity(),
                                       std::bit_cast<double>(0x7ff4000000000123u)};
  const std::string text("any bytes \0\xff\n\"/", 15);
  Checkpoint c;
  for (size_t i = 0; i < doubles.size(); ++i) c.set("d" + std::to_string(i), doubles[i]);
  c.set("list", doubles);
  c.set("none", std::vector<double>{});
  c.set("text", text);
  c.set("empty", std::string());
  c.set("literal", "text");
  c.set("smallest", INT64_MIN);
  c.set("odd", (int64_t{1} << 53) + 1);
  c.put("tensor", arange(6).view({2, 3}).transpose(0, 1));
  c.put("tensors", std::map<std::string, Tensor>{{"a/b", ones({2})}, {"", zeros({0, 3})}});
  c.put("no tensors", std::map<std::string, Tensor>{});
  Generator g(UINT64_MAX);
  g.set_state({UINT64_MAX, UINT64_MAX - 1});
  c.put("generator", g);
  c.set("twice", 1);
  c.set("twice", 2);
  ASSERT_TRUE(c.save(path("values")).ok());
  auto loaded = Checkpoint::load(path("values"));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->names(), c.names());
  // Mapped tensors outlive the file's name.
  unlink(path("values").c_str());
  for (size_t i = 0; i < doubles.size(); ++i) {
    double v;
    ASSERT_TRUE(loaded->get("d" + std::to_string(i), v).ok());
    EXPECT_EQ(std::bit_cast<uint64_t>(v), std::bit_cast<uint64_t>(doubles[i])) << i;
  }
  std::vector<double> list, none{1};
  ASSERT_TRUE(loaded->get("list", list).ok());
  ASSERT_TRUE(loaded->get("none", none).ok());
  EXPECT_EQ(std::memcmp(list.data(), doubles.data(), doubles.size() * 8), 0);
  EXPECT_TRUE(none.empty());
  std::string s;
  ASSERT_TRUE(loaded->get("text", s).ok());
  EXPECT_EQ(s, text);
  ASSERT_TRUE(loaded->get("empty", s).ok());
  EXPECT_EQ(s, "");
  ASSERT_TRUE(loaded->get("literal", s).ok());
  EXPECT_EQ(s, "text");
  int64_t n;
  ASSERT_TRUE(loaded->get("smallest", n).ok());
  EXPECT_EQ(n, INT64_MIN);
  ASSERT_TRUE(loaded->get("odd", n).ok());
  EXPECT_EQ(n, (int64_t{1} << 53) + 1);
  ASSERT_TRUE(loaded->get("twice", n).ok());
  EXPECT_EQ(n, 2);
  Tensor t;
  ASSERT_TRUE(loaded->get("tensor", t).ok());
  EXPECT_TRUE(t.equal(arange(6).view({2, 3}).transpose(0, 1)));
  std::map<std::string, Tensor> tensors;
  ASSERT_TRUE(loaded->get("tensors", tensors).ok());
  EXPECT_TRUE(tensors.at("a/b").equal(ones({2})));
  EXPECT_EQ(tensors.at("").shape(), (Shape{0, 3}));
  ASSERT_TRUE(loaded->get("no tensors", tensors).ok());
  EXPECT_TRUE(tensors.empty());
  Generator other;
  ASSERT_TRUE(loaded->get("generator", other).ok());
  EXPECT_EQ(other.state(), g.state());
}

TEST(Checkpoint, WhatDoesNotFitIsNamedAndChangesNothing) {
  Training t(1);
  t.run(3);
  const Checkpoint c = t.checkpoint();
  const auto invalid = absl::StatusCode::kInvalidArgument;
  refused(c.get("modle", t.net), absl::StatusCode::kNotFound, "has no entry 'modle'");
  refused(c.get("optimizer", t.net), invalid, "'optimizer' is of the kind optimizer, not module");
  double number;
  refused(c.get("steps", number), invalid, "is of the kind integer, not number");

  struct Other : nn::Module<Other> {
    nn::Linear a{this, "a", 6, 17}, c{this, "c", 1, 1};
  } other;
  const auto before = nn::clone(other);
  const absl::Status s = c.get("model", other);
  refused(s, invalid, "missing: c.bias");
  refused(s, invalid, "unexpected: norm.weight");
  refused(s, invalid, "a.weight has shape [16, 6], expected [17, 6]");
  expect_same(other.state_dict(), before->state_dict());

  Net doubles;
  doubles.to(f64);
  refused(c.get("model", doubles), invalid, "a.bias is f32, expected f64");

  optim::AdamW fewer({t.net.a.weight}, {.lr = 0.125});
  refused(c.get("optimizer", fewer), invalid, "AdamW: the state does not fit: unexpected: 1.exp_avg");
  refused(c.get("optimizer", fewer), invalid, "unexpected: 3.exp_avg");
  EXPECT_EQ(fewer.lr(), 0.125);
  optim::SGD sgd(t.net.parameters(), {.lr = 0.125, .momentum = 0.9});
  refused(c.get("optimizer", sgd), invalid, "unexpected: 0.exp_avg");
  EXPECT_EQ(sgd.lr(), 0.125);
  EXPECT_EQ(sgd.state_dict().count("0.exp_avg"), 0u);

  optim::EMA few({t.net.a.weight});
  refused(c.get("averages", few), invalid, "unexpected: 1");
  data::DataLoader loader(std::make_shared<data::Subset>(examples(), std::vector<int64_t>(69)), {.batch_size = 16});
  refused(c.get("loader", loader), invalid, "'loader': the state is of a loader of 70 examples, but this one has 69");
  EXPECT_EQ(loader.state(), data::LoaderState());
  refused(c.get("loader", t.net), invalid, "'loader' is of the kind data_loader, not module");

  Checkpoint names;
  EXPECT_THROW(names.set("", 1), Error);
  EXPECT_THROW(names.set("a/b", 1), Error);
  EXPECT_THROW(names.put("a", Tensor()), Error);
}

// Written before parameters could have names: state and steps by index.
TEST(Checkpoint, AnOlderOptimizersStateGoesOn) {
  Training whole(1), second(2);
  whole.run(3);
  Checkpoint c = whole.checkpoint();
  std::map<std::string, Tensor> old;
  std::vector<int64_t> steps(6);
  for (const auto& [name, t] : whole.opt.state_dict()) {
    if (name.ends_with(".step")) steps[static_cast<size_t>(name[0] - '0')] = t.item<int64_t>();
    else old[name.starts_with("group") ? name : "state." + name] = t;
  }
  old["steps"] = from_values(steps, {6});
  const std::string p = path("old.checkpoint");
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, t] : old) tensors["optimizer/" + name] = t;
  ASSERT_TRUE(save_safetensors(p, tensors, {{"hearth.checkpoint", "1"}, {"entry/optimizer", "optimizer"}}).ok());
  const absl::Status s = Checkpoint::load(p).value().get("optimizer", second.opt);
  ASSERT_TRUE(s.ok()) << s;
  expect_same(second.opt.state_dict(), whole.opt.state_dict());
  EXPECT_EQ(steps, (std::vector<int64_t>(6, 3)));
}

// By name, the order of parameters does not matter.
TEST(Checkpoint, OptimizersByName) {
  Training t(1);
  optim::AdamW named(t.net.named_parameters(), {.lr = 0.25});
  cross_entropy(t.net(ones({4, 6})), zeros({4}, {.dtype = i64})).backward();
  named.step();
  Checkpoint c;
  c.put("optimizer", named);
  ASSERT_TRUE(c.save(path("named.checkpoint")).ok());
  auto parameters = t.net.named_parameters();
  std::reverse(parameters.begin(), parameters.end());
  optim::AdamW other(parameters);
  const auto loaded = Checkpoint::load(path("named.checkpoint"));
  ASSERT_TRUE(loaded->get("optimizer", other).ok());
  expect_same(other.state_dict(), named.state_dict());
  EXPECT_EQ(other.state_dict().count("norm.weight.exp_avg"), 1u);
  EXPECT_EQ(other.lr(), 0.25);
  refused(loaded->get("optimizer", t.opt), absl::StatusCode::kInvalidArgument, "unexpected: a.bias.exp_avg");
}

TEST(Checkpoint, HostileFiles) {
  const auto invalid = absl::StatusCode::kInvalidArgument;
  const std::string p = path("bad.checkpoint");
  const auto reads = [&](const std::map<std::string, Tensor>& tensors, const std::map<std::string, std::string>& meta) {
    EXPECT_TRUE(save_safetensors(p, tensors, meta).ok());
    return Checkpoint::load(p).status();
  };
  const std::string v = "hearth.checkpoint";
  refused(reads({{"a", ones({1})}}, {}), invalid, "not a checkpoint: its metadata has no hearth.checkpoint");
  refused(reads({}, {{v, "2"}}), absl::StatusCode::kUnimplemented, "version 2; this program reads version 1");
  refused(reads({{"a", ones({1})}}, {{v, "1"}}), invalid, "\"a\" belongs to no entry");
  refused(reads({{"a", ones({1})}}, {{v, "1"}, {"entry/a", "object"}}), invalid, "kind object is unknown");
  refused(reads({}, {{v, "1"}, {"entry/a", "integer"}}), invalid, "needs exactly one tensor");
  refused(reads({{"a/b", ones({})}}, {{v, "1"}, {"entry/a", "number"}}), invalid, "needs exactly one tensor");
  refused(reads({{"a", ones({})}}, {{v, "1"}, {"entry/a", "integer"}}), invalid, "another dtype or shape");
  refused(reads({{"a", ones({2}, {.dtype = i64})}}, {{v, "1"}, {"entry/a", "loader"}}), invalid,
          "another dtype or shape");
  Training t(1);
  const auto state = [&](const std::string& kind, const Tensor& value) {
    EXPECT_TRUE(reads({{"a", value}}, {{v, "1"}, {"entry/a", kind}}).ok());
    return Checkpoint::load(p).value();
  };
  refused(state("data_loader", tensor({-1, 0, 70})).get("a", t.loader), invalid, "is not valid");
  refused(state("data_loader", from_values(std::vector<int64_t>{INT64_MAX, 0, 70}, {3})).get("a", t.loader), invalid,
          "is not valid");
  refused(state("data_loader", tensor({0, 71, 70})).get("a", t.loader), invalid, "sample 71 is out of range");
  refused(state("loader", tensor({-1, 0, 5})).get("a", t.loader), invalid, "is not valid");
  refused(state("loader", tensor({0, 5, 5})).get("a", t.loader), invalid,
          "batch 5 is out of range for the 5 batches of epoch 0");
  refused(state("loader", tensor({0, -1, 5})).get("a", t.loader), invalid, "batch -1 is out of range");
  refused(state("scheduler", scalar_tensor(-3)).get("a", t.schedule), invalid, "must not be negative");
  t.run(1);
  auto negative = t.opt.state_dict();
  negative["0.step"] = negative["0.step"] * -1;
  EXPECT_THROW(t.opt.load_state_dict(negative), Error);
  std::ofstream(p) << "PK";
  refused(Checkpoint::load(p).status(), invalid, "not a safetensors file");
  refused(Checkpoint::load(path("none")).status(), absl::StatusCode::kNotFound, "none");
  refused(Checkpoint::parse("{}", "memory").status(), invalid, "memory");
}

// Bits that flip, an end that is missing, blocks that change places, pages of zeros: each is noticed.
TEST(Checkpoint, DamageIsRefused) {
  Training t(1);
  t.run(3);
  const std::string p = path("damaged.checkpoint");
  ASSERT_TRUE(t.checkpoint().save(p).ok());
  const std::string whole = read_file(p, 1 << 24).value();
  uint64_t header;
  std::memcpy(&header, whole.data(), 8);
  header += 8;
  ASSERT_TRUE(Checkpoint::parse(whole, "c").ok());
  std::mt19937_64 random(7);
  const auto below = [&](uint64_t n) { return random() % n; };
  const auto expect_refused = [&](const std::string& bytes, const std::string& what) {
    if (bytes == whole) return;
    std::ofstream(p, std::ios::binary) << bytes;
    const absl::Status s = Checkpoint::load(p).status();
    EXPECT_FALSE(s.ok()) << what;
    EXPECT_THAT(std::string(s.message()), HasSubstr(p)) << what;
    EXPECT_THAT(std::string(s.message()), AnyOf(HasSubstr("tensor"), HasSubstr("header"))) << what;
    EXPECT_EQ(Checkpoint::parse(bytes, p).status(), s) << what;
  };
  for (size_t i = 0; i < header; i += i < 16 ? 1 : 11) {
    std::string b = whole;
    b[i] = static_cast<char>(b[i] ^ 1 << below(8));
    expect_refused(b, absl::StrCat("a bit of byte ", i));
  }
  for (int k = 0; k < 50; ++k) {
    std::string b = whole;
    const size_t at = header + below(whole.size() - header);
    b[at] = static_cast<char>(b[at] ^ 1 << below(8));
    expect_refused(b, absl::StrCat("a bit of byte ", at));
    expect_refused(whole.substr(0, below(whole.size())), "cut off");
    for (const size_t block : {16, 64, 512}) {
      b = whole;
      const size_t blocks = whole.size() / block, i = below(blocks), j = below(blocks);
      std::swap_ranges(b.begin() + static_cast<long>(i * block), b.begin() + static_cast<long>((i + 1) * block),
                       b.begin() + static_cast<long>(j * block));
      if (i != j) expect_refused(b, absl::StrCat("blocks ", i, " and ", j, " of ", block));
      b = whole;
      std::fill_n(b.begin() + static_cast<long>(i * block), block, '\0');
      expect_refused(b, absl::StrCat("zeros in block ", i, " of ", block));
    }
  }
  // The tensor is named.
  std::string b = whole;
  b.back() = static_cast<char>(~b.back());
  refused(Checkpoint::parse(b, "c").status(), absl::StatusCode::kDataLoss, "c: tensor \"");
}

TEST(Checkpoint, AFifoInItsPlaceIsNotWaitedFor) {
  const std::string p = path("fifo.checkpoint");
  ASSERT_EQ(::mkfifo(p.c_str(), 0666), 0);
  Checkpoint c;
  c.set("epoch", 1);
  refused(Checkpoint::load(p).status(), absl::StatusCode::kFailedPrecondition, p + " is a FIFO");
  refused(c.save(p), absl::StatusCode::kFailedPrecondition, p);
  const std::string q = path("new.checkpoint");
  ASSERT_EQ(::mkfifo((q + ".tmp").c_str(), 0666), 0);
  refused(c.save(q), absl::StatusCode::kFailedPrecondition, q + ".tmp is a FIFO");
}

TEST(Checkpoint, AFullDiskLeavesTheOldOne) {
  Checkpoint c;
  c.set("epoch", 1);
  const std::string p = path("kept.checkpoint");
  ASSERT_TRUE(c.save(p).ok());
  c.set("epoch", 2);
  c.put("large", zeros({100000}));
  // A limit on the size of files stands in for the full disk; in a child, because it cannot be raised again.
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{50000, 50000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const absl::Status s = c.save(p);
    _exit(!s.ok() && s.message().find(p) != absl::string_view::npos ? 0 : 1);
  }
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  int64_t epoch = 0;
  ASSERT_TRUE(Checkpoint::load(p).value().get("epoch", epoch).ok());
  EXPECT_EQ(epoch, 1);
}

}  // namespace
}  // namespace hearth::io
