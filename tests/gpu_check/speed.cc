#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "core/hearth.h"
#include "tests/gpu_check/measure.h"

namespace hearth::gpu_check {
namespace {

class Rows {
 public:
  explicit Rows(const Options& options) : options_(options) {}

  // `bytes` are those that have to be read and written.
  void memory(const std::string& name, double bytes, const std::function<void()>& f) {
    row(name, [&] { print_row(name, bytes / seconds_of(options_, f) * 1e-9, "GB/s"); });
  }
  void arithmetic(const std::string& name, double operations, const std::function<void()>& f) {
    row(name, [&] { print_row(name, operations / seconds_of(options_, f) * 1e-12, "TFLOP/s"); });
  }
  void time(const std::string& name, const std::function<void()>& f) {
    row(name, [&] { print_row(name, seconds_of(options_, f) * 1e6, "us"); });
  }
  // Several rows that share their tensors.
  void group(const std::string& name, const std::function<void()>& f) { row(name, f); }
  // A size, smaller for a try.
  int64_t n(int64_t size) const { return std::max<int64_t>(size / options_.small, 8); }
  Tensor random(const Shape& shape, DType dtype) const {
    return randn(shape, {.dtype = dtype, .device = options_.device});
  }
  Tensor integers(int64_t below, const Shape& shape) const {
    return randint(0, below, shape, {.dtype = i64, .device = options_.device});
  }
  int failed() const { return failed_; }

 private:
  void row(const std::string& name, const std::function<void()>& f) {
    if (!try_row(name, f)) ++failed_;
  }
  const Options options_;
  int failed_ = 0;
};

std::string name_of(const char* what, DType t) { return std::string(what) + (t == f32 ? "_f32" : "_bf16"); }

double bytes_of(const Tensor& t) { return static_cast<double>(t.nbytes()); }

// What only moves memory: a bar is the copy's bandwidth.
void elementwise(Rows& r) {
  for (const DType t : {f32, bf16}) {
    r.group(name_of("elementwise", t), [&] {
      const Tensor x = r.random({r.n(1 << 14), r.n(1 << 13)}, t), y = r.random(x.shape(), t);
      const double b = bytes_of(x);
      r.memory(name_of("copy", t), 2 * b, [&] { x.clone(); });
      r.memory(name_of("add", t), 3 * b, [&] { x + y; });
      r.memory(name_of("gelu", t), 2 * b, [&] { gelu(x); });
      r.memory(name_of("add_row", t), 2 * b, [&, row = y[0]] { x + row; });
      r.memory(name_of("transposed_copy", t), 2 * b, [&] { x.t().contiguous(); });
      r.memory(name_of("cast", t), 1.5 * std::max(b, bytes_of(x.to(f32))), [&] { x.to(t == f32 ? bf16 : f32); });
    });
  }
}

void reductions(Rows& r) {
  for (const DType t : {f32, bf16}) {
    r.group(name_of("reductions", t), [&] {
      const Tensor x = r.random({r.n(1 << 14), r.n(1 << 13)}, t);
      const double b = bytes_of(x);
      const Tensor weight = r.random({x.size(1)}, t), bias = r.random({x.size(1)}, t);
      r.memory(name_of("sum", t), b, [&] { x.sum(); });
      r.memory(name_of("sum_rows", t), b, [&] { x.sum(1); });
      r.memory(name_of("sum_columns", t), b, [&] { x.sum(0); });
      r.memory(name_of("argmax_rows", t), b, [&] { x.argmax(1); });
      r.memory(name_of("cumsum_rows", t), 2 * b, [&] { x.cumsum(1); });
      r.memory(name_of("softmax", t), 2 * b, [&] { softmax(x, 1); });
      r.memory(name_of("layer_norm", t), 2 * b, [&] { layer_norm(x, {x.size(1)}, weight, bias); });
      r.memory(name_of("rms_norm", t), 2 * b, [&] { rms_norm(x, {x.size(1)}, weight); });
      const Tensor target = r.integers(x.size(1), {x.size(0)});
      r.memory(name_of("cross_entropy", t), b, [&] { cross_entropy(x, target); });
    });
  }
}

void indexing(Rows& r) {
  r.group("indexing", [&] {
    const Tensor table = r.random({r.n(50304), r.n(768)}, bf16);
    const Tensor index = r.integers(table.size(0), {r.n(1 << 14)});
    const double b = static_cast<double>(index.numel() * table.size(1) * 2);
    r.memory("embedding_bf16", 2 * b, [&] { embedding(table, index); });
    Tensor learnt = table.detach().clone();
    learnt.requires_grad_();
    const Tensor gradient = r.random({index.size(0), table.size(1)}, bf16);
    r.memory("embedding_and_gradient_bf16", 3 * b + bytes_of(table), [&] {
      learnt.set_grad({});
      embedding(learnt, index).backward(gradient);
    });
    const Tensor x = r.random({r.n(1 << 24)}, f32);
    r.memory("sort_f32", 4 * bytes_of(x), [&] { sort(x); });
    const Tensor rows = x.reshape({-1, r.n(1 << 10)});
    r.memory("topk_rows_f32", bytes_of(x), [&] { topk(rows, 8); });
    r.memory("gather_f32", 4 * bytes_of(x), [&, at = r.integers(rows.size(1), rows.shape())] { rows.gather(1, at); });
  });
}

void products(Rows& r) {
  for (const DType t : {bf16, f32}) {
    for (const int64_t size : {1024, 4096, 8192}) {
      if (t == f32 && size == 8192) continue;
      const int64_t n = r.n(size);
      const std::string name = name_of("matmul", t) + "_" + std::to_string(size);
      r.group(name, [&] {
        const Tensor a = r.random({n, n}, t), b = r.random({n, n}, t);
        r.arithmetic(name, 2 * std::pow(static_cast<double>(n), 3), [&] { matmul(a, b); });
      });
    }
  }
  r.group("linear", [&] {
    const Tensor x = r.random({r.n(1 << 14), r.n(768)}, bf16), w = r.random({r.n(3072), x.size(1)}, bf16);
    const Tensor bias = r.random({w.size(0)}, bf16);
    r.arithmetic("linear_bias_gelu_bf16", 2.0 * static_cast<double>(x.numel() * w.size(0)),
                 [&] { gelu(linear(x, w, bias)); });
    const Tensor one = r.random({1, r.n(4096)}, bf16), large = r.random({r.n(11008), one.size(1)}, bf16);
    r.memory("matrix_vector_bf16", bytes_of(large), [&] { linear(one, large); });
  });
  r.group("conv", [&] {
    const Tensor x = r.random({r.n(64), r.n(64), r.n(56), r.n(56)}, bf16).contiguous(MemoryFormat::kChannelsLast);
    const Tensor w = r.random({r.n(64), x.size(1), 3, 3}, bf16).contiguous(MemoryFormat::kChannelsLast);
    r.arithmetic("conv3x3_bf16", 2.0 * 9 * static_cast<double>(x.numel() * w.size(0)),
                 [&] { conv2d(x, w, {}, {.padding = 1}); });
  });
}

void attentions(Rows& r) {
  r.group("attention", [&] {
    Tensor q = r.random({r.n(16), r.n(12), r.n(1024), 64}, bf16), k = r.random(q.shape(), bf16),
           v = r.random(q.shape(), bf16);
    const Tensor gradient = r.random(q.shape(), bf16);
    // Half of the products: the others are hidden by the causal mask.
    const double operations = 2 * static_cast<double>(q.numel()) * static_cast<double>(q.size(2));
    r.arithmetic("attention_causal_bf16", operations, [&] { scaled_dot_product_attention(q, k, v, {.causal = true}); });
    for (Tensor* t : {&q, &k, &v}) t->requires_grad_();
    r.arithmetic("attention_causal_and_gradient_bf16", 3.5 * operations, [&] {
      for (Tensor* t : {&q, &k, &v}) t->set_grad({});
      scaled_dot_product_attention(q, k, v, {.causal = true}).backward(gradient);
    });
    const Tensor one = r.random({r.n(16), r.n(32), 1, 128}, bf16);
    const Tensor keys = r.random({one.size(0), one.size(1), r.n(4096), 128}, bf16), values = randn_like(keys);
    r.memory("attention_decode_bf16", 2 * bytes_of(keys), [&] { scaled_dot_product_attention(one, keys, values); });
  });
}

void small_work(Rows& r) {
  r.group("small", [&] {
    const Tensor x = r.random({16}, f32), y = r.random({16}, f32);
    r.time("launch_add", [&] { x + y; });
    const Tensor a = r.random({16, 16}, f32);
    r.time("launch_matmul", [&] { matmul(a, a); });
    Tensor learnt = x.clone();
    learnt.requires_grad_();
    r.time("launch_add_and_gradient", [&] {
      learnt.set_grad({});
      (learnt + y).sum().backward();
    });
  });
  r.group("optimizer", [&] {
    // The tensors of GPT-2 124M, as many and about as large.
    std::vector<Tensor> parameters;
    for (int layer = 0; layer < 12; ++layer) {
      for (const int64_t rows : {2304, 768, 3072, 3072}) {
        parameters.push_back(r.random({r.n(rows), r.n(768)}, f32));
        parameters.push_back(r.random({r.n(rows)}, f32));
      }
    }
    double bytes = 0;
    for (Tensor& p : parameters) {
      p.set_grad(randn_like(p));
      p.requires_grad_();
      bytes += bytes_of(p);
    }
    optim::AdamW adamw(parameters, {.lr = 1e-4});
    r.memory("adamw", 7 * bytes, [&] { adamw.step(); });
  });
}

}  // namespace

int speed(const Options& options) {
  Rows rows(options);
  elementwise(rows);
  reductions(rows);
  indexing(rows);
  products(rows);
  attentions(rows);
  small_work(rows);
  return rows.failed();
}

}  // namespace hearth::gpu_check
