// The softmax family and attention.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// e^x / sum(e^x) along dimension d, without overflow; NaN along lines of nothing but -infinity. Floating-point only;
/// f16 and bf16 are computed in f32 and rounded once.
Tensor softmax(const Tensor& x, int64_t d);
/// log(softmax(x)) along dimension d, without the overflow and underflow of both steps. Otherwise as softmax().
Tensor log_softmax(const Tensor& x, int64_t d);
/// softmax(), but 0 along lines of nothing but -infinity.
Tensor safe_softmax(const Tensor& x, int64_t d);

struct AttentionOptions {
  std::optional<Tensor> mask = std::nullopt;  // bool: true may be attended to; float: added to the scores
  double dropout = 0;
  bool causal = false;
  std::optional<double> scale = std::nullopt;  // 1 / sqrt(head size) where none is given
};
// softmax(q k^T scale + mask) v. q [..., heads, m, e], k [..., heads, n, e], v [..., heads, n, f]; k and v may have
// fewer heads, each then serving a group of q's (Vaswani et al., 2017; Ainslie et al., 2023). Leading dimensions
// broadcast. A position that may attend to nothing gets 0, and gives no gradient. f16 and bf16 are computed in f32 and
// rounded once.
Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const AttentionOptions& options = {});

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
extern constinit const OpDef kSoftmax;
extern constinit const OpDef kLogSoftmax;
extern constinit const OpDef kSafeSoftmax;

}  // namespace hearth
