#include "serve/http2/hpack.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/base/error.h"

namespace hearth::serve::http2 {
namespace {

struct Code {
  uint32_t bits;
  int length;
};
// RFC 7541, appendix B: of each byte, and of the end.
constexpr int kEnd = 256;
constexpr std::array<Code, 257> kHuffman = {{
    {0x1ff8, 13},    {0x7fffd8, 23},   {0xfffffe2, 28}, {0xfffffe3, 28}, {0xfffffe4, 28},  {0xfffffe5, 28},
    {0xfffffe6, 28}, {0xfffffe7, 28},  {0xfffffe8, 28}, {0xffffea, 24},  {0x3ffffffc, 30}, {0xfffffe9, 28},
    {0xfffffea, 28}, {0x3ffffffd, 30}, {0xfffffeb, 28}, {0xfffffec, 28}, {0xfffffed, 28},  {0xfffffee, 28},
    {0xfffffef, 28}, {0xffffff0, 28},  {0xffffff1, 28}, {0xffffff2, 28}, {0x3ffffffe, 30}, {0xffffff3, 28},
    {0xffffff4, 28}, {0xffffff5, 28},  {0xffffff6, 28}, {0xffffff7, 28}, {0xffffff8, 28},  {0xffffff9, 28},
    {0xffffffa, 28}, {0xffffffb, 28},  {0x14, 6},       {0x3f8, 10},     {0x3f9, 10},      {0xffa, 12},
    {0x1ff9, 13},    {0x15, 6},        {0xf8, 8},       {0x7fa, 11},     {0x3fa, 10},      {0x3fb, 10},
    {0xf9, 8},       {0x7fb, 11},      {0xfa, 8},       {0x16, 6},       {0x17, 6},        {0x18, 6},
    {0x0, 5},        {0x1, 5},         {0x2, 5},        {0x19, 6},       {0x1a, 6},        {0x1b, 6},
    {0x1c, 6},       {0x1d, 6},        {0x1e, 6},       {0x1f, 6},       {0x5c, 7},        {0xfb, 8},
    {0x7ffc, 15},    {0x20, 6},        {0xffb, 12},     {0x3fc, 10},     {0x1ffa, 13},     {0x21, 6},
    {0x5d, 7},       {0x5e, 7},        {0x5f, 7},       {0x60, 7},       {0x61, 7},        {0x62, 7},
    {0x63, 7},       {0x64, 7},        {0x65, 7},       {0x66, 7},       {0x67, 7},        {0x68, 7},
    {0x69, 7},       {0x6a, 7},        {0x6b, 7},       {0x6c, 7},       {0x6d, 7},        {0x6e, 7},
    {0x6f, 7},       {0x70, 7},        {0x71, 7},       {0x72, 7},       {0xfc, 8},        {0x73, 7},
    {0xfd, 8},       {0x1ffb, 13},     {0x7fff0, 19},   {0x1ffc, 13},    {0x3ffc, 14},     {0x22, 6},
    {0x7ffd, 15},    {0x3, 5},         {0x23, 6},       {0x4, 5},        {0x24, 6},        {0x5, 5},
    {0x25, 6},       {0x26, 6},        {0x27, 6},       {0x6, 5},        {0x74, 7},        {0x75, 7},
    {0x28, 6},       {0x29, 6},        {0x2a, 6},       {0x7, 5},        {0x2b, 6},        {0x76, 7},
    {0x2c, 6},       {0x8, 5},         {0x9, 5},        {0x2d, 6},       {0x77, 7},        {0x78, 7},
    {0x79, 7},       {0x7a, 7},        {0x7b, 7},       {0x7ffe, 15},    {0x7fc, 11},      {0x3ffd, 14},
    {0x1ffd, 13},    {0xffffffc, 28},  {0xfffe6, 20},   {0x3fffd2, 22},  {0xfffe7, 20},    {0xfffe8, 20},
    {0x3fffd3, 22},  {0x3fffd4, 22},   {0x3fffd5, 22},  {0x7fffd9, 23},  {0x3fffd6, 22},   {0x7fffda, 23},
    {0x7fffdb, 23},  {0x7fffdc, 23},   {0x7fffdd, 23},  {0x7fffde, 23},  {0xffffeb, 24},   {0x7fffdf, 23},
    {0xffffec, 24},  {0xffffed, 24},   {0x3fffd7, 22},  {0x7fffe0, 23},  {0xffffee, 24},   {0x7fffe1, 23},
    {0x7fffe2, 23},  {0x7fffe3, 23},   {0x7fffe4, 23},  {0x1fffdc, 21},  {0x3fffd8, 22},   {0x7fffe5, 23},
    {0x3fffd9, 22},  {0x7fffe6, 23},   {0x7fffe7, 23},  {0xffffef, 24},  {0x3fffda, 22},   {0x1fffdd, 21},
    {0xfffe9, 20},   {0x3fffdb, 22},   {0x3fffdc, 22},  {0x7fffe8, 23},  {0x7fffe9, 23},   {0x1fffde, 21},
    {0x7fffea, 23},  {0x3fffdd, 22},   {0x3fffde, 22},  {0xfffff0, 24},  {0x1fffdf, 21},   {0x3fffdf, 22},
    {0x7fffeb, 23},  {0x7fffec, 23},   {0x1fffe0, 21},  {0x1fffe1, 21},  {0x3fffe0, 22},   {0x1fffe2, 21},
    {0x7fffed, 23},  {0x3fffe1, 22},   {0x7fffee, 23},  {0x7fffef, 23},  {0xfffea, 20},    {0x3fffe2, 22},
    {0x3fffe3, 22},  {0x3fffe4, 22},   {0x7ffff0, 23},  {0x3fffe5, 22},  {0x3fffe6, 22},   {0x7ffff1, 23},
    {0x3ffffe0, 26}, {0x3ffffe1, 26},  {0xfffeb, 20},   {0x7fff1, 19},   {0x3fffe7, 22},   {0x7ffff2, 23},
    {0x3fffe8, 22},  {0x1ffffec, 25},  {0x3ffffe2, 26}, {0x3ffffe3, 26}, {0x3ffffe4, 26},  {0x7ffffde, 27},
    {0x7ffffdf, 27}, {0x3ffffe5, 26},  {0xfffff1, 24},  {0x1ffffed, 25}, {0x7fff2, 19},    {0x1fffe3, 21},
    {0x3ffffe6, 26}, {0x7ffffe0, 27},  {0x7ffffe1, 27}, {0x3ffffe7, 26}, {0x7ffffe2, 27},  {0xfffff2, 24},
    {0x1fffe4, 21},  {0x1fffe5, 21},   {0x3ffffe8, 26}, {0x3ffffe9, 26}, {0xffffffd, 28},  {0x7ffffe3, 27},
    {0x7ffffe4, 27}, {0x7ffffe5, 27},  {0xfffec, 20},   {0xfffff3, 24},  {0xfffed, 20},    {0x1fffe6, 21},
    {0x3fffe9, 22},  {0x1fffe7, 21},   {0x1fffe8, 21},  {0x7ffff3, 23},  {0x3fffea, 22},   {0x3fffeb, 22},
    {0x1ffffee, 25}, {0x1ffffef, 25},  {0xfffff4, 24},  {0xfffff5, 24},  {0x3ffffea, 26},  {0x7ffff4, 23},
    {0x3ffffeb, 26}, {0x7ffffe6, 27},  {0x3ffffec, 26}, {0x3ffffed, 26}, {0x7ffffe7, 27},  {0x7ffffe8, 27},
    {0x7ffffe9, 27}, {0x7ffffea, 27},  {0x7ffffeb, 27}, {0xffffffe, 28}, {0x7ffffec, 27},  {0x7ffffed, 27},
    {0x7ffffee, 27}, {0x7ffffef, 27},  {0x7fffff0, 27}, {0x3ffffee, 26}, {0x3fffffff, 30},
}};

// Appendix A, from index 1.
constexpr std::pair<std::string_view, std::string_view> kStatic[] = {
    {":authority", ""},
    {":method", "GET"},
    {":method", "POST"},
    {":path", "/"},
    {":path", "/index.html"},
    {":scheme", "http"},
    {":scheme", "https"},
    {":status", "200"},
    {":status", "204"},
    {":status", "206"},
    {":status", "304"},
    {":status", "400"},
    {":status", "404"},
    {":status", "500"},
    {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"},
    {"accept-language", ""},
    {"accept-ranges", ""},
    {"accept", ""},
    {"access-control-allow-origin", ""},
    {"age", ""},
    {"allow", ""},
    {"authorization", ""},
    {"cache-control", ""},
    {"content-disposition", ""},
    {"content-encoding", ""},
    {"content-language", ""},
    {"content-length", ""},
    {"content-location", ""},
    {"content-range", ""},
    {"content-type", ""},
    {"cookie", ""},
    {"date", ""},
    {"etag", ""},
    {"expect", ""},
    {"expires", ""},
    {"from", ""},
    {"host", ""},
    {"if-match", ""},
    {"if-modified-since", ""},
    {"if-none-match", ""},
    {"if-range", ""},
    {"if-unmodified-since", ""},
    {"last-modified", ""},
    {"link", ""},
    {"location", ""},
    {"max-forwards", ""},
    {"proxy-authenticate", ""},
    {"proxy-authorization", ""},
    {"range", ""},
    {"referer", ""},
    {"refresh", ""},
    {"retry-after", ""},
    {"server", ""},
    {"set-cookie", ""},
    {"strict-transport-security", ""},
    {"transfer-encoding", ""},
    {"user-agent", ""},
    {"vary", ""},
    {"via", ""},
    {"www-authenticate", ""},
};
constexpr size_t kStaticSize = std::size(kStatic);

// The codes as a tree: two children for each node, negative ones are leaves.
class Tree {
 public:
  constexpr Tree() {
    int nodes = 1;
    for (int symbol = 0; symbol <= kEnd; ++symbol) {
      const Code c = kHuffman[static_cast<size_t>(symbol)];
      int at = 0;
      for (int bit = c.length - 1; bit >= 0; --bit) {
        int16_t& next = children_[static_cast<size_t>(at)][(c.bits >> bit) & 1];
        if (bit == 0) next = static_cast<int16_t>(-1 - symbol);
        else if (next == 0) next = static_cast<int16_t>(nodes++);
        at = next;
      }
    }
  }
  constexpr int child(int node, unsigned bit) const { return children_[static_cast<size_t>(node)][bit]; }

 private:
  std::array<std::array<int16_t, 2>, 257> children_{};
};
constexpr Tree kTree;

std::optional<std::string> huffman(std::string_view in) {
  std::string out;
  int node = 0, depth = 0;
  bool ones = true;  // of the bits since the last symbol
  for (const char c : in) {
    for (int bit = 7; bit >= 0; --bit) {
      const unsigned b = (static_cast<unsigned char>(c) >> bit) & 1;
      node = kTree.child(node, b);
      ++depth;
      ones &= b == 1;
      if (node >= 0) continue;
      const int symbol = -1 - node;
      if (symbol == kEnd) return {};
      out += static_cast<char>(symbol);
      node = depth = 0;
      ones = true;
    }
  }
  if (depth > 7 || !ones) return {};  // the padding is the begin of the end's code
  return out;
}

// A number of which the first byte has `prefix` bits.
std::optional<size_t> read_number(std::string_view& in, int prefix) {
  if (in.empty()) return {};
  const size_t most = (size_t{1} << prefix) - 1;
  size_t n = static_cast<unsigned char>(in[0]) & most;
  in.remove_prefix(1);
  if (n < most) return n;
  for (int shift = 0; shift <= 21; shift += 7) {
    if (in.empty()) return {};
    const auto byte = static_cast<unsigned char>(in[0]);
    in.remove_prefix(1);
    n += static_cast<size_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return n;
  }
  return {};
}

std::optional<std::string> read_text(std::string_view& in) {
  if (in.empty()) return {};
  const bool coded = (in[0] & 0x80) != 0;
  const auto length = read_number(in, 7);
  if (!length || *length > in.size()) return {};
  const std::string_view text = in.substr(0, *length);
  in.remove_prefix(*length);
  return coded ? huffman(text) : std::string(text);
}

void append_text(std::string_view text, std::string& out) {
  size_t n = text.size();
  if (n < 127) {
    out += static_cast<char>(n);
  } else {
    out += '\x7f';
    for (n -= 127; n >= 128; n >>= 7) out += static_cast<char>((n & 0x7f) | 0x80);
    out += static_cast<char>(n);
  }
  out += text;
}

size_t size_of(std::string_view name, std::string_view value) { return name.size() + value.size() + 32; }

// So many times the limit is read for the table's sake.
constexpr size_t kExcess = 8;

absl::Status malformed() { return absl::InvalidArgumentError("a malformed header block"); }

}  // namespace

const std::string* find_header(const Headers& headers, std::string_view name) {
  for (const Header& h : headers) {
    if (h.first == name) return &h.second;
  }
  return nullptr;
}

void HpackDecoder::evict(size_t limit) {
  while (bytes_ > limit) {
    bytes_ -= size_of(table_.back().first, table_.back().second);
    table_.pop_back();
  }
}

void HpackDecoder::insert(Header header) {
  const size_t size = size_of(header.first, header.second);
  evict(size > limit_ ? 0 : limit_ - size);
  if (size > limit_) return;
  bytes_ += size;
  table_.push_front(std::move(header));
}

absl::Status HpackDecoder::decode(std::string_view in, size_t max_bytes, Headers& out) {
  size_t bytes = 0;
  bool excessive = false;
  // Beyond the limit the table is kept in step, and nothing else is kept.
  const auto add = [&](std::string_view name, std::string_view value) {
    bytes += size_of(name, value);
    excessive = bytes / kExcess > max_bytes;
    if (bytes <= max_bytes) out.emplace_back(name, value);
  };
  bool begun = false;
  while (!in.empty()) {
    if (excessive) return absl::OutOfRangeError("the headers are larger by far than they may be");
    const auto first = static_cast<unsigned char>(in[0]);
    if ((first & 0xe0) == 0x20) {  // the table's size
      const auto limit = read_number(in, 5);
      if (begun || !limit || *limit > kTableBytes) return malformed();
      limit_ = *limit;
      evict(limit_);
      continue;
    }
    begun = true;
    const bool indexed = (first & 0x80) != 0, keep = (first & 0xc0) == 0x40;
    const auto index = read_number(in, indexed ? 7 : keep ? 6 : 4);
    if (!index || (indexed && *index == 0) || *index > kStaticSize + table_.size()) return malformed();
    std::pair<std::string_view, std::string_view> known;
    if (*index > kStaticSize) known = table_[*index - kStaticSize - 1];
    else if (*index > 0) known = kStatic[*index - 1];
    if (indexed) {
      add(known.first, known.second);
      continue;
    }
    Header h;
    if (*index > 0) {
      h.first = known.first;
    } else {
      auto name = read_text(in);
      if (!name) return malformed();
      h.first = *std::move(name);
    }
    auto value = read_text(in);
    if (!value) return malformed();
    h.second = *std::move(value);
    add(h.first, h.second);
    if (keep) insert(std::move(h));
  }
  if (bytes > max_bytes) return absl::ResourceExhaustedError(concat("the headers are larger than ", max_bytes));
  return absl::OkStatus();
}

void encode_headers(const Headers& headers, std::string& out) {
  for (const auto& [name, value] : headers) {
    out += '\0';
    append_text(name, out);
    append_text(value, out);
  }
}

}  // namespace hearth::serve::http2
