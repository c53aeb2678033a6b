#include "distributed/parallel/slices.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/error.h"

namespace hearth::distributed {

Slice slice_of(std::string name, const Shape& shape, int rank, int size) {
  const int64_t n = shape.numel();
  Slice s{.name = std::move(name), .shape = shape, .chunk = (n + size - 1) / size};
  s.begin = std::min(n, s.chunk * rank);
  s.length = std::min(s.chunk, n - s.begin);
  return s;
}

Tensor flat(const Tensor& t) { return t.detach().reshape({t.numel()}); }

bool is_group_options(const std::string& key) {
  constexpr std::string_view kGroup = "group.";
  return key.size() > kGroup.size() && key.rfind(kGroup, 0) == 0 &&
         std::all_of(key.begin() + kGroup.size(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::map<std::string, ShardedTensor> shards_of(optim::Optimizer& own, const FindSlice& find) {
  std::map<std::string, ShardedTensor> out;
  for (const auto& [key, t] : own.state_dict()) {
    const Slice* s = find(key);
    if (s && t.dim() == 1) out[key] = {t, s->shape, s->begin};
    else out[key] = {t.reshape({t.numel()}), t.shape(), 0};
  }
  return out;
}

void load_shards(const char* who, optim::Optimizer& own, const FindSlice& find,
                 const std::map<std::string, Shape>& shapes, const ReadElements& read) {
  optim::Optimizer::StateDict state;
  for (const auto& [key, shape] : shapes) {
    const Slice* s = find(key);
    if (s && key != s->name + ".step") {
      HEARTH_CHECK(shape == s->shape, who, ": \"", key, "\" has shape ", shape, ", but the parameter ", s->shape);
      if (s->kept) state[key] = read(key, s->begin, s->length);
    } else if (!s || s->kept) {
      state[key] = read(key, 0, shape.numel()).reshape(shape);
    }
  }
  own.load_state_dict(state);
}

}  // namespace hearth::distributed
