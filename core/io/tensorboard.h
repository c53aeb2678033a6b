// Writes event files that TensorBoard shows: TFRecord framing around hand-encoded tensorflow.Event messages.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::io {

/// The value of a hyperparameter: a bool, a number or a text.
struct HParam {
  /// A bool or a number, which becomes a double.
  template <class T>
  requires std::is_arithmetic_v<T> HParam(T v) {
    if constexpr (std::is_same_v<T, bool>) value = v;
    else value = static_cast<double>(v);
  }
  /// A text.
  HParam(std::string text) : value(std::move(text)) {}
  /// A text.
  HParam(std::string_view text) : value(std::string(text)) {}
  /// A text.
  HParam(const char* text) : value(std::string(text)) {}

  /// What it is.
  std::variant<bool, double, std::string> value;
};

/// A node of a graph that TensorBoard draws; graph::tensorboard_nodes() makes them of a Graph.
struct GraphNode {
  std::string name;                 ///< Not another node's. Slashes group: "encoder/layers/0/linear".
  std::string op;                   ///< What it does.
  std::vector<std::string> inputs;  ///< The names of the nodes whose results it takes.
  std::string attributes;           ///< Anything else to be shown; may be empty.
  std::vector<int64_t> shape;       ///< Of its result; -1 for a size that may differ. Empty: not shown.
};

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
  /// Appends how values are distributed: counts in bins whose limits grow by a tenth, as torch's SummaryWriter makes
  /// them. Values that are not finite are left out, and those beyond 1e20 are in the outermost bins. kInvalidArgument
  /// if no value is finite.
  absl::Status histogram(std::string_view tag, int64_t step, std::span<const double> values);
  /// Appends a sound of one channel, as 16-bit samples; values beyond -1 and 1 are clipped, those that are no numbers
  /// are silent. kInvalidArgument unless the rate is from 1 to 2^31 - 1 samples in a second.
  absl::Status audio(std::string_view tag, int64_t step, std::span<const float> samples, int64_t sample_rate);
  /// Says which hyperparameters this run has, and which of its scalars TensorBoard compares them by. Once for each
  /// directory.
  absl::Status hparams(const std::vector<std::pair<std::string, HParam>>& hparams,
                       const std::vector<std::string>& metrics);
  /// Appends a graph to be drawn. Once for each directory.
  absl::Status graph(std::span<const GraphNode> nodes);
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
/// An event with a histogram; see EventWriter::histogram(). Needs a finite value.
std::string histogram(double wall_time, std::string_view tag, int64_t step, std::span<const double> values);
/// An event with a sound; see EventWriter::audio().
std::string audio(double wall_time, std::string_view tag, int64_t step, std::span<const float> samples,
                  int64_t sample_rate);
/// Three events: the hyperparameters that there are, those of this run, and its end. See EventWriter::hparams().
std::vector<std::string> hparams(double wall_time, const std::vector<std::pair<std::string, HParam>>& hparams,
                                 const std::vector<std::string>& metrics);
/// An event with a graph; see EventWriter::graph().
std::string graph(double wall_time, std::span<const GraphNode> nodes);
/// A TFRecord: the length, its checksum, the bytes and their checksum.
std::string record(std::string_view bytes);
}  // namespace event

}  // namespace hearth::io
