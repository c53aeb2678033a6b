// Pickles as PyTorch writes them, read as data: nothing is imported and nothing called. For files of this package only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/io/pickle_names_internal.h"
#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

namespace hearth::io {

// The deepest nesting that is read or written.
constexpr int kMaxPtDepth = 64;

struct PickledStorage {
  std::string_view key;
  DType dtype = DType::kU8;
  bool typed = true;   // its class names the dtype; otherwise the tensor's does, and numel counts bytes until then
  uint64_t numel = 0;  // elements
};

struct PickledTensor {
  size_t storage = 0;  // in Pickle::storages; not of a meta tensor
  DType dtype = DType::kF32;
  int64_t offset = 0;
  Shape shape;
  Strides strides;
  bool meta = false;
  bool conjugated = false, negated = false;  // the values are those of the storage, so changed
};

struct PickledObject {
  enum class Kind : uint8_t {
    kNone,
    kBool,
    kInt,
    kFloat,
    kComplex,
    kText,
    kBytes,
    kList,
    kTuple,
    kSet,
    kDict,
    kGlobal,
    kStorage,
    kTensor
  };
  Kind kind = Kind::kNone;
  bool ordered = false;  // of kDict: made by a class, which may have a state
  Meaning meaning{};     // of kGlobal
  int64_t integer = 0;   // a bool, an integer, or a place in Pickle::storages or tensors
  double real = 0, imaginary = 0;
  std::string_view text;        // in the file, or in Pickle::made
  std::vector<uint32_t> items;  // in Pickle::objects; of kDict keys and values by turns
};

struct Pickle {
  std::deque<PickledObject> objects;
  std::deque<std::string> made;
  std::vector<PickledStorage> storages;
  std::vector<PickledTensor> tensors;
  uint32_t root = 0;
  size_t size = 0;  // how many bytes it takes of those that were given
};

// How much memory the values of a file may take.
class PickleMemory {
 public:
  // `rule` says in a message how the limit comes about.
  PickleMemory(uint64_t bytes, std::string rule) : limit_(bytes), left_(bytes), rule_(std::move(rule)) {}
  // Throws Error (kOutOfMemory), which names the limit, if there is less.
  void take(uint64_t bytes);

 private:
  uint64_t limit_, left_;
  std::string rule_;
};

// Reads one pickle, at the beginning of `bytes`. Objects may hold each other, also in circles. Throws Error:
// kOutOfMemory for one that takes too much memory; kInvalidArgument for one that is damaged or calls for a class or a
// function that is not among those that PyTorch uses for state dicts; kUnsupported for a kind of tensor or number that
// Hearth has not.
Pickle read_pickle(std::string_view bytes, PickleMemory& memory);

}  // namespace hearth::io
