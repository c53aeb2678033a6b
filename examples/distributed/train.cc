// The quickstart's classifier, trained by several processes:
//
//   hearthrun --nproc_per_node=2 --max_restarts=3 train --out=runs/distributed
//
// Each rank takes its part of every batch. All ranks save a sharded checkpoint together; a job that is started again,
// by any number of ranks that divides the batch, goes on from the last one.
#include <cstdio>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "core/hearth.h"
#include "core/io/or_throw.h"
#include "distributed/distributed.h"
#include "examples/distributed/trace.h"
#include "examples/fashion/data.h"
#include "examples/fashion/net.h"
#include "vision/datasets/fashion_mnist.h"

ABSL_FLAG(std::string, data, hearth::vision::kFashionMnistDirectory, "directory of the Fashion-MNIST files");
ABSL_FLAG(std::string, out, "runs/distributed", "directory for checkpoints, which all ranks see");
ABSL_FLAG(int64_t, epochs, 3, "how often every training image is seen");
ABSL_FLAG(int64_t, batch, 64, "images in a step, of all ranks together");
ABSL_FLAG(double, lr, 4e-3, "highest learning rate of the cycle");
ABSL_FLAG(uint64_t, seed, 1, "of weights, order and augmentation");
ABSL_FLAG(int64_t, limit, 0, "for a quick try: train and test on this many images only");
ABSL_FLAG(int64_t, checkpoint_steps, 200, "steps between two checkpoints");
ABSL_FLAG(std::string, trace, "", "directory for what each rank does in each step; none if empty");

namespace hearth::fashion {
namespace {

namespace dist = hearth::distributed;

data::DatasetPtr images_of(vision::FashionMnist::Split split, int64_t limit) {
  auto images = std::make_shared<vision::FashionMnist>(
      io::or_throw(vision::FashionMnist::load(split, absl::GetFlag(FLAGS_data))));
  if (limit == 0 || limit >= images->size()) return images;
  std::vector<int64_t> first(static_cast<size_t>(limit));
  std::iota(first.begin(), first.end(), 0);
  return std::make_shared<data::Subset>(std::move(images), std::move(first));
}

// Each rank tests its part.
double accuracy(Net& net, const data::DatasetPtr& images, dist::ProcessGroup& group) {
  const InferenceMode no_gradients;
  net.eval();
  Tensor counts = zeros({2}, {.dtype = f64});
  data::DataLoader loader(images, {.batch_size = 500, .shard = {group.rank(), group.size()}});
  for (auto& [x, y] : loader) {
    counts[0].add_((net(x).argmax(1) == y).sum());
    counts[1].add_(y.numel());
  }
  net.train();
  group.all_reduce(counts);
  return counts[0].item<double>() / counts[1].item<double>();
}

void train() {
  dist::ProcessGroup group = dist::init();
  const bool first = group.rank() == 0;
  const int64_t batch = absl::GetFlag(FLAGS_batch), epochs = absl::GetFlag(FLAGS_epochs);
  HEARTH_CHECK(batch % group.size() == 0, "--batch=", batch, " cannot be shared evenly by ", group.size(), " ranks");
  const auto seed = absl::GetFlag(FLAGS_seed);
  const std::string out = absl::GetFlag(FLAGS_out);

  const auto preprocess = std::make_shared<const graph::Graph>(preprocess_graph());
  const int64_t limit = absl::GetFlag(FLAGS_limit);
  const auto images = data::preprocessed(augmented(images_of(vision::FashionMnist::Split::kTrain, limit)), preprocess);
  data::DataLoader loader(images, {.batch_size = batch / group.size(),
                                   .shuffle = true,
                                   .drop_last = true,
                                   .workers = 1,
                                   .seed = seed,
                                   .shard = {group.rank(), group.size(), data::Uneven::kDrop}});
  manual_seed(seed);
  Net net;
  dist::sync_batch_norm(net, group);
  // The buffers are batch norm's, which all ranks compute alike.
  dist::DistributedDataParallel parallel(net, group, {.broadcast_buffers = false});
  Trace trace(absl::GetFlag(FLAGS_trace), group, parallel);
  const double lr = absl::GetFlag(FLAGS_lr);
  dist::ZeroOptimizer optimizer(optim::AdamW(net.named_parameters(), {.lr = lr}), group);
  optim::OneCycleLR schedule(optimizer, {.max_lr = lr, .total_steps = epochs * loader.batches()});

  // Rank 0 says whether there is a checkpoint, so that all do the same. One that is damaged is not the same as none.
  std::string found;
  if (first) {
    const absl::Status last = dist::ShardedReader::open(out).status();
    found = last.ok() ? "yes" : absl::IsNotFound(last) ? "no" : std::string(last.message());
  }
  found = dist::broadcast_bytes(group, found, 0);
  HEARTH_CHECK(found == "yes" || found == "no", "cannot go on from the checkpoint: ", found);
  if (found == "yes") {
    const dist::ShardedReader reader = io::or_throw(dist::ShardedReader::open(out));
    io::or_throw(reader.get("model", net));
    io::or_throw(reader.get("optimizer", optimizer));
    io::or_throw(reader.rest().get("schedule", schedule));
    io::or_throw(reader.rest().get("loader", loader));
    if (first) std::printf("going on after step %lld\n", static_cast<long long>(schedule.current_step()));
  }
  dist::BackgroundSaver saver(group);
  const auto save = [&] {
    dist::ShardedCheckpoint c;
    c.put("model", net);
    c.put("optimizer", optimizer);
    io::Checkpoint rest;
    rest.put("schedule", schedule);
    rest.put("loader", loader);
    trace.saved(schedule.current_step());
    io::or_throw(saver.save(std::move(c), out, schedule.current_step(), std::move(rest)));
  };

  while (loader.state().epoch < epochs) {
    const int64_t epoch = loader.state().epoch + 1;
    Tensor loss_sum = zeros({}, {.dtype = f64});
    int64_t steps = 0;
    trace.begin();
    for (auto& [x, y] : loader) {
      trace.mark();
      const Tensor loss = cross_entropy(net(x), y);
      trace.mark();
      optimizer.zero_grad();
      loss.backward();
      trace.mark();
      optimizer.step();
      schedule.step();
      trace.mark();
      loss_sum.add_(loss.detach());
      ++steps;
      if (schedule.current_step() % absl::GetFlag(FLAGS_checkpoint_steps) == 0) save();
      if (trace.on()) trace.end(schedule.current_step(), loss.item<double>());
    }
    if (steps == 0) continue;
    group.all_reduce(loss_sum, dist::ReduceOp::kAvg);
    if (first) {
      std::printf("epoch %lld/%lld, step %lld: loss %.4f\n", static_cast<long long>(epoch),
                  static_cast<long long>(epochs), static_cast<long long>(schedule.current_step()),
                  loss_sum.item<double>() / static_cast<double>(steps));
      std::fflush(stdout);
    }
  }
  save();
  io::or_throw(saver.wait());
  const double right =
      accuracy(net, data::preprocessed(images_of(vision::FashionMnist::Split::kTest, limit), preprocess), group);
  trace.accuracy(right);
  if (first) std::printf("%d ranks, test accuracy: %.2f %%\n", group.size(), 100 * right);
}

}  // namespace
}  // namespace hearth::fashion

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Trains an image classifier on Fashion-MNIST as one rank of a job; see hearthrun.");
  absl::ParseCommandLine(argc, argv);
  try {
    hearth::fashion::train();
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "train: %s\n", e.what());
    return 1;
  }
}
