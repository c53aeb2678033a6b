#include "core/testing/golden.h"

#include "core/base/error.h"
#include "core/testing/tensors.h"

namespace hearth::testing {
namespace {

const char* kind_of(DType t) { return is_floating_point(t) ? "float" : t == DType::kBool ? "bool" : "int"; }

}  // namespace

Golden::Golden(const std::string& path) {
  auto file = io::load_safetensors(path);
  HEARTH_CHECK(file.ok(), file.status().ToString());
  file_ = std::make_shared<const io::Safetensors>(std::move(*file));
}

Sample Golden::sample(const std::string& name, TensorFunction call, const SampleOptions& options) const {
  const auto file = file_;
  const auto find = [file](const std::string& key) -> const Tensor* {
    const auto it = file->tensors.find(key);
    return it == file->tensors.end() ? nullptr : &it->second;
  };
  DTypeSet dtypes;
  for (int t = 0; t < kDTypes; ++t) {
    const std::string first = name + "/" + kind_of(static_cast<DType>(t)) + "/out.0";
    const auto at = file->tensors.lower_bound(first);
    if (at != file->tensors.end() && at->first.starts_with(first)) dtypes = dtypes | DTypeSet{static_cast<DType>(t)};
  }
  HEARTH_CHECK(!(dtypes == DTypeSet{}), "golden: there is no sample \"", name, "\"");
  // A dtype of another kind gets the values of one that is there, for a call that must be refused.
  const auto prefix = [name, dtypes](DType t) {
    for (DType other : {t, f32, i64, boolean}) {
      if (dtypes.contains(other)) return name + "/" + kind_of(other) + "/";
    }
    return name;
  };
  Sample s;
  s.name = name;
  s.dtypes = options.dtypes.value_or(dtypes);
  s.smooth = options.smooth;
  s.batch = options.batch;
  s.terms = options.terms;
  s.rearranged = options.rearranged;
  s.call = std::move(call);
  s.inputs = [find, prefix](DType t) {
    std::vector<Tensor> in;
    for (int k = 0;; ++k) {
      if (const Tensor* x = find(prefix(t) + "in." + std::to_string(k))) {
        in.push_back(from_wide(to_wide(*x), x->shape(), t));
      } else if (const Tensor* y = find(prefix(t) + "fixed." + std::to_string(k))) {
        in.push_back(from_wide(to_wide(*y), y->shape(), y->dtype()));
      } else {
        return in;
      }
    }
  };
  s.want = [find, prefix](std::span<const Tensor>, DType t) {
    std::vector<Want> want;
    for (int k = 0;; ++k) {
      const std::string number = std::to_string(k);
      const Tensor* out = find(prefix(t) + "out." + number);
      DType dtype = t;
      for (int own = 0; !out && own < kDTypes; ++own) {
        dtype = static_cast<DType>(own);
        out = find(prefix(t) + "out." + number + "." + to_string(dtype));
      }
      if (!out) return want;
      Want w{dtype, out->shape(), to_wide(*out)};
      if (const Tensor* size = find(prefix(t) + "size." + number)) w.size = to_wide(*size);
      // Integers wrap around.
      if (!is_floating_point(dtype)) {
        for (long double& v : w.values) v = to_wide(from_wide({&v, 1}, {}, i64).to(dtype))[0];
      }
      want.push_back(std::move(w));
    }
  };
  return s;
}

}  // namespace hearth::testing
