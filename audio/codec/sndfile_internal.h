// An open file of libsndfile over bytes of ours.
#pragma once

#include <memory>
#include <string>

#include <sndfile.h>

#include "absl/status/statusor.h"
#include "audio/codec/bytes.h"
#include "audio/codec/info.h"

namespace hearth::audio {

struct CloseSndfile {
  void operator()(SNDFILE* f) const { sf_close(f); }
};
using SndfileHandle = std::unique_ptr<SNDFILE, CloseSndfile>;

// A file that is open for reading. The handle reads through `position`, so the object does not move.
struct OpenSound {
  explicit OpenSound(std::unique_ptr<ByteSource> s) : source(std::move(s)) {}
  OpenSound(const OpenSound&) = delete;
  OpenSound& operator=(const OpenSound&) = delete;

  // Checks and opens. Once.
  absl::Status open();

  std::unique_ptr<ByteSource> source;
  int64_t position = 0;  // of the next byte
  AudioInfo info;
  SndfileHandle file;  // after what it reads through: closed first
};

// Opens a handle of libsndfile. Its message about a failure is one for the whole process, so files are opened one at a
// time. `error` gets the message.
SndfileHandle open_virtual(SF_VIRTUAL_IO& io, int mode, SF_INFO& info, void* user, std::string& error);

// libsndfile's number for an encoding.
int subtype_of(Encoding e);

}  // namespace hearth::audio
