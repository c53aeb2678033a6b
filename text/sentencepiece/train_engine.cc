#include <sentencepiece_trainer.h>

#include <exception>

#include "text/sentencepiece/train_engine_internal.h"

namespace hearth::text::sentencepiece_engine {
namespace {

class Sentences : public sentencepiece::SentenceIterator {
 public:
  explicit Sentences(const NextSentence& next) : next_(next) { Next(); }
  bool done() const override { return done_; }
  void Next() override { done_ = !next_(sentence_); }
  const std::string& value() const override { return sentence_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const NextSentence& next_;
  std::string sentence_;
  bool done_ = false;
};

}  // namespace

Failure train(const std::unordered_map<std::string, std::string>& options, const NextSentence& next,
              std::string& model) {
  try {
    silence();
    Sentences sentences(next);
    const sentencepiece::util::Status status = sentencepiece::SentencePieceTrainer::Train(options, &sentences, &model);
    if (status.ok()) return {};
    Failure why = plain(status.message());
    return why.empty() ? "the library gave no reason" : why;
  } catch (const std::exception& e) {
    return std::string("the library failed: ") + e.what();
  }
}

}  // namespace hearth::text::sentencepiece_engine
