// Trains subwords and a small GPT-2 on a text, and writes a directory that //examples/text:generate and transformers
// open. tools/demo text runs it.
//
//   gpt --data=TEXT [--out=DIRECTORY] [--resume] ...
//
// TEXT is UTF-8 with blank lines between documents. Every 20th document is held out: how well the model foretells those
// is compared with an n-gram model.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "core/hearth.h"
#include "core/io/atomic_file.h"
#include "core/io/checkpoint.h"
#include "core/io/crc32c.h"
#include "core/io/directory_lock.h"
#include "core/io/tensorboard.h"
#include "examples/common/printable.h"
#include "examples/common/program.h"
#include "examples/common/progress.h"
#include "examples/common/training_state.h"
#include "examples/text/gpt_report.h"
#include "text/data/lines.h"
#include "text/data/packing.h"
#include "text/generate/generate.h"
#include "text/metrics/kneser_ney.h"
#include "text/metrics/perplexity.h"
#include "text/models/pretrained.h"
#include "text/tokenizer/train.h"

ABSL_FLAG(std::string, data, "", "the text: UTF-8, with blank lines between documents");
ABSL_FLAG(std::string, out, "runs/gpt", "directory for checkpoint, model, events and report");
ABSL_FLAG(bool, resume, false, "go on from the checkpoint in --out");
ABSL_FLAG(int64_t, steps, 12000, "steps of training");
ABSL_FLAG(int64_t, batch, 4, "sequences in a step");
ABSL_FLAG(int64_t, context, 128, "tokens of a sequence: the longest that the model can read");
ABSL_FLAG(int64_t, vocabulary, 1024, "tokens: 256 bytes, the end of a document, and what is learned");
ABSL_FLAG(int64_t, layers, 4, "layers of the model");
ABSL_FLAG(int64_t, width, 128, "features of a token");
ABSL_FLAG(int64_t, heads, 4, "attention heads of a layer");
ABSL_FLAG(double, init_std, 0.06, "standard deviation of first weights; small models need more than GPT-2's 0.02");
ABSL_FLAG(double, dropout, 0, "dropout in all places where GPT-2 has it");
ABSL_FLAG(double, lr, 2.5e-3, "highest learning rate");
ABSL_FLAG(uint64_t, seed, 1, "of weights, order, dropout and samples");
ABSL_FLAG(int64_t, hold_out, 20, "one document of so many is held out");
ABSL_FLAG(int64_t, evaluations, 10, "how often the model is tried on held-out text, and writes a sample, in between");
ABSL_FLAG(int64_t, checkpoint_steps, 500, "steps between two checkpoints");
ABSL_FLAG(std::string, prompt, "And", "what samples begin with");

namespace hearth::text {
namespace {

using examples::duration;
using examples::interrupted;
using examples::Progress;
using examples::with_commas;

constexpr const char* kEnd = "<|endoftext|>";
constexpr int32_t kEndId = 0;
constexpr int kOrder = 5;
// In between, the model is tried on the first of the held-out tokens only.
constexpr size_t kQuickTokens = 8192;
constexpr double kWeightDecay = 0.1;

// The shortest text that is this number again.
// With few digits where they say it all.
std::string digits(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", number);
  if (std::strtod(text, nullptr) == number) return text;
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

struct Options {
  std::string data, out;
  bool resume;
  int64_t steps, batch, context, vocabulary, layers, width, heads, hold_out, evaluations, checkpoint_steps;
  double init_std, dropout, lr;
  uint64_t seed;
  std::string prompt;

  std::string checkpoint() const { return out + "/checkpoint"; }
  int64_t step_tokens() const { return batch * context; }
  int64_t evaluation_steps() const { return std::max<int64_t>(steps / std::max<int64_t>(evaluations, 1), 1); }
  // What must be the same for a checkpoint to fit.
  std::string plan() const {
    return absl::StrFormat(
        "--steps=%d --batch=%d --context=%d --vocabulary=%d --layers=%d --width=%d --heads=%d --init_std=%s "
        "--dropout=%s --lr=%s --seed=%d --hold_out=%d --evaluations=%d --prompt='%s'",
        steps, batch, context, vocabulary, layers, width, heads, digits(init_std), digits(dropout), digits(lr), seed,
        hold_out, evaluations, absl::StrReplaceAll(prompt, {{"'", "'\\''"}}));
  }
  Gpt2Config config() const {
    return {.vocab_size = vocabulary,
            .n_positions = context,
            .n_embd = width,
            .n_layer = layers,
            .n_head = heads,
            .resid_pdrop = dropout,
            .embd_pdrop = dropout,
            .attn_pdrop = dropout,
            .initializer_range = init_std,
            .special = {.bos = kEndId, .eos = {kEndId}, .pad = {}}};
  }
};

absl::StatusOr<Options> options_from_flags() {
  Options o{.data = absl::GetFlag(FLAGS_data),
            .out = absl::GetFlag(FLAGS_out),
            .resume = absl::GetFlag(FLAGS_resume),
            .steps = absl::GetFlag(FLAGS_steps),
            .batch = absl::GetFlag(FLAGS_batch),
            .context = absl::GetFlag(FLAGS_context),
            .vocabulary = absl::GetFlag(FLAGS_vocabulary),
            .layers = absl::GetFlag(FLAGS_layers),
            .width = absl::GetFlag(FLAGS_width),
            .heads = absl::GetFlag(FLAGS_heads),
            .hold_out = absl::GetFlag(FLAGS_hold_out),
            .evaluations = absl::GetFlag(FLAGS_evaluations),
            .checkpoint_steps = absl::GetFlag(FLAGS_checkpoint_steps),
            .init_std = absl::GetFlag(FLAGS_init_std),
            .dropout = absl::GetFlag(FLAGS_dropout),
            .lr = absl::GetFlag(FLAGS_lr),
            .seed = absl::GetFlag(FLAGS_seed),
            .prompt = absl::GetFlag(FLAGS_prompt)};
  const auto bad = [](const char* what) { return absl::InvalidArgumentError(what); };
  if (o.data.empty()) return bad("--data must name a text file");
  if (o.steps < 1) return bad("--steps must be at least 1");
  if (o.batch < 1) return bad("--batch must be at least 1");
  if (o.context < 2) return bad("--context must be at least 2");
  if (o.vocabulary < 257) return bad("--vocabulary must be at least 257: 256 bytes and the end of a document");
  if (!(o.init_std > 0)) return bad("--init_std must be above 0");
  if (!(o.lr > 0 && std::isfinite(o.lr))) return bad("--lr must be above 0");
  if (o.hold_out < 2) return bad("--hold_out must be at least 2");
  if (o.evaluations < 0) return bad("--evaluations must not be negative");
  if (o.checkpoint_steps < 1) return bad("--checkpoint_steps must be at least 1");
  if (o.prompt.empty()) return bad("--prompt must not be empty");
  int64_t tokens = 0;
  if (__builtin_mul_overflow(o.batch, o.context, &tokens) || __builtin_mul_overflow(tokens, o.steps, &tokens))
    return bad("--steps, --batch and --context are too large together");
  try {
    check_config(o.config());
  } catch (const Error& e) {
    return bad(e.what());
  }
  return o;
}

// A text in tokens.
struct Corpus {
  Tokenizer tokenizer;
  std::vector<int32_t> training, held_out, prompt;
  int64_t held_out_bytes;

  // Tells whether a checkpoint was made of the same tokens.
  int64_t checksum() const {
    const auto sum = [](const std::vector<int32_t>& ids) {
      return int64_t{io::crc32c({reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(int32_t)})};
    };
    return sum(training) << 31 ^ sum(held_out);
  }
};

// What the model is tried on in between.
std::span<const int32_t> quick(const Corpus& corpus) {
  return std::span(corpus.held_out).first(std::min(corpus.held_out.size(), kQuickTokens));
}

absl::StatusOr<Corpus> load_corpus(const Options& o) {
  const absl::StatusOr<std::string> text = read_text(o.data);
  if (!text.ok()) return text.status();
  std::vector<std::string> training, held_out;
  int64_t number = 0;
  for (std::string& document : documents_of(*text))
    (++number % o.hold_out == 0 ? held_out : training).push_back(std::move(document));
  if (held_out.empty()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s has %d documents (blank lines are between them); at least %d are needed to hold one out",
                        o.data, number, o.hold_out));
  }
  // The subwords too are learned without the held-out documents.
  absl::StatusOr<Tokenizer> tokenizer =
      train_bpe(byte_level_pipeline(), training,
                {.vocab_size = static_cast<size_t>(o.vocabulary), .special_tokens = {kEnd}, .byte_alphabet = true});
  if (!tokenizer.ok()) return tokenizer.status();
  if (tokenizer->vocab_size() < static_cast<size_t>(o.vocabulary)) {
    return absl::InvalidArgumentError(absl::StrFormat("%s has subwords for a --vocabulary of %d only, not of %d",
                                                      o.data, tokenizer->vocab_size(), o.vocabulary));
  }
  Corpus out{*tokenizer, {}, {}, {}, 0};
  absl::StatusOr<std::vector<int32_t>> ids = tokenizer->encode_ids(o.prompt);
  if (!ids.ok()) return absl::Status(ids.status().code(), absl::StrCat("--prompt: ", ids.status().message()));
  if (ids->empty() || static_cast<int64_t>(ids->size()) >= o.context) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "--prompt has %d tokens, but it must have at least 1 and fewer than --context, %d", ids->size(), o.context));
  }
  out.prompt = *std::move(ids);
  ids = pack_documents(*tokenizer, training, kEndId);
  if (!ids.ok()) return ids.status();
  out.training = *std::move(ids);
  ids = pack_documents(*tokenizer, held_out, kEndId);
  if (!ids.ok()) return ids.status();
  out.held_out = *std::move(ids);
  for (const std::string& d : held_out) out.held_out_bytes += static_cast<int64_t>(d.size());
  if (static_cast<int64_t>(out.training.size()) <= o.step_tokens()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s has %d tokens to train on; a step takes %d", o.data, out.training.size(), o.step_tokens()));
  }
  if (out.held_out.size() < 2) return absl::InvalidArgumentError(o.data + " has no tokens that could be held out");
  return out;
}

// Curves of a training. All are kept in checkpoints.
struct History {
  std::vector<double> step_loss, learning_rate;              // of each step
  std::vector<double> evaluated_steps, held_out_perplexity;  // of each evaluation
};

// Everything that one run of training consists of; a checkpoint holds what changes.
class Training {
 public:
  Training(const Options& options, const Corpus& corpus)
      : options_(options),
        corpus_(corpus),
        loader_(std::make_shared<data::TensorDataset>(packed_blocks(corpus.training, options.context)),
                {.batch_size = options.batch, .shuffle = true, .drop_last = true, .seed = options.seed}),
        model_((manual_seed(options.seed), std::make_unique<Gpt2LmHead>(options.config()))),
        optimizer_(weights(true), {.lr = options.lr, .beta2 = 0.98, .weight_decay = kWeightDecay}),
        schedule_(
            (optimizer_.add_group(weights(false), {.lr = options.lr, .beta2 = 0.98, .weight_decay = 0}), optimizer_),
            {.max_lr = options.lr,
             .total_steps = options.steps,
             .warm_up = 0.05,
             .end_factor = 0.5,
             .cycle_momentum = false}) {
    model_->train();
  }

  Gpt2LmHead& model() { return *model_; }
  const History& history() const { return history_; }
  const std::vector<examples::WrittenText>& texts() const { return texts_; }
  int64_t steps() const { return schedule_.current_step(); }
  int64_t tokens() const { return steps() * options_.step_tokens(); }

  absl::Status restore() {
    return state().restore([&](const io::Checkpoint& c) {
      int64_t checksum = 0;
      std::string texts;
      absl::Status s = c.get("tokens", checksum);
      s.Update(c.get("texts", texts));
      if (!s.ok()) return s;
      if (checksum != corpus_.checksum()) {
        return absl::InvalidArgumentError(
            absl::StrCat(options_.checkpoint(), " was made of another text than ", options_.data));
      }
      texts_.clear();
      for (const auto& t : nlohmann::json::parse(texts)) texts_.push_back({t[0], options_.prompt, t[1]});
      return s;
    });
  }

  // Trains to the last step, or until interrupted.
  absl::Status run(Progress& progress, io::EventWriter& events) {
    if (loader_.batches() == 0)
      return absl::InvalidArgumentError(absl::StrCat(options_.data, " has no --batch to train on"));
    while (steps() < options_.steps) {
      for (auto& [x, y] : loader_) {
        if (absl::Status s = step(x, y, progress, events); !s.ok()) return s;
        if (steps() == options_.steps) break;
      }
    }
    return absl::OkStatus();
  }

  absl::Status save() {
    nlohmann::json texts = nlohmann::json::array();
    for (const auto& t : texts_) texts.push_back({t.step, t.text});
    return state().save([&](io::Checkpoint& c) {
      c.set("tokens", corpus_.checksum());
      c.set("texts", texts.dump());
    });
  }

 private:
  examples::TrainingState state() {
    return {options_.checkpoint(),
            options_.plan(),
            *model_,
            optimizer_,
            schedule_,
            loader_,
            {{"step loss", &history_.step_loss},
             {"learning rate", &history_.learning_rate},
             {"evaluated steps", &history_.evaluated_steps},
             {"held-out perplexity", &history_.held_out_perplexity}}};
  }

  // Biases and norms are not to decay.
  std::vector<std::pair<std::string, Tensor>> weights(bool matrices) const {
    auto all = model_->named_parameters();
    std::erase_if(all, [&](const auto& p) { return (p.second.dim() > 1) != matrices; });
    return all;
  }

  absl::Status step(const Tensor& x, const Tensor& y, Progress& progress, io::EventWriter& events) {
    const Tensor loss = cross_entropy((*model_)(x).flatten(0, 1), y.flatten());
    optimizer_.zero_grad();
    loss.backward();
    optim::clip_grad_norm_(model_->parameters(), 1);
    history_.learning_rate.push_back(optimizer_.lr());
    optimizer_.step();
    schedule_.step();
    history_.step_loss.push_back(loss.item<double>());
    progress.update(tokens(), [&] {
      return absl::StrFormat("step %5s/%s  loss %.4f  %s tokens/s", with_commas(steps()), with_commas(options_.steps),
                             recent_loss(), with_commas(static_cast<int64_t>(progress.rate(tokens()))));
    });
    absl::Status s;
    if (steps() % 50 == 0) {
      s.Update(events.scalar("loss/training", steps(), recent_loss()));
      s.Update(events.scalar("learning rate", steps(), history_.learning_rate.back()));
    }
    if (options_.evaluations > 0 && (steps() % options_.evaluation_steps() == 0 || steps() == options_.steps))
      s.Update(evaluate(progress, events));
    if (s.ok() && (interrupted() || steps() % options_.checkpoint_steps == 0 || steps() == options_.steps))
      s.Update(save());
    if (s.ok() && interrupted()) return absl::CancelledError();
    return s;
  }

  // The mean over the last steps.
  double recent_loss() const {
    const std::vector<double>& all = history_.step_loss;
    const size_t n = std::min<size_t>(all.size(), 50);
    double sum = 0;
    for (size_t i = all.size() - n; i < all.size(); ++i) sum += all[i];
    return sum / static_cast<double>(n);
  }

  absl::Status evaluate(Progress& progress, io::EventWriter& events) {
    model_->eval();
    const Perplexity p = perplexity(*model_, quick(corpus_));
    const absl::StatusOr<std::string> text = write();
    model_->train();
    if (!text.ok()) return text.status();
    history_.evaluated_steps.push_back(static_cast<double>(steps()));
    history_.held_out_perplexity.push_back(p.value());
    texts_.push_back({steps(), options_.prompt, *text});
    progress.say(absl::StrFormat("step %5s/%s  loss %.4f  %s tokens/s | held out: perplexity %.2f",
                                 with_commas(steps()), with_commas(options_.steps), recent_loss(),
                                 with_commas(static_cast<int64_t>(progress.rate(tokens()))), p.value()));
    std::string line = "  " + examples::printable(options_.prompt + *text, "\n\t");
    for (size_t at = 0; (at = line.find('\n', at)) != std::string::npos; at += 3) line.insert(at + 1, "  ");
    progress.say(line);
    absl::Status s = events.scalar("perplexity/held out", steps(), p.value());
    s.Update(events.text("sample", steps(), options_.prompt + *text));
    return s;
  }

  // Text after the prompt, as far as half of the positions go.
  absl::StatusOr<std::string> write() const {
    const GenerationConfig config{.max_new_tokens = std::clamp<int64_t>(options_.context / 2, 1, 80),
                                  .eos_token_id = {kEndId},
                                  .do_sample = true,
                                  .seed = options_.seed,
                                  .temperature = 0.8,
                                  .top_k = 40};
    const auto texts = generate(*model_, corpus_.prompt, config, {.tokenizer = &corpus_.tokenizer});
    if (!texts.ok()) return texts.status();
    return texts->at(0).text;
  }

  Options options_;
  const Corpus& corpus_;
  data::DataLoader loader_;
  std::unique_ptr<Gpt2LmHead> model_;
  optim::AdamW optimizer_;
  optim::OneCycleLR schedule_;
  History history_;
  std::vector<examples::WrittenText> texts_;
};

// A directory as transformers has it.
absl::Status write_directory(const Gpt2LmHead& model, const Tokenizer& tokenizer, const std::string& directory) {
  if (absl::Status s = save_pretrained(model, directory); !s.ok()) return s;
  if (absl::Status s = tokenizer.save(directory + "/tokenizer.json"); !s.ok()) return s;
  const GenerationConfig generation{
      .eos_token_id = {kEndId}, .bos_token_id = kEndId, .do_sample = true, .temperature = 0.8, .top_k = 40};
  absl::Status s = io::write_file(directory + "/generation_config.json", generation_config_to_json(generation));
  const nlohmann::json special = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                                  {"bos_token", kEnd},
                                  {"eos_token", kEnd},
                                  {"model_max_length", model.config().n_positions}};
  s.Update(io::write_file(directory + "/tokenizer_config.json", special.dump(2) + "\n"));
  return s;
}

absl::Status draw(const Training& training, const Options& o, const Corpus& corpus, int64_t parameters, double seconds,
                  const Perplexity& gpt, const Perplexity& ngram, double quick_ngram) {
  const History& h = training.history();
  const auto steps = static_cast<double>(o.steps);
  examples::Series held_out{"held out", {}, true},
      other{absl::StrFormat("%d-gram", kOrder), {{0, quick_ngram}, {steps, quick_ngram}}};
  for (size_t i = 0; i < h.evaluated_steps.size(); ++i)
    held_out.points.emplace_back(h.evaluated_steps[i], h.held_out_perplexity[i]);
  // The first values are so large that nothing else could be seen.
  std::erase_if(held_out.points, [&](const auto& p) { return p.second > 4 * quick_ngram; });
  examples::GptReport report;
  report.page = {.title = absl::StrFormat("GPT-2 with %d layers of %d features", o.layers, o.width),
                 .subtitle = absl::StrFormat("%s steps of %s tokens; %s tokens to learn from, %s held out",
                                             with_commas(o.steps), with_commas(o.step_tokens()),
                                             with_commas(static_cast<int64_t>(corpus.training.size())),
                                             with_commas(static_cast<int64_t>(corpus.held_out.size()))),
                 .footer = absl::StrFormat("Text: %s", std::filesystem::path(o.data).filename().string()),
                 .figures = {{absl::StrFormat("%.2f", gpt.value()), "perplexity"},
                             {absl::StrFormat("%.2f", ngram.value()), absl::StrFormat("%d-gram's", kOrder)},
                             {with_commas(parameters), "parameters"},
                             {with_commas(o.vocabulary), "tokens known"}},
                 .charts = {{"Loss", "step", {examples::smoothed("", h.step_loss, steps)}},
                            {"Perplexity", "step", {other, held_out}},
                            {"Learning rate", "step", {examples::smoothed("", h.learning_rate, steps)}}}};
  if (seconds > 0) report.page.figures.push_back({duration(seconds), "training"});
  report.texts = training.texts();
  return examples::draw_gpt_report(report, o.out + "/report.png");
}

absl::Status train(const Options& o) {
  // Two trainings would overwrite each other's checkpoints.
  const auto lock = io::DirectoryLock::acquire(o.out);
  if (!lock.ok()) return lock.status();
  const absl::StatusOr<Corpus> corpus = load_corpus(o);
  if (!corpus.ok()) return corpus.status();
  Training training(o, *corpus);
  if (o.resume) {
    if (absl::Status s = training.restore(); !s.ok()) return s;
  }
  auto events = io::EventWriter::create(o.out);
  if (!events.ok()) return events.status();

  const KneserNeyModel ngrams(corpus->training, o.vocabulary, kOrder);
  const Perplexity ngram = ngrams.perplexity(corpus->held_out), quick_ngram = ngrams.perplexity(quick(*corpus));
  Progress progress(stdout, o.steps * o.step_tokens(), training.tokens());
  const int64_t parameters = training.model().parameter_count();
  progress.say(absl::StrFormat("%s tokens to train on, %s held out (%d subwords); %s parameters; %d threads",
                               with_commas(static_cast<int64_t>(corpus->training.size())),
                               with_commas(static_cast<int64_t>(corpus->held_out.size())), o.vocabulary,
                               with_commas(parameters), num_threads()));
  progress.say(absl::StrFormat(
      "to beat: perplexity %.2f, of a %d-gram model with Kneser-Ney smoothing (%.2f on the first %s held-out "
      "tokens, on which the model is tried in between)",
      ngram.value(), kOrder, quick_ngram.value(), with_commas(quick_ngram.tokens + 1)));
  if (o.resume) {
    progress.say(absl::StrFormat("going on from %s, after %s of %s steps", o.checkpoint(),
                                 with_commas(training.steps()), with_commas(o.steps)));
  }
  const int64_t before = training.tokens();
  if (absl::Status s = training.run(progress, *events); !s.ok()) {
    if (absl::IsCancelled(s)) progress.say(absl::StrCat("interrupted; everything is in ", o.checkpoint()));
    return s;
  }
  const double seconds = before < training.tokens() ? progress.seconds() : 0;
  if (seconds > 0) {
    progress.say(absl::StrFormat("trained in %s, %s tokens/s", duration(seconds),
                                 with_commas(static_cast<int64_t>(progress.rate(training.tokens())))));
  }

  training.model().eval();
  const Perplexity gpt = perplexity(training.model(), corpus->held_out);
  progress.say(absl::StrFormat("held-out text, %s tokens:", with_commas(gpt.tokens)));
  const auto line = [&](const std::string& name, const Perplexity& p) {
    progress.say(absl::StrFormat("  %-22s perplexity %6.2f, %.3f bits for a byte", name, p.value(),
                                 p.bits_per_byte(corpus->held_out_bytes)));
  };
  line("this GPT", gpt);
  line(absl::StrFormat("Kneser-Ney %d-gram", kOrder), ngram);
  const std::string directory = o.out + "/model";
  if (absl::Status s = write_directory(training.model(), corpus->tokenizer, directory); !s.ok()) return s;
  if (absl::Status s = draw(training, o, *corpus, parameters, seconds, gpt, ngram, quick_ngram.value()); !s.ok())
    return s;
  progress.say(
      absl::StrFormat("the model: %s, which transformers opens too; the curves: %s/report.png", directory, o.out));
  return absl::OkStatus();
}

}  // namespace
}  // namespace hearth::text

int main(int argc, char** argv) {
  using namespace hearth::text;
  return hearth::examples::training_main(
      argc, argv, "gpt", "Trains subwords and a small GPT-2 on a text: gpt --data=TEXT [--out=DIRECTORY] ...",
      options_from_flags, train);
}
