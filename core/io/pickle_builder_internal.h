// A pickle that is being read: its objects, and the memory that they take. For files of this package only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/pickle_internal.h"

namespace hearth::io {

// Throws Error (kInvalidArgument): the pickle is damaged.
[[noreturn]] void damaged(const std::string& what);
// Throws Error (kUnsupported).
[[noreturn]] void unsupported(const std::string& what);

// The memory of an entry of a hash table.
constexpr uint64_t kPickleEntryMemory = 32;

// The place of an object in Pickle::objects.
using PickledIndex = uint32_t;

// Makes the objects of a pickle. Objects stay where they are while others are made. All takes its memory first, and
// throws Error (kOutOfMemory) if there is no more.
class PickleBuilder {
 public:
  explicit PickleBuilder(PickleMemory& memory) : memory_(memory) {}

  PickledObject& object(PickledIndex i) { return p_.objects[i]; }
  PickledStorage& storage(size_t i) { return p_.storages[i]; }
  // The text of an object; damaged() if it is none, where `what` says what should be one.
  std::string_view text_of(PickledIndex i, const char* what);

  // A new object. Throws Error (kUnsupported) if there are too many.
  PickledIndex make(PickledObject o);
  // The object of a new tensor.
  PickledIndex add(const PickledTensor& t);
  // The place of a new storage.
  size_t add(const PickledStorage& s);
  // A new text of the pickle, empty as yet, with room for so many bytes.
  std::string& keep(size_t bytes);
  // Memory of what is not made here.
  void take(uint64_t bytes) { memory_.take(bytes); }

  // What was made. Nothing more can be.
  Pickle finish(PickledIndex root, size_t size);

 private:
  Pickle p_;
  PickleMemory& memory_;
};

}  // namespace hearth::io
