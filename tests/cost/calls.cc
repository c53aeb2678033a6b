// Makes 2,000 calls of one kind, each of small tensors: cost_test.sh counts their instructions.
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "core/autograd/guards.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace {

using hearth::Tensor;

constexpr int kCalls = 2000;

}  // namespace

extern "C" [[gnu::noinline]] void hearth_counted_calls(const std::function<void()>& call) {
  for (int i = 0; i < kCalls; ++i) call();
}

int main(int argc, char** argv) {
  const Tensor a = hearth::ones({8}), b = hearth::ones({8}), leaf = hearth::ones({8}).requires_grad_();
  Tensor written = hearth::ones({8});
  const std::map<std::string, std::function<void()>> kinds = {
      {"add", [&] { a + b; }},
      {"add_number", [&] { a + 1; }},
      {"add_in_place", [&] { written += b; }},
      {"add_recorded", [&] { leaf + b; }},
      {"view",
       [&] {
         hearth::view(a, {2, 4});
       }},
      {"sum", [&] { hearth::sum(a); }},
      {"backward", [&] { hearth::sum(leaf * b).backward(); }},
  };
  const auto kind = argc == 2 ? kinds.find(argv[1]) : kinds.end();
  if (kind == kinds.end()) {
    for (const auto& [name, call] : kinds) std::puts(name.c_str());
    return argc == 1 ? 0 : 2;
  }
  for (int i = 0; i < 100; ++i) kind->second();  // what is made once, and the blocks that tensors come from
  hearth_counted_calls(kind->second);
}
