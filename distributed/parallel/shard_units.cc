#include <algorithm>
#include <map>
#include <utility>

#include "distributed/parallel/shard_units_internal.h"

namespace hearth::distributed {
namespace {

using Modules = std::vector<std::pair<std::string, nn::ModuleBase*>>;

// "encoder.layers" of "encoder.layers.0"; "" of "encoder".
std::string parent_of(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? std::string() : path.substr(0, dot);
}

// An item of a list, whose name is its number, and no list itself: a list is not called.
bool is_item(const std::string& path, const nn::ModuleBase& module) {
  const std::string name = path.substr(path.rfind('.') + 1);  // npos + 1 is 0
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         module.type_name().rfind("nn::ModuleList", 0) != 0;
}

// The modules that are units, but for the root, by size: what their own units take is not theirs.
std::vector<std::string> large_items(const Modules& modules, std::map<std::string, int64_t> bytes, int64_t least) {
  std::vector<std::string> out;
  for (auto it = modules.rbegin(); it != modules.rend(); ++it) {  // what is below comes before
    const auto& [path, module] = *it;
    if (path.empty()) continue;
    if (is_item(path, *module) && bytes[path] >= least) out.push_back(path);
    else bytes[parent_of(path)] += bytes[path];
  }
  return out;
}

}  // namespace

std::vector<ShardUnit> shard_units(nn::ModuleBase& root, const FullyShardOptions& options) {
  const Modules modules = root.named_modules();
  std::map<std::string, size_t> known;
  for (size_t i = 0; i < modules.size(); ++i) known.emplace(modules[i].first, i);
  // The module that has a parameter is called as its name begins.
  const auto owner = [&](const std::string& name) {
    std::string path = parent_of(name);
    while (!path.empty() && !known.contains(path)) path = parent_of(path);
    return path;
  };

  // A parameter that several modules share counts where it is named first.
  std::vector<UnitParameter> parameters;
  std::map<TensorImpl*, size_t> index;
  std::map<std::string, int64_t> bytes;
  for (const auto& [name, t] : root.named_parameters()) {
    const auto [at, fresh] = index.emplace(t.impl(), parameters.size());
    if (fresh) {
      parameters.push_back({t, {}});
      bytes[owner(name)] += static_cast<int64_t>(t.nbytes());
    }
    parameters[at->second].names.push_back(name);
  }

  std::vector<std::string> chosen;
  if (options.unit) {
    for (const auto& [path, module] : modules) {
      if (!path.empty() && options.unit(path, *module)) chosen.push_back(path);
    }
  } else {
    chosen = large_items(modules, bytes, options.unit_bytes);
  }
  std::vector<ShardUnit> units{{"", &root, {}}};
  std::map<std::string, size_t> unit_at{{"", 0}};
  for (const auto& [path, module] : modules) {
    if (std::find(chosen.begin(), chosen.end(), path) == chosen.end()) continue;
    unit_at.emplace(path, units.size());
    units.push_back({path, module, {}});
  }
  const auto unit_of = [&](const std::string& name) {
    std::string path = owner(name);
    while (!unit_at.contains(path)) path = parent_of(path);
    return unit_at[path];
  };
  for (UnitParameter& p : parameters) {
    size_t unit = unit_of(p.names[0]);
    for (const std::string& name : p.names) {
      if (unit_of(name) != unit) unit = 0;
    }
    units[unit].parameters.push_back(std::move(p));
  }
  std::erase_if(units, [](const ShardUnit& u) { return u.parameters.empty() && !u.path.empty(); });
  return units;
}

}  // namespace hearth::distributed
