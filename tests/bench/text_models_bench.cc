// Models of text: MiniLM's and GPT-2's shapes with weights of one value. tests/bench/peers/text_models.py runs PyTorch
// beside it.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <vector>

#include "core/autograd/guards.h"
#include "core/base/parallel.h"
#include "core/device/default_device.h"
#include "core/ops/create.h"
#include "core/ops/loss.h"
#include "core/ops/random.h"
#include "core/ops/view.h"
#include "core/optim/adam.h"
#include "core/optim/clip.h"
#include "text/models/bert.h"
#include "text/models/gpt2.h"

namespace hearth::text {
namespace {

// Drawing the first values of 124 million weights would take longer than all that is measured.
template <class M>
const M& with_plain_weights(const auto& config, DType dtype = f32) {
  std::unique_ptr<M> model;
  {
    const DefaultDevice meta(kMeta);
    model = std::make_unique<M>(config);
    model->to(dtype);
  }
  model->to_empty(kCpu);
  const NoGrad off;
  for (Tensor t : model->parameters()) t.fill_(0.01);
  model->eval();
  return *model.release();
}

const BertModel& mini_lm() {
  static const BertModel& model =
      with_plain_weights<BertModel>(BertConfig{.hidden_size = 384, .num_hidden_layers = 6, .intermediate_size = 1536});
  return model;
}

// range(0): texts, range(1): tokens of each.
void mini_lm_forward(benchmark::State& state) {
  const BertModel& model = mini_lm();
  const InferenceMode inference;
  const Tensor ids = randint(1000, 30000, {state.range(0), state.range(1)});
  // One text in four is shorter: masks are at work.
  Tensor mask = ones({state.range(0), state.range(1)}, {.dtype = boolean});
  if (state.range(0) >= 4)
    mask.narrow(0, 0, state.range(0) / 4).narrow(1, state.range(1) / 2, state.range(1) / 2).fill_(false);
  for (auto _ : state) benchmark::DoNotOptimize(model.hidden_states({.ids = ids, .attention_mask = mask}));
  state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(1));
}
BENCHMARK(mini_lm_forward)->Args({32, 128})->Args({1, 16})->UseRealTime()->Unit(benchmark::kMillisecond);

const Gpt2LmHead& gpt2(DType dtype) {
  if (dtype == f32) {
    static const Gpt2LmHead& model = with_plain_weights<Gpt2LmHead>(Gpt2Config{});
    return model;
  }
  static const Gpt2LmHead& model = with_plain_weights<Gpt2LmHead>(Gpt2Config{}, bf16);
  return model;
}

// range(0): tokens.
void gpt2_prefill(benchmark::State& state) {
  const Gpt2LmHead& model = gpt2(f32);
  const Tensor ids = randint(0, 50000, {1, state.range(0)});
  const auto cache = model.make_cache(1);
  for (auto _ : state) {
    cache->clear();
    benchmark::DoNotOptimize(model.logits({.ids = ids, .cache = cache.get(), .last_only = true}));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(gpt2_prefill)->Arg(512)->UseRealTime()->Unit(benchmark::kMillisecond);

// One token after 128, with all weights read once: bytes_per_second is that of weights.
void gpt2_decode(benchmark::State& state, DType dtype) {
  const Gpt2LmHead& model = gpt2(dtype);
  const auto cache = model.make_cache(1);
  const Tensor prompt = randint(0, 50000, {1, 128}), next = randint(0, 50000, {1, 1});
  (void)model.logits({.ids = prompt, .cache = cache.get(), .last_only = true});
  int64_t bytes = -static_cast<int64_t>(model.transformer.wpe.weight.nbytes());
  for (const Tensor& t : model.parameters()) bytes += static_cast<int64_t>(t.nbytes());
  for (auto _ : state) {
    if (cache->length() == 192) {
      state.PauseTiming();
      cache->clear();
      (void)model.logits({.ids = prompt, .cache = cache.get(), .last_only = true});
      state.ResumeTiming();
    }
    benchmark::DoNotOptimize(model.logits({.ids = next, .cache = cache.get()}));
  }
  state.SetBytesProcessed(state.iterations() * bytes);
}
BENCHMARK_CAPTURE(gpt2_decode, f32, f32)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gpt2_decode, bf16, bf16)->UseRealTime()->Unit(benchmark::kMillisecond);

// A step of training, of a net twice as wide as that of tools/demo text: 8 texts of 128 tokens, 4 layers of 256
// features, 1024 tokens known.
void gpt2_step(benchmark::State& state) {
  Gpt2LmHead model(Gpt2Config{.vocab_size = 1024,
                              .n_positions = 128,
                              .n_embd = 256,
                              .n_layer = 4,
                              .n_head = 4,
                              .resid_pdrop = 0,
                              .embd_pdrop = 0,
                              .attn_pdrop = 0,
                              .special = {.bos = 0, .eos = {0}, .pad = {}}});
  optim::AdamW optimizer(model.parameters(), {.lr = 1e-3});
  const Tensor ids = randint(0, 1024, {8, 128}), targets = randint(0, 1024, {8 * 128});
  for (auto _ : state) {
    const Tensor loss = cross_entropy(model(ids).flatten(0, 1), targets);
    optimizer.zero_grad();
    loss.backward();
    optim::clip_grad_norm_(model.parameters(), 1);
    optimizer.step();
    benchmark::DoNotOptimize(loss.item<float>());
  }
  state.SetItemsProcessed(state.iterations() * ids.numel());
}
BENCHMARK(gpt2_step)->UseRealTime()->Unit(benchmark::kMillisecond);

// What memory gives: bytes copied, each read once and written once, counted twice.
void copy_bandwidth(benchmark::State& state) {
  constexpr int64_t kBytes = int64_t{256} << 20;
  const std::vector<char> from(kBytes, 1);
  std::vector<char> to(kBytes);
  for (auto _ : state) {
    parallel_for(kBytes >> 20, 4, [&](int64_t begin, int64_t end) {
      std::memcpy(to.data() + (begin << 20), from.data() + (begin << 20), static_cast<size_t>(end - begin) << 20);
    });
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * kBytes * 2);
}
BENCHMARK(copy_bandwidth)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hearth::text

BENCHMARK_MAIN();
