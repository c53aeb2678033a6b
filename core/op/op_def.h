// OpDef: everything Hearth knows about an op, in one static record.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/base/registry.h"
#include "core/op/attrs.h"
#include "core/tensor/dtype.h"

namespace hearth {

struct OpCall;
class GradContext;

constexpr int kMaxOutputs = 4;

enum class OpKind : uint8_t {
  kPointwise,  // each result element comes from the elements at its place: can be fused
  kReduction,
  kView,    // infer() makes the result over the operand's memory; there is no kernel
  kRandom,  // draws random numbers: never folded into a constant
  kOther,
};

// How the dtypes of tensor and scalar operands meet, and what the result has.
enum class Promote : uint8_t {
  kSame,    // the rule in infer() decides; call.dtype starts as that of the first tensor operand
  kCommon,  // computed in the promoted dtype, which the result has
  kFloat,   // as kCommon, but integers and bool give f32
  kBool,    // computed in the promoted dtype; the result is bool
};

enum class Autocast : uint8_t {
  kNone,    // runs in whatever it is given
  kLow,     // gains from bf16/f16: matmul, convolution
  kF32,     // needs f32's range or precision
  kWidest,  // operands are cast to the widest of them
};

// What backward needs kept. input[i] is a set of operands (bit j: operand j): input i is kept if the gradient of one of
// them is wanted. outputs: bit k keeps output k.
struct Save {
  std::array<uint8_t, 8> input{};
  uint8_t outputs = 0;
};
// Input i is kept if any gradient is wanted.
constexpr uint8_t kAnyGradient = 0xff;

using KernelFn = void (*)(OpCall&);
// One slot for each device that computes; a CUDA kernel is a weak symbol, null where //core:cuda is not linked.
struct Kernels {
  KernelFn cpu = nullptr;
  KernelFn cuda = nullptr;
};

struct OpDef {
  const char* name;
  int version = 1;  // of the record's meaning in saved graphs
  // The oldest version whose graphs mean the same under this record, if it is not `version`: one that takes more than
  // it did still reads them.
  int oldest = 0;
  OpKind kind = OpKind::kOther;
  DTypeSet dtypes{};  // values that call.dtype may have; others throw by name
  Promote promote = Promote::kSame;
  Autocast autocast = Autocast::kNone;
  uint8_t min_inputs = 1, max_inputs = 1;  // max_inputs 255: any number
  uint8_t absent = 0;                      // bit i: operand i may be absent
  uint8_t scalars = 0;                     // bit i: operand i may be a Scalar
  // Bit i: a given tensor to be written may be operand i, the same elements in the same order. Of a pointwise op it may
  // be any. Other overlaps of what is read and what is written are refused.
  uint8_t in_place = 0;
  // Of an op that changes its operands and has no other result: operands come in rows of so many, and bit k says that
  // operand k of each row is written. absent and scalars count within the row. No gradient passes; see run_rows().
  uint8_t row = 0;
  uint8_t writes = 0;
  uint8_t outputs = 1, visible = 1;  // the outputs after the visible ones are only saved for backward
  // Called by gradients and optimizers only, whose operands fit by construction: graphs from outside may not name it.
  bool internal = false;
  const AttrsType* attrs = nullptr;
  void (*infer)(OpCall&);  // checks, sets call.dtype, allocates call.out (see shape_rules.h)
  Save save{};
  Kernels kernel{};
  // Computes the same by other ops, and hands the results over by OpCall::give(). What run() takes on a device for
  // which the record has no kernel.
  void (*compose)(OpCall&) = nullptr;
  void (*backward)(GradContext&) = nullptr;  // null: no gradient passes
};

// All records linked into this program, in no particular order: the only registry. Empty unless something refers to it.
std::span<const OpDef* const> all_ops();
// The record with this name, or null.
const OpDef* find_op(std::string_view name);

}  // namespace hearth

/// Lists a record in all_ops(). The linker drops it together with an unused op.
#define HEARTH_OP(record) HEARTH_REGISTER(hearth_ops, ::hearth::OpDef, record)
