// What kind of file the bytes are, and whether all of it is there. libsndfile reads what it finds of a file that was
// cut off and says nothing, so the parts that a container declares are measured here first.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audio/codec/bytes.h"

namespace hearth::audio {

enum class Container : uint8_t { kWav, kFlac, kOgg, kMp3, kAiff };
const char* name_of(Container c);

// The container, by the first bytes. Errors: kInvalidArgument for what is no sound, kUnimplemented for known formats
// that are not read.
absl::StatusOr<Container> container_of(const ByteSource& source);

// The frames that the container declares; INT64_MAX where only libsndfile can tell. kDataLoss, with the byte, if a part
// that it declares is not there.
absl::StatusOr<int64_t> check_whole(const ByteSource& source, Container c);

}  // namespace hearth::audio
