// A decoder whose logits are a formula of all tokens before, which it keeps in the cache as a real one keeps its keys:
// a row that is not where it belongs, or padding that is seen, changes everything. tools/golden/text_generate.py has
// the same.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/base/error.h"
#include "core/nn/module.h"
#include "core/ops/create.h"
#include "core/ops/view.h"
#include "text/models/causal_lm.h"

namespace hearth::text {

class FormulaModel final : public CausalLm {
 public:
  explicit FormulaModel(int64_t vocabulary = 13, int64_t positions = 64, DType dtype = DType::kF32)
      : vocabulary_(vocabulary), positions_(positions), dtype_(dtype) {
    module_.eval();
  }

  // The logits after these tokens.
  std::vector<float> after(const std::vector<int64_t>& ids) const {
    int64_t state = 0;
    for (const int64_t id : ids) state = (state * 31 + id + 1) % 9973;
    std::vector<float> out(static_cast<size_t>(vocabulary_));
    for (int64_t v = 0; v < vocabulary_; ++v) {
      const int64_t x = (state * 7919 + v * 104729 + v * state % 1009 * 31337) % 1000003;
      out[static_cast<size_t>(v)] = static_cast<float>(static_cast<double>(x) / 1000003 * 8 - 4);
    }
    if (change) change(out);
    return out;
  }

  Tensor logits(const CausalLmInput& input) const override {
    const int64_t batch = input.ids.size(0), tokens = input.ids.size(1), past = input.cache->length();
    const KvCache::Seen seen = input.cache->append(0, input.ids.to(DType::kF32).reshape({batch, 1, tokens, 1}),
                                                   input.ids.to(DType::kF32).reshape({batch, 1, tokens, 1}));
    Tensor mask = input.attention_mask;
    if (!mask.defined()) {
      mask = ones({batch, past + tokens}, {.dtype = DType::kBool});
      if (input.cache->attention_mask().defined()) mask.narrow(1, 0, past).copy_(input.cache->attention_mask());
    }
    const auto ids = seen.keys.to_vector<int64_t>();
    const auto real = mask.to_vector<bool>();
    Tensor out = empty({batch, 1, vocabulary_});
    auto* p = out.mutable_data<float>();
    for (int64_t row = 0; row < batch; ++row) {
      std::vector<int64_t> text;
      for (int64_t k = row * (past + tokens); k < (row + 1) * (past + tokens); ++k) {
        HEARTH_CHECK(ids[static_cast<size_t>(k)] < vocabulary_, "FormulaModel: no such id");
        if (real[static_cast<size_t>(k)]) text.push_back(ids[static_cast<size_t>(k)]);
      }
      HEARTH_CHECK(static_cast<int64_t>(text.size()) <= positions_, "FormulaModel: too long");
      const std::vector<float> logits = after(text);
      p = std::copy(logits.begin(), logits.end(), p);
    }
    input.cache->set_attention_mask(mask);
    input.cache->advance(tokens);
    return out.to(dtype_);
  }
  int64_t vocabulary() const override { return vocabulary_; }
  int64_t max_positions() const override { return positions_; }
  std::unique_ptr<KvCache> make_cache(int64_t batch) const override {
    return std::make_unique<KvCache>(KvCacheOptions{.batch = batch, .windows = {std::nullopt}, .capacity = 2});
  }
  nn::ModuleBase& module() override { return module_; }
  const nn::ModuleBase& module() const override { return module_; }

  std::function<void(std::vector<float>&)> change;  // what a test does to logits

 private:
  struct Nothing : nn::Module<Nothing> {};
  int64_t vocabulary_, positions_;
  DType dtype_;
  Nothing module_;
};

}  // namespace hearth::text
