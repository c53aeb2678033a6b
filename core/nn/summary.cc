#include "core/nn/summary.h"

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.h"

namespace hearth::nn {
namespace {

using Named = std::pair<std::string, const ModuleBase*>;

std::string indented(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out;
}

// The modules right below modules[0]; the span begins with it and ends with the last one below it.
std::vector<std::span<const Named>> children(std::span<const Named> modules) {
  std::vector<std::span<const Named>> out;
  for (size_t i = 1; i < modules.size();) {
    const std::string below = modules[i].first + ".";
    size_t end = i + 1;
    while (end < modules.size() && modules[end].first.starts_with(below)) ++end;
    out.push_back(modules.subspan(i, end - i));
    i = end;
  }
  return out;
}

struct Line {
  std::string first, last, text;  // names of equal neighbours
  int64_t count = 1;
};

std::string text_of(std::span<const Named> modules) {
  const ModuleBase& m = *modules[0].second;
  const std::string extra = m.extra_repr(), name = m.repr_name();
  std::vector<Line> lines;
  for (const std::span<const Named> child : children(modules)) {
    const size_t above = modules[0].first.empty() ? 0 : modules[0].first.size() + 1;
    const std::string own = child[0].first.substr(above), text = text_of(child);
    if (name == "ModuleList" && !lines.empty() && lines.back().text == text) {
      lines.back().last = own;
      ++lines.back().count;
    } else {
      lines.push_back({own, own, text});
    }
  }
  if (lines.empty()) return concat(name, "(", extra, ")");
  std::string out = name + "(\n";
  if (!extra.empty()) out += concat("  ", extra, "\n");
  for (const Line& l : lines) {
    out += l.count == 1 ? concat("  (", l.first, "): ") : concat("  (", l.first, "-", l.last, "): ", l.count, " x ");
    out += indented(l.text) + "\n";
  }
  return out + ")";
}

// 1234567 as 1,234,567.
std::string grouped(int64_t n) {
  std::string text = std::to_string(n);
  for (int64_t at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<size_t>(at), ",");
  return text;
}

using Row = std::vector<std::string>;

std::string table(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows[0].size());
  for (const Row& r : rows) {
    for (size_t c = 0; c < r.size(); ++c) widths[c] = std::max(widths[c], r[c].size());
  }
  std::string out;
  for (const Row& r : rows) {
    std::string line;
    for (size_t c = 0; c < r.size(); ++c) {
      const std::string space(widths[c] - r[c].size(), ' ');
      line += (c ? "  " : "") + (c + 1 == r.size() ? space + r[c] : r[c] + space);
    }
    out += line + "\n";
  }
  return out;
}

// `shapes` are those of the results, by module, if it has run.
std::string summary_of(const ModuleBase& module, const std::map<const ModuleBase*, std::string>* shapes) {
  std::vector<Row> rows{{"module", "type", "parameters"}};
  if (shapes) rows[0].insert(rows[0].begin() + 2, "result");
  // The own parameters of a module are those whose path begins with its own and with that of no module below it.
  std::set<std::string> paths;
  for (const auto& [path, m] : module.named_modules()) paths.insert(path);
  std::map<std::string, int64_t> own;
  std::set<const TensorImpl*> seen;
  int64_t all = 0, trained = 0, bytes = 0;
  const auto count = [&](const Tensor& t) {
    const bool first = t.defined() && seen.insert(t.impl()).second;
    if (first) bytes += t.nbytes();
    return first;
  };
  for (const auto& [path, t] : module.named_parameters()) {
    if (!count(t)) continue;
    std::string of = path;
    do {
      const size_t dot = of.rfind('.');
      of.resize(dot == std::string::npos ? 0 : dot);
    } while (!paths.contains(of));
    own[of] += t.numel();
    all += t.numel();
    if (t.requires_grad()) trained += t.numel();
  }
  for (const auto& [path, t] : module.named_buffers()) count(t);
  for (const auto& [path, m] : module.named_modules()) {
    const auto found = own.find(path);
    Row r{path.empty() ? "(all)" : path, m->repr_name(), grouped(found == own.end() ? 0 : found->second)};
    if (shapes) {
      const auto shape = shapes->find(m);
      r.insert(r.begin() + 2, shape == shapes->end() ? "-" : shape->second);
    }
    rows.push_back(std::move(r));
  }
  return concat(table(rows), "parameters: ", grouped(all), ", trained: ", grouped(trained),
                "\nbytes of parameters and ", "buffers: ", grouped(bytes), "\n");
}

}  // namespace

std::string to_string(const ModuleBase& module) { return text_of(module.named_modules()); }
std::ostream& operator<<(std::ostream& out, const ModuleBase& module) { return out << to_string(module); }

std::string summary(const ModuleBase& module) { return summary_of(module, nullptr); }

struct detail::SummaryRun::Notes {
  std::map<const ModuleBase*, std::string> shapes;
  std::vector<HookHandle> hooks;
  std::vector<std::pair<ModuleBase*, bool>> training;
};

detail::SummaryRun::SummaryRun(ModuleBase& module) : module_(module), notes_(std::make_unique<Notes>()) {
  for (const auto& [path, m] : module.named_modules()) {
    notes_->training.emplace_back(m, m->training());
    notes_->hooks.push_back(
        m->register_forward_hook([n = notes_.get()](ModuleBase& self, const HookTensors&, HookTensors& result) {
          std::string text;
          for (const Tensor& t : result)
            text += (text.empty() ? "" : ", ") + (t.defined() ? to_string(t.shape()) : "-");
          n->shapes[&self] = text;
        }));
  }
  module.eval();
}
detail::SummaryRun::~SummaryRun() {
  for (HookHandle& h : notes_->hooks) h.remove();
  // From the outermost to the innermost: each sets those below it.
  for (const auto& [m, on] : notes_->training) m->train(on);
}
std::string detail::SummaryRun::text() const { return summary_of(module_, &notes_->shapes); }

}  // namespace hearth::nn
