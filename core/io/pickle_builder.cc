#include "core/io/pickle_builder_internal.h"

#include <utility>

#include "core/base/error.h"

namespace hearth::io {
namespace {

constexpr size_t kMaxObjects = UINT32_MAX;
// What a tensor takes that is made later.
constexpr uint64_t kTensorMemory = 512;

}  // namespace

void damaged(const std::string& what) {
  throw Error(ErrorKind::kInvalidArgument, concat("the pickle is damaged: ", what));
}
void unsupported(const std::string& what) { throw Error(ErrorKind::kUnsupported, what); }

void PickleMemory::take(uint64_t bytes) {
  if (bytes > left_)
    throw Error(ErrorKind::kOutOfMemory,
                concat("its values take more memory than is allowed: ", limit_, " bytes, which are ", rule_));
  left_ -= bytes;
}

std::string_view PickleBuilder::text_of(PickledIndex i, const char* what) {
  const PickledObject& o = object(i);
  if (o.kind != PickledObject::Kind::kText) damaged(concat(what, " is not a text"));
  return o.text;
}

PickledIndex PickleBuilder::make(PickledObject o) {
  if (p_.objects.size() >= kMaxObjects) unsupported(concat("the pickle has more than ", kMaxObjects, " objects"));
  take(sizeof o + o.items.size() * sizeof(PickledIndex));
  p_.objects.push_back(std::move(o));
  return static_cast<PickledIndex>(p_.objects.size() - 1);
}

PickledIndex PickleBuilder::add(const PickledTensor& t) {
  take(sizeof t + kTensorMemory);
  p_.tensors.push_back(t);
  return make({.kind = PickledObject::Kind::kTensor, .integer = static_cast<int64_t>(p_.tensors.size() - 1)});
}

size_t PickleBuilder::add(const PickledStorage& s) {
  take(sizeof s + kTensorMemory);
  p_.storages.push_back(s);
  return p_.storages.size() - 1;
}

std::string& PickleBuilder::keep(size_t bytes) {
  take(sizeof(std::string) + bytes);
  std::string& text = p_.made.emplace_back();
  text.reserve(bytes);
  return text;
}

Pickle PickleBuilder::finish(PickledIndex root, size_t size) {
  p_.root = root;
  p_.size = size;
  return std::move(p_);
}

}  // namespace hearth::io
