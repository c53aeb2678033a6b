#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>

#include "core/base/error.h"
#include "core/graph/json_internal.h"

namespace hearth::graph {
namespace {

using Json = nlohmann::json;
using Written = nlohmann::ordered_json;

constexpr uint64_t kPlainNan = 0x7ff8000000000000u;

// Every double has exactly one text: JSON has no infinities and no NaN.
Written written(double v) {
  if (std::isfinite(v)) return v;
  if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
  const auto bits = std::bit_cast<uint64_t>(v);
  if (bits == kPlainNan) return "nan";
  char text[17];
  const auto end = std::to_chars(text, text + 16, bits, 16).ptr;
  return "nan:" + std::string(text, end);
}

double read_double(const Json& j, const std::string& where) {
  if (j.is_number_float()) return j.get<double>();
  // Written by hand; whole numbers above 2^53 would be rounded.
  constexpr int64_t kExact = int64_t{1} << 53;
  if (j.is_number_integer()) {
    const bool fits = j.is_number_unsigned() ? j.get<uint64_t>() <= uint64_t{kExact} : j.get<int64_t>() >= -kExact;
    HEARTH_CHECK(fits, where, ": ", j.dump(), " is not exact as a floating-point number");
    return static_cast<double>(j.get<int64_t>());
  }
  if (j.is_string()) {
    const std::string& s = j.get_ref<const std::string&>();
    if (s == "inf") return std::numeric_limits<double>::infinity();
    if (s == "-inf") return -std::numeric_limits<double>::infinity();
    if (s == "nan") return std::bit_cast<double>(kPlainNan);
    uint64_t bits = 0;
    const auto r = std::from_chars(s.data() + std::min<size_t>(4, s.size()), s.data() + s.size(), bits, 16);
    if (s.starts_with("nan:") && r.ec == std::errc() && r.ptr == s.data() + s.size() &&
        std::isnan(std::bit_cast<double>(bits)))
      return std::bit_cast<double>(bits);
  }
  fail(where, ": expected a number, \"inf\", \"-inf\" or \"nan\"");
}

int64_t read_whole(const Json& j, const std::string& where) {
  const bool fits = j.is_number_unsigned() ? j.get<uint64_t>() <= uint64_t{INT64_MAX} : j.is_number_integer();
  HEARTH_CHECK(fits, where, ": expected a whole number from -2^63 to 2^63 - 1");
  return j.get<int64_t>();
}

std::string read_text(const Json& j, const std::string& where) {
  HEARTH_CHECK(j.is_string(), where, ": expected a text");
  return j.get<std::string>();
}

DType read_dtype(const Json& j, const std::string& where) {
  const std::string name = read_text(j, where);
  for (int t = 0; t < kDTypes; ++t) {
    if (name == traits(static_cast<DType>(t)).name) return static_cast<DType>(t);
  }
  fail(where, ": there is no dtype \"", name, "\"");
}

const Json& read_list(const Json& j, const std::string& where) {
  HEARTH_CHECK(j.is_array(), where, ": expected a list");
  return j;
}

Dims read_dims(const Json& j, const std::string& where) {
  HEARTH_CHECK(read_list(j, where).size() <= kMaxRank, where, ": has ", j.size(), " entries; at most 8 are possible");
  Dims d;
  for (const Json& n : j) d.push_back(read_whole(n, where));
  return d;
}

// ---- sizes

Written written(const SizeExpr& e, const std::vector<Dim>& dims) {
  if (e.constant()) return e.offset;
  if (e.plain()) return dims[static_cast<size_t>(e.dims[0])].name;
  Written names = Written::array();
  for (int d : e.dims) names.push_back(dims[static_cast<size_t>(d)].name);
  Written out{{"factor", e.factor}, {"dims", names}, {"offset", e.offset}};
  if (e.divisor != 1) out["divisor"] = e.divisor;
  return out;
}

Written written(const std::vector<SizeExpr>& sizes, const std::vector<Dim>& dims) {
  Written out = Written::array();
  for (const SizeExpr& e : sizes) out.push_back(written(e, dims));
  return out;
}

int dim_index(const Json& j, const std::string& where, const std::vector<Dim>& dims) {
  const std::string name = read_text(j, where);
  const auto at = std::ranges::find(dims, name, &Dim::name);
  HEARTH_CHECK(at != dims.end(), where, ": there is no dim \"", name, "\"");
  return static_cast<int>(at - dims.begin());
}

SizeExpr read_size(const Json& j, const std::string& where, const std::vector<Dim>& dims) {
  if (j.is_number()) return read_whole(j, where);
  if (j.is_string()) return SizeExpr(1, {dim_index(j, where, dims)}, 0);
  JsonObject o(j, where);
  SizeExpr e;
  e.factor = o.whole("factor");
  e.offset = o.whole("offset");
  const Json& names = o.list("dims");
  HEARTH_CHECK(!names.empty() && names.size() <= kMaxRank, where, ": a size is made of 1 to 8 dims, but here of ",
               names.size());
  for (const Json& n : names) e.dims.push_back(dim_index(n, where, dims));
  if (o.find("divisor")) e.divisor = o.whole("divisor");
  HEARTH_CHECK(e.divisor >= 1, where, ": a size is divided by ", e.divisor);
  o.done();
  return e;
}

std::vector<SizeExpr> read_sizes(const Json& j, const std::string& where, const std::vector<Dim>& dims) {
  HEARTH_CHECK(read_list(j, where).size() <= kMaxRank, where, ": has ", j.size(), " entries; at most 8 are possible");
  std::vector<SizeExpr> out;
  for (const Json& n : j) out.push_back(read_size(n, where, dims));
  return out;
}

// ---- numbers that keep their kind

Written written(const Scalar& s) {
  Written out = Written::object();
  switch (s.kind()) {
    case DTypeKind::kBool:
      out["bool"] = s.to<bool>();
      break;
    case DTypeKind::kInt:
      out["int"] = s.to<int64_t>();
      break;
    case DTypeKind::kFloat:
    case DTypeKind::kComplex:  // no number is
      out["float"] = written(s.to<double>());
      break;
  }
  return out;
}

// Leaves the object open: an operand has a size beside it.
Scalar read_scalar(JsonObject& o) {
  const Json *b = o.find("bool"), *i = o.find("int"), *f = o.find("float");
  HEARTH_CHECK((b != nullptr) + (i != nullptr) + (f != nullptr) == 1, o.where(),
               ": expected exactly one of \"bool\", \"int\" and \"float\"");
  if (i) return read_whole(*i, o.where());
  if (f) return read_double(*f, o.where());
  HEARTH_CHECK(b->is_boolean(), o.where(), ": expected true or false");
  return b->get<bool>();
}

// ---- attributes

class AttrsWriter final : public FieldVisitor {
 public:
  Written out = Written::object();
  void field(const char* n, bool& v) override { out[n] = v; }
  void field(const char* n, int64_t& v) override { out[n] = v; }
  void field(const char* n, double& v) override { out[n] = written(v); }
  void field(const char* n, DType& v) override { out[n] = to_string(v); }
  void field(const char* n, Device& v) override { out[n] = to_string(v); }
  void field(const char* n, MemoryFormat& v) override { out[n] = to_string(v); }
  void field(const char* n, Scalar& v) override { out[n] = written(v); }
  void field(const char* n, Dims& v) override { out[n] = std::vector<int64_t>(v.begin(), v.end()); }
  void field(const char* n, std::string& v) override { out[n] = v; }
  void field(const char* n, std::optional<int64_t>& v) override { out[n] = v ? Written(*v) : Written(); }
  void field(const char* n, std::optional<double>& v) override { out[n] = v ? written(*v) : Written(); }
  void field(const char* n, std::optional<DType>& v) override { out[n] = v ? Written(to_string(*v)) : Written(); }
  void choice(const char* n, int& i, std::span<const char* const> names) override {
    out[n] = names[static_cast<size_t>(i)];
  }
};

class AttrsReader final : public FieldVisitor {
 public:
  explicit AttrsReader(JsonObject& o) : o_(o) {}
  void field(const char* n, bool& v) override { v = o_.flag(n); }
  void field(const char* n, int64_t& v) override { v = o_.whole(n); }
  void field(const char* n, double& v) override { v = read_double(o_.at(n), at(n)); }
  void field(const char* n, DType& v) override { v = o_.dtype(n); }
  void field(const char* n, Device& v) override {
    const std::string name = o_.text(n);
    v = Device::parse(name.c_str());
  }
  void field(const char* n, MemoryFormat& v) override {
    const std::string name = o_.text(n);
    for (MemoryFormat f : {MemoryFormat::kContiguous, MemoryFormat::kChannelsLast, MemoryFormat::kPreserve}) {
      if (name != to_string(f)) continue;
      v = f;
      return;
    }
    fail(at(n), ": there is no memory format \"", name, "\"");
  }
  void field(const char* n, Scalar& v) override {
    JsonObject o(o_.at(n), at(n));
    v = read_scalar(o);
    o.done();
  }
  void field(const char* n, Dims& v) override { v = read_dims(o_.at(n), at(n)); }
  void field(const char* n, std::string& v) override { v = o_.text(n); }
  void field(const char* n, std::optional<int64_t>& v) override {
    const Json& j = o_.at(n);
    v = j.is_null() ? std::nullopt : std::optional(read_whole(j, at(n)));
  }
  void field(const char* n, std::optional<double>& v) override {
    const Json& j = o_.at(n);
    v = j.is_null() ? std::nullopt : std::optional(read_double(j, at(n)));
  }
  void field(const char* n, std::optional<DType>& v) override {
    const Json& j = o_.at(n);
    v = j.is_null() ? std::nullopt : std::optional(read_dtype(j, at(n)));
  }
  void choice(const char* n, int& i, std::span<const char* const> names) override {
    const std::string name = o_.text(n);
    const auto found = std::ranges::find(names, name, [](const char* s) { return std::string_view(s); });
    HEARTH_CHECK(found != names.end(), at(n), ": there is no choice \"", name, "\"");
    i = static_cast<int>(found - names.begin());
  }

 private:
  std::string at(const char* n) const { return o_.where() + "." + n; }
  JsonObject& o_;
};

// ---- nodes

Written written(const Node& n, const std::vector<Dim>& dims) {
  Written out{{"op", n.op->name}, {"version", n.op->version}};
  Written in = Written::array();
  for (const Argument& a : n.in) {
    if (const int* v = std::get_if<int>(&a.is)) {
      in.push_back(*v);
    } else if (const auto* number = std::get_if<Argument::Number>(&a.is)) {
      Written w = written(number->value);
      if (number->symbolic) w["size"] = written(number->size, dims);
      if (number->function != SizeFunction::kWhole)
        w["function"] = kSizeFunctions[static_cast<size_t>(number->function)];
      in.push_back(std::move(w));
    } else {
      in.push_back(nullptr);
    }
  }
  out["inputs"] = std::move(in);
  Written makes = Written::array();
  for (int k = 0; k < n.count; ++k) makes.push_back(n.first + k);
  out["makes"] = std::move(makes);
  if (n.op->attrs) {
    AttrsWriter w;
    n.attrs.visit(w);
    out["attributes"] = std::move(w.out);
  }
  if (!n.sizes.empty()) {
    const std::vector<Whole> slots = wholes(n.attrs);
    Written sizes = Written::array();
    for (const auto& [slot, size] : n.sizes) {
      const Whole& w = slots[static_cast<size_t>(slot)];
      Written one = Written::object();
      one["attribute"] = w.field;
      if (w.index >= 0) one["index"] = w.index;
      one["size"] = written(size, dims);
      sizes.push_back(std::move(one));
    }
    out["sizes"] = std::move(sizes);
  }
  if (n.target) {
    out["target"] = {{"dtype", to_string(n.target->dtype)},
                     {"format", to_string(n.target->format)},
                     {"shape", written(n.target->shape, dims)}};
  }
  if (!n.scope.empty()) out["scope"] = n.scope;
  return out;
}

const OpDef& find_record(const std::string& name, int64_t version, const std::string& where) {
  const OpDef* op = find_op(name);
  if (!op) {
    const size_t colons = name.find("::");
    const std::string room = colons == std::string::npos ? "core" : name.substr(0, colons);
    const std::string target =
        room == "core" || room == "vision" ? concat("//", room, ":all_ops") : "the alwayslink target that defines it";
    fail(ErrorKind::kUnsupported, where, ": the op \"", name, "\" is not linked into this program: add ", target,
         " to its deps, unless the model comes from a newer version of Hearth");
  }
  if (version > op->version || version < (op->oldest ? op->oldest : op->version)) {
    fail(ErrorKind::kUnsupported, where, ": the model has version ", version, " of the op \"", name,
         "\"; this program knows version ", op->version,
         version > op->version ? " (it is older than the model)" : " (export the model again)");
  }
  HEARTH_CHECK(!op->internal, where, ": the op \"", name, "\" is not for graphs");
  return *op;
}

SizeFunction read_function(JsonObject& number) {
  if (!number.find("function")) return SizeFunction::kWhole;
  const std::string name = number.text("function");
  const auto at = std::ranges::find(kSizeFunctions, name, [](const char* f) { return std::string_view(f); });
  if (at == std::end(kSizeFunctions))
    fail(ErrorKind::kUnsupported, number.where(), ": there is no function \"", name, "\" of a size");
  return static_cast<SizeFunction>(at - std::begin(kSizeFunctions));
}

Node read_node(const Json& j, const std::string& place, const std::vector<Dim>& dims, int next) {
  JsonObject o(j, place);
  const std::string name = o.text("op");
  const std::string where = place + " (" + name + ")";
  Node n;
  n.op = &find_record(name, o.whole("version"), where);
  for (const Json& a : o.list("inputs")) {
    if (a.is_null()) {
      n.in.push_back({Argument::Absent{}});
    } else if (a.is_object()) {
      JsonObject number(a, where + ": an operand");
      Argument::Number value;
      value.value = read_scalar(number);
      if (const Json* size = number.find("size")) {
        value.size = read_size(*size, number.where(), dims);
        value.symbolic = true;
        value.function = read_function(number);
      }
      number.done();
      n.in.push_back({value});
    } else {
      const int64_t v = read_whole(a, where + ": an operand");
      HEARTH_CHECK(v >= 0 && v < next, where, ": operand ", n.in.size(), " is value ", v,
                   ", which is not made before it: a graph has no cycles");
      n.in.push_back({static_cast<int>(v)});
    }
  }
  const Json& makes = o.list("makes");
  HEARTH_CHECK(!makes.empty() && makes.size() <= n.op->outputs, where, ": makes ", makes.size(),
               " values; expected 1 to ", int{n.op->outputs});
  n.first = next;
  n.count = static_cast<int>(makes.size());
  for (int k = 0; k < n.count; ++k) {
    const int64_t v = read_whole(makes[static_cast<size_t>(k)], where);
    HEARTH_CHECK(v == next + k, where, ": makes value ", v, "; values are numbered in order, so that it must be ",
                 next + k);
  }
  n.attrs = OwnedAttrs(n.op->attrs);
  if (n.op->attrs) {
    JsonObject attributes(o.at("attributes"), where + ": attributes");
    AttrsReader reader(attributes);
    n.attrs.visit(reader);
    attributes.done();
  }
  if (const Json* sizes = o.find("sizes")) {
    const std::vector<Whole> slots = wholes(n.attrs);
    for (const Json& s : read_list(*sizes, where)) {
      JsonObject one(s, where + ": a size");
      const std::string field = one.text("attribute");
      const int64_t index = one.find("index") ? one.whole("index") : -1;
      const auto slot =
          std::ranges::find_if(slots, [&](const Whole& w) { return field == w.field && index == w.index; });
      HEARTH_CHECK(slot != slots.end(), where, ": has no whole number ", field,
                   index >= 0 ? concat("[", index, "]") : std::string(), " among its attributes");
      const int at = static_cast<int>(slot - slots.begin());
      for (const auto& [other, size] : n.sizes)
        HEARTH_CHECK(other != at, where, ": two sizes are given for the attribute ", field);
      n.sizes.emplace_back(at, read_size(one.at("size"), one.where(), dims));
      one.done();
    }
  }
  if (const Json* target = o.find("target")) {
    JsonObject t(*target, where + ": target");
    Target made;
    made.dtype = t.dtype("dtype");
    const std::string format = t.text("format");
    HEARTH_CHECK(format == to_string(MemoryFormat::kContiguous) || format == to_string(MemoryFormat::kChannelsLast),
                 t.where(), ": there is no memory format \"", format, "\" for a target");
    made.format =
        format == to_string(MemoryFormat::kContiguous) ? MemoryFormat::kContiguous : MemoryFormat::kChannelsLast;
    made.shape = read_sizes(t.at("shape"), t.where(), dims);
    HEARTH_CHECK(made.format == MemoryFormat::kContiguous || made.shape.size() == 4, t.where(),
                 ": only 4 dimensions can be laid out channels_last");
    t.done();
    n.target = std::move(made);
  }
  if (o.find("scope")) n.scope = o.text("scope");
  o.done();
  return n;
}

// ---- constants

Written written(const Constant& c, const std::string& weight) {
  Written out{{"name", c.name}, {"tensor", weight}, {"dtype", to_string(c.value.dtype())}};
  out["shape"] = std::vector<int64_t>(c.value.shape().begin(), c.value.shape().end());
  // Layouts other than row-major decide how an op computes, and with it the last bits.
  if (c.value.layout().dense && !c.value.layout().contiguous)
    out["strides"] = std::vector<int64_t>(c.value.strides().begin(), c.value.strides().end());
  return out;
}

Constant read_constant(const Json& j, const std::string& where, const std::map<std::string, Tensor>& weights,
                       std::map<std::string, bool>& used) {
  JsonObject o(j, where);
  Constant c;
  c.name = o.text("name");
  const std::string weight = o.text("tensor");
  const DType dtype = o.dtype("dtype");
  const Shape shape = read_dims(o.at("shape"), where);
  const auto it = weights.find(weight);
  HEARTH_CHECK(it != weights.end(), where, ": weights.safetensors has no tensor \"", weight, "\"");
  HEARTH_CHECK(it->second.dtype() == dtype && it->second.shape() == shape, where, ": the tensor \"", weight, "\" is ",
               it->second.dtype(), " ", it->second.shape(), "; expected ", dtype, " ", shape);
  used[weight] = true;
  c.value = it->second;
  if (const Json* j_strides = o.find("strides")) {
    const Strides strides = read_dims(*j_strides, where);
    HEARTH_CHECK(strides.rank() == shape.rank() && std::ranges::all_of(strides, [](int64_t s) { return s > 0; }) &&
                     Layout(shape, strides, 0).dense,
                 where, ": strides ", strides, " do not lay out the shape ", shape, " without gaps");
    Tensor ordered = hearth::detail::empty_strided(shape, strides, dtype, kCpu, "graph");
    c.value = ordered.copy_(c.value);
  }
  o.done();
  return c;
}

// ---- signature

Written written(const std::vector<Signature::Port>& ports) {
  Written out = Written::array();
  for (const Signature::Port& p : ports) {
    Written shape = Written::array();
    for (const Signature::Extent& e : p.shape) {
      if (e.size >= 0) shape.push_back(e.size);
      else if (e.max) shape.push_back({{"name", e.name}, {"max", *e.max}});
      else shape.push_back(e.name);
    }
    const std::string dtype = p.bytes ? "bytes" : std::string(to_string(p.dtype));
    out.push_back({{"name", p.name}, {"dtype", dtype}, {"shape", std::move(shape)}});
  }
  return out;
}

std::vector<Signature::Port> read_ports(const Json& list, const std::string& where) {
  std::vector<Signature::Port> out;
  for (const Json& j : read_list(list, where)) {
    JsonObject o(j, concat(where, "[", out.size(), "]"));
    Signature::Port p;
    p.name = o.text("name");
    p.bytes = o.text("dtype") == "bytes";
    if (!p.bytes) p.dtype = o.dtype("dtype");
    for (const Json& e : o.list("shape")) {
      if (e.is_string()) {
        p.shape.push_back({-1, e.get<std::string>()});
      } else if (e.is_object()) {
        JsonObject open(e, o.where() + ".shape");
        const int64_t max = open.whole("max");
        HEARTH_CHECK(max >= 0, open.where(), ": a largest size is negative");
        p.shape.push_back({-1, open.text("name"), max});
        open.done();
      } else {
        p.shape.push_back({read_whole(e, o.where()), "", {}});
        HEARTH_CHECK(p.shape.back().size >= 0, o.where(), ": a size is negative");
      }
    }
    o.done();
    out.push_back(std::move(p));
  }
  return out;
}

std::vector<Signature::Extent> extents(const std::vector<SizeExpr>& shape, const std::vector<Dim>& dims) {
  std::vector<std::string> names;
  names.reserve(dims.size());
  for (const Dim& d : dims) names.push_back(d.name);
  std::vector<Signature::Extent> out;
  for (const SizeExpr& e : shape) {
    if (e.constant()) {
      out.push_back({e.offset, "", {}});
      continue;
    }
    out.push_back({-1, to_string(e, names), e.plain() ? dims[static_cast<size_t>(e.dims[0])].max : std::nullopt});
  }
  return out;
}

void append(std::string& out, const char* key, const std::vector<std::string>& lines) {
  out += concat("\"", key, "\": [");
  for (size_t i = 0; i < lines.size(); ++i) out += (i ? ",\n  " : "\n  ") + lines[i];
  out += lines.empty() ? "]" : "\n]";
}

}  // namespace

JsonObject::JsonObject(const Json& j, std::string where) : j_(j), where_(std::move(where)) {
  HEARTH_CHECK(j.is_object(), where_, ": expected an object");
}
const Json* JsonObject::find(const char* key) {
  const auto it = j_.find(key);
  if (it == j_.end()) return nullptr;
  taken_.push_back(key);
  return &*it;
}
const Json& JsonObject::at(const char* key) {
  const Json* j = find(key);
  HEARTH_CHECK(j, where_, ": \"", key, "\" is missing");
  return *j;
}
std::string JsonObject::text(const char* key) { return read_text(at(key), where_ + "." + key); }
int64_t JsonObject::whole(const char* key) { return read_whole(at(key), where_ + "." + key); }
bool JsonObject::flag(const char* key) {
  const Json& j = at(key);
  HEARTH_CHECK(j.is_boolean(), where_, ".", key, ": expected true or false");
  return j.get<bool>();
}
const Json& JsonObject::list(const char* key) { return read_list(at(key), where_ + "." + key); }
DType JsonObject::dtype(const char* key) { return read_dtype(at(key), where_ + "." + key); }
std::map<std::string, std::string> JsonObject::texts(const char* key) {
  JsonObject o(at(key), where_ + "." + key);
  std::map<std::string, std::string> out;
  for (const auto& [k, v] : o.j_.items()) out[k] = read_text(v, o.where_ + "." + k);
  return out;
}
void JsonObject::done() const {
  for (const auto& [key, value] : j_.items())
    HEARTH_CHECK(std::ranges::find(taken_, key) != taken_.end(), where_, ": \"", key, "\" is unknown");
}

std::string to_json(const Graph& g, const WeightNames& weights) {
  std::vector<std::string> dims, inputs, constants, nodes, outputs, updates;
  for (const Dim& d : g.dims) {
    Written dim{{"name", d.name}, {"example", d.example}};
    if (d.max) dim["max"] = *d.max;
    dims.push_back(dim.dump());
  }
  for (const Input& in : g.inputs)
    inputs.push_back(
        Written({{"name", in.name}, {"dtype", to_string(in.dtype)}, {"shape", written(in.shape, g.dims)}}).dump());
  for (size_t i = 0; i < g.constants.size(); ++i) constants.push_back(written(g.constants[i], weights[i]).dump());
  for (const Node& n : g.nodes) nodes.push_back(written(n, g.dims).dump());
  for (const Output& o : g.outputs)
    outputs.push_back(
        Written(
            {{"name", o.name}, {"value", o.value}, {"dtype", to_string(o.dtype)}, {"shape", written(o.shape, g.dims)}})
            .dump());
  for (const Update& u : g.updates) updates.push_back(Written({{"constant", u.constant}, {"value", u.value}}).dump());
  std::string out = "{\n";
  const std::pair<const char*, const std::vector<std::string>*> parts[] = {
      {"dims", &dims},   {"inputs", &inputs},   {"constants", &constants},
      {"nodes", &nodes}, {"outputs", &outputs}, {"updates", &updates}};
  for (const auto& [key, lines] : parts) {
    if (out.size() > 2) out += ",\n";
    append(out, key, *lines);
  }
  return out + "\n}";
}

Graph graph_from_json(const Json& j, const std::string& where, const std::map<std::string, Tensor>& weights,
                      std::map<std::string, bool>& used) {
  JsonObject o(j, where);
  Graph g;
  const auto each = [&](const char* key, auto read) {
    size_t i = 0;
    for (const Json& entry : o.list(key)) read(entry, concat(where, ".", key, "[", i++, "]"));
  };
  each("dims", [&](const Json& entry, const std::string& at) {
    JsonObject d(entry, at);
    g.dims.push_back({d.text("name"), d.whole("example"), {}});
    if (d.find("max")) g.dims.back().max = d.whole("max");
    d.done();
    HEARTH_CHECK(g.dims.size() <= 1000, where, ": there are more than 1000 dims");
  });
  each("inputs", [&](const Json& entry, const std::string& at) {
    JsonObject in(entry, at);
    g.inputs.push_back({in.text("name"), in.dtype("dtype"), read_sizes(in.at("shape"), at, g.dims)});
    in.done();
  });
  each("constants", [&](const Json& entry, const std::string& at) {
    g.constants.push_back(read_constant(entry, at, weights, used));
  });
  int next = g.first_made();
  each("nodes", [&](const Json& entry, const std::string& at) {
    g.nodes.push_back(read_node(entry, at, g.dims, next));
    next += g.nodes.back().count;
  });
  const auto index = [](int64_t v, int64_t end, const std::string& at, const char* what) {
    HEARTH_CHECK(v >= 0 && v < end, at, ": there is no ", what, " ", v, " (of ", end, ")");
    return static_cast<int>(v);
  };
  each("outputs", [&](const Json& entry, const std::string& at) {
    JsonObject out(entry, at);
    g.outputs.push_back({out.text("name"), index(out.whole("value"), next, at, "value"), out.dtype("dtype"),
                         read_sizes(out.at("shape"), at, g.dims)});
    out.done();
  });
  each("updates", [&](const Json& entry, const std::string& at) {
    JsonObject u(entry, at);
    g.updates.push_back({index(u.whole("constant"), std::ssize(g.constants), at, "constant"),
                         index(u.whole("value"), next, at, "value")});
    u.done();
  });
  o.done();
  return g;
}

std::vector<Signature::Port> ports(const std::vector<Dim>& dims, const std::vector<Input>& inputs) {
  std::vector<Signature::Port> out;
  out.reserve(inputs.size());
  for (const Input& in : inputs) out.push_back({in.name, in.dtype, extents(in.shape, dims)});
  return out;
}
std::vector<Signature::Port> ports(const std::vector<Dim>& dims, const std::vector<Output>& outputs) {
  std::vector<Signature::Port> out;
  out.reserve(outputs.size());
  for (const Output& o : outputs) out.push_back({o.name, o.dtype, extents(o.shape, dims)});
  return out;
}

std::string to_json(const Signature& s) {
  Written out{{"format", "hearth.signature"}, {"version", 1}, {"kind", s.kind}, {"description", s.description}};
  out["inputs"] = written(s.inputs);
  out["outputs"] = written(s.outputs);
  out["labels"] = s.labels;
  if (!s.preprocess.empty()) out["preprocess"] = {{"inputs", written(s.preprocess)}, {"of", s.preprocess_input}};
  out["metadata"] = s.metadata;
  return out.dump(2) + "\n";
}

Signature signature_from_json(const Json& j, const std::string& where) {
  JsonObject o(j, where);
  HEARTH_CHECK(o.text("format") == "hearth.signature", where, ": it is not a signature");
  if (const int64_t v = o.whole("version"); v != 1)
    fail(ErrorKind::kUnsupported, where, ": the format has version ", v, "; this program reads version 1");
  Signature s;
  s.kind = o.text("kind");
  if (o.find("description")) s.description = o.text("description");
  if (const Json* inputs = o.find("inputs")) s.inputs = read_ports(*inputs, where + ".inputs");
  if (const Json* outputs = o.find("outputs")) s.outputs = read_ports(*outputs, where + ".outputs");
  if (o.find("labels")) {
    for (const Json& label : o.list("labels")) s.labels.push_back(read_text(label, where + ".labels"));
  }
  if (const Json* p = o.find("preprocess")) {
    JsonObject preprocess(*p, where + ".preprocess");
    s.preprocess = read_ports(preprocess.at("inputs"), where + ".preprocess.inputs");
    s.preprocess_input = preprocess.texts("of");
    preprocess.done();
  }
  if (o.find("metadata")) s.metadata = o.texts("metadata");
  o.done();
  return s;
}

}  // namespace hearth::graph
