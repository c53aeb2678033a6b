// What the checks of a row share: going through its samples, and looking on while they run.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/device/default_device.h"
#include "core/graph/attrs.h"
#include "core/op/interposer.h"
#include "core/op/operand.h"
#include "core/tensor/generator.h"
#include "core/testing/op_row.h"
#include "core/testing/tensors.h"
#include "core/testing/test_device.h"

namespace hearth::testing {

using Tensors = std::vector<Tensor>;

inline DTypeSet taken(const OpRow& row, const OpDef& record) { return row.takes.value_or(record.dtypes); }

template <class F>
void for_dtypes(DTypeSet set, F f) {
  for (int t = 0; t < kDTypes; ++t) {
    // Rows are of real numbers; tests/core/complex has a table of its own.
    if (set.contains(static_cast<DType>(t)) && !is_complex(static_cast<DType>(t))) f(static_cast<DType>(t));
  }
}
inline DTypeSet both(DTypeSet a, DTypeSet b) {
  DTypeSet r;
  for_dtypes(a, [&](DType t) {
    if (b.contains(t)) r = r | DTypeSet{t};
  });
  return r;
}

// f(sample, dtype) for all that a row's samples are to be tried in.
template <class F>
void for_samples(const OpRow& row, const OpDef& record, F f) {
  for (const Sample& s : row.samples) {
    for_dtypes(both(s.dtypes, taken(row, record)), [&](DType t) {
      SCOPED_TRACE(concat("sample \"", s.name, "\", ", t));
      try {
        f(s, t);
      } catch (const std::exception& e) {
        if (!lacks_kernel(e)) ADD_FAILURE() << "threw: " << e.what();
      }
    });
  }
}

// Random ops draw the same numbers in every call.
inline Tensors call(const Sample& s, std::span<const Tensor> in) {
  manual_seed(7);
  const Device device = test_device();
  if (device.is_cpu()) return s.call(in);
  Tensors there, out;
  for (const Tensor& t : in) there.push_back(placed(t, device));
  {
    const DefaultDevice here(device);
    out = s.call(there);
  }
  for (Tensor& t : out) t = placed(t, kCpu);
  if (!GradMode::enabled()) {
    for (size_t i = 0; i < in.size(); ++i)
      EXPECT_TRUE(same_bits(placed(there[i], kCpu), in[i])) << "operand " << i << " was changed";
  }
  return out;
}

// Notes the calls of one record.
class Watch final : public Interposer {
 public:
  explicit Watch(const OpDef& record) : record_(record) {}

  struct Seen {
    std::vector<std::variant<std::monostate, Tensor, Scalar>> in;
    graph::OwnedAttrs attrs;
    Tensor bound;
    std::vector<Operand> operands() const {
      std::vector<Operand> o;
      for (const auto& v : in) {
        if (const Tensor* t = std::get_if<Tensor>(&v)) o.emplace_back(*t);
        else if (const Scalar* n = std::get_if<Scalar>(&v)) o.emplace_back(*n);
        else o.emplace_back(std::nullopt);
      }
      return o;
    }
  };
  std::vector<Seen> seen;
  std::set<DType> dtypes;

  void intercept(OpCall& c) override {
    const bool ours = &c.op == &record_;
    if (ours) {
      Seen s;
      for (const Operand& o : c.in) {
        if (o.is_tensor()) s.in.emplace_back(o.tensor());
        else if (o.is_scalar()) s.in.emplace_back(o.scalar());
        else s.in.emplace_back();
      }
      s.attrs = graph::OwnedAttrs(AttrsRef(c.attrs, c.op.attrs));
      if (c.bound) s.bound = c.out[0];
      seen.push_back(std::move(s));
    }
    c.proceed();
    if (ours) dtypes.insert(c.dtype);
  }

 private:
  const OpDef& record_;
};

// The gradients of a call for all operands that can have one, with gradients of the outputs that depend on the seed.
inline Tensors gradients_of(const TensorFunction& fn, std::span<const Tensor> leaves) {
  Tensors outputs, with, wanted;
  int64_t seed = 90;
  for (const Tensor& y : fn(leaves)) {
    ++seed;
    if (!y.is_floating_point() || !y.requires_grad()) continue;
    outputs.push_back(y);
    // Of numbers that every dtype holds.
    std::vector<long double> v = to_wide(noise(y.shape(), i64, -8, 8, static_cast<uint64_t>(seed)));
    for (long double& e : v) e /= 8;
    with.push_back(from_wide(v, y.shape(), y.dtype()));
  }
  for (const Tensor& x : leaves) {
    if (x.requires_grad()) wanted.push_back(x);
  }
  return outputs.empty() ? Tensors(wanted.size()) : grad(outputs, wanted, with, {}, true);
}

}  // namespace hearth::testing
