// PeerStatus: what a rank tells the others when something has gone wrong.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace hearth::distributed {

/// A rank's word on a failure.
struct PeerStatus {
  /// "is in all_reduce #18 of f32 [8], sum for 2.01 s".
  std::string doing;
  /// Its last operations, oldest first.
  std::vector<std::string> last;
  /// As it stands in the store: JSON.
  std::string to_json() const;
  /// Reads what another rank has written; kInvalidArgument for anything else. Texts are cut to a sensible length.
  static absl::StatusOr<PeerStatus> parse(const std::string& json);
};

}  // namespace hearth::distributed
