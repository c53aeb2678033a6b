#include "core/tensor/layout.h"

namespace hearth {

std::string to_string(MemoryFormat f) {
  switch (f) {
    case MemoryFormat::kContiguous:
      return "contiguous";
    case MemoryFormat::kChannelsLast:
      return "channels_last";
    case MemoryFormat::kPreserve:
      return "preserve";
  }
  return "?";
}

Layout::Layout(const Shape& s) : shape(s), strides(contiguous_strides(s)), numel(s.numel()) {}

Layout::Layout(const Shape& s, const Strides& st, int64_t off) : shape(s), strides(st), offset(off), numel(s.numel()) {
  update();
}

namespace {

// Insertion sort by stride: at most eight entries.
void sort_by_stride(int* order, int n, const Strides& strides) {
  for (int i = 1; i < n; ++i) {
    const int d = order[i];
    int j = i;
    for (; j > 0 && strides[order[j - 1]] > strides[d]; --j) order[j] = order[j - 1];
    order[j] = d;
  }
}

// Dimensions of size above 1 by falling stride; false if one has a stride that cannot belong to a dense layout.
bool dense_order(const Layout& l) {
  int order[kMaxRank];
  int n = 0;
  for (int i = 0; i < l.rank(); ++i) {
    if (l.shape[i] != 1) order[n++] = i;
  }
  sort_by_stride(order, n, l.strides);
  int64_t step = 1;
  for (int i = 0; i < n; ++i) {
    if (l.strides[order[i]] != step) return false;
    step *= l.shape[order[i]];
  }
  return true;
}

}  // namespace

void Layout::update() {
  if (numel <= 1) {
    contiguous = dense = true;
    return;
  }
  int64_t step = 1;
  contiguous = true;
  for (int i = rank(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (strides[i] != step) {
      contiguous = false;
      break;
    }
    step *= shape[i];
  }
  dense = contiguous || dense_order(*this);
}

bool Layout::channels_last() const {
  if (rank() != 4) return false;
  if (numel == 0) return false;
  int64_t step = 1;
  for (int i : {1, 3, 2, 0}) {
    if (shape[i] == 1) continue;
    if (strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

bool Layout::overlapping() const {
  if (dense) return false;
  int order[kMaxRank];
  int n = 0;
  for (int i = 0; i < rank(); ++i) {
    if (shape[i] > 1) order[n++] = i;
  }
  sort_by_stride(order, n, strides);
  int64_t reach = 0;
  for (int i = 0; i < n; ++i) {
    if (strides[order[i]] <= reach) return true;
    reach += strides[order[i]] * (shape[order[i]] - 1);
  }
  return false;
}

int64_t Layout::end() const {
  if (numel == 0) return offset;
  int64_t last = offset;
  for (int i = 0; i < rank(); ++i) last += strides[i] * (shape[i] - 1);
  return last + 1;
}

Strides strides_for(const Layout& like, MemoryFormat format) {
  switch (format) {
    case MemoryFormat::kContiguous:
      return contiguous_strides(like.shape);
    case MemoryFormat::kChannelsLast:
      return channels_last_strides(like.shape);
    case MemoryFormat::kPreserve:
      return like.dense ? like.strides : contiguous_strides(like.shape);
  }
  return contiguous_strides(like.shape);
}

}  // namespace hearth
