// Slices: which of a tensor's elements a rank keeps, and the state that an optimizer has of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "core/optim/optimizer.h"
#include "core/tensor/tensor.h"

namespace hearth::distributed {

/// This rank's part of a tensor: some of its elements, in row-major order.
struct ShardedTensor {
  /// One dimension: the elements from `begin` on.
  Tensor values;
  /// The shape of the whole.
  Shape shape;
  /// The place of the first element in the whole.
  int64_t begin = 0;
};

/// Reads `count` elements of a tensor, in row-major order, from `begin` on; gives one dimension.
using ReadElements = std::function<Tensor(const std::string& name, int64_t begin, int64_t count)>;

/// The elements of a parameter that one rank keeps: the same number for all ranks, but for the last ones.
struct Slice {
  /// The parameter's name.
  std::string name;
  /// The parameter's shape.
  Shape shape;
  /// Elements of each rank.
  int64_t chunk = 0;
  /// This rank's first element.
  int64_t begin = 0;
  /// The number of this rank's elements.
  int64_t length = 0;
  /// Whether the optimizer of this rank has state of it.
  bool kept = true;
};

/// The slice of `rank` among `size` ranks.
Slice slice_of(std::string name, const Shape& shape, int rank, int size);

/// The elements in row-major order, without history; a view where the tensor lies so.
Tensor flat(const Tensor& t);

/// "group.0": where an optimizer's state keeps the options of a group, whatever its parameters are called.
bool is_group_options(const std::string& key);

/// The slice that a key of an optimizer's state belongs to: that with the longest name before a dot, since a name may
/// be the beginning of another. Null for options of groups, and where there is none. `slices` holds Slices.
template <class Slices>
auto slice_named(const Slices& slices, const std::string& key) -> decltype(&*slices.begin()) {
  decltype(&*slices.begin()) found = nullptr;
  if (is_group_options(key)) return found;
  for (const auto& s : slices) {
    if (key.size() > s.name.size() && key.rfind(s.name + ".", 0) == 0 && (!found || s.name.size() > found->name.size()))
      found = &s;
  }
  return found;
}

/// Gives the slice of a key of an optimizer's state, or null.
using FindSlice = std::function<const Slice*(const std::string& key)>;

/// This rank's part of the state of an optimizer over slices. What is no tensor of elements (step counts, options) is
/// whole.
std::map<std::string, ShardedTensor> shards_of(optim::Optimizer& own, const FindSlice& find);

/// Gives an optimizer over slices its part of a state that lies somewhere else: `shapes` has those of the whole state,
/// and `read` reads from it. `who` is the name in errors. Throws Error as Optimizer::load_state_dict().
void load_shards(const char* who, optim::Optimizer& own, const FindSlice& find,
                 const std::map<std::string, Shape>& shapes, const ReadElements& read);

}  // namespace hearth::distributed
