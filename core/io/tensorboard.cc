#include "core/io/tensorboard.h"

#include <bit>
#include <chrono>
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
  // A member of a oneof: present also where it is 0.
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

}  // namespace hearth::io
