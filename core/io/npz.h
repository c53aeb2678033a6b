// NumPy's npz format: arrays by name in a zip file of npy files.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"

namespace hearth::io {

/// Reads all arrays, by their names without ".npy". Entries may be stored or deflated; zip64 is read too. Nothing is
/// written to the file system.
///
/// Each array is checked as by load_npy() before it is allocated. kInvalidArgument also for a wrong checksum, two
/// entries of one name, an entry that is not an npy file, or an entry that claims more than its compressed bytes can
/// hold. kResourceExhausted if all arrays together have more than `max_bytes`. kUnimplemented for encryption and for
/// compression methods other than deflate.
absl::StatusOr<std::map<std::string, Tensor>> load_npz(const std::string& path, uint64_t max_bytes = uint64_t{1} << 36);
/// As load_npz(), from bytes in memory. `name` stands for the path in messages.
absl::StatusOr<std::map<std::string, Tensor>> parse_npz(std::string_view bytes, const std::string& name,
                                                        uint64_t max_bytes = uint64_t{1} << 36);

/// Writes tensors atomically (see AtomicFile). The same tensors give the same bytes. `compress` deflates them. Errors
/// as for save_npy().
absl::Status save_npz(const std::string& path, const std::map<std::string, Tensor>& tensors, bool compress = false);

}  // namespace hearth::io
