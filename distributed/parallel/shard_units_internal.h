// How FullyShard parts a model: which parameters are gathered together.
#pragma once

#include <string>
#include <vector>

#include "core/nn/module.h"
#include "distributed/parallel/fully_shard.h"

namespace hearth::distributed {

/// A parameter of a unit, with all of its names.
struct UnitParameter {
  Tensor tensor;
  std::vector<std::string> names;
};

/// A module, and the parameters that are gathered when it is called.
struct ShardUnit {
  std::string path;
  nn::ModuleBase* module = nullptr;
  std::vector<UnitParameter> parameters;
};

/// The units of a model, in the order of named_modules(), the model itself first. Each parameter is in one of them.
std::vector<ShardUnit> shard_units(nn::ModuleBase& module, const FullyShardOptions& options);

}  // namespace hearth::distributed
