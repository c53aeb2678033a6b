#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/io/pt.h"

namespace hearth::io {
namespace {

constexpr const char* kKinds[] = {"None",  "bool", "int",   "float", "complex", "str",
                                  "bytes", "list", "tuple", "set",   "dict",    "tensor"};
constexpr size_t kShownKeys = 12, kShownText = 60, kShownItems = 20;

std::string line_of(const PtValue& v) {
  switch (v.kind()) {
    case PtValue::Kind::kNone:
      return "None";
    case PtValue::Kind::kBool:
      return v.boolean() ? "True" : "False";
    case PtValue::Kind::kInt:
      return concat(v.integer());
    case PtValue::Kind::kFloat:
      return concat(v.number());
    case PtValue::Kind::kComplex:
      return concat(v.complex().real(), " + ", v.complex().imag(), "j");
    case PtValue::Kind::kText:
      return concat("\"", printable(v.text(), kShownText), "\"");
    case PtValue::Kind::kBytes:
      return concat("bytes of ", v.raw().size());
    case PtValue::Kind::kTensor:
      return v.tensor().defined() ? concat("tensor ", v.tensor().dtype(), " ", v.tensor().shape())
                                  : "tensor(undefined)";
    default:
      return concat(to_string(v.kind()), " of ", v.size());
  }
}

void outline(const PtValue& v, const std::string& margin, std::string& out) {
  const auto entry = [&](const std::string& key, const PtValue& value) {
    out += concat(margin, key, ": ", line_of(value), "\n");
    outline(value, margin + "  ", out);
  };
  if (v.is_dict()) {
    for (const auto& [key, value] : v.entries())
      entry(key.kind() == PtValue::Kind::kText ? printable(key.text()) : line_of(key), value);
  } else if (v.kind() == PtValue::Kind::kList || v.kind() == PtValue::Kind::kTuple || v.kind() == PtValue::Kind::kSet) {
    for (size_t i = 0; i < std::min(v.size(), kShownItems); ++i) entry(concat(i), v.items()[i]);
    if (v.size() > kShownItems) out += concat(margin, "…\n");
  }
}

}  // namespace

PtValue::PtValue(const std::map<std::string, Tensor>& state) {
  Entries entries;
  entries.reserve(state.size());
  for (const auto& [name, t] : state) entries.emplace_back(name, t);
  data_ = std::move(entries);
}
void PtValue::too_large(uint64_t v) {
  fail("PtValue: ", v, " is above ", std::numeric_limits<int64_t>::max(), ", the largest integer that it can hold");
}
PtValue PtValue::bytes(std::string bytes) {
  PtValue v;
  v.data_ = Bytes{std::move(bytes)};
  return v;
}
PtValue PtValue::list(std::vector<PtValue> items) {
  PtValue v;
  v.data_ = Items{Kind::kList, std::move(items)};
  return v;
}
PtValue PtValue::tuple(std::vector<PtValue> items) {
  PtValue v;
  v.data_ = Items{Kind::kTuple, std::move(items)};
  return v;
}
PtValue PtValue::set(std::vector<PtValue> items) {
  PtValue v;
  v.data_ = Items{Kind::kSet, std::move(items)};
  return v;
}
PtValue PtValue::dict(Entries entries) {
  PtValue v;
  v.data_ = std::move(entries);
  return v;
}

PtValue::Kind PtValue::kind() const {
  constexpr Kind kOf[] = {Kind::kNone, Kind::kBool,  Kind::kInt,  Kind::kFloat, Kind::kComplex,
                          Kind::kText, Kind::kBytes, Kind::kList, Kind::kDict,  Kind::kTensor};
  const Items* const items = std::get_if<Items>(&data_);
  return items ? items->kind : kOf[data_.index()];
}

void PtValue::wrong(const char* wanted) const { fail("PtValue: it is a ", to_string(kind()), ", not a ", wanted); }

template <class T>
const T& PtValue::get(Kind wanted) const {
  const T* const v = std::get_if<T>(&data_);
  if (!v) wrong(kKinds[static_cast<size_t>(wanted)]);
  return *v;
}
bool PtValue::boolean() const { return get<bool>(Kind::kBool); }
int64_t PtValue::integer() const { return get<int64_t>(Kind::kInt); }
double PtValue::number() const {
  const int64_t* const i = std::get_if<int64_t>(&data_);
  return i ? static_cast<double>(*i) : get<double>(Kind::kFloat);
}
std::complex<double> PtValue::complex() const { return get<std::complex<double>>(Kind::kComplex); }
const std::string& PtValue::text() const { return get<std::string>(Kind::kText); }
const std::string& PtValue::raw() const { return get<Bytes>(Kind::kBytes).value; }
const Tensor& PtValue::tensor() const { return get<Tensor>(Kind::kTensor); }
const std::vector<PtValue>& PtValue::items() const { return get<Items>(Kind::kList).values; }
const PtValue::Entries& PtValue::entries() const { return get<Entries>(Kind::kDict); }

size_t PtValue::size() const {
  if (const Entries* const e = std::get_if<Entries>(&data_)) return e->size();
  return items().size();
}

const PtValue* PtValue::find(std::string_view key) const {
  const Entries& e = entries();
  const auto found = std::ranges::find_if(e, [&](const auto& entry) {
    const std::string* const k = std::get_if<std::string>(&entry.first.data_);
    return k && *k == key;
  });
  return found == e.end() ? nullptr : &found->second;
}
const PtValue* PtValue::find(int64_t key) const {
  const Entries& e = entries();
  const auto found = std::ranges::find_if(e, [&](const auto& entry) {
    const int64_t* const k = std::get_if<int64_t>(&entry.first.data_);
    return k && *k == key;
  });
  return found == e.end() ? nullptr : &found->second;
}

const PtValue& PtValue::operator[](std::string_view key) const {
  if (const PtValue* const v = find(key)) return *v;
  std::string keys;
  for (size_t i = 0; i < std::min(size(), kShownKeys); ++i) {
    const PtValue& k = entries()[i].first;
    keys += concat(i == 0 ? "" : ", ", line_of(k));
  }
  fail("PtValue: there is no \"", printable(key), "\" among the keys ", keys, size() > kShownKeys ? ", …" : "");
}
const PtValue& PtValue::at(int64_t i) const {
  if (is_dict()) {
    const PtValue* const v = find(i);
    HEARTH_CHECK(v, "PtValue: the dict has no key ", i);
    return *v;
  }
  HEARTH_CHECK(kind() != Kind::kSet, "PtValue: the items of a set have no places");
  HEARTH_CHECK(i >= 0 && static_cast<size_t>(i) < size(), "PtValue: there is no item ", i, " among ", size());
  return items()[static_cast<size_t>(i)];
}

std::string to_string(PtValue::Kind kind) { return kKinds[static_cast<size_t>(kind)]; }

std::string to_string(const PtValue& value) {
  std::string out = line_of(value) + "\n";
  outline(value, "  ", out);
  return out;
}

}  // namespace hearth::io
