// Recorder: the Interposer that writes down the ops of one run on tensors without data.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/graph/attrs.h"
#include "core/op/interposer.h"

namespace hearth::graph {

// Where a value comes from while its number is not yet known: constants are only counted at the end.
struct ValueId {
  enum class From : uint8_t { kNone, kInput, kConstant, kNode } from = From::kNone;
  int index = 0;
  int output = 0;  // of the node
  friend bool operator==(const ValueId&, const ValueId&) = default;
};

struct RecordedArgument {
  ValueId value;  // kNone: the number, or nothing
  bool is_number = false;
  Scalar number;
};

struct RecordedTarget {
  DType dtype;
  MemoryFormat format;
  Shape shape;
};

struct Recorded {
  const OpDef* op;
  OwnedAttrs attrs;
  std::vector<RecordedArgument> in;
  std::optional<RecordedTarget> target;
  int count = 1;
  std::string scope;
};

class Recorder final : public Interposer {
 public:
  // names: what known tensors are called.
  explicit Recorder(const std::map<std::string, Tensor>& names) : names_(names) {}

  void add_input(const Tensor& meta);
  // The value a tensor stands for now; a tensor that no recorded op made becomes a constant.
  ValueId value(const Tensor& t);
  // The tensor without data that stands for t.
  Tensor stand_in(const Tensor& t);

  void intercept(OpCall& call) override;
  bool traces() const override { return true; }

  struct Captured {
    std::string name;  // empty: none is known
    Tensor tensor;
  };
  const std::vector<Captured>& constants() const { return constants_; }
  const std::vector<Recorded>& ops() const { return ops_; }
  // Constants that were written to, with their last value.
  std::vector<std::pair<int, ValueId>> updates() const;

 private:
  // What a whole memory holds; views of it are cut out again after each write.
  struct Memory {
    ValueId value;
    Tensor whole;   // without data
    int epoch = 0;  // counts writes
    int constant = -1;
  };
  struct Entry {
    Tensor original, meta;
    ValueId value;
    int epoch = 0;
  };
  Entry& entry(const Tensor& t, bool about_to_be_written = false);
  Entry& enter(const Tensor& original, const Tensor& meta, ValueId v);
  Memory& memory(const Tensor& meta);
  ValueId current(Entry& e);
  ValueId add(const OpDef& op, AttrsRef attrs, std::vector<RecordedArgument> in);

  const std::map<std::string, Tensor>& names_;
  std::unordered_map<const TensorImpl*, Entry> entries_;
  std::unordered_map<const Storage*, Memory> memories_;
  std::vector<Captured> constants_;
  std::vector<Recorded> ops_;
};

}  // namespace hearth::graph
