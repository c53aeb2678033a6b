// Trains a small CTC recogniser of spoken symbols, such as digits, on recordings of single ones, and exports it.
// tools/demo digits runs it.
//
//   ctc --data=DIRECTORY [--label=REGEX] [--held_out=REGEX] [--out=DIRECTORY] [--resume] ...
//
// Utterances are put together of recordings of one voice. A directory is a voice; those that --held_out finds are never
// trained on, and say how well the net understands people that it has never heard.

#include <cstdint>
#include <memory>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "audio/codec/codec.h"
#include "audio/recognition/ctc_decoder.h"
#include "audio/recognition/error_rate.h"
#include "core/graph/save.h"
#include "core/graph/trace.h"
#include "core/hearth.h"
#include "core/io/checkpoint.h"
#include "core/io/crc32c.h"
#include "core/io/directory_lock.h"
#include "core/io/file.h"
#include "core/io/tensorboard.h"
#include "core/ops/ctc_loss.h"
#include "examples/audio/ctc_net.h"
#include "examples/audio/utterances.h"
#include "examples/common/page.h"
#include "examples/common/program.h"
#include "examples/common/progress.h"
#include "examples/common/training_state.h"

ABSL_FLAG(std::string, data, "", "directory of sound files");
ABSL_FLAG(std::string, label, "/(?:es|fr|it)_[^/]*/digits/([0-9])[.]wav$",
          "regular expression that finds a file's path; what its group catches is the symbol");
ABSL_FLAG(std::string, held_out, "Menardi", "regular expression of paths: voices that are not trained on");
ABSL_FLAG(std::string, out, "runs/ctc", "directory for checkpoint, model, events and report");
ABSL_FLAG(bool, resume, false, "go on from the checkpoint in --out");
ABSL_FLAG(int64_t, epochs, 16, "epochs of training");
ABSL_FLAG(int64_t, utterances, 2400, "utterances in an epoch, each made anew");
ABSL_FLAG(int64_t, test, 400, "utterances of each test");
ABSL_FLAG(int64_t, batch, 8, "utterances in a step");
ABSL_FLAG(int64_t, checkpoint_steps, 200, "steps between two checkpoints");
ABSL_FLAG(double, lr, 2e-3, "highest learning rate");
ABSL_FLAG(uint64_t, seed, 1, "of weights, utterances and dropout");
ABSL_FLAG(std::string, title, "Spoken digits", "the report's title");

namespace hearth::audio {
namespace {

using examples::duration;
using examples::interrupted;
using examples::with_commas;

struct Options {
  std::string data, label, held_out, out, title;
  bool resume;
  int64_t epochs, utterances, test, batch, checkpoint_steps;
  double lr;
  uint64_t seed;
};

absl::StatusOr<Options> options_from_flags() {
  Options o{.data = absl::GetFlag(FLAGS_data),
            .label = absl::GetFlag(FLAGS_label),
            .held_out = absl::GetFlag(FLAGS_held_out),
            .out = absl::GetFlag(FLAGS_out),
            .title = absl::GetFlag(FLAGS_title),
            .resume = absl::GetFlag(FLAGS_resume),
            .epochs = absl::GetFlag(FLAGS_epochs),
            .utterances = absl::GetFlag(FLAGS_utterances),
            .test = absl::GetFlag(FLAGS_test),
            .batch = absl::GetFlag(FLAGS_batch),
            .checkpoint_steps = absl::GetFlag(FLAGS_checkpoint_steps),
            .lr = absl::GetFlag(FLAGS_lr),
            .seed = absl::GetFlag(FLAGS_seed)};
  const auto bad = [](const char* what) { return absl::InvalidArgumentError(what); };
  if (o.data.empty()) return bad("--data must name a directory of sound files");
  if (o.held_out.empty()) return bad("--held_out must find the voices that are not trained on");
  if (o.epochs < 1) return bad("--epochs must be at least 1");
  if (o.batch < 1) return bad("--batch must be at least 1");
  if (o.utterances < o.batch) return bad("--utterances must be at least --batch");
  if (o.test < 1) return bad("--test must be at least 1");
  if (o.checkpoint_steps < 1) return bad("--checkpoint_steps must be at least 1");
  if (!(o.lr > 0)) return bad("--lr must be above 0");
  return o;
}

// What is trained and tested on.
struct Data {
  std::vector<std::string> symbols;
  int64_t recordings = 0, unheard_recordings = 0;
  int64_t checksum = 0;  // of the recordings that are trained on
  std::vector<Voice> known, unheard;

  int64_t classes() const { return static_cast<int64_t>(symbols.size()) + 1; }
  // The classes' names: of the blank too.
  std::vector<std::string> labels() const {
    std::vector<std::string> all = {"-"};
    all.insert(all.end(), symbols.begin(), symbols.end());
    return all;
  }
};

absl::StatusOr<int64_t> checksum_of(const std::vector<Clip>& clips) {
  uint32_t sum = 0;
  for (const Clip& clip : clips) {
    const auto bytes = io::read_file(clip.path, int64_t{1} << 28);
    if (!bytes.ok()) return bytes.status();
    sum = io::crc32c(absl::StrCat(sum, " ", clip.label, " ", *bytes));
  }
  return int64_t{sum};
}

absl::StatusOr<Data> load_data(const Options& o) {
  auto clips = find_clips(o.data, o.label, 1);
  if (!clips.ok()) return clips.status();
  std::vector<Clip> known, unheard;
  try {
    const std::regex held_out(o.held_out);
    for (Clip& clip : clips->clips)
      (std::regex_search(clip.path.substr(o.data.size()), held_out) ? unheard : known).push_back(std::move(clip));
  } catch (const std::regex_error& e) {
    return absl::InvalidArgumentError(absl::StrCat("--held_out: \"", o.held_out, "\": ", e.what()));
  }
  if (known.empty())
    return absl::InvalidArgumentError(absl::StrCat(o.data, " has no recordings to train on (--label)"));
  if (unheard.empty())
    return absl::InvalidArgumentError(absl::StrCat(o.data, " has no recordings that --held_out finds"));
  Data d{.symbols = clips->labels,
         .recordings = static_cast<int64_t>(known.size()),
         .unheard_recordings = static_cast<int64_t>(unheard.size()),
         .known = {},
         .unheard = {}};
  const auto sum = checksum_of(known);
  if (!sum.ok()) return sum.status();
  d.checksum = *sum;
  auto voices = load_voices(known);
  if (!voices.ok()) return voices.status();
  d.known = *std::move(voices);
  voices = load_voices(unheard);
  if (!voices.ok()) return voices.status();
  d.unheard = *std::move(voices);
  return d;
}

// Errors of one way to decode, of all symbols of some utterances.
struct Errors {
  Edits greedy, beam;
};

struct History {
  std::vector<double> step_loss, learning_rate;    // of each step
  std::vector<double> known_error, unheard_error;  // of each epoch, greedy
};

class Training {
 public:
  Training(const Options& o, const Data& d)
      : o_(o),
        d_(d),
        labels_(d.labels()),
        loader_(
            std::make_shared<Utterances>(d.known, UtteranceOptions{.count = o.utterances, .most = 3, .augment = true}),
            {.batch_size = o.batch,
             .drop_last = true,
             .workers = 1,
             .seed = o.seed,
             .collate = data::PaddingCollate({{"features", {.length = true}}, {"symbols", {.length = true}}})}),
        net_((manual_seed(o.seed), std::make_unique<CtcNet>(d.classes()))),
        optimizer_(net_->parameters(), {.lr = o.lr, .weight_decay = 0.05}),
        schedule_(optimizer_, {.max_lr = o.lr, .total_steps = o.epochs * loader_.batches(), .warm_up = 0.15}) {}

  CtcNet& net() { return *net_; }
  const History& history() const { return history_; }
  int64_t steps() const { return schedule_.current_step(); }
  int64_t done() const { return steps() * o_.batch; }
  int64_t total() const { return o_.epochs * loader_.batches() * o_.batch; }

  absl::Status restore() {
    return state().restore([&](const io::Checkpoint& c) {
      int64_t sum = 0;
      if (absl::Status s = c.get("recordings", sum); !s.ok()) return s;
      if (sum == d_.checksum) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat(o_.out, "/checkpoint was made of other recordings than those in ", o_.data));
    });
  }

  absl::Status run(examples::Progress& progress, io::EventWriter& events) {
    while (loader_.state().epoch < o_.epochs) {
      if (absl::Status s = epoch(progress, events); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  // Of new utterances of these voices, the same each time; nothing is changed in them.
  Errors test(const std::vector<Voice>& voices, int64_t count, bool beam) {
    const InferenceMode no_gradients;
    net_->eval();
    const Utterances utterances(voices, {.count = count, .seed = o_.seed + 1});
    Errors e;
    Generator unused(0);
    for (int64_t i = 0; i < count; ++i) {
      data::Example u = utterances.get(i, unused);
      const std::vector<int64_t> said = u["symbols"].to_vector<int64_t>();
      const Tensor log_probs = log_softmax((*net_)(u["features"].unsqueeze(0), CtcNet::first_state(1)).first[0], 1);
      e.greedy += edits(said, ctc_greedy_decode(log_probs));
      if (beam) e.beam += edits(said, ctc_beam_search(log_probs, {.labels = labels_, .beam_size = 20})[0].tokens);
    }
    net_->train();
    return e;
  }

 private:
  examples::TrainingState state() {
    return {o_.out + "/checkpoint",
            absl::StrFormat("--epochs=%d --utterances=%d --batch=%d --lr=%g --seed=%d --held_out='%s'", o_.epochs,
                            o_.utterances, o_.batch, o_.lr, o_.seed, o_.held_out),
            *net_,
            optimizer_,
            schedule_,
            loader_,
            {{"step loss", &history_.step_loss},
             {"learning rate", &history_.learning_rate},
             {"known error", &history_.known_error},
             {"unheard error", &history_.unheard_error}}};
  }
  absl::Status save() {
    return state().save([&](io::Checkpoint& c) { c.set("recordings", d_.checksum); });
  }

  void step(data::Example& batch) {
    const Tensor& features = batch["features"];
    const Tensor scores = (*net_)(features, CtcNet::first_state(features.size(0))).first;
    const Tensor loss = ctc_loss(log_softmax(scores, 2).transpose(0, 1), batch["symbols"], batch["features_length"],
                                 batch["symbols_length"], {.zero_infinity = true});
    optimizer_.zero_grad();
    loss.backward();
    optim::clip_grad_norm_(net_->parameters(), 1);
    history_.learning_rate.push_back(optimizer_.lr());
    optimizer_.step();
    schedule_.step();
    history_.step_loss.push_back(loss.item<double>());
  }

  // The mean over this epoch's last steps.
  double recent_loss() const {
    const std::vector<double>& all = history_.step_loss;
    const size_t n = std::min<size_t>(all.size(), 20);
    double sum = 0;
    for (size_t i = all.size() - n; i < all.size(); ++i) sum += all[i];
    return sum / static_cast<double>(n);
  }

  absl::Status epoch(examples::Progress& progress, io::EventWriter& events) {
    const int64_t number = loader_.state().epoch + 1;
    int64_t batches = loader_.state().sample / o_.batch;
    const auto standing = [&] {
      return absl::StrFormat("epoch %d/%d  %6s/%s utterances  loss %.4f  %s/s", number, o_.epochs,
                             with_commas(batches * o_.batch), with_commas(loader_.batches() * o_.batch), recent_loss(),
                             with_commas(static_cast<int64_t>(progress.rate(done()))));
    };
    for (data::Example& batch : loader_) {
      step(batch);
      progress.update(done(), standing);
      const bool last = ++batches == loader_.batches();
      if (!last && (interrupted() || steps() % o_.checkpoint_steps == 0)) {
        if (absl::Status s = save(); !s.ok()) return s;
      }
      if (!last && interrupted()) return absl::CancelledError();
    }
    // Curves only: nothing is chosen by them.
    const int64_t some = std::min<int64_t>(o_.test, 100);
    history_.known_error.push_back(test(d_.known, some, false).greedy.rate());
    history_.unheard_error.push_back(test(d_.unheard, some, false).greedy.rate());
    progress.say(absl::StrFormat("%s | wrong symbols: %.1f %% of known voices, %.1f %% of voices never heard",
                                 standing(), 100 * history_.known_error.back(), 100 * history_.unheard_error.back()));
    absl::Status s = events.scalar("loss/training", steps(), recent_loss());
    s.Update(events.scalar("errors/known voices", steps(), history_.known_error.back()));
    s.Update(events.scalar("errors/voices never heard", steps(), history_.unheard_error.back()));
    s.Update(save());
    if (s.ok() && interrupted()) return absl::CancelledError();
    return s;
  }

  const Options& o_;
  const Data& d_;
  std::vector<std::string> labels_;
  data::DataLoader loader_;
  std::unique_ptr<CtcNet> net_;
  optim::AdamW optimizer_;
  optim::OneCycleLR schedule_;
  History history_;
};

absl::Status write_model(CtcNet& net, const Options& o, const Data& d) {
  net.eval();
  graph::Exported model{.main = graph::trace(net,
                                             {{"features", f32, {"batch", "steps", kCtcFrames, kCtcMels}},
                                              {"state", f32, {"batch", kCtcLayers, kCtcHidden}}},
                                             {.outputs = {"scores", "next_state"}}),
                        .preprocess = ctc_preprocess_graph(),
                        .signature = {}};
  model.signature.description = o.title;
  model.signature.labels = d.labels();
  model.signature.preprocess_input = {{"type", "audio"}, {"sample_rate", absl::StrCat(kCtcRate)}, {"channels", "1"}};
  // How to read the scores; of how many samples a step is made, and how far it is to the next; which output is which
  // input of the next part of a sound.
  model.signature.metadata = {{"decoder", "ctc"},
                              {"stream_samples", absl::StrCat(kCtcStepSize)},
                              {"stream_hop", absl::StrCat(kCtcStepHop)},
                              {"stream_state", "state=next_state"}};
  return graph::save(model, o.out + "/model");
}

// One utterance of a voice that was never heard, to try the model on.
absl::Status write_sample(const Options& o, const Data& d) {
  const Utterances utterances(d.unheard, {.count = 1, .least = 4, .most = 7, .seed = o.seed + 2});
  Generator unused(0);
  const auto [sound, symbols] = utterances.sound(0, unused);
  std::string name;
  for (const int64_t s : symbols) name += d.symbols[static_cast<size_t>(s - 1)];
  return save_audio(absl::StrCat(o.out, "/", name, ".wav"), sound.unsqueeze(0), kCtcRate,
                    {.encoding = Encoding::kPcm16});
}

examples::Series per_epoch(const char* name, const std::vector<double>& values, bool second) {
  examples::Series s{name, {}, second};
  for (size_t i = 0; i < values.size(); ++i) s.points.emplace_back(static_cast<double>(i + 1), values[i]);
  return s;
}

std::string percent(const Edits& e) { return absl::StrFormat("%.1f %%", 100 * e.rate()); }

absl::Status draw(const Options& o, const Data& d, const History& h, const Errors& known, const Errors& unheard,
                  double seconds) {
  const auto last = static_cast<double>(o.epochs);
  examples::Page page{
      .title = o.title,
      .subtitle = absl::StrFormat("%d epochs of %s utterances, made of %s recordings by %d voices", o.epochs,
                                  with_commas(o.utterances), with_commas(d.recordings), d.known.size()),
      .footer = absl::StrFormat("Recordings: %s", o.data),
      .figures = {{percent(unheard.beam), "wrong, voices never heard"}, {percent(known.beam), "wrong, known voices"}},
      .charts = {{"Loss", "epoch", {examples::smoothed("", h.step_loss, last)}},
                 {"Wrong symbols",
                  "epoch",
                  {per_epoch("known voices", h.known_error, false), per_epoch("never heard", h.unheard_error, true)},
                  true},
                 {"Learning rate", "epoch", {examples::smoothed("", h.learning_rate, last)}}}};
  if (seconds >= 1) page.figures.push_back({duration(seconds), "training"});
  constexpr double kHeight = 450;
  examples::Canvas canvas(kHeight);
  examples::draw_page(canvas, page, kHeight);
  return canvas.save(o.out + "/report.png");
}

std::string names(const std::vector<Voice>& voices, const std::string& directory) {
  return absl::StrJoin(
      voices, ", ", [&](std::string* out, const Voice& v) { absl::StrAppend(out, v.name.substr(directory.size())); });
}

absl::Status train(const Options& o) {
  // Two trainings would overwrite each other's checkpoints.
  const auto lock = io::DirectoryLock::acquire(o.out);
  if (!lock.ok()) return lock.status();
  const auto d = load_data(o);
  if (!d.ok()) return d.status();
  Training training(o, *d);
  if (o.resume) {
    if (absl::Status s = training.restore(); !s.ok()) return s;
  }
  auto events = io::EventWriter::create(o.out);
  if (!events.ok()) return events.status();
  examples::Progress progress(stdout, training.total(), training.done());
  progress.say(absl::StrFormat("%d recordings of %d symbols to train on: %s", d->recordings, d->symbols.size(),
                               names(d->known, o.data)));
  progress.say(absl::StrFormat("%d recordings of voices that are never heard: %s; %s parameters; %d threads",
                               d->unheard_recordings, names(d->unheard, o.data),
                               with_commas(training.net().parameter_count()), num_threads()));
  if (o.resume) {
    progress.say(absl::StrFormat("going on from %s/checkpoint, after %s of %s utterances", o.out,
                                 with_commas(training.done()), with_commas(training.total())));
  }
  const bool trains = training.done() < training.total();
  if (absl::Status s = training.run(progress, *events); !s.ok()) {
    if (absl::IsCancelled(s)) progress.say(absl::StrCat("interrupted; everything is in ", o.out, "/checkpoint"));
    return s;
  }
  const double seconds = trains ? progress.seconds() : 0;
  if (trains) progress.say(absl::StrFormat("trained in %s", duration(seconds)));
  const Errors known = training.test(d->known, o.test, true), unheard = training.test(d->unheard, o.test, true);
  const auto line = [&](const char* what, const Errors& e) {
    progress.say(absl::StrFormat("  %-40s %6.2f %% greedy, %6.2f %% by prefix beam search, of %s", what,
                                 100 * e.greedy.rate(), 100 * e.beam.rate(), with_commas(e.beam.reference)));
  };
  progress.say("symbols that are wrong, left out or too many:");
  line("known recordings in a new order", known);
  line("voices never heard", unheard);
  absl::Status s = write_model(training.net(), o, *d);
  s.Update(write_sample(o, *d));
  s.Update(draw(o, *d, training.history(), known, unheard, seconds));
  if (s.ok()) progress.say(absl::StrFormat("the model: %s/model; the curves: %s/report.png", o.out, o.out));
  return s;
}

}  // namespace
}  // namespace hearth::audio

int main(int argc, char** argv) {
  using namespace hearth::audio;
  return hearth::examples::training_main(
      argc, argv, "ctc", "Trains a recogniser of spoken symbols and exports it: ctc --data=DIRECTORY ...",
      options_from_flags, train);
}
