// Writes event files that TensorBoard shows: TFRecord framing around hand-encoded tensorflow.Event messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::io {

/// Writes one event file. Every call appends one whole record with one write. Whoever reads the file meanwhile, or
/// after a crash, finds at most the last record cut short, which TensorBoard skips. Use it from one thread at a time.
class EventWriter {
 public:
  /// Begins the file events.out.tfevents.SECONDS.HOST.PROCESS in `directory`, which is made if it is missing. A resumed
  /// run makes a file of its own; TensorBoard joins the files of a directory.
  static absl::StatusOr<EventWriter> create(const std::string& directory);
  /// Takes over the file.
  EventWriter(EventWriter&& other) noexcept;
  EventWriter& operator=(EventWriter&&) = delete;
  ~EventWriter();

  /// Appends a number at a step, which TensorBoard draws as a curve. It is kept as f32. Tags with a common "prefix/"
  /// share a panel.
  absl::Status scalar(std::string_view tag, int64_t step, double value);
  /// Appends a text, which TensorBoard shows as Markdown.
  absl::Status text(std::string_view tag, int64_t step, std::string_view text);
  /// Appends a picture: an encoded PNG of this height and width in pixels, with 1, 3 or 4 channels.
  absl::Status image(std::string_view tag, int64_t step, int64_t height, int64_t width, int64_t channels,
                     std::string_view png);
  /// The path of the file.
  const std::string& path() const { return path_; }

 private:
  EventWriter(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status append(const std::string& event);

  std::string path_;
  int fd_;
};

/// Event messages and their framing, as bytes. `wall_time` is in seconds since 1970.
namespace event {
/// The event that a file begins with.
std::string file_version(double wall_time);
/// An event with a number; see EventWriter::scalar().
std::string scalar(double wall_time, std::string_view tag, int64_t step, double value);
/// An event with a text; see EventWriter::text().
std::string text(double wall_time, std::string_view tag, int64_t step, std::string_view text);
/// An event with a picture; see EventWriter::image().
std::string image(double wall_time, std::string_view tag, int64_t step, int64_t height, int64_t width, int64_t channels,
                  std::string_view png);
/// A TFRecord: the length, its checksum, the bytes and their checksum.
std::string record(std::string_view bytes);
}  // namespace event

}  // namespace hearth::io
