#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "distributed/group/objects.h"
#include "distributed/parallel/same_model_internal.h"

namespace hearth::distributed {

void broadcast_all(ProcessGroup& group, std::span<const Tensor> tensors, int root) {
  std::map<DType, std::vector<Tensor>> by_dtype;
  for (const Tensor& t : tensors) by_dtype[t.dtype()].push_back(t);
  const NoGrad off;
  for (const auto& [dtype, list] : by_dtype) group.broadcast(list, root);
}

void expect_same_model(const char* who, const nn::ModuleBase& module, ProcessGroup& group) {
  std::string mine;
  for (const auto& [name, p] : module.named_parameters())
    mine += concat(name, " ", p.dtype(), " ", p.shape(), " ", p.strides(), p.requires_grad() ? " trained\n" : "\n");
  for (const auto& [name, b] : module.named_buffers())
    mine += concat(name, " ", b.dtype(), " ", b.shape(), " buffer\n");
  const std::vector<std::string> all = all_gather_bytes(group, mine);
  for (size_t r = 1; r < all.size(); ++r) {
    if (all[r] == all[0]) continue;
    const auto [a, b] = std::ranges::mismatch(all[0], all[r]);
    const auto line = [](const std::string& s, std::string::const_iterator at) {
      const auto pos = static_cast<size_t>(at - s.begin());
      const size_t begin = pos == 0 ? 0 : s.rfind('\n', pos - 1) + 1;
      const std::string l = s.substr(begin, s.find('\n', begin) - begin);
      return l.empty() ? std::string("nothing") : l;
    };
    fail(who, ": ranks have different models: rank 0 has ", line(all[0], a), ", rank ", r, " has ", line(all[r], b));
  }
}

}  // namespace hearth::distributed
