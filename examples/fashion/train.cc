// Trains the classifier, tests it once, exports it and draws the report. tools/quickstart runs it.

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/device/usable_device.h"
#include "core/hearth.h"
#include "core/io/directory_lock.h"
#include "core/io/tensorboard.h"
#include "examples/common/classifier_training.h"
#include "examples/common/program.h"
#include "examples/common/progress.h"
#include "examples/fashion/data.h"
#include "examples/fashion/net.h"
#include "examples/fashion/results.h"
#include "vision/datasets/fashion_mnist.h"

ABSL_FLAG(std::string, data, hearth::vision::kFashionMnistDirectory, "directory of the Fashion-MNIST files");
ABSL_FLAG(std::string, out, "runs/quickstart", "directory for checkpoint, exported model, events and report");
ABSL_FLAG(bool, resume, false, "go on from the checkpoint in --out");
ABSL_FLAG(int64_t, epochs, 7, "how often every training image is seen");
ABSL_FLAG(int64_t, batch, 64, "images in a step");
ABSL_FLAG(double, lr, 4e-3, "highest learning rate of the cycle");
ABSL_FLAG(uint64_t, seed, 1, "of weights, order and augmentation");
ABSL_FLAG(int64_t, limit, 0, "for a quick try: train on this many images only, hold out and test on as many at most");
ABSL_FLAG(int64_t, workers, 1, "threads that prepare images");
ABSL_FLAG(std::string, device, "cpu", "where it is trained: cpu, cuda, cuda:1, ...");
ABSL_FLAG(int64_t, checkpoint_steps, 200, "steps between two checkpoints");

namespace hearth::fashion {
namespace {

using examples::with_commas;

struct Options {
  std::string data, out;
  bool resume;
  int64_t epochs, batch, limit, workers, checkpoint_steps;
  double lr;
  uint64_t seed;
  Device device;

  // What must be the same for a checkpoint to fit.
  std::string plan() const {
    return absl::StrFormat("--epochs=%d --batch=%d --lr=%g --seed=%d --limit=%d", epochs, batch, lr, seed, limit);
  }
};

absl::StatusOr<Options> options_from_flags() {
  Options o{.data = absl::GetFlag(FLAGS_data),
            .out = absl::GetFlag(FLAGS_out),
            .resume = absl::GetFlag(FLAGS_resume),
            .epochs = absl::GetFlag(FLAGS_epochs),
            .batch = absl::GetFlag(FLAGS_batch),
            .limit = absl::GetFlag(FLAGS_limit),
            .workers = absl::GetFlag(FLAGS_workers),
            .checkpoint_steps = absl::GetFlag(FLAGS_checkpoint_steps),
            .lr = absl::GetFlag(FLAGS_lr),
            .seed = absl::GetFlag(FLAGS_seed),
            .device = kCpu};
  try {
    o.device = usable_device(absl::GetFlag(FLAGS_device));
  } catch (const Error& e) {
    return absl::InvalidArgumentError(absl::StrCat("--device: ", e.what()));
  }
  if (o.epochs < 1) return absl::InvalidArgumentError("--epochs must be at least 1");
  if (o.batch < 2) return absl::InvalidArgumentError("--batch must be at least 2: batch norm needs a batch");
  if (!(o.lr > 0)) return absl::InvalidArgumentError("--lr must be above 0");
  if (o.limit < 0) return absl::InvalidArgumentError("--limit must not be negative");
  if (o.workers < 0 || o.workers > 64) return absl::InvalidArgumentError("--workers must be from 0 to 64");
  if (o.checkpoint_steps < 1) return absl::InvalidArgumentError("--checkpoint_steps must be at least 1");
  return o;
}

absl::Status train(const Options& o) {
  auto train_images = vision::FashionMnist::load(vision::FashionMnist::Split::kTrain, o.data);
  if (!train_images.ok()) return train_images.status();
  auto test_images = vision::FashionMnist::load(vision::FashionMnist::Split::kTest, o.data);
  if (!test_images.ok()) return test_images.status();
  const int64_t all = train_images->size();
  if (all < 2 * kHeldOut) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s holds %d training images; at least %d are needed", o.data, all, 2 * kHeldOut));
  }
  if (o.limit > all - kHeldOut || (o.limit > 0 && o.limit < o.batch)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("--limit must be from one batch (%d) to %d", o.batch, all - kHeldOut));
  }
  const auto limited = [&](data::DatasetPtr images) -> data::DatasetPtr {
    if (o.limit == 0 || o.limit >= images->size()) return images;
    std::vector<int64_t> first(static_cast<size_t>(o.limit));
    std::iota(first.begin(), first.end(), 0);
    return std::make_shared<data::Subset>(std::move(images), std::move(first));
  };
  auto parts = data::random_split(std::make_shared<vision::FashionMnist>(*std::move(train_images)),
                                  {all - kHeldOut, kHeldOut}, o.seed);
  for (data::DatasetPtr& part : parts) part = limited(part);
  const auto preprocess = std::make_shared<const graph::Graph>(preprocess_graph());
  manual_seed(o.seed);
  Net net;
  net.to(o.device);
  examples::ClassifierTraining training(
      {.out = o.out,
       .plan = o.plan(),
       .what = "images",
       .epochs = o.epochs,
       .batch = o.batch,
       .workers = o.workers,
       .checkpoint_steps = o.checkpoint_steps,
       .lr = o.lr,
       .seed = o.seed,
       .device = o.device},
      net, [&](const Tensor& x) { return net(x); }, data::preprocessed(augmented(parts[0]), preprocess),
      data::preprocessed(parts[1], preprocess));

  // Two trainings would overwrite each other's checkpoints.
  const auto lock = io::DirectoryLock::acquire(o.out);
  if (!lock.ok()) return lock.status();
  if (o.resume) {
    if (absl::Status s = training.restore(); !s.ok()) return s;
  }
  auto events = io::EventWriter::create(o.out);
  if (!events.ok()) return events.status();
  if (absl::Status s = training.train(
          *events,
          absl::StrFormat("%s images to train on, %s held out; %s parameters; %s", with_commas(parts[0]->size()),
                          with_commas(parts[1]->size()), with_commas(net.parameter_count()),
                          o.device.is_cpu() ? absl::StrFormat("%d threads", num_threads()) : to_string(o.device)));
      !s.ok()) {
    return s;
  }

  // The test images are looked at here, once, when nothing is left to decide.
  const data::DatasetPtr test_part = limited(std::make_shared<vision::FashionMnist>(*test_images));
  const examples::Evaluation test = training.evaluate(data::preprocessed(test_part, preprocess));
  net.to(kCpu);  // where it is exported
  training.progress().say(absl::StrFormat("test accuracy: %.2f %%", 100 * test.accuracy));
  if (absl::Status s = events->scalar("accuracy/test", training.steps(), test.accuracy); !s.ok()) return s;
  return write_results({.net = net,
                        .preprocess = *preprocess,
                        .history = training.history(),
                        .test = *test_images,
                        .probabilities = test.probabilities,
                        .training_images = parts[0]->size(),
                        .held_out_images = parts[1]->size(),
                        .epochs = o.epochs,
                        .seconds = training.progress().seconds()},
                       o.out);
}

}  // namespace
}  // namespace hearth::fashion

int main(int argc, char** argv) {
  using namespace hearth::fashion;
  return hearth::examples::training_main(
      argc, argv, "train", "Trains an image classifier on Fashion-MNIST and exports it.", options_from_flags, train);
}
