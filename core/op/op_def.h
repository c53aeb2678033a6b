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

/// The largest number of outputs of an op.
constexpr int kMaxOutputs = 4;

/// What kind of computation an op is.
enum class OpKind : uint8_t {
  kPointwise,  ///< Each element of the result follows from the operands' elements at its place.
  kReduction,  ///< Elements are combined along dimensions.
  kView,       ///< infer() makes the result over the operand's memory; there is no kernel.
  kRandom,     ///< Draws random numbers, so a graph never folds it into a constant.
  kOther,      ///< None of these.
};

/// How the dtypes of tensor and scalar operands meet, and the dtype of the result.
enum class Promote : uint8_t {
  kSame,    ///< infer() decides. OpCall::dtype starts as that of the first tensor operand.
  kCommon,  ///< The op computes in the promoted dtype, which is also that of the result.
  kFloat,   ///< As kCommon, but integers and bool become f32.
  kBool,    ///< The op computes in the promoted dtype; the result is bool.
};

/// What Autocast (core/autograd/autocast.h) does with the op.
enum class AutocastPolicy : uint8_t {
  kNone,    ///< The op runs in the dtype of its operands.
  kLow,     ///< The op is faster in bf16 or f16: matmul, convolution.
  kF32,     ///< The op needs the range or the precision of f32.
  kWidest,  ///< Operands are cast to the widest dtype among them.
};

/// Which tensors are kept for backward.
struct Save {
  /// For each input a set of operands: input i is kept if the gradient of operand j is wanted and bit j of input[i] is
  /// set.
  std::array<uint8_t, 8> input{};
  /// Bit k: output k is kept.
  uint8_t outputs = 0;
};
/// For Save::input: the input is kept if any gradient is wanted.
constexpr uint8_t kAnyGradient = 0xff;

/// A kernel: computes the outputs of a call, which infer() has allocated.
using KernelFn = void (*)(OpCall&);
/// The kernels of an op, one for each device that computes.
struct Kernels {
  KernelFn cpu = nullptr;   ///< The kernel for the CPU.
  KernelFn cuda = nullptr;  ///< The kernel for CUDA, a weak symbol: null in a program that does not link //core:cuda.
};

/// Everything Hearth knows about an op. A record is a constant (`extern constinit const OpDef kAdd = {…};`), and
/// HEARTH_OP lists it.
struct OpDef {
  /// The op's name in messages and saved graphs: "add". Ops of other projects are called "project::op".
  const char* name;
  /// The version of the op's meaning in saved graphs.
  int version = 1;
  /// The oldest version whose graphs mean the same under this record; 0: only `version`.
  int oldest = 0;
  /// What kind of computation the op is.
  OpKind kind = OpKind::kOther;
  /// The values that OpCall::dtype may have after infer(). Others throw Error naming the op and this set.
  DTypeSet dtypes{};
  /// How the dtypes of the operands meet.
  Promote promote = Promote::kSame;
  /// What automatic mixed precision may do with the op.
  AutocastPolicy autocast = AutocastPolicy::kNone;
  /// The smallest number of operands.
  uint8_t min_inputs = 1;
  /// The largest number of operands; 255: any number.
  uint8_t max_inputs = 1;
  /// Bit i: operand i may be absent.
  uint8_t absent = 0;
  /// Bit i: operand i may be a number.
  uint8_t scalars = 0;
  /// Bit i: the tensor that the result is written into may be operand i, with the same elements in the same order. For
  /// a pointwise op it may be any operand. Other overlaps of operands and that tensor throw Error.
  uint8_t in_place = 0;
  /// For an op that changes its operands and has no other result: operands come in rows of so many. absent and scalars
  /// count within the row. No gradient passes; see run_rows().
  uint8_t row = 0;
  /// Bit k: operand k of each row is written.
  uint8_t writes = 0;
  /// How many tensors the kernel writes, at most kMaxOutputs.
  uint8_t outputs = 1;
  /// How many of them the caller gets. The others, which follow, are only kept for backward.
  uint8_t visible = 1;
  /// True if only gradients and optimizers call the op, with operands that fit by construction. Graphs that are loaded
  /// may not name it.
  bool internal = false;
  /// The type of the op's attributes; null: none.
  const AttrsType* attrs = nullptr;
  /// Checks the operands, sets OpCall::dtype and makes the outputs (see shape_rules.h). It also runs on tensors without
  /// data, so it must not read values.
  void (*infer)(OpCall&);
  /// Which tensors are kept for backward.
  Save save{};
  /// The kernels.
  Kernels kernel{};
  /// Computes the same with other ops and sets the results with OpCall::give(). run() uses it on a device for which
  /// there is no kernel.
  void (*compose)(OpCall&) = nullptr;
  /// Computes the operands' gradients, with public ops, so that it has a gradient itself. Null: no gradient passes.
  void (*backward)(GradContext&) = nullptr;
};

/// The records of all ops that are linked into this program and listed by HEARTH_OP, in no particular order.
std::span<const OpDef* const> all_ops();
/// The record of the op with this name, or null.
const OpDef* find_op(std::string_view name);

}  // namespace hearth

/// Lists a record in all_ops(). The linker drops it together with an unused op.
#define HEARTH_OP(record) HEARTH_REGISTER(hearth_ops, ::hearth::OpDef, record)
