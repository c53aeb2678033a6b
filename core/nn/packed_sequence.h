/// Sequences of several lengths: padded, as one tensor, and packed, as PyTorch packs them.
///
/// Which steps there are is counted on the host: lengths and batch_sizes are brought to the CPU. Gradients flow through
/// all functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::nn {

/// Sequences without padding: the first step of all of them, then the second of those that have one, and so on. The
/// sequences stand in the order of falling lengths.
struct PackedSequence {
  Tensor data;         ///< [steps of all sequences, ...].
  Tensor batch_sizes;  ///< How many sequences have a first, second, ... step: i64 [greatest length], on the CPU.
  /// Which sequence stands first, second, ...: i64 [batch]. Without it they stand as they were given.
  std::optional<Tensor> sorted_indices = std::nullopt;
  /// Where the first, second, ... sequence that was given stands.
  std::optional<Tensor> unsorted_indices = std::nullopt;
  /// The tensors, for hooks of modules (core/nn/tensors_of.h).
  auto tensors() { return std::tie(data); }
};

/// How pack_padded_sequence() reads.
struct PackOptions {
  bool batch_first = false;    ///< x is [batch, time, ...] in place of [time, batch, ...].
  bool enforce_sorted = true;  ///< The lengths fall already; else the sequences are sorted.
};
/// The steps of a padded batch x [time, batch, ...] that are no padding. lengths, i64 or i32 [batch], are from 1 to
/// time. Throws Error for others, for a shape that does not fit, and, with enforce_sorted, for lengths that rise.
PackedSequence pack_padded_sequence(const Tensor& x, const Tensor& lengths, const PackOptions& options = {});

/// What pad_packed_sequence() gives.
struct PaddedSequence {
  Tensor data;     ///< [time, batch, ...], the sequences as they were given.
  Tensor lengths;  ///< How many steps each has: i64 [batch], on the CPU.
};
/// How pad_packed_sequence() pads.
struct PadOptions {
  bool batch_first = false;                            ///< Gives [batch, time, ...].
  double padding_value = 0;                            ///< What stands behind a sequence's end.
  std::optional<int64_t> total_length = std::nullopt;  ///< The time; the greatest length where none is given.
};
/// Undoes pack_padded_sequence(). Throws Error for a total_length below the greatest length, and for a PackedSequence
/// whose parts do not fit.
PaddedSequence pad_packed_sequence(const PackedSequence& packed, const PadOptions& options = {});

/// How pad_sequence() pads.
struct PadSequenceOptions {
  bool batch_first = false;  ///< Gives [batch, time, ...].
  double padding_value = 0;  ///< What stands where a sequence has no step.
  bool left = false;         ///< The padding stands before the sequences. PyTorch: padding_side="left".
};
/// Sequences [length, ...] as one tensor [time, batch, ...], with the greatest length as time. Throws Error if there is
/// none, or if they differ in what follows the length.
Tensor pad_sequence(std::span<const Tensor> sequences, const PadSequenceOptions& options = {});
/// The first steps of each sequence of x [time, batch, ...]; lengths as of pack_padded_sequence(), but from 0.
std::vector<Tensor> unpad_sequence(const Tensor& x, const Tensor& lengths, bool batch_first = false);
/// Packs sequences [length, ...] of at least one step. Throws Error as pad_sequence() and pack_padded_sequence().
PackedSequence pack_sequence(std::span<const Tensor> sequences, bool enforce_sorted = true);
/// The sequences of which it is packed, as they were given.
std::vector<Tensor> unpack_sequence(const PackedSequence& packed);

/// A PackedSequence like `like` of other values: those of a padded batch of the same lengths. Throws Error if the shape
/// does not fit.
PackedSequence pack_like(const Tensor& x, const PackedSequence& like, bool batch_first = false);

}  // namespace hearth::nn
