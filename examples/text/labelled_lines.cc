#include "examples/text/labelled_lines.h"

#include <algorithm>
#include <filesystem>
#include <random>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "text/data/lines.h"

namespace hearth::examples {
namespace {

namespace fs = std::filesystem;

// The lines of a file that are to be used, without the spaces around them.
std::vector<std::string> lines_in(const std::string& text, const LabelledLinesOptions& o) {
  std::vector<std::string> out;
  for (std::string_view line : text::lines_of(text)) {
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) continue;
    line = line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
    const auto size = static_cast<int64_t>(line.size());
    if (size >= o.shortest && size <= o.longest && line.find('\0') == std::string_view::npos) out.emplace_back(line);
  }
  return out;
}

// At most `most` of them, at even distances; 0: all.
void add(std::vector<LabelledLine>& to, const std::vector<std::string>& lines, int64_t label, int64_t most) {
  const auto all = static_cast<int64_t>(lines.size());
  const int64_t count = most > 0 ? std::min(most, all) : all;
  for (int64_t i = 0; i < count; ++i) to.push_back({lines[static_cast<size_t>(i * all / count)], label});
}

}  // namespace

absl::StatusOr<LabelledLines> load_labelled_lines(const std::string& folder, const LabelledLinesOptions& o) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return absl::NotFoundError(folder + " is not a folder");
  LabelledLines out;
  const auto visible = [](const fs::path& p) { return !p.filename().string().starts_with("."); };
  for (fs::directory_iterator at(folder, error); !error && at != fs::directory_iterator(); at.increment(error)) {
    std::error_code none;
    if (at->is_directory(none) && visible(at->path())) out.labels.push_back(at->path().filename().string());
  }
  if (error) return absl::UnknownError(absl::StrCat(folder, ": ", error.message()));
  if (out.labels.size() < 2)
    return absl::InvalidArgumentError(
        absl::StrCat(folder, " must have a folder for each of two or more labels, but has ", out.labels.size()));
  std::sort(out.labels.begin(), out.labels.end());
  std::mt19937_64 random(o.seed);
  std::unordered_set<std::string> seen;
  for (size_t label = 0; label < out.labels.size(); ++label) {
    const fs::path directory = fs::path(folder) / out.labels[label];
    std::vector<std::string> paths;
    for (fs::recursive_directory_iterator at(directory, error); !error && at != fs::recursive_directory_iterator();
         at.increment(error)) {
      std::error_code none;
      if (!visible(at->path())) at.disable_recursion_pending();
      else if (at->is_regular_file(none)) paths.push_back(at->path().string());
    }
    if (error) return absl::UnknownError(absl::StrCat(directory.string(), ": ", error.message()));
    std::sort(paths.begin(), paths.end());
    std::vector<std::vector<std::string>> files;
    for (const std::string& path : paths) {
      const absl::StatusOr<std::string> text = text::read_text(path);
      if (absl::IsInvalidArgument(text.status())) continue;  // not UTF-8
      if (!text.ok()) return text.status();
      std::vector<std::string> lines = lines_in(*text, o);
      // A line counts once, in the first file that has it.
      std::erase_if(lines, [&](const std::string& line) { return !seen.insert(line).second; });
      if (!lines.empty()) files.push_back(std::move(lines));
    }
    if (files.size() < 2) {
      return absl::InvalidArgumentError(absl::StrCat(directory.string(),
                                                     " must have two or more text files with lines of ", o.shortest,
                                                     " to ", o.longest, " bytes, but has ", files.size()));
    }
    // mt19937_64 is the same everywhere; std::shuffle is not.
    for (size_t i = files.size() - 1; i > 0; --i) std::swap(files[i], files[random() % (i + 1)]);
    const size_t held = std::max<size_t>(files.size() / static_cast<size_t>(o.hold_out), 1);
    std::vector<std::string> training, held_out;
    for (size_t i = 0; i < files.size(); ++i) {
      std::vector<std::string>& to = i < held ? held_out : training;
      to.insert(to.end(), files[i].begin(), files[i].end());
    }
    out.held_out_files += static_cast<int64_t>(held);
    out.training_files += static_cast<int64_t>(files.size() - held);
    add(out.training, training, static_cast<int64_t>(label), o.training_lines);
    add(out.held_out, held_out, static_cast<int64_t>(label), o.held_out_lines);
  }
  return out;
}

}  // namespace hearth::examples
