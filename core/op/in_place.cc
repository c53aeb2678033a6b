#include "core/op/in_place.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/error.h"
#include "core/tensor/overlap.h"
#include "core/tensor/tensor.h"

namespace hearth {
namespace {

void check_writable(const OpCall& c, const TensorImpl& t) {
  HEARTH_CHECK(!t.storage->read_only(), c.op.name, ": cannot write in place: the tensor's memory is read-only");
  HEARTH_CHECK(!t.layout.overlapping(), c.op.name, ": cannot write in place: several elements of the tensor of shape ",
               t.layout.shape, " and strides ", t.layout.strides, " lie at one address; clone() it first");
}

}  // namespace

void check_rows(const OpCall& c) {
  const int row = c.op.row;
  HEARTH_CHECK(!c.bound, c.op.name, ": it changes its operands and has no result to be written into a tensor");
  HEARTH_CHECK(c.inputs() % row == 0, c.op.name, ": expected rows of ", row, " operands, but got ", c.inputs(),
               " operands");
  struct Piece {
    const Storage* storage;
    int64_t begin, end;  // bytes
    int operand;
  };
  std::vector<Piece> pieces;
  pieces.reserve(c.in.size());
  for (int i = 0; i < c.inputs(); ++i) {
    if (!c.is_tensor(i)) continue;
    const TensorImpl& t = *c.input(i).impl();
    if (c.writes(i)) check_writable(c, t);
    // What all rows only read is looked at once.
    else if (i >= row && c.is_tensor(i - row) && c.input(i - row).impl() == &t) continue;
    const auto size = static_cast<int64_t>(size_of(t.dtype));
    if (t.layout.numel > 0) pieces.push_back({t.storage.get(), t.layout.offset * size, t.layout.end() * size, i});
  }
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    if (a.storage != b.storage) return std::less<>()(a.storage, b.storage);
    return a.begin < b.begin;
  });
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Piece& a = pieces[i];
    for (size_t k = i + 1; k < pieces.size() && pieces[k].storage == a.storage && pieces[k].begin < a.end; ++k) {
      const int written = c.writes(a.operand) ? a.operand : pieces[k].operand,
                other = written == a.operand ? pieces[k].operand : a.operand;
      if (!c.writes(written)) continue;
      const TensorImpl &x = *c.input(written).impl(), &y = *c.input(other).impl();
      HEARTH_CHECK(x.dtype == y.dtype && !overlap(x.layout, y.layout), c.op.name, ": cannot write in place: operand ",
                   written % row, " of row ", written / row, ", which is written, shares memory with operand ",
                   other % row, " of row ", other / row, "; clone() one of them first");
    }
  }
}

void check_bound(const OpCall& c) {
  const TensorImpl& t = *c.out[0].impl();
  HEARTH_CHECK(c.op.kind != OpKind::kView, c.op.name, ": a view cannot be written into a given tensor");
  check_writable(c, t);
  for (int i = 0; i < c.inputs(); ++i) {
    if (!c.is_tensor(i)) continue;
    const TensorImpl& x = *c.input(i).impl();
    if (x.storage != t.storage || t.layout.numel == 0) continue;
    if (x.dtype != t.dtype) {
      // Views of one memory as real and as complex numbers.
      const auto of_x = static_cast<int64_t>(size_of(x.dtype)), of_t = static_cast<int64_t>(size_of(t.dtype));
      HEARTH_CHECK(x.layout.offset * of_x >= t.layout.end() * of_t || t.layout.offset * of_t >= x.layout.end() * of_x,
                   c.op.name, ": cannot write in place: operand ", i, " lies, as ", x.dtype,
                   ", in the memory that is written as ", t.dtype, "; clone() it first");
      continue;
    }
    const bool over = c.op.kind == OpKind::kPointwise || (i < 8 && c.op.in_place >> i & 1);
    if (x.layout.offset == t.layout.offset && lie_alike(x.layout, t.layout)) {
      HEARTH_CHECK(over, c.op.name, ": cannot write in place: operand ", i,
                   " is the tensor that is written, and elements of it are read after others were written; clone() it "
                   "first");
      continue;
    }
    HEARTH_CHECK(!overlap(x.layout, t.layout), c.op.name, ": cannot write in place: operand ", i,
                 " lies in the memory that is written, in another order; clone() it first");
  }
}

}  // namespace hearth
