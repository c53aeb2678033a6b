// The calls that tools/golden/linalg.py has PyTorch's values of.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::testing {

using Tensors = std::vector<Tensor>;
using Call = std::function<Tensors(std::span<const Tensor>)>;
// By the name of the case, without "_c".
using Cases = std::map<std::string, Call>;

void add_decompositions(Cases& cases);
void add_solves(Cases& cases);
void add_functions(Cases& cases);

}  // namespace hearth::testing

#define HEARTH_CASE(...) \
  [=]([[maybe_unused]] std::span<const hearth::Tensor> x) -> hearth::testing::Tensors { return {__VA_ARGS__}; }
