// Trains a classifier of recordings, compares it with a linear model, and exports it. tools/demo audio runs it.
//
//   train --data=DIRECTORY --label=EXPRESSION [--out=DIRECTORY] [--resume] ...

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "audio/audio.h"
#include "core/hearth.h"
#include "core/io/crc32c.h"
#include "core/io/directory_lock.h"
#include "core/io/or_throw.h"
#include "core/io/tensorboard.h"
#include "examples/audio/clips.h"
#include "examples/audio/linear.h"
#include "examples/audio/net.h"
#include "examples/audio/results.h"
#include "examples/audio/sound.h"
#include "examples/common/classifier_training.h"
#include "examples/common/program.h"
#include "examples/common/progress.h"

ABSL_FLAG(std::string, data, "", "directory of sound files, with what is below it");
ABSL_FLAG(std::string, label, "([^/]+)/[^/]+$",
          "regular expression whose group is the label in a file's path; by default the directory's name");
ABSL_FLAG(std::string, names, "", "names of labels for people: fr=French,de=German");
ABSL_FLAG(std::string, title, "Recordings", "what the model tells, for the report and the model's description");
ABSL_FLAG(int64_t, at_least, 300, "clips that a label needs");
ABSL_FLAG(std::string, elsewhere, "",
          "another directory with recordings of the same labels, to try the model on at the end");
ABSL_FLAG(std::string, elsewhere_label, "([^/]+)/[^/]+$", "as --label, for --elsewhere");
ABSL_FLAG(std::string, out, "runs/audio", "directory for checkpoint, exported model, samples, events and report");
ABSL_FLAG(bool, resume, false, "go on from the checkpoint in --out");
ABSL_FLAG(int64_t, epochs, 10, "how often every training clip is seen");
ABSL_FLAG(int64_t, batch, 32, "clips in a step");
ABSL_FLAG(double, lr, 3e-3, "highest learning rate of the cycle");
ABSL_FLAG(uint64_t, seed, 1, "of the parts, weights, order and augmentation");
ABSL_FLAG(int64_t, limit, 0, "for a quick try: train on this many clips only, hold out and test on as many at most");
ABSL_FLAG(int64_t, checkpoint_steps, 50, "steps between two checkpoints");

namespace hearth::audio {
namespace {

using examples::duration;
using examples::with_commas;

struct Options {
  std::string data, label, title, elsewhere, elsewhere_label, out;
  std::vector<std::pair<std::string, std::string>> names;
  bool resume;
  int64_t at_least, epochs, batch, limit, checkpoint_steps;
  double lr;
  uint64_t seed;

  // What must be the same for a checkpoint to fit. The clips' paths are a part of it.
  std::string plan(const Parts& parts) const {
    std::string paths;
    for (const Clip& c : parts.training) absl::StrAppend(&paths, c.path, "\n", c.label, "\n");
    return absl::StrFormat("--epochs=%d --batch=%d --lr=%g --seed=%d --limit=%d of %d clips (%08x)", epochs, batch, lr,
                           seed, limit, parts.training.size(), io::crc32c(paths));
  }
  const std::string& name(const std::string& label) const {
    const auto at = std::ranges::find(names, label, &std::pair<std::string, std::string>::first);
    return at == names.end() ? label : at->second;
  }
};

bool names_a_file(absl::string_view name) {
  return !name.empty() && name != "." && name != ".." && !absl::StrContains(name, '/');
}

absl::StatusOr<Options> options_from_flags() {
  Options o{.data = absl::GetFlag(FLAGS_data),
            .label = absl::GetFlag(FLAGS_label),
            .title = absl::GetFlag(FLAGS_title),
            .elsewhere = absl::GetFlag(FLAGS_elsewhere),
            .elsewhere_label = absl::GetFlag(FLAGS_elsewhere_label),
            .out = absl::GetFlag(FLAGS_out),
            .names = {},
            .resume = absl::GetFlag(FLAGS_resume),
            .at_least = absl::GetFlag(FLAGS_at_least),
            .epochs = absl::GetFlag(FLAGS_epochs),
            .batch = absl::GetFlag(FLAGS_batch),
            .limit = absl::GetFlag(FLAGS_limit),
            .checkpoint_steps = absl::GetFlag(FLAGS_checkpoint_steps),
            .lr = absl::GetFlag(FLAGS_lr),
            .seed = absl::GetFlag(FLAGS_seed)};
  for (const auto& entry : absl::StrSplit(absl::GetFlag(FLAGS_names), ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(entry, absl::MaxSplits('=', 1));
    // Samples are files with such names.
    if (pair.first.empty() || !names_a_file(pair.second))
      return absl::InvalidArgumentError(absl::StrCat("--names must be label=name,..., but has \"", entry, "\""));
    o.names.push_back(pair);
  }
  if (o.data.empty()) return absl::InvalidArgumentError("--data must name a directory of sound files");
  if (o.at_least < 1) return absl::InvalidArgumentError("--at_least must be at least 1");
  if (o.epochs < 1) return absl::InvalidArgumentError("--epochs must be at least 1");
  if (o.batch < 2) return absl::InvalidArgumentError("--batch must be at least 2: batch norm needs a batch");
  if (!(o.lr > 0)) return absl::InvalidArgumentError("--lr must be above 0");
  if (o.limit < 0) return absl::InvalidArgumentError("--limit must not be negative");
  if (o.checkpoint_steps < 1) return absl::InvalidArgumentError("--checkpoint_steps must be at least 1");
  return o;
}

// Recordings as a server would decode them: mono, at the model's rate.
class Sounds final : public data::Dataset {
 public:
  explicit Sounds(std::vector<Clip> clips) : clips_(std::move(clips)) {}
  int64_t size() const override { return static_cast<int64_t>(clips_.size()); }
  data::Example get(int64_t i, Generator&) const override {
    const Clip& c = clips_[static_cast<size_t>(i)];
    return {io::or_throw(load_sound(c.path, kSampleRate)), tensor(c.label)};
  }

 private:
  std::vector<Clip> clips_;
};

struct Features {
  Tensor x, y;  // [n, 1, 64, 200], [n]
};

// All features of these clips, made by as many threads as there are.
Features features_of(const std::vector<Clip>& clips, const std::shared_ptr<const graph::Graph>& preprocess,
                     const std::string& what) {
  data::DataLoader loader(data::preprocessed(std::make_shared<Sounds>(clips), preprocess),
                          {.batch_size = 32, .workers = num_threads(), .prefetch = 8});
  examples::Progress progress(stdout, static_cast<int64_t>(clips.size()), 0);
  std::vector<Tensor> x, y;
  int64_t done = 0;
  for (auto& [features, labels] : loader) {
    done += labels.size(0);
    x.push_back(features);
    y.push_back(labels);
    progress.update(done, [&] {
      return absl::StrFormat("reading %s: %s/%s clips", what, with_commas(done), with_commas(progress.total()));
    });
  }
  progress.clear();
  return {cat(x), cat(y)};
}

// Covers parts of the spectrograms, drawn anew for each epoch.
data::DatasetPtr augmented(const Features& f) {
  return std::make_shared<data::MapDataset>(std::make_shared<data::TensorDataset>(f.x, f.y), [](data::Example e,
                                                                                                Generator& random) {
    Tensor& x = e["input"];
    x = spec_augment(
        x, {.n_time_masks = 2, .time_mask_param = 30, .n_freq_masks = 2, .freq_mask_param = 12, .zero_masking = true},
        &random);
    return e;
  });
}

// The label that most have; the first of several.
int64_t most_frequent(const Tensor& labels, int64_t classes) {
  const std::vector<int64_t> all = labels.to_vector<int64_t>();
  std::vector<int64_t> counts(static_cast<size_t>(classes));
  for (int64_t label : all) ++counts[static_cast<size_t>(label)];
  return std::ranges::max_element(counts) - counts.begin();
}
double share(const Tensor& labels, int64_t label) { return (labels == label).to(f64).mean().item<double>(); }

// Samples are files with the classes' names.
absl::Status check_names(const Options& o, const std::vector<std::string>& labels) {
  std::map<std::string, std::string> label_of;
  for (const std::string& label : labels) {
    const std::string& name = o.name(label);
    if (label.empty()) {
      return absl::InvalidArgumentError("--label finds a file whose label is empty");
    }
    if (!names_a_file(name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the label \"", label, "\" (--label) is \".\" or \"..\", or has a /; --names can give it another name"));
    }
    const auto [at, is_new] = label_of.emplace(name, label);
    if (!is_new) {
      return absl::InvalidArgumentError(
          absl::StrCat("the labels \"", at->second, "\" and \"", label, "\" have one name (--names), \"", name, "\""));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Clips> clips_to_train_on(const Options& o) {
  auto clips = find_clips(o.data, o.label, o.at_least);
  if (!clips.ok()) return clips;
  if (clips->labels.size() < 2) {
    return absl::InvalidArgumentError(absl::StrFormat("%s has %d labels with %d clips (--at_least); two are needed",
                                                      o.data, clips->labels.size(), o.at_least));
  }
  if (absl::Status s = check_names(o, clips->labels); !s.ok()) return s;
  return clips;
}

absl::StatusOr<Parts> parts_of(const Options& o, const Clips& clips) {
  Parts parts = split(clips.clips, o.seed);
  if (o.limit > 0) {
    for (auto* part : {&parts.training, &parts.held_out, &parts.test})
      part->resize(std::min(part->size(), static_cast<size_t>(o.limit)));
  }
  if (static_cast<int64_t>(parts.training.size()) < o.batch)
    return absl::InvalidArgumentError(absl::StrFormat("there are %d clips to train on, and a batch (--batch) has %d",
                                                      parts.training.size(), o.batch));
  if (parts.held_out.empty() || parts.test.empty())
    return absl::InvalidArgumentError(absl::StrCat(o.data, " has too few recordings to hold some out"));
  return parts;
}

// Recordings of the same labels that are not among those of --data.
struct Elsewhere {
  std::vector<Clip> clips;
  int64_t copies = 0;  // left out
};

absl::StatusOr<Elsewhere> clips_from_elsewhere(const Options& o, const Clips& known) {
  auto clips = find_clips(o.elsewhere, o.elsewhere_label, 1);
  if (!clips.ok()) return clips.status();
  std::vector<Clip> out;
  for (Clip c : clips->clips) {
    const auto at = std::ranges::find(known.labels, clips->labels[static_cast<size_t>(c.label)]);
    if (at == known.labels.end()) continue;
    c.label = at - known.labels.begin();
    out.push_back(c);
  }
  if (out.empty()) return absl::InvalidArgumentError(absl::StrCat(o.elsewhere, " has no clips of the same labels"));
  auto left = without_copies(out, known.files);
  if (!left.ok()) return left.status();
  if (left->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(o.elsewhere, " (--elsewhere) has only copies of files in ", o.data));
  }
  const auto copies = static_cast<int64_t>(out.size() - left->size());
  return Elsewhere{*std::move(left), copies};
}

// All that a training is made of.
struct Data {
  Clips clips;
  Parts parts;
  Elsewhere elsewhere;  // without clips if there is no --elsewhere
  std::shared_ptr<const graph::Graph> preprocess = std::make_shared<const graph::Graph>(preprocess_graph());
  Features training, held_out;
  int64_t most_frequent = 0;  // the label, of those that are trained on

  int64_t classes() const { return static_cast<int64_t>(clips.labels.size()); }
};

absl::StatusOr<Data> load_data(const Options& o) {
  auto clips = clips_to_train_on(o);
  if (!clips.ok()) return clips.status();
  auto parts = parts_of(o, *clips);
  if (!parts.ok()) return parts.status();
  Data d{.clips = *std::move(clips), .parts = *std::move(parts), .elsewhere = {}, .training = {}, .held_out = {}};
  if (!o.elsewhere.empty()) {
    auto elsewhere = clips_from_elsewhere(o, d.clips);
    if (!elsewhere.ok()) return elsewhere.status();
    d.elsewhere = *std::move(elsewhere);
  }
  d.training = features_of(d.parts.training, d.preprocess, "what is trained on");
  d.held_out = features_of(d.parts.held_out, d.preprocess, "what is held out");
  d.most_frequent = most_frequent(d.training.y, d.classes());
  return d;
}

data::DatasetPtr dataset(const Features& f) { return std::make_shared<data::TensorDataset>(f.x, f.y); }
std::string percent(double x) { return absl::StrFormat("%.1f %%", 100 * x); }

// Says how good the net is, and writes what is left of the training.
absl::Status finish(const Options& o, const Data& d, Net& net, examples::ClassifierTraining& training,
                    io::EventWriter& events) {
  const double seconds = training.progress().seconds();
  // The test clips are looked at here, once, when nothing is left to decide.
  const Features test = features_of(d.parts.test, d.preprocess, "what is tested on");
  const examples::Evaluation answers = training.evaluate(dataset(test));
  const double linear = linear_accuracy(d.training.x, d.training.y, test.x, test.y, d.classes()),
               most = share(test.y, d.most_frequent);
  examples::Progress& progress = training.progress();
  const auto line = [&](const char* what, double accuracy) {
    progress.say(absl::StrFormat("  %-32s %6.2f %%", what, 100 * accuracy));
  };
  progress.say(absl::StrFormat("test accuracy, on %s clips:", with_commas(test.x.size(0))));
  line("this net", answers.accuracy);
  line("a linear model of the features", linear);
  line("always the most frequent label", most);
  if (absl::Status s = events.scalar("accuracy/test", training.steps(), answers.accuracy); !s.ok()) return s;
  Results results{.net = net,
                  .preprocess = *d.preprocess,
                  .history = training.history(),
                  .classes = {},
                  .test = d.parts.test,
                  .features = test.x,
                  .answers = answers,
                  .title = o.title,
                  .subtitle = absl::StrFormat("%d epochs of %s clips, %s held out for every choice, tested once on %s",
                                              o.epochs, with_commas(d.training.x.size(0)),
                                              with_commas(d.held_out.x.size(0)), with_commas(test.x.size(0))),
                  .footer = absl::StrCat("Recordings: ", o.data,
                                         o.elsewhere.empty() ? "" : absl::StrCat("; other voices: ", o.elsewhere)),
                  .figures = {{percent(answers.accuracy), "test accuracy"},
                              {percent(linear), "linear model"},
                              {percent(most), "most frequent"}},
                  .epochs = o.epochs};
  // Of this process: a checkpoint may have been all there was to do.
  if (seconds >= 1) results.figures.push_back({duration(seconds), "training"});
  for (const std::string& label : d.clips.labels) results.classes.push_back(o.name(label));
  if (!d.elsewhere.clips.empty()) {
    const Features other = features_of(d.elsewhere.clips, d.preprocess, "recordings from elsewhere");
    const double accuracy = training.evaluate(dataset(other)).accuracy;
    progress.say(absl::StrFormat("other voices, %s clips of %s (left out: %s copies of clips in %s):",
                                 with_commas(other.x.size(0)), o.elsewhere, with_commas(d.elsewhere.copies), o.data));
    line("this net", accuracy);
    line("always the most frequent label", share(other.y, d.most_frequent));
    results.figures.push_back({percent(accuracy), "other voices"});
  }
  return write_results(results, o.out);
}

absl::Status train(const Options& o) {
  // Two trainings would overwrite each other's checkpoints.
  const auto lock = io::DirectoryLock::acquire(o.out);
  if (!lock.ok()) return lock.status();
  const auto d = load_data(o);
  if (!d.ok()) return d.status();
  manual_seed(o.seed);
  Net net(d->classes());
  examples::ClassifierTraining training(
      {.out = o.out,
       .plan = o.plan(d->parts),
       .what = "clips",
       .epochs = o.epochs,
       .batch = o.batch,
       .workers = 1,
       .checkpoint_steps = o.checkpoint_steps,
       .lr = o.lr,
       .weight_decay = 0.05,
       .label_smoothing = 0.05,
       .seed = o.seed},
      net, [&](const Tensor& x) { return net(x); }, augmented(d->training), dataset(d->held_out));
  if (o.resume) {
    if (absl::Status s = training.restore(); !s.ok()) return s;
  }
  auto events = io::EventWriter::create(o.out);
  if (!events.ok()) return events.status();
  const std::string introduction = absl::StrFormat(
      "%s clips to train on, %s held out, %s to test on, of %d labels (left out: %s copies, %s files under two "
      "labels); "
      "%s parameters; %d threads",
      with_commas(d->training.x.size(0)), with_commas(d->held_out.x.size(0)),
      with_commas(static_cast<int64_t>(d->parts.test.size())), d->classes(), with_commas(d->clips.copies),
      with_commas(d->clips.contradictory), with_commas(net.parameter_count()), num_threads());
  if (absl::Status s = training.train(*events, introduction); !s.ok()) return s;
  return finish(o, *d, net, training, *events);
}

}  // namespace
}  // namespace hearth::audio

int main(int argc, char** argv) {
  using namespace hearth::audio;
  return hearth::examples::training_main(
      argc, argv, "train", "Trains a classifier of recordings and exports it: train --data=DIRECTORY [--label=...] ...",
      options_from_flags, train);
}
