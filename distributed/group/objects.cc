#include "distributed/group/objects.h"

#include <algorithm>
#include <cstring>

#include "core/base/error.h"
#include "core/io/json_internal.h"
#include "core/ops/create.h"

namespace hearth::distributed {
namespace {

// In place of a size: the rank has nothing that it may give.
constexpr int64_t kRefused = -1;

Tensor bytes_tensor(const std::string& bytes, int64_t size) {
  Tensor t = zeros({size}, {.dtype = u8, .device = kCpu});
  if (!bytes.empty()) std::memcpy(t.mutable_raw_data(), bytes.data(), bytes.size());
  return t;
}
std::string text_of(const Tensor& t, int64_t size) {
  return size == 0 ? std::string() : std::string(static_cast<const char*>(t.raw_data()), static_cast<size_t>(size));
}
Tensor number(int64_t n) { return full({}, n, {.dtype = i64, .device = kCpu}); }
int64_t size_of_bytes(const std::string& bytes) {
  const auto n = static_cast<int64_t>(bytes.size());
  return n <= kMaxObject ? n : kRefused;
}
void check_size(int64_t size, int rank, const char* op) {
  HEARTH_CHECK(size >= 0 && size <= kMaxObject, op, ": rank ", rank, " gives more than ", kMaxObject,
               " bytes, or not what this takes");
}

std::vector<std::string> gathered(ProcessGroup& group, const std::string& bytes, int64_t mine, const char* op,
                                  int root) {
  const std::vector<int64_t> sizes = group.all_gather(number(mine)).to_vector<int64_t>();
  for (int r = 0; r < group.size(); ++r) check_size(sizes[static_cast<size_t>(r)], r, op);
  const int64_t most = *std::ranges::max_element(sizes);
  const Tensor part = bytes_tensor(bytes, most);
  Tensor all;
  if (root < 0) {
    all = group.all_gather(part);
  } else {
    if (group.rank() == root) all = empty({group.size(), most}, {.dtype = u8, .device = kCpu});
    group.gather(all, part, root);
    if (group.rank() != root) return {};
  }
  std::vector<std::string> out;
  for (int r = 0; r < group.size(); ++r) out.push_back(text_of(all[r], sizes[static_cast<size_t>(r)]));
  return out;
}

std::string broadcasted(ProcessGroup& group, const std::string& bytes, int64_t mine, int root, const char* op) {
  Tensor size = number(group.rank() == root ? mine : 0);
  group.broadcast(size, root);
  const auto n = size.item<int64_t>();
  check_size(n, root, op);
  Tensor t = group.rank() == root ? bytes_tensor(bytes, n) : empty({n}, {.dtype = u8, .device = kCpu});
  group.broadcast(t, root);
  return text_of(t, n);
}

bool is_json(const std::string& text) { return io::parse_json(text).ok(); }

}  // namespace

std::string broadcast_bytes(ProcessGroup& group, const std::string& bytes, int root) {
  return broadcasted(group, bytes, size_of_bytes(bytes), root, "broadcast_bytes");
}
std::vector<std::string> all_gather_bytes(ProcessGroup& group, const std::string& bytes) {
  return gathered(group, bytes, size_of_bytes(bytes), "all_gather_bytes", -1);
}
std::vector<std::string> gather_bytes(ProcessGroup& group, const std::string& bytes, int root) {
  HEARTH_CHECK(root >= 0 && root < group.size(), "gather_bytes: there is no rank ", root, " in a group of ",
               group.size());
  return gathered(group, bytes, size_of_bytes(bytes), "gather_bytes", root);
}
std::string scatter_bytes(ProcessGroup& group, const std::vector<std::string>& parts, int root) {
  Tensor sizes = full({group.size()}, kRefused, {.dtype = i64, .device = kCpu});
  const auto ranks = static_cast<size_t>(group.size());
  if (group.rank() == root && parts.size() == ranks) {
    for (size_t r = 0; r < ranks; ++r) sizes.mutable_data<int64_t>()[r] = size_of_bytes(parts[r]);
  }
  group.broadcast(sizes, root);
  const std::vector<int64_t> all = sizes.to_vector<int64_t>();
  for (const int64_t n : all) {
    HEARTH_CHECK(n >= 0 && n <= kMaxObject, "scatter_bytes: rank ", root, " must give at most ", kMaxObject,
                 " bytes for each of ", group.size(), " ranks");
  }
  const int64_t most = *std::ranges::max_element(all);
  Tensor out = empty({most}, {.dtype = u8, .device = kCpu}), in;
  if (group.rank() == root) {
    in = zeros({group.size(), most}, {.dtype = u8, .device = kCpu});
    for (size_t r = 0; r < ranks; ++r) {
      if (!parts[r].empty())
        std::memcpy(static_cast<char*>(in.mutable_raw_data()) + r * static_cast<size_t>(most), parts[r].data(),
                    parts[r].size());
    }
  }
  group.scatter(out, in, root);
  return text_of(out, all[static_cast<size_t>(group.rank())]);
}
void send_bytes(ProcessGroup& group, const std::string& bytes, int to, uint32_t tag) {
  const int64_t n = size_of_bytes(bytes);
  group.send(number(n), to, tag);
  check_size(n, group.rank(), "send_bytes");
  group.send(bytes_tensor(bytes, n), to, tag);
}
std::string recv_bytes(ProcessGroup& group, int from, uint32_t tag) {
  Tensor size = number(0);
  group.recv(size, from, tag);
  const auto n = size.item<int64_t>();
  check_size(n, from, "recv_bytes");
  Tensor t = empty({n}, {.dtype = u8, .device = kCpu});
  group.recv(t, from, tag);
  return text_of(t, n);
}

std::string broadcast_json(ProcessGroup& group, const std::string& text, int root) {
  const bool good = group.rank() != root || is_json(text);
  return broadcasted(group, text, good ? size_of_bytes(text) : kRefused, root, "broadcast_json");
}
std::vector<std::string> all_gather_json(ProcessGroup& group, const std::string& text) {
  return gathered(group, text, is_json(text) ? size_of_bytes(text) : kRefused, "all_gather_json", -1);
}

}  // namespace hearth::distributed
