// Classifies lines of text by an encoder.
//
//   classify --model=ENCODER --data=FOLDER --out=DIRECTORY    trains
//   classify DIRECTORY                                        reads lines, prints label, score and line for each
//
// FOLDER has a folder of text files for each label; each line of these is an example. Some of the files are held out,
// and the accuracy on their lines is compared with that of character n-grams. DIRECTORY is what
// AutoModelForSequenceClassification of transformers opens, too; a line's label and score are those of its pipeline.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/hearth.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "examples/common/printable.h"
#include "examples/common/progress.h"
#include "examples/text/labelled_lines.h"
#include "text/data/collate.h"
#include "text/metrics/kneser_ney.h"
#include "text/models/pretrained.h"
#include "text/models/text_classifier.h"
#include "text/tokenizer/tokenizer.h"

ABSL_FLAG(std::string, model, "", "directory of the encoder to start from: BERT, RoBERTa or DistilBERT");
ABSL_FLAG(std::string, data, "", "folder with a folder of text files for each label");
ABSL_FLAG(std::string, out, "runs/classify", "directory for the trained model");
ABSL_FLAG(bool, frozen, false, "train the head alone: faster, less accurate");
ABSL_FLAG(int64_t, epochs, 1, "how often every line is seen");
ABSL_FLAG(int64_t, batch, 32, "lines in a step");
ABSL_FLAG(double, lr, 1e-4, "highest learning rate of the encoder; the head has ten times as much");
ABSL_FLAG(int64_t, lines, 1500, "the most lines of a label to train on; 0: all");
ABSL_FLAG(int64_t, test_lines, 300, "the most lines of a label to test on; 0: all");
ABSL_FLAG(int64_t, max_tokens, 64, "tokens of a line; what is longer is cut");
ABSL_FLAG(uint64_t, seed, 1, "of the head, the order, dropout and the files that are held out");

namespace hearth::text {
namespace {

using examples::LabelledLine;
using examples::LabelledLines;
using examples::Progress;
using examples::with_commas;

constexpr int kOrder = 5;
constexpr int32_t kLineEnd = '\n';
constexpr int64_t kBatch = 64;  // lines that are classified at once

// Lines as numbers.
class LineDataset final : public data::Dataset {
 public:
  LineDataset(std::vector<std::vector<int32_t>> ids, const std::vector<LabelledLine>& lines) : ids_(std::move(ids)) {
    for (const LabelledLine& l : lines) labels_.push_back(l.label);
  }
  int64_t size() const override { return static_cast<int64_t>(ids_.size()); }
  data::Example get(int64_t i, Generator&) const override {
    const std::vector<int32_t>& ids = ids_[static_cast<size_t>(i)];
    return {
        {"input_ids", from_values(std::vector<int64_t>(ids.begin(), ids.end()), {static_cast<int64_t>(ids.size())})},
        {"labels", tensor(labels_[static_cast<size_t>(i)])}};
  }

 private:
  std::vector<std::vector<int32_t>> ids_;
  std::vector<int64_t> labels_;
};

int64_t pad_of(const BertModel& model) { return model.config().special.pad.value_or(0); }

Tensor logits_of(const BertModel& model, const data::Example& batch) {
  return model.logits({.ids = batch["input_ids"], .attention_mask = batch["attention_mask"]});
}

absl::StatusOr<data::DatasetPtr> encode(const Tokenizer& tokenizer, const std::vector<LabelledLine>& lines) {
  std::vector<std::string> texts;
  for (const LabelledLine& l : lines) texts.push_back(l.text);
  auto ids = tokenizer.encode_ids_batch(texts);
  if (!ids.ok()) return ids.status();
  return std::make_shared<LineDataset>(*std::move(ids), lines);
}

// The label that the model finds likeliest, of each line.
std::vector<int64_t> guesses_of(BertModel& model, const data::DatasetPtr& lines) {
  const InferenceMode no_gradients;
  model.eval();
  data::DataLoader loader(lines, {.batch_size = kBatch, .collate = text_collate(pad_of(model))});
  std::vector<Tensor> out;
  for (const data::Example& batch : loader) out.push_back(logits_of(model, batch).argmax(1));
  return cat(out).to_vector<int64_t>();
}

// How many lines of each label are recognised.
struct Score {
  std::vector<int64_t> right, all;

  Score(const std::vector<int64_t>& guesses, const std::vector<LabelledLine>& lines, size_t labels)
      : right(labels), all(labels) {
    for (size_t i = 0; i < lines.size(); ++i) {
      const auto label = static_cast<size_t>(lines[i].label);
      ++all[label];
      right[label] += guesses[i] == lines[i].label;
    }
  }
  double of(size_t label) const { return static_cast<double>(right[label]) / static_cast<double>(all[label]); }
  double total() const {
    double r = 0, n = 0;
    for (size_t i = 0; i < all.size(); ++i) r += static_cast<double>(right[i]), n += static_cast<double>(all[i]);
    return r / n;
  }
};

// For each label a model of its lines, byte by byte; a line belongs to the label whose model finds it likeliest.
std::vector<int64_t> guesses_of_ngrams(const LabelledLines& lines) {
  const auto bytes = [](const std::string& text) {
    std::vector<int32_t> out = {kLineEnd};
    for (const char c : text) out.push_back(static_cast<unsigned char>(c));
    out.push_back(kLineEnd);
    return out;
  };
  std::vector<KneserNeyModel> models;
  std::vector<double> prior;
  for (size_t label = 0; label < lines.labels.size(); ++label) {
    std::vector<int32_t> stream;
    int64_t count = 0;
    for (const LabelledLine& l : lines.training) {
      if (l.label != static_cast<int64_t>(label)) continue;
      const std::vector<int32_t> one = bytes(l.text);
      // The end of a line is the start of the next.
      stream.insert(stream.end(), one.begin() + (stream.empty() ? 0 : 1), one.end());
      ++count;
    }
    models.emplace_back(stream, 256, kOrder);
    prior.push_back(std::log(static_cast<double>(count) / static_cast<double>(lines.training.size())));
  }
  std::vector<int64_t> out(lines.held_out.size());
  parallel_for(static_cast<int64_t>(out.size()), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const std::vector<int32_t> stream = bytes(lines.held_out[static_cast<size_t>(i)].text);
      std::vector<double> scores;
      for (size_t k = 0; k < models.size(); ++k) scores.push_back(prior[k] - models[k].perplexity(stream).nll);
      out[static_cast<size_t>(i)] = std::max_element(scores.begin(), scores.end()) - scores.begin();
    }
  });
  return out;
}

absl::StatusOr<Tokenizer> load_tokenizer(const std::string& directory, int64_t max_tokens) {
  absl::StatusOr<Tokenizer> tokenizer = Tokenizer::load(directory);
  if (!tokenizer.ok()) return tokenizer;
  absl::Status s = tokenizer->truncate_at(static_cast<size_t>(max_tokens));
  s.Update(tokenizer->set_padding(std::nullopt));
  if (!s.ok()) return s;
  return tokenizer;
}

// What the tokenizer's files say beside tokenizer.json.
absl::Status copy_if_there(const std::string& from, const std::string& to, const char* name) {
  const auto bytes = io::read_file(from + "/" + name, 1 << 26);
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  return io::write_file(to + "/" + name, *bytes);
}

absl::Status train() {
  const std::string encoder = absl::GetFlag(FLAGS_model), out = absl::GetFlag(FLAGS_out);
  const int64_t epochs = absl::GetFlag(FLAGS_epochs), size = absl::GetFlag(FLAGS_batch);
  const double lr = absl::GetFlag(FLAGS_lr);
  const auto bad = [](const char* what) { return absl::InvalidArgumentError(what); };
  if (encoder.empty()) return bad("--model must name the directory of an encoder");
  if (epochs < 1) return bad("--epochs must be at least 1");
  if (size < 1) return bad("--batch must be at least 1");
  if (!(lr > 0 && std::isfinite(lr))) return bad("--lr must be above 0");
  if (absl::GetFlag(FLAGS_lines) < 0 || absl::GetFlag(FLAGS_test_lines) < 0)
    return bad("--lines and --test_lines must not be negative");
  if (absl::GetFlag(FLAGS_max_tokens) < 3) return bad("--max_tokens must be at least 3");
  const auto lines =
      examples::load_labelled_lines(absl::GetFlag(FLAGS_data), {.training_lines = absl::GetFlag(FLAGS_lines),
                                                                .held_out_lines = absl::GetFlag(FLAGS_test_lines),
                                                                .seed = absl::GetFlag(FLAGS_seed)});
  if (!lines.ok()) return lines.status();
  int64_t total = 0;  // lines, each as often as it is seen
  if (__builtin_mul_overflow(epochs, static_cast<int64_t>(lines->training.size()), &total))
    return bad("--epochs is too large");
  manual_seed(absl::GetFlag(FLAGS_seed));
  auto model = load_pretrained<BertModel>(encoder, {.dtype = f32,
                                                    .writable = true,
                                                    .head = BertHead::kSequenceClassification,
                                                    .labels = lines->labels,
                                                    .new_head = true});
  if (!model.ok()) return model.status();
  BertModel& net = **model;
  const auto tokenizer =
      load_tokenizer(encoder, std::min<int64_t>(absl::GetFlag(FLAGS_max_tokens), net.max_positions()));
  if (!tokenizer.ok()) return tokenizer.status();
  const auto training = encode(*tokenizer, lines->training), held_out = encode(*tokenizer, lines->held_out);
  if (!training.ok()) return training.status();
  if (!held_out.ok()) return held_out.status();

  // The encoder knows much already; the head nothing.
  std::vector<std::pair<std::string, Tensor>> body, head;
  for (auto& p : net.named_parameters()) {
    const bool of_encoder = p.first.starts_with(net.base_name() + ".") && p.first.find("pooler") == std::string::npos;
    if (of_encoder && absl::GetFlag(FLAGS_frozen)) p.second.requires_grad_(false);
    else (of_encoder ? body : head).push_back(p);
  }
  optim::AdamW optimizer(head, {.lr = 10 * lr});
  if (!body.empty()) optimizer.add_group(body, {.lr = lr});
  data::DataLoader loader(
      *training,
      {.batch_size = size, .shuffle = true, .seed = absl::GetFlag(FLAGS_seed), .collate = text_collate(pad_of(net))});
  const auto steps = static_cast<double>(epochs * loader.batches());
  optim::LambdaLR schedule(optimizer, [&](int64_t step) {
    const double at = (static_cast<double>(step) + 1) / (steps + 1), rise = 0.1;
    return at < rise ? at / rise : (1 - at) / (1 - rise);
  });

  Progress progress(stdout, total, 0);
  progress.say(
      absl::StrFormat("%d labels; %s lines of %d files to train on, %s of %d other files to test on; %d threads",
                      lines->labels.size(), with_commas((*training)->size()), lines->training_files,
                      with_commas((*held_out)->size()), lines->held_out_files, num_threads()));
  net.train();
  double loss_mean = 0;
  int64_t seen = 0;
  for (int64_t epoch = 1; epoch <= epochs; ++epoch) {
    for (const data::Example& batch : loader) {
      const Tensor loss = cross_entropy(logits_of(net, batch), batch["labels"]);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      schedule.step();
      const auto value = loss.item<double>();
      loss_mean = seen == 0 ? value : 0.95 * loss_mean + 0.05 * value;
      seen += batch["labels"].numel();
      progress.update(seen, [&] {
        return absl::StrFormat("epoch %d/%d  %s/%s lines  loss %.4f  %.0f lines/s", epoch, epochs, with_commas(seen),
                               with_commas(total), loss_mean, progress.rate(seen));
      });
    }
  }
  progress.say(absl::StrFormat("trained in %s, %.0f lines/s, loss %.4f", examples::duration(progress.seconds()),
                               progress.rate(seen), loss_mean));

  const Score ours(guesses_of(net, *held_out), lines->held_out, lines->labels.size());
  const Score ngrams(guesses_of_ngrams(*lines), lines->held_out, lines->labels.size());
  progress.say(absl::StrFormat("accuracy on lines of held-out files:   this encoder   character %d-grams", kOrder));
  const auto row = [&](const std::string& name, double a, double b) {
    progress.say(absl::StrFormat("  %-36s %12.2f %% %16.2f %%", examples::printable(name), 100 * a, 100 * b));
  };
  for (size_t i = 0; i < lines->labels.size(); ++i) row(lines->labels[i], ours.of(i), ngrams.of(i));
  row("all", ours.total(), ngrams.total());

  absl::Status s = save_pretrained(net, out);
  s.Update(tokenizer->save(out + "/tokenizer.json"));
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"})
    s.Update(copy_if_there(encoder, out, name));
  if (!s.ok()) return s;
  progress.say(absl::StrFormat("the model: %s; to classify lines: classify %s < FILE", out, out));
  return absl::OkStatus();
}

absl::Status classify(const std::string& directory) {
  const absl::StatusOr<TextClassifier> classifier = TextClassifier::load(directory);
  if (!classifier.ok()) return classifier.status();
  size_t read = 0;
  for (bool more = true; more;) {
    std::vector<std::string> lines;
    std::string line;
    while (lines.size() < static_cast<size_t>(kBatch) && (more = static_cast<bool>(std::getline(std::cin, line))))
      lines.push_back(line);
    if (lines.empty()) break;
    const auto name = [&](size_t i) { return absl::StrCat("line ", read + i + 1); };
    const absl::StatusOr<Tensor> scores = classifier->classify(lines, {.name = name});
    if (!scores.ok()) return scores.status();
    const auto [best, labels] = scores->max(1);
    const std::vector<float> score = best.to_vector<float>();
    const std::vector<int64_t> label = labels.to_vector<int64_t>();
    for (size_t i = 0; i < lines.size(); ++i) {
      std::cout << absl::StrFormat("%s\t%.3f\t%s\n",
                                   examples::printable(classifier->labels()[static_cast<size_t>(label[i])]), score[i],
                                   lines[i]);
    }
    if (!std::cout.flush()) return absl::UnknownError("standard output cannot be written");
    read += lines.size();
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace hearth::text

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "classifies lines of text: classify --model=ENCODER --data=FOLDER --out=DIRECTORY trains, classify DIRECTORY "
      "reads lines");
  const std::vector<char*> arguments = absl::ParseCommandLine(argc, argv);
  const bool training = !absl::GetFlag(FLAGS_data).empty();
  if (arguments.size() != (training ? 1 : 2)) {
    std::cerr << absl::ProgramUsageMessage() << "\n";
    return 2;
  }
  absl::Status status;
  try {
    status = training ? hearth::text::train() : hearth::text::classify(arguments[1]);
  } catch (const hearth::Error& e) {
    status = absl::InternalError(e.what());
  }
  if (!status.ok())
    std::cerr << "classify: " << hearth::examples::printable(std::string(status.message()), "\n\t") << "\n";
  return status.ok() ? 0 : 1;
}
