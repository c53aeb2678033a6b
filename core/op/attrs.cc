#include "core/op/attrs.h"

#include <cstring>

#include "core/base/error.h"

namespace hearth {
namespace {

class Printer final : public FieldVisitor {
 public:
  std::string out = "{";
  void field(const char* n, bool& v) override { put(n, concat(v)); }
  void field(const char* n, int64_t& v) override { put(n, concat(v)); }
  void field(const char* n, double& v) override { put(n, concat(v)); }
  void field(const char* n, DType& v) override { put(n, to_string(v)); }
  void field(const char* n, Device& v) override { put(n, to_string(v)); }
  void field(const char* n, MemoryFormat& v) override { put(n, to_string(v)); }
  void field(const char* n, Scalar& v) override { put(n, to_string(v)); }
  void field(const char* n, Dims& v) override { put(n, to_string(v)); }
  void field(const char* n, std::string& v) override { put(n, "\"" + v + "\""); }
  void field(const char* n, std::optional<int64_t>& v) override { put(n, v ? concat(*v) : "none"); }
  void field(const char* n, std::optional<double>& v) override { put(n, v ? concat(*v) : "none"); }
  void field(const char* n, std::optional<DType>& v) override { put(n, v ? to_string(*v) : "none"); }
  void choice(const char* n, int& i, std::span<const char* const> names) override {
    put(n, names[static_cast<size_t>(i)]);
  }

 private:
  void put(const char* name, const std::string& value) {
    if (out.size() > 1) out += ", ";
    out += name;
    out += ": ";
    out += value;
  }
};

}  // namespace

std::string to_string(AttrsRef attrs) {
  if (!attrs.data) return "{}";
  Printer p;
  attrs.type->visit(const_cast<void*>(attrs.data), p);
  return p.out + "}";
}

uint64_t hash(AttrsRef attrs) {
  uint64_t h = 14695981039346656037u;  // FNV-1a
  for (char c : to_string(attrs)) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return h;
}

}  // namespace hearth
