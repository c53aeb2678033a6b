#include "text/models/bert.h"

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/nn/init.h"
#include "core/ops/activation.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/math.h"
#include "core/ops/view.h"

namespace hearth::text {
namespace {

using Family = BertConfig::Family;

const BertConfig& checked(const BertConfig& config) {
  check_config(config);
  return config;
}

bool needs_pooler(const BertConfig& c, bool asked) {
  return c.head == BertHead::kNone ? asked : c.head == BertHead::kSequenceClassification && c.family == Family::kBert;
}

}  // namespace

const char* bert::base_name_of(Family family) {
  switch (family) {
    case Family::kRoberta:
      return "roberta";
    case Family::kDistilBert:
      return "distilbert";
    default:
      return "bert";
  }
}

BertModel::BertModel(const BertConfig& config, bool pooler)
    : config_(checked(config)),
      activation_(activation_or_throw(config_.hidden_act, "hidden_act")),
      base_(this, bert::base_name_of(config.family), config_, needs_pooler(config_, pooler)) {
  const int64_t size = config_.hidden_size, labels = static_cast<int64_t>(config_.labels.size());
  const Tensor& table = base_.embeddings.word_embeddings.weight;
  switch (config_.head) {
    case BertHead::kNone:
      break;
    case BertHead::kSequenceClassification:
      if (config_.family == Family::kDistilBert) pre_classifier_.emplace(this, "pre_classifier", size, size);
      if (config_.family == Family::kRoberta) roberta_classifier_.emplace(this, "classifier", config_);
      else classifier_.emplace(this, "classifier", size, labels);
      break;
    case BertHead::kTokenClassification:
      classifier_.emplace(this, "classifier", size, labels);
      break;
    case BertHead::kMaskedLm:
      if (config_.family == Family::kBert) {
        cls_.emplace(this, "cls", config_, table);
      } else if (config_.family == Family::kRoberta) {
        lm_head_.emplace(this, "lm_head", config_, table);
      } else {
        vocab_transform_.emplace(this, "vocab_transform", size, size);
        vocab_layer_norm_.emplace(this, "vocab_layer_norm", Shape{size},
                                  nn::LayerNormOptions{.eps = config_.layer_norm_eps});
        vocab_projector_.emplace(this, "vocab_projector", table, zeros({config_.vocab_size}));
      }
      break;
  }
  reset_parameters();
}

void BertModel::reset_parameters() {
  const double std = config_.initializer_range;
  apply([&](nn::ModuleBase& m) {
    if (auto* linear = m.as<nn::Linear>()) {
      nn::init::normal_(linear->weight, 0, std);
      nn::init::zeros_(*linear->bias);
    } else if (auto* table = m.as<nn::Embedding>()) {
      table->reset_parameters();  // the row of padding is 0
      NoGrad off;
      table->weight.mul_(std);
    }
  });
}

Tensor BertModel::hidden_states(const BertInput& input) const { return base_(input); }

Tensor BertModel::pooled(const Tensor& hidden) const {
  HEARTH_CHECK(base_.pooler, "BertModel: this model has no pooler");
  return tanh(base_.pooler->dense(hidden.select(1, 0)));
}

Tensor BertModel::drop(const Tensor& x) const {
  // DistilBERT's seq_classif_dropout is for texts alone.
  const bool own = config_.family != Family::kDistilBert || config_.head == BertHead::kSequenceClassification;
  const double p = own ? config_.classifier_dropout.value_or(config_.hidden_dropout_prob) : config_.hidden_dropout_prob;
  return dropout(x, p, training());
}

Tensor BertModel::classify(const Tensor& hidden) const {
  const Tensor first = hidden.select(1, 0);
  if (roberta_classifier_) return roberta_classifier_->out_proj(drop(tanh(roberta_classifier_->dense(drop(first)))));
  HEARTH_CHECK(classifier_, "BertModel: this model has no classifier");
  const Tensor x = pre_classifier_ ? relu((*pre_classifier_)(first)) : pooled(hidden);
  return (*classifier_)(drop(x));
}

Tensor BertModel::logits(const BertInput& input) const {
  HEARTH_CHECK(config_.head != BertHead::kNone, "BertModel: this model has no head that gives logits");
  const Tensor x = hidden_states(input);
  if (config_.head == BertHead::kSequenceClassification) {
    HEARTH_CHECK(x.size(1) >= 1, "BertModel: a text needs at least one token to be classified");
    return classify(x);
  }
  if (classifier_) return (*classifier_)(drop(x));
  const auto act = [&](const Tensor& t) { return activate(activation_, t); };
  if (cls_) {
    const bert::Predictions& p = cls_->predictions;
    return p.decoder(p.transform.LayerNorm(act(p.transform.dense(x))));
  }
  // RoBERTa's head has this activation whatever the layers have.
  if (lm_head_) return lm_head_->decoder(lm_head_->layer_norm(gelu(lm_head_->dense(x))));
  HEARTH_CHECK(vocab_transform_ && vocab_layer_norm_ && vocab_projector_,
               "BertModel: this model has no vocabulary head");
  return (*vocab_projector_)((*vocab_layer_norm_)(act((*vocab_transform_)(x))));
}

Tensor BertModel::forward(const BertInput& input) const {
  return config_.head == BertHead::kNone ? hidden_states(input) : logits(input);
}

}  // namespace hearth::text
