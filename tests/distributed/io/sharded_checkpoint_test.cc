#include "distributed/io/sharded_checkpoint.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "core/hearth.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "tests/distributed/backends.h"

namespace hearth::distributed {
namespace {

struct Net : nn::Module<Net> {
  nn::Linear a{this, "a", 130, 140}, b{this, "b", 140, 1};
  Tensor forward(const Tensor& x) { return b(relu(a(x))); }
};

data::DatasetPtr dataset() {
  Generator random(5);
  const Tensor x = zeros({60, 130}).normal_(0, 1, &random);
  return std::make_shared<data::TensorDataset>(x, x.sum(1, true));
}

std::string fresh(const std::string& name) {
  const std::string dir = testing::TempDir() + "/sharded_" + name;
  std::filesystem::remove_all(dir);
  return dir;
}

// Trains on whole batches of 12 that the ranks share; weights are the average's.
struct Training {
  explicit Training(ProcessGroup& g)
      : group(g),
        loader(dataset(), {.batch_size = 12 / g.size(), .shuffle = true, .seed = 3, .shard = {g.rank(), g.size()}}),
        optimizer(optim::AdamW(net.named_parameters(), {.lr = 0.01}), g) {}
  // To that many steps.
  void run(int64_t to) {
    while (step < to) {
      for (auto& [x, y] : loader) {
        optimizer.zero_grad();
        (net(x) - y).square().mean().backward();
        for (Tensor& p : net.parameters()) {
          Tensor grad = p.grad();
          group.all_reduce(grad, ReduceOp::kAvg);
        }
        optimizer.step();
        if (++step == to) return;
      }
    }
  }
  ShardedCheckpoint sharded() {
    ShardedCheckpoint c;
    c.put("model", net);
    c.put("optimizer", optimizer);
    return c;
  }
  io::Checkpoint rest() {
    io::Checkpoint c;
    c.put("loader", loader);
    c.set("step", step);
    return c;
  }
  absl::Status load(const std::string& dir) {
    auto r = ShardedReader::open(dir);
    if (!r.ok()) return r.status();
    absl::Status s = r->get("model", net);
    s.Update(r->get("optimizer", optimizer));
    s.Update(r->rest().get("loader", loader));
    s.Update(r->rest().get("step", step));
    return s;
  }
  ProcessGroup& group;
  Net net;
  data::DataLoader loader;
  ZeroOptimizer optimizer;
  int64_t step = 0;
};

std::vector<Tensor> weights(const Net& net) {
  std::vector<Tensor> out;
  for (const Tensor& p : net.parameters()) out.push_back(p.detach().clone());
  return out;
}

TEST(ShardedCheckpointTest, GoesOnWithAnotherNumberOfRanks) {
  const std::string dir = fresh("ranks");
  manual_seed(1);
  const GeneratorState seed = get_rng_state();
  std::vector<Tensor> expected;
  on_ranks("threads", 1, [&](ProcessGroup& g) {
    Training t(g);
    t.run(12);
    expected = weights(t.net);
  });
  set_rng_state(seed);
  on_ranks("threads", 4, [&](ProcessGroup& g) {
    Training t(g);
    t.run(3);
    const absl::Status s = t.sharded().save(g, dir, t.step, t.rest());
    EXPECT_TRUE(s.ok()) << s;
  });
  EXPECT_TRUE(std::filesystem::exists(dir + "/step-3/rank-00003-of-00004.safetensors"));
  on_ranks("gloo", 2, [&](ProcessGroup& g) {
    Training t(g);
    const absl::Status s = t.load(dir);
    ASSERT_TRUE(s.ok()) << s;
    EXPECT_EQ(t.step, 3);
    BackgroundSaver saver(g);
    t.run(5);
    EXPECT_TRUE(saver.save(t.sharded(), dir, t.step, t.rest()).ok());
    t.run(7);
    const absl::Status first = saver.save(t.sharded(), dir, t.step, t.rest());
    EXPECT_TRUE(first.ok()) << first;
    t.run(9);  // not saved
    EXPECT_TRUE(saver.wait().ok());
  });
  on_ranks("threads", 3, [&](ProcessGroup& g) {
    Training t(g);
    const absl::Status s = t.load(dir);
    ASSERT_TRUE(s.ok()) << s;
    EXPECT_EQ(t.step, 7);
    t.run(12);
    const auto got = weights(t.net);
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_LE((got[i] - expected[i]).abs().max().item<double>(),
                1e-6 * std::max(1.0, expected[i].abs().max().item<double>()))
          << i;
    // The older ones are still there.
    EXPECT_TRUE(ShardedReader::open(dir + "/step-5").ok());
  });
}

TEST(ShardedCheckpointTest, TensorsOfEveryKind) {
  const std::string dir = fresh("kinds");
  on_ranks("threads", 3, [&](ProcessGroup& g) {
    ShardedCheckpoint c;
    const Tensor large = arange(100000, {.dtype = i32}).reshape({1000, 100});
    c.put("large", large.t());
    c.put("scalar", full({}, 2.5, {.dtype = bf16}));
    c.put("empty", zeros({0, 3}));
    // Parts of 1, 2 and 3 rows.
    const int64_t row = int64_t{g.rank()} * (g.rank() + 1) / 2;
    c.put("rows", {full({4 * (g.rank() + 1)}, g.rank() * 1.0), {6, 4}, 4 * row});
    EXPECT_NE(error_of([&] { c.put("large", large); }).find("taken already"), std::string::npos);
    EXPECT_NE(error_of([&] { c.put("x", ShardedTensor{ones({3}), {2}, 0}); }).find("not within"), std::string::npos);
    const absl::Status s = c.save(g, dir, 0, {});
    ASSERT_TRUE(s.ok()) << s;
    const auto r = ShardedReader::open(dir);
    ASSERT_TRUE(r.ok()) << r.status();
    EXPECT_TRUE(equal(*r->tensor("large"), large.t()));
    EXPECT_EQ(r->tensor("scalar")->dtype(), bf16);
    EXPECT_EQ(r->tensor("scalar")->item<double>(), 2.5);
    EXPECT_EQ(to_string(r->tensor("empty")->shape()), "[0, 3]");
    EXPECT_EQ(r->tensor("rows")->sum().item<double>(), 4 * (0 * 1 + 1 * 2 + 2 * 3));
    EXPECT_TRUE(equal(*r->elements("large", 99, 3), large.t().reshape({100000}).narrow(0, 99, 3)));
    EXPECT_TRUE(absl::IsNotFound(r->tensor("none").status()));
    EXPECT_TRUE(absl::IsInvalidArgument(r->elements("rows", 20, 5).status()));
    EXPECT_GE(r->index().tensors.at("large").pieces.size(), 3u) << "all ranks write a part";
  });
}

TEST(ShardedCheckpointTest, PartsThatDoNotCoverAreRefused) {
  const std::string dir = fresh("gaps");
  on_ranks("threads", 2, [&](ProcessGroup& g) {
    ShardedCheckpoint c;
    c.put("x", {ones({2}), {5}, g.rank() * 3});
    const absl::Status s = c.save(g, dir, 1, {});
    EXPECT_NE(std::string(s.message()).find("pieces must follow one another"), std::string::npos) << s;
  });
  EXPECT_FALSE(std::filesystem::exists(dir + "/step-1"));
  EXPECT_FALSE(std::filesystem::exists(dir + "/step-1.tmp"));
}

TEST(ShardedCheckpointTest, WhatAllRanksHaveAllMustPut) {
  const std::string dir = fresh("everywhere");
  on_ranks("threads", 2, [&](ProcessGroup& g) {
    const auto refused = [&](const ShardedCheckpoint& c, int64_t step) {
      return std::string(c.save(g, dir, step, {}).message());
    };
    const auto common = [] {
      ShardedCheckpoint c;
      c.put("x", ones({3}));
      return c;
    };
    // Names of which either rank would be the writer.
    for (const char* name : {"a", "b", "c", "d"}) {
      for (const int only : {0, 1}) {
        ShardedCheckpoint c = common();
        if (g.rank() == only) c.put(name, ones({4}));
        const std::string e = refused(c, 1);
        EXPECT_NE(e.find("rank 1"), std::string::npos) << e;
        EXPECT_NE(e.find(std::string("\"") + name + "\", f32 [4]"), std::string::npos) << e;
      }
    }
    ShardedCheckpoint shape = common(), dtype = common();
    shape.put("y", ones({2, g.rank() + 1}));
    EXPECT_NE(refused(shape, 1).find("f32 [2, 2]"), std::string::npos) << refused(shape, 1);
    dtype.put("y", ones({2}, {.dtype = g.rank() == 0 ? f32 : f64}));
    EXPECT_NE(refused(dtype, 1).find("f64 [2]"), std::string::npos);
    EXPECT_NE(refused(common(), 1 + g.rank()).find("it saves step 2, but rank 0 step 1"), std::string::npos);
    ShardedCheckpoint bad;
    EXPECT_NE(error_of([&] { bad.put("caf\xe9", ones({1})); }).find("not UTF-8"), std::string::npos);
    EXPECT_TRUE(common().save(g, dir, 1, {}).ok());
  });
}

TEST(ShardedCheckpointTest, IsFoundWhereAnInterruptedSaveHasPutIt) {
  const std::string dir = fresh("aside");
  on_ranks("threads", 2, [&](ProcessGroup& g) {
    Training t(g);
    EXPECT_TRUE(t.sharded().save(g, dir, 4, t.rest()).ok());
  });
  // A process that was killed while it replaced the directory, where the system cannot exchange two in one step.
  std::filesystem::rename(dir + "/step-4", dir + "/step-4.old");
  for (const std::string& place : {dir, dir + "/step-4"}) {
    const auto r = ShardedReader::open(place);
    ASSERT_TRUE(r.ok()) << r.status();
    EXPECT_EQ(r->index().step, 4);
    EXPECT_EQ(to_string(r->tensor("model/a.weight")->shape()), "[140, 130]");
  }
}

TEST(ShardedCheckpointTest, FollowsAKilledSaveOfOtherRanks) {
  const std::string dir = fresh("leftover");
  const auto leave = [](const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << "x";
  };
  leave(dir + "/step-3.tmp/rank-00002-of-00004.safetensors");
  leave(dir + "/step-3.tmp/rank-00003-of-00004.safetensors.tmp");
  const auto save = [&] {
    on_ranks("threads", 2, [&](ProcessGroup& g) {
      ShardedCheckpoint c;
      c.put("x", ones({3}));
      const absl::Status s = c.save(g, dir, 3, {});
      EXPECT_TRUE(s.ok()) << s;
    });
    EXPECT_FALSE(std::filesystem::exists(dir + "/step-3.tmp"));
    EXPECT_TRUE(ShardedReader::open(dir).ok());
  };
  save();
  // One that is in place, with an index that cannot be read.
  leave(dir + "/step-3/rank-00003-of-00004.safetensors");
  leave(dir + "/step-3/index.json");
  save();
  EXPECT_FALSE(std::filesystem::exists(dir + "/step-3/rank-00003-of-00004.safetensors"));
  // What is not of this kind is not removed.
  leave(dir + "/step-3/rank-3-of-4.safetensors");
  on_ranks("threads", 2, [&](ProcessGroup& g) {
    ShardedCheckpoint c;
    c.put("x", ones({3}));
    const absl::Status s = c.save(g, dir, 3, {});
    EXPECT_NE(std::string(s.message()).find("it holds rank-3-of-4.safetensors"), std::string::npos) << s;
  });
}

TEST(ShardedCheckpointTest, AFullDiskLeavesTheOldOne) {
  const std::string dir = fresh("full");
  on_ranks("threads", 2, [&](ProcessGroup& g) {
    Training t(g);
    EXPECT_TRUE(t.sharded().save(g, dir, 1, t.rest()).ok());
    t.run(1);
    g.barrier();
    // Files of more than 40 kB cannot be written: as on a full disk, the system refuses a write in the middle.
    rlimit old{};
    if (g.rank() == 0) {
      std::signal(SIGXFSZ, SIG_IGN);
      getrlimit(RLIMIT_FSIZE, &old);
      const rlimit small{40000, old.rlim_max};
      setrlimit(RLIMIT_FSIZE, &small);
    }
    g.barrier();
    for (const int64_t step : {1, 2}) {
      const absl::Status s = t.sharded().save(g, dir, step, t.rest());
      EXPECT_NE(std::string(s.message()).find("sharded checkpoint: rank 0: "), std::string::npos) << s;
      EXPECT_NE(std::string(s.message()).find("too large"), std::string::npos) << s;
    }
    if (g.rank() == 0) setrlimit(RLIMIT_FSIZE, &old);
    g.barrier();
    const auto r = ShardedReader::open(dir);
    ASSERT_TRUE(r.ok()) << r.status();
    EXPECT_EQ(r->index().step, 1);
    EXPECT_FALSE(std::filesystem::exists(dir + "/step-2"));
    g.barrier();
    // And again when there is room.
    EXPECT_TRUE(t.sharded().save(g, dir, 2, t.rest()).ok());
    EXPECT_EQ(ShardedReader::open(dir)->index().step, 2);
  });
}

TEST(ShardedCheckpointTest, OfAnotherModelOrDamaged) {
  const std::string dir = fresh("other");
  on_ranks("threads", 2, [&](ProcessGroup& g) {
    Training t(g);
    EXPECT_TRUE(t.sharded().save(g, dir, 1, t.rest()).ok());
  });
  const auto r = ShardedReader::open(dir);
  ASSERT_TRUE(r.ok());
  struct Other : nn::Module<Other> {
    nn::Linear a{this, "a", 130, 141}, c{this, "c", 1, 1};
  } other;
  const absl::Status s = r->get("model", other);
  EXPECT_TRUE(absl::IsInvalidArgument(s));
  for (const char* name : {"a.weight", "c.weight", "b.weight"})
    EXPECT_NE(std::string(s.message()).find(name), std::string::npos) << s;
  EXPECT_TRUE(absl::IsNotFound(r->get("modell", other)));
  on_ranks("threads", 1, [&](ProcessGroup& g) {
    nn::Linear small(130, 3);
    ZeroOptimizer zero(optim::AdamW(small.named_parameters()), g);
    EXPECT_TRUE(absl::IsInvalidArgument(r->get("optimizer", zero)));
  });
  EXPECT_TRUE(absl::IsNotFound(ShardedReader::open(dir + "/nothing").status()));

  const std::string file = dir + "/step-1/rank-00001-of-00002.safetensors";
  std::string bytes = *io::read_file(file, 1 << 24);
  bytes[bytes.size() - 5] ^= 1;
  ASSERT_TRUE(io::write_file(file, bytes).ok());
  EXPECT_TRUE(absl::IsDataLoss(ShardedReader::open(dir).status()));
  // A checkpoint of which a part is missing is not the same as none.
  std::filesystem::remove(file);
  EXPECT_TRUE(absl::IsDataLoss(ShardedReader::open(dir).status()));
  EXPECT_TRUE(absl::IsDataLoss(ShardedReader::open(dir + "/step-1").status()));
  std::filesystem::remove_all(dir + "/step-1");
  EXPECT_TRUE(absl::IsDataLoss(ShardedReader::open(dir).status()));
  EXPECT_TRUE(absl::IsNotFound(ShardedReader::open(dir + "/step-1").status()));
  ASSERT_TRUE(io::write_file(dir + "/latest", "../elsewhere").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(ShardedReader::open(dir).status()));
}

TEST(ShardIndexTest, RefusesWhatIsNoIndex) {
  const auto index = [](const std::string& tensors) {
    return R"({"format": "hearth sharded checkpoint", "version": 1, "step": 3, "tensors": {)" + tensors + "}}";
  };
  const auto tensor = [&](const std::string& shape, const std::string& pieces) {
    return index(R"("x": {"dtype": "f32", "shape": )" + shape + R"(, "pieces": [)" + pieces + "]}");
  };
  const auto piece = [](const std::string& file, const std::string& begin, const std::string& count) {
    return R"({"file": ")" + file + R"(", "key": "x", "begin": )" + begin + R"(, "count": )" + count + "}";
  };
  EXPECT_TRUE(ShardIndex::parse(index("")).ok());
  const auto good = ShardIndex::parse(tensor("[2, 3]", piece("a", "0", "4") + "," + piece("b", "4", "2")));
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(good->files(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(ShardIndex::parse(good->to_json())->to_json(), good->to_json());
  for (const std::string& bad :
       {std::string("{}"), std::string("[]"), tensor("[2, 3]", ""), tensor("[2, 3]", piece("a", "0", "5")),
        tensor("[2, 3]", piece("a", "0", "7")), tensor("[2, 3]", piece("a", "0", "4") + "," + piece("b", "3", "3")),
        tensor("[2, 3]", piece("a", "0", "4") + "," + piece("b", "5", "1")), tensor("[2, 3]", piece("../a", "0", "6")),
        tensor("[2, 3]", piece("..", "0", "6")), tensor("[2, 3]", piece("", "0", "6")),
        tensor("[4611686018427387904, 4]", piece("a", "0", "0")), tensor("[-1]", ""), tensor("[1.5]", ""),
        tensor("[4]", piece("a", "0", "2") + "," + piece("a", "2", "2")),
        tensor("[2]", piece("a", "0", "18446744073709551615")), tensor("[2]", piece("a", "-1", "2"))})
    EXPECT_TRUE(absl::IsInvalidArgument(ShardIndex::parse(bad).status())) << bad;
  EXPECT_TRUE(absl::IsUnimplemented(
      ShardIndex::parse(R"({"format": "hearth sharded checkpoint", "version": 2, "step": 1})").status()));
}

}  // namespace
}  // namespace hearth::distributed
