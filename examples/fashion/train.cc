// Trains the classifier, tests it once, exports it and draws the report. tools/quickstart runs it.

#include <csignal>
#include <cstdio>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/device/usable_device.h"
#include "core/hearth.h"
#include "core/io/checkpoint.h"
#include "core/io/directory_lock.h"
#include "core/io/tensorboard.h"
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

using examples::duration;
using examples::Progress;
using examples::with_commas;

volatile std::sig_atomic_t interrupted = 0;

struct Options {
  std::string data, out;
  bool resume;
  int64_t epochs, batch, limit, workers, checkpoint_steps;
  double lr;
  uint64_t seed;
  Device device;

  std::string checkpoint() const { return out + "/checkpoint"; }
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

// How an epoch stands.
struct Standing {
  int64_t number, count;  // of the epoch, from 1
  int64_t images, of;     // of this epoch
  double loss, accuracy;  // means so far, of this epoch
  double rate;            // images a second

  std::string text() const {
    return absl::StrFormat("epoch %d/%d  %6s/%s images  loss %.4f  accuracy %5.2f %%  %s images/s", number, count,
                           with_commas(images), with_commas(of), loss, 100 * accuracy,
                           with_commas(static_cast<int64_t>(rate)));
  }
};

struct Evaluation {
  double loss = 0, accuracy = 0;
  Tensor probabilities, labels;  // [n, 10], [n]
};

Evaluation evaluate(Net& net, const data::DatasetPtr& images, const Options& o) {
  const InferenceMode no_gradients;
  net.eval();
  data::DataLoader loader(
      images, {.batch_size = 500, .workers = static_cast<int>(o.workers), .pin_memory = o.device.is_cuda()});
  std::vector<Tensor> scores, labels;
  for (auto& [x, y] : loader) {
    scores.push_back(net(x.to(o.device, {.non_blocking = true})));
    labels.push_back(y);
  }
  net.train();
  const Tensor s = cat(scores).cpu(), y = cat(labels);
  return {cross_entropy(s, y).item<double>(), (s.argmax(1) == y).to(f64).mean().item<double>(), softmax(s, 1), y};
}

// Everything that one run of training consists of; a checkpoint holds what changes.
class Training {
 public:
  Training(const Options& options, data::DatasetPtr train, data::DatasetPtr held_out)
      : options_(options),
        held_out_(std::move(held_out)),
        loader_(train, {.batch_size = options.batch,
                        .shuffle = true,
                        .drop_last = true,
                        .workers = static_cast<int>(options.workers),
                        .prefetch = 8,
                        .seed = options.seed,
                        .pin_memory = options.device.is_cuda()}),
        images_(loader_.batches() * options.batch),
        net_(new_net(options)),
        optimizer_(net_->parameters(), {.lr = options.lr}),
        schedule_(optimizer_, {.max_lr = options.lr, .total_steps = options.epochs * loader_.batches()}) {}

  Net& net() { return *net_; }
  const History& history() const { return history_; }
  int64_t trained() const { return schedule_.current_step() * options_.batch; }
  int64_t total() const { return options_.epochs * images_; }

  absl::Status restore() {
    auto c = io::Checkpoint::load(options_.checkpoint());
    if (!c.ok()) return c.status();
    std::string plan;
    absl::Status s = c->get("plan", plan);
    if (s.ok() && plan != options_.plan()) {
      return absl::InvalidArgumentError(absl::StrCat(options_.checkpoint(), " was made with ", plan,
                                                     "; resume with the same, or start anew without --resume"));
    }
    s.Update(c->get("model", *net_));
    s.Update(c->get("optimizer", optimizer_));
    s.Update(c->get("schedule", schedule_));
    s.Update(c->get("loader", loader_));
    s.Update(c->get("random", default_generator()));
    s.Update(c->get("loss so far", loss_));
    s.Update(c->get("right so far", right_));
    for (auto& [name, values] : history_.curves()) s.Update(c->get(name, *values));
    return s;
  }

  // Trains to the end of the last epoch, or until interrupted.
  absl::Status run(Progress& progress, io::EventWriter& events) {
    while (loader_.state().epoch < options_.epochs) {
      if (absl::Status s = epoch(progress, events); !s.ok()) return s;
      if (interrupted) return absl::CancelledError();
    }
    return absl::OkStatus();
  }

 private:
  static std::unique_ptr<Net> new_net(const Options& o) {
    manual_seed(o.seed);
    auto net = std::make_unique<Net>();
    net->to(o.device);
    return net;
  }

  absl::Status epoch(Progress& progress, io::EventWriter& events) {
    const int64_t number = loader_.state().epoch;
    const auto standing = [&](int64_t batches) {
      const auto seen = static_cast<double>(batches * options_.batch);
      return Standing{number + 1,
                      options_.epochs,
                      batches * options_.batch,
                      images_,
                      loss_ / static_cast<double>(batches),
                      static_cast<double>(right_) / seen,
                      progress.rate(trained())};
    };
    int64_t batches = loader_.state().sample / options_.batch;
    for (auto& [x, y] : loader_) {
      step(x.to(options_.device, {.non_blocking = true}), y.to(options_.device, {.non_blocking = true}));
      ++batches;
      const int64_t steps = schedule_.current_step();
      progress.update(trained(), [&] { return standing(batches).text(); });
      if (steps % 50 == 0) {
        absl::Status s = events.scalar("loss/training", steps, loss_ / static_cast<double>(batches));
        s.Update(events.scalar("learning rate", steps, optimizer_.lr()));
        if (!s.ok()) return s;
      }
      const bool last = batches == loader_.batches();
      if (!last && (interrupted || steps % options_.checkpoint_steps == 0)) {
        if (absl::Status s = save(); !s.ok()) return s;
        if (interrupted) return absl::CancelledError();
      }
    }
    const Standing done = standing(batches);
    const Evaluation e = evaluate(*net_, held_out_, options_);
    progress.say(absl::StrFormat("%s | held out: loss %.4f  accuracy %5.2f %%", done.text(), e.loss, 100 * e.accuracy));
    history_.training_loss.push_back(done.loss);
    history_.training_accuracy.push_back(done.accuracy);
    history_.held_out_loss.push_back(e.loss);
    history_.held_out_accuracy.push_back(e.accuracy);
    const int64_t steps = schedule_.current_step();
    absl::Status s = events.scalar("loss/held out", steps, e.loss);
    s.Update(events.scalar("accuracy/training", steps, done.accuracy));
    s.Update(events.scalar("accuracy/held out", steps, e.accuracy));
    if (!s.ok()) return s;
    loss_ = 0;
    right_ = 0;
    return save();
  }

  void step(const Tensor& x, const Tensor& y) {
    const Tensor scores = (*net_)(x);
    const Tensor loss = cross_entropy(scores, y);
    optimizer_.zero_grad();
    loss.backward();
    optimizer_.step();
    schedule_.step();
    const NoGrad off;
    loss_ += loss.item<double>();
    right_ += (scores.argmax(1) == y).sum().item<int64_t>();
    history_.step_loss.push_back(loss.item<double>());
    history_.learning_rate.push_back(optimizer_.lr());
  }

  absl::Status save() {
    io::Checkpoint c;
    c.set("plan", options_.plan());
    c.put("model", *net_);
    c.put("optimizer", optimizer_);
    c.put("schedule", schedule_);
    c.put("loader", loader_);
    c.put("random", default_generator());
    c.set("loss so far", loss_);
    c.set("right so far", right_);
    for (auto& [name, values] : history_.curves()) c.set(name, *values);
    return c.save(options_.checkpoint());
  }

  Options options_;
  data::DatasetPtr held_out_;
  data::DataLoader loader_;
  int64_t images_;  // of an epoch
  std::unique_ptr<Net> net_;
  optim::AdamW optimizer_;
  optim::OneCycleLR schedule_;
  double loss_ = 0;    // summed over this epoch's batches
  int64_t right_ = 0;  // of this epoch's images
  History history_;
};

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
  Training training(o, data::preprocessed(augmented(parts[0]), preprocess), data::preprocessed(parts[1], preprocess));

  // Two trainings would overwrite each other's checkpoints.
  const auto lock = io::DirectoryLock::acquire(o.out);
  if (!lock.ok()) return lock.status();
  if (o.resume) {
    if (absl::Status s = training.restore(); !s.ok()) return s;
  }
  auto events = io::EventWriter::create(o.out);
  if (!events.ok()) return events.status();

  Progress progress(stdout, training.total(), training.trained());
  progress.say(absl::StrFormat("%s images to train on, %s held out; %s parameters; %s", with_commas(parts[0]->size()),
                               with_commas(parts[1]->size()), with_commas(training.net().parameter_count()),
                               o.device.is_cpu() ? absl::StrFormat("%d threads", num_threads()) : to_string(o.device)));
  if (o.resume) {
    progress.say(absl::StrFormat("going on from %s, after %s of %s images", o.checkpoint(),
                                 with_commas(training.trained()), with_commas(training.total())));
  }
  if (absl::Status s = training.run(progress, *events); !s.ok()) {
    if (!absl::IsCancelled(s)) return s;
    progress.say(absl::StrCat("interrupted; everything is in ", o.checkpoint()));
    return s;
  }
  if (training.trained() > 0 && progress.rate(training.total()) > 0)
    progress.say(absl::StrFormat("trained in %s", duration(progress.seconds())));

  // The test images are looked at here, once, when nothing is left to decide.
  const data::DatasetPtr test_part = limited(std::make_shared<vision::FashionMnist>(*test_images));
  const Evaluation test = evaluate(training.net(), data::preprocessed(test_part, preprocess), o);
  training.net().to(kCpu);  // where it is exported
  progress.say(absl::StrFormat("test accuracy: %.2f %%", 100 * test.accuracy));
  if (absl::Status s = events->scalar("accuracy/test", training.trained() / o.batch, test.accuracy); !s.ok()) return s;
  return write_results({.net = training.net(),
                        .preprocess = *preprocess,
                        .history = training.history(),
                        .test = *test_images,
                        .probabilities = test.probabilities,
                        .training_images = parts[0]->size(),
                        .held_out_images = parts[1]->size(),
                        .epochs = o.epochs,
                        .seconds = progress.seconds()},
                       o.out);
}

void on_interrupt(int signal) {
  interrupted = 1;
  std::signal(signal, SIG_DFL);  // a second one ends the program at once
}

}  // namespace
}  // namespace hearth::fashion

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Trains an image classifier on Fashion-MNIST and exports it.");
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr, "train: unexpected argument \"%s\" (see --help)\n", rest[1]);
    return 2;
  }
  std::signal(SIGINT, hearth::fashion::on_interrupt);
  std::signal(SIGTERM, hearth::fashion::on_interrupt);
  auto options = hearth::fashion::options_from_flags();
  if (!options.ok()) {
    std::fprintf(stderr, "train: %s\n", std::string(options.status().message()).c_str());
    return 2;
  }
  absl::Status s;
  try {
    s = hearth::fashion::train(*options);
  } catch (const hearth::Error& e) {
    s = absl::InternalError(e.what());
  }
  if (s.ok()) return 0;
  if (absl::IsCancelled(s)) {
    std::printf("To go on: the same command with --resume\n");
    return 130;
  }
  std::fprintf(stderr, "train: %s\n", std::string(s.message()).c_str());
  return 1;
}
