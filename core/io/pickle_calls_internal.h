// The calls of a pickle, each of which makes an object in its place. For files of this package only.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "core/io/pickle_builder_internal.h"

namespace hearth::io {

// What the functions and classes that PyTorch's pickles call would make. Throws Error as read_pickle() does.
class PickleCalls {
 public:
  explicit PickleCalls(PickleBuilder& builder) : builder_(builder) {}

  // What is made by a call of `callee`, which should be a name, with the items of the tuple `arguments`.
  PickledIndex call(PickledIndex callee, PickledIndex arguments);
  // The storage of a persistent id, the tuple ("storage", class, key, location, numel[, view]).
  PickledIndex storage(PickledIndex id);

 private:
  class Arguments;
  using Kind = PickledObject::Kind;
  using Index = PickledIndex;

  Index make(PickledObject o) { return builder_.make(std::move(o)); }
  PickledObject& object(Index i) { return builder_.object(i); }
  Meaning meaning_of_object(Index i);
  DType dtype_of_name(Index i);
  Index make_dict(const Arguments& a);
  Index make_collection(const Arguments& a, Kind kind);
  void copy_items(const PickledObject& from, PickledObject& to);
  void copy_pairs(const Arguments& a, const PickledObject& list, PickledObject& to);
  Index make_bytes(const Arguments& a);
  Index make_complex(const Arguments& a);
  Index make_device(const Arguments& a);
  Index make_layout(const Arguments& a);
  Index make_tensor(const Arguments& a, Meaning meaning);
  Index make_meta(const Arguments& a);
  Index make_of_type(const Arguments& a);
  void give_dtype(PickledStorage& s, DType dtype);
  void read_metadata(const Arguments& a, size_t i, PickledTensor& t);
  size_t place_of(const PickledStorage& s);

  PickleBuilder& builder_;
  absl::flat_hash_map<std::string_view, size_t> places_;
  std::vector<PickledStorage> declared_;  // before an untyped one has been given a dtype
};

}  // namespace hearth::io
