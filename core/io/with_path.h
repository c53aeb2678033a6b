#pragma once

#include <string>

#include "absl/status/status.h"

namespace hearth::io {

/// An error of a file's content with the file's name in front, "photo.png: the header is cut off", and the same code.
/// An OK status stays OK.
absl::Status with_path(const std::string& path, const absl::Status& status);

}  // namespace hearth::io
