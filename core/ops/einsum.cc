#include "core/ops/einsum.h"

#include <algorithm>
#include <map>
#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// A letter, or for a dimension of "..." its place counted from the right: -1, -2, …
using Label = int;
using Labels = std::vector<Label>;

struct Term {
  Tensor tensor;
  Labels labels;
};

bool has(const Labels& l, Label x) { return std::ranges::find(l, x) != l.end(); }
int64_t place(const Labels& l, Label x) { return std::ranges::find(l, x) - l.begin(); }

// The labels of one operand's text; dots: how many dimensions "..." stands for.
Labels parse(const std::string& equation, const std::string& text, int dots) {
  Labels out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 3, "...") == 0) {
      for (int k = dots; k > 0; --k) out.push_back(-k);
      i += 2;
      HEARTH_CHECK(text.find("...", i + 1) == std::string::npos, "einsum: \"", equation,
                   "\" has two \"...\" in one term");
    } else {
      HEARTH_CHECK((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z'), "einsum: \"", equation,
                   "\" has the character '", text[i], "'; dimensions are named by letters");
      out.push_back(text[i]);
    }
  }
  return out;
}

Term operand(const std::string& equation, const std::string& text, const Tensor& t, int index) {
  HEARTH_CHECK(t.defined(), "einsum: operand ", index, " is an undefined tensor");
  const bool dotted = text.find("...") != std::string::npos;
  const int named = static_cast<int>(text.size()) - (dotted ? 3 : 0);
  HEARTH_CHECK(dotted ? t.dim() >= named : t.dim() == named, "einsum: \"", equation, "\" names ", named,
               " dimensions of operand ", index, ", but its shape is ", t.shape());
  Term out{t, parse(equation, text, t.dim() - named)};
  // Letters that stand twice.
  for (size_t i = 0; i < out.labels.size(); ++i) {
    for (size_t j = i + 1; j < out.labels.size();) {
      if (out.labels[i] != out.labels[j]) {
        ++j;
        continue;
      }
      const Shape& s = out.tensor.shape();
      HEARTH_CHECK(s[static_cast<int>(i)] == s[static_cast<int>(j)], "einsum: in \"", equation, "\" operand ", index,
                   " of shape ", t.shape(), " has different sizes for one letter");
      const Label l = out.labels[i];
      out.tensor = diagonal(out.tensor, 0, static_cast<int64_t>(i), static_cast<int64_t>(j));
      out.labels.erase(out.labels.begin() + static_cast<int64_t>(j));
      out.labels.erase(out.labels.begin() + static_cast<int64_t>(i));
      out.labels.push_back(l);
      j = i + 1;
    }
  }
  return out;
}

Tensor in_order(const Term& t, const Labels& order) {
  Dims dims;
  for (Label l : order) dims.push_back(place(t.labels, l));
  return permute(t.tensor, dims);
}

// Summed over the labels that are not among `kept`.
Term sum_out(const Term& t, const Labels& kept) {
  Dims gone;
  Term out{t.tensor, {}};
  for (size_t d = 0; d < t.labels.size(); ++d) {
    if (has(kept, t.labels[d])) out.labels.push_back(t.labels[d]);
    else gone.push_back(static_cast<int64_t>(d));
  }
  if (!gone.empty()) out.tensor = sum(t.tensor, gone);
  return out;
}

// The product of two terms, summed over the labels that are not among `kept`.
Term multiply(const Term& left, const Term& right, const Labels& kept) {
  const auto wanted = [&](const Term& t, const Term& other) {
    Labels l = kept;
    for (Label x : t.labels) {
      if (has(other.labels, x)) l.push_back(x);
    }
    Term out = sum_out(t, l);
    out.tensor = out.tensor.to(t.tensor.dtype());  // sums of integers are i64, products keep their dtype
    return out;
  };
  const Term a = wanted(left, right), b = wanted(right, left);
  Labels batch, rows, columns, inner;
  for (Label l : a.labels) (!has(b.labels, l) ? rows : has(kept, l) ? batch : inner).push_back(l);
  for (Label l : b.labels) {
    if (!has(a.labels, l)) columns.push_back(l);
  }
  Shape shape;
  int64_t sizes[4] = {1, 1, 1, 1};
  const auto collect = [&](const Term& t, const Labels& labels, int64_t& product, bool in_result) {
    for (Label l : labels) {
      const int64_t n = t.tensor.shape()[static_cast<int>(place(t.labels, l))];
      product *= n;
      if (in_result) shape.push_back(n);
    }
  };
  collect(a, batch, sizes[0], true);
  collect(a, rows, sizes[1], true);
  collect(a, inner, sizes[2], false);
  collect(b, columns, sizes[3], true);
  const auto joined = [](Labels x, const Labels& y, const Labels& z) {
    x.insert(x.end(), y.begin(), y.end());
    x.insert(x.end(), z.begin(), z.end());
    return x;
  };
  const Tensor x = reshape(in_order(a, joined(batch, rows, inner)), {sizes[0], sizes[1], sizes[2]});
  const Tensor y = reshape(in_order(b, joined(batch, inner, columns)), {sizes[0], sizes[2], sizes[3]});
  return {reshape(matmul(x, y), shape), joined(batch, rows, columns)};
}

}  // namespace

Tensor einsum(const std::string& equation, std::span<const Tensor> operands) {
  const CalledAs called("einsum");
  // Of more than two operands, products in between are not rounded to 16 bits.
  if (operands.size() > 2 && operands[0].defined() && is_half(operands[0].dtype())) {
    const DType t = operands[0].dtype();
    std::vector<Tensor> wide;
    for (const Tensor& o : operands) wide.push_back(o.defined() && o.dtype() == t ? machinery::widened(o) : o);
    return machinery::cast(einsum(equation, wide), t);
  }
  std::string text;
  for (char c : equation) {
    if (c != ' ') text += c;
  }
  const size_t arrow = text.find("->");
  std::vector<std::string> parts{""};
  for (char c : text.substr(0, arrow)) {
    if (c == ',') parts.emplace_back();
    else parts.back() += c;
  }
  HEARTH_CHECK(parts.size() == operands.size(), "einsum: \"", equation, "\" has ", parts.size(),
               " terms, but there are ", operands.size(), " operands");
  std::vector<Term> terms;
  std::map<Label, int64_t> sizes;
  std::map<Label, int> count;
  int dots = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    terms.push_back(operand(equation, parts[i], operands[i], static_cast<int>(i)));
    for (char c : parts[i]) count[c] += c != '.';
    for (size_t d = 0; d < terms[i].labels.size(); ++d) {
      const Label l = terms[i].labels[d];
      dots = std::max(dots, -l);
      const int64_t n = terms[i].tensor.shape()[static_cast<int>(d)];
      int64_t& size = sizes.try_emplace(l, n).first->second;
      HEARTH_CHECK(size == n || size == 1 || n == 1, "einsum: in \"", equation, "\" one dimension has the sizes ", size,
                   " and ", n);
      if (size == 1) size = n;
    }
  }
  Labels result;
  if (arrow != std::string::npos) {
    result = parse(equation, text.substr(arrow + 2), dots);
  } else {
    for (int k = dots; k > 0; --k) result.push_back(-k);
    for (const auto& [letter, n] : count) {
      if (n == 1) result.push_back(letter);
    }
  }
  for (Label l : result) {
    HEARTH_CHECK(sizes.contains(l), "einsum: \"", equation, "\" names '", static_cast<char>(l),
                 "' in the result, but in no operand");
    HEARTH_CHECK(std::ranges::count(result, l) == 1, "einsum: \"", equation, "\" names '", static_cast<char>(l),
                 "' twice in the result");
  }
  for (Term& t : terms) {
    Shape full = t.tensor.shape();
    for (size_t d = 0; d < t.labels.size(); ++d) full[static_cast<int>(d)] = sizes[t.labels[d]];
    if (!(full == t.tensor.shape())) t.tensor = expand(t.tensor, full);
  }
  Term product = terms[0];
  for (size_t i = 1; i < terms.size(); ++i) {
    Labels kept = result;
    for (size_t k = i + 1; k < terms.size(); ++k)
      kept.insert(kept.end(), terms[k].labels.begin(), terms[k].labels.end());
    product = multiply(product, terms[i], kept);
  }
  const DType dtype = product.tensor.dtype();
  const Tensor out = in_order(sum_out(product, result), result);
  return terms.size() == 1 ? out : out.to(dtype);
}

}  // namespace hearth
