// A graph directory in one file: graph.json, signature.json and weights.safetensors, separated by null characters. What
// loads is run, as far as that is little work.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/graph/save.h"
#include "core/op/interposer.h"
#include "core/op/run.h"
#include "core/ops/create.h"

namespace hearth {
namespace {

// A graph may ask for more than there is memory or time for, and is free to: the caller limits what it runs.
constexpr int64_t kElements = 1 << 14;

class Limit final : public Interposer {
 public:
  void intercept(OpCall& call) override {
    std::vector<Tensor> metas;
    std::vector<Operand> in;
    metas.reserve(call.in.size());
    for (const Operand& o : call.in) {
      if (o.is_tensor() && o.tensor().defined()) {
        const Tensor& t = o.tensor();
        HEARTH_CHECK(t.numel() <= kElements, "too much work");
        metas.push_back(detail::empty_strided(t.shape(), t.strides(), t.dtype(), Device::parse("meta")));
        // As much memory behind it as the real one has, so that regions of it are checked alike.
        metas.back().impl()->storage = Storage::make(t.impl()->storage->bytes(), Device::parse("meta"));
        metas.back().impl()->layout.offset = t.storage_offset();
        in.emplace_back(metas.back());
      } else {
        in.push_back(o);
      }
    }
    OpCall dry(call.op, in, {call.attrs, call.op.attrs});
    if (call.bound) {
      const Tensor& t = call.out[0];
      dry.out[0] = detail::empty_strided(t.shape(), t.strides(), t.dtype(), Device::parse("meta"));
      dry.bound = true;
    }
    execute(dry);
    for (const Tensor& t : dry.out) HEARTH_CHECK(!t.defined() || t.numel() <= kElements, "too much work");
    call.proceed();
    for (int k = 0; k < kMaxOutputs; ++k) {
      if (call.out[k].defined() != dry.out[k].defined()) std::abort();
      if (call.out[k].defined() && !(call.out[k].shape() == dry.out[k].shape())) std::abort();
    }
  }
};

void run_small(const graph::Graph& g) {
  for (int64_t size : {0, 1, 3}) {
    try {
      std::vector<Tensor> in;
      for (const graph::Input& input : g.inputs) {
        Shape shape;
        for (const graph::SizeExpr& e : input.shape) shape.push_back(e.constant() ? e.offset : size);
        HEARTH_CHECK(checked_numel(shape, 8, "input") <= kElements, "too much work");
        in.push_back(zeros(shape, {.dtype = input.dtype}));
      }
      for (const graph::Node& n : g.nodes) {
        if (!n.target) continue;
        Shape shape;
        const std::vector<int64_t> dims(g.dims.size(), size);
        for (const graph::SizeExpr& e : n.target->shape) shape.push_back(e.value(dims));
        HEARTH_CHECK(checked_numel(shape, 8, "target") <= kElements, "too much work");
      }
      Limit limit;
      const InterposerGuard guard(limit);
      g.run(in);
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace hearth

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t first = all.find('\0'), second = first == all.npos ? all.npos : all.find('\0', first + 1);
  if (second == all.npos) return 0;
  const auto m = hearth::graph::parse_exported(
      {all.substr(0, first), all.substr(second + 1), all.substr(first + 1, second - first - 1)}, "model");
  if (!m.ok()) return 0;
  hearth::run_small(m->main);
  if (const auto& before = m->preprocess) hearth::run_small(*before);
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size) __attribute__((weak));

// Most damage at random ends in JSON that does not parse; this changes numbers, ops and lines of the graph.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  std::minstd_rand random(seed);
  if (random() % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  std::string text(reinterpret_cast<const char*>(data), size);
  const auto pick = [&](const auto& list) { return list[random() % list.size()]; };
  for (unsigned n = random() % 3 + 1; n-- > 0;) {
    const size_t end = std::min(text.find('\0'), text.size());
    std::vector<std::pair<size_t, size_t>> numbers, ops, lines;
    for (size_t i = 0, line = 0; i < end; ++i) {
      const char before = i > 0 ? text[i - 1] : ' ';
      if (std::strchr("[:, ", before) && (text[i] == '-' || (text[i] >= '0' && text[i] <= '9'))) {
        size_t e = i + 1;
        while (e < end && ((text[e] >= '0' && text[e] <= '9') || std::strchr(".eE+-", text[e]))) ++e;
        numbers.emplace_back(i, e - i);
      }
      if (text.compare(i, 6, "\"op\":\"") == 0) ops.emplace_back(i + 6, text.find('"', i + 6) - i - 6);
      if (text[i] == '\n') {
        lines.emplace_back(line, i - line);
        line = i;
      }
    }
    static const std::vector<std::string> kValues = {"0",
                                                     "1",
                                                     "-1",
                                                     "2",
                                                     "3",
                                                     "4",
                                                     "5",
                                                     "7",
                                                     "8",
                                                     "100",
                                                     "-2",
                                                     "255",
                                                     "65536",
                                                     "2147483647",
                                                     "-2147483648",
                                                     "4294967296",
                                                     "9223372036854775807",
                                                     "-9223372036854775808",
                                                     "4611686018427387904",
                                                     "0.5",
                                                     "1e308",
                                                     "-0.0"};
    switch (random() % 8) {
      default:
        if (numbers.empty()) break;
        {
          const auto [at, length] = pick(numbers);
          const auto [from, other] = pick(numbers);
          text.replace(at, length, random() % 3 ? pick(kValues) : text.substr(from, other));
        }
        break;
      case 0:
        if (ops.empty()) break;
        {
          const auto [at, length] = pick(ops);
          text.replace(at, length, pick(hearth::all_ops())->name);
        }
        break;
      case 1:
        if (lines.empty()) break;
        {
          const auto [at, length] = pick(lines);
          const auto [from, other] = pick(lines);
          text.insert(at, text.substr(from, other));
        }
        break;
      case 2:
        if (lines.empty()) break;
        {
          const auto [at, length] = pick(lines);
          text.erase(at, length);
        }
        break;
    }
  }
  if (text.size() > max_size) return size;
  std::copy(text.begin(), text.end(), data);
  return text.size();
}
