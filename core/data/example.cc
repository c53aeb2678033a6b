#include "core/data/example.h"

#include <algorithm>

#include "core/base/error.h"

namespace hearth::data {
namespace {

[[noreturn, gnu::cold, gnu::noinline]] void no_such_name(const Example& e, std::string_view name) {
  if (e.empty()) fail("Example: there is no \"", name, "\": the example has no tensors");
  fail("Example: there is no \"", name, "\", only ", names_of(e));
}

}  // namespace

std::string names_of(const Example& example) {
  std::string out;
  for (const Example::Entry& e : example) out += concat(out.empty() ? "" : ", ", "\"", e.name, "\"");
  return out;
}

Example::Example(Tensor input, Tensor target) : few_count_(2) {
  few_[0] = {"input", std::move(input)};
  few_[1] = {"target", std::move(target)};
}

Example::Example(std::initializer_list<Entry> entries) {
  for (const Entry& e : entries) {
    HEARTH_CHECK(!contains(e.name), "Example: the name \"", e.name, "\" comes twice");
    set(e.name, e.tensor);
  }
}

const Tensor* Example::find(std::string_view name) const {
  const Entry* at = std::find_if(begin(), end(), [&](const Entry& e) { return e.name == name; });
  return at == end() ? nullptr : &at->tensor;
}
Tensor* Example::find(std::string_view name) { return const_cast<Tensor*>(std::as_const(*this).find(name)); }

const Tensor& Example::operator[](std::string_view name) const& {
  const Tensor* t = find(name);
  if (!t) no_such_name(*this, name);
  return *t;
}
Tensor& Example::operator[](std::string_view name) & { return const_cast<Tensor&>(std::as_const(*this)[name]); }

Example& Example::set(std::string_view name, Tensor tensor) {
  HEARTH_CHECK(!name.empty(), "Example: a name is empty");
  if (Tensor* t = find(name)) {
    *t = std::move(tensor);
    return *this;
  }
  Entry e{std::string(name), std::move(tensor)};
  if (many_.empty() && few_count_ < kFew) {
    few_[few_count_++] = std::move(e);
    return *this;
  }
  if (many_.empty()) {
    many_.reserve(2 * kFew);
    many_.assign(std::make_move_iterator(few_.begin()), std::make_move_iterator(few_.end()));
    few_ = {};
    few_count_ = 0;
  }
  many_.push_back(std::move(e));
  return *this;
}

bool Example::erase(std::string_view name) {
  Entry* const first = entries();
  Entry* const last = first + size();
  Entry* const at = std::find_if(first, last, [&](const Entry& e) { return e.name == name; });
  if (at == last) return false;
  std::move(at + 1, last, at);
  if (many_.empty()) few_[--few_count_] = {};
  else many_.pop_back();
  return true;
}

void Example::not_a_pair() const {
  if (empty()) fail("Example: [x, y] takes two tensors, but the example has none");
  fail("Example: [x, y] takes two tensors, but the example has ", size(), ": ", names_of(*this),
       "; take them by name, example[\"", begin()->name, "\"]");
}

}  // namespace hearth::data
