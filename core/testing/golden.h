// Samples whose results another implementation computed: a safetensors file made by a script under tools/golden.
//
// Names are "<sample>/<kind>/<part>". kind is float, int or bool, by the dtype that is tested. Parts: in.K, an operand
// in any dtype of the kind, whose values all of them can hold; fixed.K, an operand that keeps its dtype; out.K, a
// result in the tested dtype, or in its own if that is named, out.K.i64; size.K, see Want::size.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/io/safetensors.h"
#include "core/testing/op_row.h"

namespace hearth::testing {

// What a sample has beside its name and call: see Sample.
struct SampleOptions {
  bool smooth = false;
  unsigned batch = 0;
  double terms = 1;
  bool rearranged = true;
  std::optional<DTypeSet> dtypes = std::nullopt;  // of those that the file has values for
};

class Golden {
 public:
  // Throws Error if the file cannot be read.
  explicit Golden(const std::string& path);
  // Throws Error where the file has no such sample.
  Sample sample(const std::string& name, TensorFunction call, const SampleOptions& options = {}) const;

 private:
  std::shared_ptr<const io::Safetensors> file_;
};

}  // namespace hearth::testing
