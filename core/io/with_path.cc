#include "core/io/with_path.h"

#include "absl/strings/str_cat.h"

namespace hearth::io {

absl::Status with_path(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace hearth::io
