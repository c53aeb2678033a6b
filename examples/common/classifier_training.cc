#include "examples/common/classifier_training.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/hearth.h"
#include "examples/common/program.h"

namespace hearth::examples {
namespace {

Series per_epoch(const char* name, const std::vector<double>& values, bool second) {
  Series s{name, {}, second};
  for (size_t i = 0; i < values.size(); ++i) s.points.emplace_back(static_cast<double>(i + 1), values[i]);
  return s;
}

}  // namespace

std::vector<Chart> ClassifierHistory::charts(int64_t epochs) const {
  const auto last = static_cast<double>(epochs);
  return {{"Loss", "epoch", {smoothed("training", step_loss, last), per_epoch("held out", held_out_loss, true)}},
          {"Accuracy",
           "epoch",
           {per_epoch("training", training_accuracy, false), per_epoch("held out", held_out_accuracy, true)},
           true},
          {"Learning rate", "epoch", {smoothed("", learning_rate, last)}}};
}

// How an epoch stands.
struct ClassifierTraining::Standing {
  int64_t number, count;  // of the epoch, from 1
  int64_t examples, of;   // of this epoch
  double loss, accuracy;  // means so far, of this epoch
  double rate;            // examples a second
  std::string what;

  std::string text() const {
    return absl::StrFormat("epoch %d/%d  %6s/%s %s  loss %.4f  accuracy %5.2f %%  %s %s/s", number, count,
                           with_commas(examples), with_commas(of), what, loss, 100 * accuracy,
                           with_commas(static_cast<int64_t>(rate)), what);
  }
};

ClassifierTraining::ClassifierTraining(ClassifierOptions options, nn::ModuleBase& net, Forward forward,
                                       const data::DatasetPtr& train, data::DatasetPtr held_out)
    : options_(std::move(options)),
      net_(net),
      forward_(std::move(forward)),
      held_out_(std::move(held_out)),
      loader_(train, {.batch_size = options_.batch,
                      .shuffle = true,
                      .drop_last = true,
                      .workers = static_cast<int>(options_.workers),
                      .prefetch = 8,
                      .seed = options_.seed,
                      .pin_memory = options_.device.is_cuda()}),
      examples_(loader_.batches() * options_.batch),
      optimizer_(net_.parameters(), {.lr = options_.lr, .weight_decay = options_.weight_decay}),
      schedule_(optimizer_, {.max_lr = options_.lr, .total_steps = options_.epochs * loader_.batches()}) {}

absl::Status ClassifierTraining::train(io::EventWriter& events, const std::string& introduction) {
  progress_ = std::make_unique<Progress>(stdout, total(), trained());
  Progress& progress = *progress_;
  progress.say(introduction);
  if (restored_) {
    progress.say(absl::StrFormat("going on from %s, after %s of %s %s", options_.checkpoint(), with_commas(trained()),
                                 with_commas(total()), options_.what));
  }
  while (loader_.state().epoch < options_.epochs) {
    absl::Status s = epoch(events);
    if (s.ok() && interrupted()) s = absl::CancelledError();
    if (absl::IsCancelled(s)) progress.say(absl::StrCat("interrupted; everything is in ", options_.checkpoint()));
    if (!s.ok()) return s;
  }
  if (trained() > 0 && progress.rate(total()) > 0)
    progress.say(absl::StrFormat("trained in %s", duration(progress.seconds())));
  return absl::OkStatus();
}

Evaluation ClassifierTraining::evaluate(const data::DatasetPtr& examples) {
  const InferenceMode no_gradients;
  net_.eval();
  data::DataLoader loader(
      examples,
      {.batch_size = 500, .workers = static_cast<int>(options_.workers), .pin_memory = options_.device.is_cuda()});
  std::vector<Tensor> scores, labels;
  for (auto& [x, y] : loader) {
    scores.push_back(forward_(x.to(options_.device, {.non_blocking = true})));
    labels.push_back(y);
  }
  net_.train();
  const Tensor s = cat(scores).cpu(), y = cat(labels);
  return {cross_entropy(s, y).item<double>(), (s.argmax(1) == y).to(f64).mean().item<double>(), softmax(s, 1), y};
}

ClassifierTraining::Standing ClassifierTraining::standing(int64_t epoch, int64_t batches) const {
  const int64_t seen = batches * options_.batch;
  return {epoch + 1,
          options_.epochs,
          seen,
          examples_,
          loss_ / static_cast<double>(batches),
          static_cast<double>(right_) / static_cast<double>(seen),
          progress_->rate(trained()),
          options_.what};
}

absl::Status ClassifierTraining::epoch(io::EventWriter& events) {
  const int64_t number = loader_.state().epoch;
  int64_t batches = loader_.state().sample / options_.batch;
  for (auto& [x, y] : loader_) {
    step(x.to(options_.device, {.non_blocking = true}), y.to(options_.device, {.non_blocking = true}));
    ++batches;
    progress_->update(trained(), [&] { return standing(number, batches).text(); });
    if (steps() % 50 == 0) {
      absl::Status s = events.scalar("loss/training", steps(), loss_ / static_cast<double>(batches));
      s.Update(events.scalar("learning rate", steps(), optimizer_.lr()));
      if (!s.ok()) return s;
    }
    const bool last = batches == loader_.batches();
    if (!last && (interrupted() || steps() % options_.checkpoint_steps == 0)) {
      if (absl::Status s = save(); !s.ok()) return s;
      if (interrupted()) return absl::CancelledError();
    }
  }
  return end_epoch(standing(number, batches), events);
}

absl::Status ClassifierTraining::end_epoch(const Standing& done, io::EventWriter& events) {
  const Evaluation e = evaluate(held_out_);
  progress_->say(absl::StrFormat("%s | held out: loss %.4f  accuracy %5.2f %%", done.text(), e.loss, 100 * e.accuracy));
  history_.training_loss.push_back(done.loss);
  history_.training_accuracy.push_back(done.accuracy);
  history_.held_out_loss.push_back(e.loss);
  history_.held_out_accuracy.push_back(e.accuracy);
  absl::Status s = events.scalar("loss/held out", steps(), e.loss);
  s.Update(events.scalar("accuracy/training", steps(), done.accuracy));
  s.Update(events.scalar("accuracy/held out", steps(), e.accuracy));
  if (!s.ok()) return s;
  loss_ = 0;
  right_ = 0;
  return save();
}

void ClassifierTraining::step(const Tensor& x, const Tensor& y) {
  const Tensor scores = forward_(x);
  const Tensor loss = cross_entropy(scores, y, {.label_smoothing = options_.label_smoothing});
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

TrainingState ClassifierTraining::state() {
  return {options_.checkpoint(), options_.plan, net_, optimizer_, schedule_, loader_, history_.curves()};
}

absl::Status ClassifierTraining::save() {
  return state().save([&](io::Checkpoint& c) {
    c.set("loss so far", loss_);
    c.set("right so far", right_);
  });
}

absl::Status ClassifierTraining::restore() {
  const absl::Status restored = state().restore([&](const io::Checkpoint& c) {
    absl::Status s = c.get("loss so far", loss_);
    s.Update(c.get("right so far", right_));
    return s;
  });
  restored_ = restored.ok();
  return restored;
}

}  // namespace hearth::examples
