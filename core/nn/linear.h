// Linear layers and embeddings.
#pragma once

#include <optional>

#include "core/nn/module.h"

namespace hearth::nn {

struct LinearOptions {
  bool bias = true;
};
// x weight^T + bias. Weights and bias start uniform in +-1 / sqrt(in), as in PyTorch.
class Linear : public Module<Linear> {
 public:
  Linear(int64_t in, int64_t out, const LinearOptions& options = {}) : Linear(nullptr, "", in, out, options) {}
  Linear(ModuleBase* parent, const char* name, int64_t in, int64_t out, const LinearOptions& options = {});
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  Parameter weight;               // [out, in]
  std::optional<Parameter> bias;  // [out]
};

class Identity : public Module<Identity> {
 public:
  Tensor forward(const Tensor& x) const { return x; }
};

struct EmbeddingOptions {
  std::optional<int64_t> padding_idx = std::nullopt;  // this row starts as zeros and gets no gradient
};
// Rows of a table by i64 index. The table starts normal(0, 1).
class Embedding : public Module<Embedding> {
 public:
  Embedding(int64_t count, int64_t dim, const EmbeddingOptions& options = {})
      : Embedding(nullptr, "", count, dim, options) {}
  Embedding(ModuleBase* parent, const char* name, int64_t count, int64_t dim, const EmbeddingOptions& options = {});
  Tensor forward(const Tensor& index) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  Parameter weight;  // [count, dim]

 private:
  EmbeddingOptions options_;
};

class Flatten : public Module<Flatten> {
 public:
  explicit Flatten(int64_t start = 1, int64_t end = -1) : start_(start), end_(end) {}
  Flatten(ModuleBase* parent, const char* name, int64_t start = 1, int64_t end = -1)
      : Module(parent, name), start_(start), end_(end) {}
  Tensor forward(const Tensor& x) const { return x.flatten(start_, end_); }

 private:
  int64_t start_, end_;
};

class Unflatten : public Module<Unflatten> {
 public:
  Unflatten(int64_t dim, const Dims& sizes) : dim_(dim), sizes_(sizes) {}
  Unflatten(ModuleBase* parent, const char* name, int64_t dim, const Dims& sizes)
      : Module(parent, name), dim_(dim), sizes_(sizes) {}
  Tensor forward(const Tensor& x) const { return x.unflatten(dim_, sizes_); }

 private:
  int64_t dim_;
  Dims sizes_;
};

}  // namespace hearth::nn
