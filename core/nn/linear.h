// Linear layers and embeddings.
#pragma once

#include <optional>
#include <string>

#include "core/nn/module.h"
#include "core/ops/embedding.h"

namespace hearth::nn {

/// Options of Linear.
struct LinearOptions {
  bool bias = true;  ///< Adds a bias.
};
/// x weight^T + bias. See hearth::linear(). Weights and bias start uniform in +-1 / sqrt(in), as in PyTorch; of in = 0
/// as zeros.
class Linear : public Module<Linear> {
 public:
  /// From `in` features to `out`. Throws Error if one is negative.
  Linear(int64_t in, int64_t out, const LinearOptions& options = {}) : Linear(nullptr, "", in, out, options) {}
  /// The same as a member of `parent`.
  Linear(ModuleBase* parent, const char* name, int64_t in, int64_t out, const LinearOptions& options = {});
  /// x [..., in] gives [..., out]. Throws Error if the last size is another, or if x has another dtype than the weight.
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const;

  /// [out, in].
  Parameter weight;
  /// [out], if the options ask for it.
  std::optional<Parameter> bias;
};

/// Gives what it is given: a stand-in for a layer that is left out.
class Identity : public Module<Identity> {
 public:
  /// x itself, not a copy.
  Tensor forward(const Tensor& x) const { return x; }
};

/// Options of Embedding: those of hearth::embedding().
using hearth::EmbeddingOptions;

/// Rows of a table by number. The table starts normal, with mean 0 and standard deviation 1, and the row padding_idx as
/// zeros. See hearth::embedding().
class Embedding : public Module<Embedding> {
 public:
  /// A table of `count` rows of `dim` numbers. Throws Error if one is negative, or if padding_idx is out of range.
  Embedding(int64_t count, int64_t dim, const EmbeddingOptions& options = {})
      : Embedding(nullptr, "", count, dim, options) {}
  /// The same as a member of `parent`.
  Embedding(ModuleBase* parent, const char* name, int64_t count, int64_t dim, const EmbeddingOptions& options = {});
  /// With a table [count, dim] that is there: the tensor's own memory, not a copy. With `freeze` it is not trained. As
  /// a member: nn::Member<nn::Embedding> words{this, "words", nn::Embedding::from_pretrained(table)}. The row
  /// padding_idx stays as it is. Throws Error unless the table has 2 dimensions, if padding_idx is out of range, and
  /// for integers that are to be trained.
  static Embedding from_pretrained(const Tensor& table, bool freeze = true, const EmbeddingOptions& options = {});
  /// index of any shape, i64 or i32, gives [index..., dim]. With max_norm it writes to the table, so that such calls
  /// must not run at once. Throws Error for an index that is not from 0 to count - 1.
  Tensor forward(const Tensor& index) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const;

  /// The table, [count, dim].
  Parameter weight;

 private:
  Embedding(ModuleBase* parent, const char* name, const Tensor& table, bool trained, const EmbeddingOptions& options);
  EmbeddingOptions options_;
};

/// Joins dimensions into one. See hearth::flatten().
class Flatten : public Module<Flatten> {
 public:
  /// The dimensions from start to end, both included, which may count from the end. If none are given all but the
  /// first, that of the batch.
  explicit Flatten(int64_t start = 1, int64_t end = -1) : start_(start), end_(end) {}
  /// The same as a member of `parent`.
  Flatten(ModuleBase* parent, const char* name, int64_t start = 1, int64_t end = -1)
      : Module(parent, name), start_(start), end_(end) {}
  /// A view of x where its strides allow one, else a copy. Throws Error if x does not have the dimensions.
  Tensor forward(const Tensor& x) const { return x.flatten(start_, end_); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const;

 private:
  int64_t start_, end_;
};

/// Cuts a dimension into several. See hearth::unflatten().
class Unflatten : public Module<Unflatten> {
 public:
  /// Cuts dimension `dim`, which may count from the end, into `sizes`, one of which may be -1.
  Unflatten(int64_t dim, const Dims& sizes) : dim_(dim), sizes_(sizes) {}
  /// The same as a member of `parent`.
  Unflatten(ModuleBase* parent, const char* name, int64_t dim, const Dims& sizes)
      : Module(parent, name), dim_(dim), sizes_(sizes) {}
  /// A view of x. Throws Error if the product of the sizes is not the dimension's size.
  Tensor forward(const Tensor& x) const { return x.unflatten(dim_, sizes_); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const;

 private:
  int64_t dim_;
  Dims sizes_;
};

}  // namespace hearth::nn
