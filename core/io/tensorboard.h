// Writes event files that TensorBoard shows: TFRecord framing around hand-encoded tensorflow.Event messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::io {

// One event file. Every call appends one whole record with one write, so whoever reads the file meanwhile, or after a
// crash, finds at most the last record cut short, which TensorBoard skips. One thread at a time.
class EventWriter {
 public:
  // Makes `directory` if it is missing, and in it events.out.tfevents.<seconds>.<host>.<process>. A resumed run makes a
  // file of its own; TensorBoard joins the files of a directory.
  static absl::StatusOr<EventWriter> create(const std::string& directory);
  EventWriter(EventWriter&& other) noexcept;
  EventWriter& operator=(EventWriter&&) = delete;
  ~EventWriter();

  // A number at a step; drawn as a curve. Kept as f32. Tags with a common "prefix/" share a panel.
  absl::Status scalar(std::string_view tag, int64_t step, double value);
  // Markdown.
  absl::Status text(std::string_view tag, int64_t step, std::string_view text);
  // An encoded PNG of the given size; channels are 1, 3 or 4.
  absl::Status image(std::string_view tag, int64_t step, int64_t height, int64_t width, int64_t channels,
                     std::string_view png);
  const std::string& path() const { return path_; }

 private:
  EventWriter(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status append(const std::string& event);

  std::string path_;
  int fd_;
};

// The messages and the framing by themselves. wall_time is in seconds since 1970.
namespace event {
std::string file_version(double wall_time);
std::string scalar(double wall_time, std::string_view tag, int64_t step, double value);
std::string text(double wall_time, std::string_view tag, int64_t step, std::string_view text);
std::string image(double wall_time, std::string_view tag, int64_t step, int64_t height, int64_t width, int64_t channels,
                  std::string_view png);
// length, its checksum, the bytes, their checksum.
std::string record(std::string_view bytes);
}  // namespace event

}  // namespace hearth::io
