#include "core/graph/attrs.h"

#include <new>

namespace hearth::graph {
namespace {

class Collector final : public FieldVisitor {
 public:
  std::vector<Whole> out;
  void field(const char* n, int64_t& v) override { out.push_back({n, -1, &v}); }
  void field(const char* n, Dims& v) override {
    for (int i = 0; i < v.rank(); ++i) out.push_back({n, i, &v[i]});
  }
  void field(const char* n, std::optional<int64_t>& v) override {
    if (v) out.push_back({n, -1, &*v});
  }
  void field(const char*, bool&) override {}
  void field(const char*, double&) override {}
  void field(const char*, DType&) override {}
  void field(const char*, Device&) override {}
  void field(const char*, MemoryFormat&) override {}
  void field(const char*, Scalar&) override {}
  void field(const char*, std::string&) override {}
  void field(const char*, std::optional<double>&) override {}
  void field(const char*, std::optional<DType>&) override {}
  void choice(const char*, int&, std::span<const char* const>) override {}
};

void* allocate(const AttrsType* t) { return ::operator new (t->size, std::align_val_t{t->align}); }

}  // namespace

OwnedAttrs::OwnedAttrs(const AttrsType* type) {
  if (!type) return;
  void* p = allocate(type);
  type->construct(p);
  data_ = {p, detail::DeleteAttrs{type}};
}
OwnedAttrs::OwnedAttrs(AttrsRef from) {
  if (!from.data) return;
  void* p = allocate(from.type);
  from.type->copy(p, from.data);
  data_ = {p, detail::DeleteAttrs{from.type}};
}
void detail::DeleteAttrs::operator()(void* p) const {
  type->destroy(p);
  ::operator delete (p, std::align_val_t{type->align});
}
void OwnedAttrs::visit(FieldVisitor& v) const {
  if (data_) data_.get_deleter().type->visit(data_.get(), v);
}
bool OwnedAttrs::operator==(const OwnedAttrs& o) const {
  const AttrsRef a = ref(), b = o.ref();
  if (!a.data || !b.data) return a.data == b.data;
  return a.type == b.type && a.type->equal(a.data, b.data);
}

std::vector<Whole> wholes(const OwnedAttrs& attrs) {
  Collector c;
  attrs.visit(c);
  return std::move(c.out);
}

}  // namespace hearth::graph
