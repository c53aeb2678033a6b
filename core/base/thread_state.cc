#include "core/base/thread_state.h"

#include <vector>

namespace hearth {

namespace autograd {
// Defined in core/autograd/record.cc. Weak, so that a program without autograd links and carries none of it.
[[gnu::weak]] void record(OpCall& call, RecordPhase phase);
}  // namespace autograd

constinit thread_local ThreadState thread_state{.record = autograd::record};

std::string module_path() {
  std::vector<const NameScope*> scopes;
  for (const NameScope* s = thread_state.scope; s; s = s->parent) {
    if (s->name[0] != '\0') scopes.push_back(s);
  }
  std::string path;
  for (size_t i = scopes.size(); i-- > 0;) {
    if (!path.empty()) path += '.';
    path += scopes[i]->name;
  }
  return path;
}

}  // namespace hearth
