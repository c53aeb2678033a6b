#include "core/io/tensorboard.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <utility>

#include "core/io/crc32c.h"
#include "core/io/descriptor.h"

namespace hearth::io {
namespace {

// The wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding). A scalar field that holds
// its default is left out, as proto3 asks.
class Message {
 public:
  void varint_field(int number, uint64_t v) {
    if (v == 0) return;
    varint(static_cast<uint64_t>(number) << 3);
    varint(v);
  }
  void double_field(int number, double v) {
    if (std::bit_cast<uint64_t>(v) == 0) return;
    varint(static_cast<uint64_t>(number) << 3 | 1);
    little_endian(std::bit_cast<uint64_t>(v), 8);
  }
  // Members of a oneof and elements of a list: present also where they are 0.
  void varint_member(int number, uint64_t v) {
    varint(static_cast<uint64_t>(number) << 3);
    varint(v);
  }
  void double_member(int number, double v) {
    varint(static_cast<uint64_t>(number) << 3 | 1);
    little_endian(std::bit_cast<uint64_t>(v), 8);
  }
  void float_field(int number, float v) {
    if (std::bit_cast<uint32_t>(v) != 0) float_member(number, v);
  }
  void doubles(int number, const std::vector<double>& values) {
    if (values.empty()) return;
    Message list;
    for (const double v : values) list.little_endian(std::bit_cast<uint64_t>(v), 8);
    message(number, list);
  }
  void float_member(int number, float v) {
    varint(static_cast<uint64_t>(number) << 3 | 5);
    little_endian(std::bit_cast<uint32_t>(v), 4);
  }
  void bytes_field(int number, std::string_view v) {
    if (!v.empty()) bytes_member(number, v);
  }
  void bytes_member(int number, std::string_view v) {
    varint(static_cast<uint64_t>(number) << 3 | 2);
    varint(v.size());
    bytes_ += v;
  }
  void message(int number, const Message& m) { bytes_member(number, m.bytes_); }
  std::string take() && { return std::move(bytes_); }
  void little_endian(uint64_t v, int n) {
    for (int i = 0; i < n; ++i) bytes_ += static_cast<char>(v >> 8 * i);
  }
  void raw(std::string_view v) { bytes_ += v; }

 private:
  void varint(uint64_t v) {
    for (; v >= 0x80; v >>= 7) bytes_ += static_cast<char>(v | 0x80);
    bytes_ += static_cast<char>(v);
  }
  std::string bytes_;
};

// Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
std::string summary_event(double wall_time, int64_t step, const Message& value) {
  Message summary, event;
  summary.message(1, value);
  event.double_field(1, wall_time);
  event.varint_field(2, static_cast<uint64_t>(step));
  event.message(5, summary);
  return std::move(event).take();
}

// The limits of torch's bins: 0, and from 1e-12 to 1e20 either way, each a tenth larger than the one before.
const std::vector<double>& bin_limits() {
  static const std::vector<double> limits = [] {
    constexpr double kLeast = 1e-12, kMost = 1e20, kGrowth = 1.1;
    std::vector<double> out;
    for (double v = kLeast; v < kMost; v *= kGrowth) out.push_back(-v);
    std::ranges::reverse(out);
    const size_t half = out.size();
    out.push_back(0);
    for (size_t i = half; i-- > 0;) out.push_back(-out[i]);
    return out;
  }();
  return limits;
}

// The counts between the outermost bins that hold something. Limits are the bins' upper ends; an empty bin stands in
// front, for its lower end.
struct Bins {
  std::vector<double> limits, counts;
};
Bins binned(const std::vector<double>& values) {
  const std::vector<double>& limits = bin_limits();
  std::vector<double> counts(limits.size() - 1);
  for (const double v : values) {
    const auto above = std::ranges::upper_bound(limits, v) - limits.begin();
    ++counts[static_cast<size_t>(std::clamp<ptrdiff_t>(above - 1, 0, static_cast<ptrdiff_t>(counts.size()) - 1))];
  }
  const auto filled = [](double n) { return n > 0; };
  const auto first = std::ranges::find_if(counts, filled) - counts.begin();
  const auto last = counts.rend() - std::find_if(counts.rbegin(), counts.rend(), filled);  // one past it
  Bins b{.limits = std::vector(limits.begin() + first, limits.begin() + last + 1), .counts = {0}};
  b.counts.insert(b.counts.end(), counts.begin() + first, counts.begin() + last);
  return b;
}

std::vector<double> finite(std::span<const double> values) {
  std::vector<double> out;
  std::ranges::copy_if(values, std::back_inserter(out), [](double v) { return std::isfinite(v); });
  return out;
}

// A wav file of 16-bit samples.
std::string wav(std::span<const float> samples, int64_t sample_rate) {
  constexpr uint64_t kBytes = 2, kHeader = 36, kFormat = 16;
  const uint64_t bytes = samples.size() * kBytes;
  Message m;
  m.raw("RIFF");
  m.little_endian(kHeader + bytes, 4);
  m.raw("WAVEfmt ");
  m.little_endian(kFormat, 4);
  m.little_endian(1, 2);  // integers
  m.little_endian(1, 2);  // channels
  m.little_endian(static_cast<uint64_t>(sample_rate), 4);
  m.little_endian(static_cast<uint64_t>(sample_rate) * kBytes, 4);
  m.little_endian(kBytes, 2);
  m.little_endian(8 * kBytes, 2);
  m.raw("data");
  m.little_endian(bytes, 4);
  for (const float s : samples) {
    const float clipped = std::isnan(s) ? 0.0F : std::clamp(s, -1.0F, 1.0F);
    m.little_endian(static_cast<uint64_t>(static_cast<int64_t>(clipped * 32767.0F)), 2);
  }
  return std::move(m).take();
}

// A value that a plugin of TensorBoard reads.
std::string plugin_event(double wall_time, std::string_view tag, std::string_view plugin_name, const Message& content) {
  Message value, metadata, plugin;
  plugin.bytes_field(1, plugin_name);
  plugin.message(2, content);
  metadata.message(1, plugin);
  value.bytes_field(1, tag);
  value.message(9, metadata);
  return summary_event(wall_time, 0, value);
}

// google.protobuf.Value
Message protobuf_value(const HParam& v) {
  Message m;
  if (const bool* b = std::get_if<bool>(&v.value)) m.varint_member(4, *b ? 1 : 0);
  else if (const double* d = std::get_if<double>(&v.value)) m.double_member(2, *d);
  else m.bytes_member(3, std::get<std::string>(v.value));
  return m;
}
// hparams/api.proto: HParamInfo
Message hparam_info(const std::string& name, const HParam& v) {
  constexpr uint64_t kBool = 2, kNumber = 3, kText = 1;
  constexpr uint64_t kTypes[] = {kBool, kNumber, kText};
  Message m;
  m.bytes_field(1, name);
  m.varint_field(4, kTypes[v.value.index()]);
  return m;
}

Message graph_node(const GraphNode& n) {
  Message m;
  m.bytes_field(1, n.name);
  m.bytes_field(2, n.op);
  for (const std::string& input : n.inputs) m.bytes_member(3, input);
  const auto attribute = [&m](std::string_view key, const Message& value) {
    Message entry;
    entry.bytes_member(1, key);
    entry.message(2, value);
    m.message(5, entry);
  };
  if (!n.shape.empty()) {
    Message shape, list, value;
    for (const int64_t size : n.shape) {
      Message dim;
      dim.varint_field(1, static_cast<uint64_t>(size));
      shape.message(2, dim);
    }
    list.message(7, shape);
    value.message(1, list);
    attribute("_output_shapes", value);
  }
  if (!n.attributes.empty()) {
    Message value;
    value.bytes_member(2, n.attributes);
    attribute("attr", value);
  }
  return m;
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

}  // namespace

namespace event {

std::string file_version(double wall_time) {
  Message m;
  m.double_field(1, wall_time);
  m.bytes_member(3, "brain.Event:2");
  return std::move(m).take();
}

std::string scalar(double wall_time, std::string_view tag, int64_t step, double value) {
  Message v;
  v.bytes_field(1, tag);
  v.float_member(2, static_cast<float>(value));
  return summary_event(wall_time, step, v);
}

std::string text(double wall_time, std::string_view tag, int64_t step, std::string_view text) {
  constexpr uint64_t kString = 7;  // DataType DT_STRING
  Message v, tensor, shape, dim, metadata, plugin;
  dim.varint_field(1, 1);
  shape.message(2, dim);
  tensor.varint_field(1, kString);
  tensor.message(2, shape);
  tensor.bytes_member(8, text);
  plugin.bytes_field(1, "text");
  metadata.message(1, plugin);
  v.bytes_field(1, tag);
  v.message(8, tensor);
  v.message(9, metadata);
  return summary_event(wall_time, step, v);
}

std::string image(double wall_time, std::string_view tag, int64_t step, int64_t height, int64_t width, int64_t channels,
                  std::string_view png) {
  Message v, image;
  image.varint_field(1, static_cast<uint64_t>(height));
  image.varint_field(2, static_cast<uint64_t>(width));
  image.varint_field(3, static_cast<uint64_t>(channels));
  image.bytes_field(4, png);
  v.bytes_field(1, tag);
  v.message(4, image);
  return summary_event(wall_time, step, v);
}

std::string histogram(double wall_time, std::string_view tag, int64_t step, std::span<const double> values) {
  const std::vector<double> kept = finite(values);
  const auto [least, most] = std::ranges::minmax(kept);
  double sum = 0, squares = 0;
  for (const double v : kept) {
    sum += v;
    squares += v * v;
  }
  const Bins bins = binned(kept);
  Message v, h;
  h.double_field(1, least);
  h.double_field(2, most);
  h.double_field(3, static_cast<double>(kept.size()));
  h.double_field(4, sum);
  h.double_field(5, squares);
  h.doubles(6, bins.limits);
  h.doubles(7, bins.counts);
  v.bytes_field(1, tag);
  v.message(5, h);
  return summary_event(wall_time, step, v);
}

std::string audio(double wall_time, std::string_view tag, int64_t step, std::span<const float> samples,
                  int64_t sample_rate) {
  Message v, a;
  a.float_field(1, static_cast<float>(sample_rate));
  a.varint_field(2, 1);
  a.varint_field(3, samples.size());
  a.bytes_field(4, wav(samples, sample_rate));
  a.bytes_field(5, "audio/wav");
  v.bytes_field(1, tag);
  v.message(6, a);
  return summary_event(wall_time, step, v);
}

// Field numbers of tensorboard/plugins/hparams/plugin_data.proto and api.proto.
std::vector<std::string> hparams(double wall_time, const std::vector<std::pair<std::string, HParam>>& hparams,
                                 const std::vector<std::string>& metrics) {
  constexpr uint64_t kSuccess = 1;
  Message experiment, start, end;
  for (const auto& [name, v] : hparams) {
    experiment.message(4, hparam_info(name, v));
    Message entry;
    entry.bytes_member(1, name);
    entry.message(2, protobuf_value(v));
    start.message(1, entry);
  }
  for (const std::string& tag : metrics) {
    Message name, metric;
    name.bytes_field(2, tag);
    metric.message(1, name);
    experiment.message(5, metric);
  }
  end.varint_field(1, kSuccess);
  const auto event = [&](std::string_view tag, int field, const Message& m) {
    Message data;
    data.message(field, m);
    return plugin_event(wall_time, tag, "hparams", data);
  };
  return {event("_hparams_/experiment", 2, experiment), event("_hparams_/session_start_info", 3, start),
          event("_hparams_/session_end_info", 4, end)};
}

// Field numbers of tensorflow/core/framework/graph.proto and node_def.proto.
std::string graph(double wall_time, std::span<const GraphNode> nodes) {
  constexpr uint64_t kProducer = 22;  // as torch writes it
  Message graph, versions, event;
  for (const GraphNode& n : nodes) graph.message(1, graph_node(n));
  versions.varint_field(1, kProducer);
  graph.message(4, versions);
  event.double_field(1, wall_time);
  event.message(4, graph);
  return std::move(event).take();
}

std::string record(std::string_view bytes) {
  Message length, out;
  length.little_endian(bytes.size(), 8);
  const std::string header = std::move(length).take();
  out.raw(header);
  out.little_endian(masked_crc32c(header), 4);
  out.raw(bytes);
  out.little_endian(masked_crc32c(bytes), 4);
  return std::move(out).take();
}

}  // namespace event

absl::StatusOr<EventWriter> EventWriter::create(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return system_error("make the directory", directory, error.value());
  char host[256] = "localhost";
  ::gethostname(host, sizeof host - 1);
  const double start = now();
  const std::string stem =
      absl::StrCat(directory, "/events.out.tfevents.", static_cast<int64_t>(start), ".", host, ".", ::getpid());
  std::string path = stem;
  int fd = -1;
  for (int i = 1; i < 1000; ++i) {
    fd = retry_open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0666);
    if (fd >= 0 || errno != EEXIST) break;
    path = absl::StrCat(stem, ".", i);
  }
  if (fd < 0) return system_error("create", path, errno);
  EventWriter writer(path, fd);
  if (absl::Status s = writer.append(event::file_version(start)); !s.ok()) return s;
  return writer;
}

EventWriter::EventWriter(EventWriter&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

EventWriter::~EventWriter() {
  if (fd_ >= 0) ::close(fd_);
}

absl::Status EventWriter::append(const std::string& event) {
  const std::string bytes = event::record(event);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(fd_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("write", path_, errno);
    done += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

absl::Status EventWriter::scalar(std::string_view tag, int64_t step, double value) {
  return append(event::scalar(now(), tag, step, value));
}
absl::Status EventWriter::text(std::string_view tag, int64_t step, std::string_view text) {
  return append(event::text(now(), tag, step, text));
}
absl::Status EventWriter::image(std::string_view tag, int64_t step, int64_t height, int64_t width, int64_t channels,
                                std::string_view png) {
  return append(event::image(now(), tag, step, height, width, channels, png));
}
absl::Status EventWriter::histogram(std::string_view tag, int64_t step, std::span<const double> values) {
  if (std::ranges::none_of(values, [](double v) { return std::isfinite(v); }))
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write the histogram \"", std::string(tag), "\": none of its values is finite"));
  return append(event::histogram(now(), tag, step, values));
}
absl::Status EventWriter::audio(std::string_view tag, int64_t step, std::span<const float> samples,
                                int64_t sample_rate) {
  if (sample_rate < 1 || sample_rate > INT32_MAX)
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write the sound \"", std::string(tag), "\": ", sample_rate, " samples in a second"));
  return append(event::audio(now(), tag, step, samples, sample_rate));
}
absl::Status EventWriter::hparams(const std::vector<std::pair<std::string, HParam>>& hparams,
                                  const std::vector<std::string>& metrics) {
  for (const std::string& e : event::hparams(now(), hparams, metrics)) {
    if (absl::Status s = append(e); !s.ok()) return s;
  }
  return absl::OkStatus();
}
absl::Status EventWriter::graph(std::span<const GraphNode> nodes) { return append(event::graph(now(), nodes)); }

}  // namespace hearth::io
