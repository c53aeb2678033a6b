// What all training programs do: an interrupt ends them after a checkpoint, and errors are words and an exit status.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::examples {

// Whether SIGINT or SIGTERM has come. A training then saves and returns kCancelled; a second signal ends the program.
bool interrupted();

// A training program's main(): parses flags, has the options read (an error: status 2), then trains. The status is 0,
// 130 when it was interrupted, else 1.
int training_main(int argc, char** argv, const char* name, const char* usage,
                  absl::FunctionRef<absl::Status()> read_options, absl::FunctionRef<absl::Status()> train);

// The same with options of the program's own type.
template <class Options>
int training_main(int argc, char** argv, const char* name, const char* usage, absl::StatusOr<Options> (*read_options)(),
                  absl::Status (*train)(const Options&)) {
  absl::StatusOr<Options> options = absl::UnknownError("not read");
  const auto read = [&] { return (options = read_options()).status(); };
  return training_main(argc, argv, name, usage, read, [&] { return train(*options); });
}

}  // namespace hearth::examples
