// Finds passages of text files by what they mean:
//
//   search --model=ENCODER FOLDER "question"
//
// ENCODER is a sentence encoder as sentence-transformers has it. The index of the folder is kept between searches, and
// brought up to date by reading the files that have changed. The passages go to standard output, all else to standard
// error.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include <unistd.h>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_format.h"
#include "core/base/error.h"
#include "core/io/crc32c.h"
#include "core/io/file.h"
#include "examples/common/printable.h"
#include "examples/common/progress.h"
#include "examples/text/search_index.h"

ABSL_FLAG(std::string, model, "", "directory of a sentence encoder");
ABSL_FLAG(std::string, index, "", "directory of the index; FOLDER/.hearth-search if empty");
ABSL_FLAG(int64_t, top, 5, "the number of passages");

namespace hearth::examples {
namespace {

// Which model made the vectors: what its files hold.
absl::StatusOr<std::string> fingerprint(const std::string& directory, const text::SentenceEncoder& encoder) {
  std::string out;
  for (const std::string& name : encoder.files()) {
    const auto file = io::MappedFile::open(directory + "/" + name);
    if (!file.ok()) return file.status();
    const auto* data = reinterpret_cast<const char*>((*file)->data());
    out += absl::StrFormat("%s%s %08x", out.empty() ? "" : ", ", name, io::crc32c({data, (*file)->size()}));
  }
  return out;
}

// Files that are left out, and why.
void tell(const std::vector<std::string>& files, const char* why) {
  if (files.empty()) return;
  std::cerr << absl::StrFormat("%d files %s (%s%s)\n", files.size(), why, printable(files[0]),
                               files.size() > 1 ? ", ..." : "");
}

absl::Status run(const std::string& folder, const std::string& question) {
  const std::string model = absl::GetFlag(FLAGS_model);
  if (model.empty()) return absl::InvalidArgumentError("--model must name the directory of a sentence encoder");
  if (absl::GetFlag(FLAGS_top) < 1) return absl::InvalidArgumentError("--top must be at least 1");
  if (question.find_first_not_of(" \t\r\n") == std::string::npos)
    return absl::InvalidArgumentError("the question is empty");
  std::error_code none;
  if (!std::filesystem::is_directory(folder, none)) return absl::NotFoundError(folder + " is not a folder");
  const auto encoder = text::SentenceEncoder::load(model);
  if (!encoder.ok()) return encoder.status();
  const absl::StatusOr<std::string> name = fingerprint(model, *encoder);
  if (!name.ok()) return name.status();

  std::string directory = absl::GetFlag(FLAGS_index);
  if (directory.empty()) directory = (std::filesystem::path(folder) / ".hearth-search").string();
  SearchIndex index(*name);
  if (absl::Status s = index.load(directory); !s.ok()) {
    return absl::Status(s.code(), absl::StrFormat("%s (remove %s to make the index anew)", s.message(), directory));
  }
  const auto save = [&] {
    const absl::Status s = index.save(directory);
    return s.ok()
               ? s
               : absl::Status(s.code(), absl::StrFormat("%s (--index names another place for the index)", s.message()));
  };
  const bool terminal = isatty(2) == 1;
  const auto progress = [&](int64_t done, int64_t of) {
    if (terminal) std::cerr << absl::StrFormat("\r\033[K%s of %s bytes read", with_commas(done), with_commas(of));
  };
  const auto changes = index.update(folder, directory, *encoder, progress, save);
  if (terminal) std::cerr << "\r\033[K";
  if (!changes.ok()) return changes.status();
  tell(changes->not_text, "are no text and left out");
  tell(changes->unreadable, "cannot be read and are left out");
  std::cerr << absl::StrFormat("%s passages of %s files: %d read, %d as before, %d gone\n",
                               with_commas(changes->passages), with_commas(changes->files), changes->read,
                               changes->kept, changes->gone);
  if (changes->passages == 0) return absl::NotFoundError(folder + " has no text");
  if (changes->altered) {
    if (absl::Status s = save(); !s.ok()) return s;
  }
  const auto answer = index.search(folder, question, absl::GetFlag(FLAGS_top), *encoder);
  if (!answer.ok()) return answer.status();
  tell(answer->unreadable, "cannot be read any more; their passages are left out");
  bool first = true;
  for (const Found& f : answer->found) {
    const std::string path = printable((std::filesystem::path(folder) / f.file).string());
    std::cout << absl::StrFormat("%s%.3f  %s:%d\n", first ? "" : "\n", f.score, path, f.line);
    first = false;
    const std::string text = printable(f.text, "\n\t");
    for (size_t at = 0; at <= text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      std::cout << "  " << text.substr(at, end - at) << "\n";
      at = end + 1;
    }
  }
  return std::cout.flush() ? absl::OkStatus() : absl::UnknownError("standard output cannot be written");
}

}  // namespace
}  // namespace hearth::examples

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("passages of text files that answer a question: search --model=ENCODER FOLDER QUESTION");
  const std::vector<char*> arguments = absl::ParseCommandLine(argc, argv);
  if (arguments.size() != 3) {
    std::cerr << absl::ProgramUsageMessage() << "\n";
    return 2;
  }
  absl::Status status;
  try {
    status = hearth::examples::run(arguments[1], arguments[2]);
  } catch (const hearth::Error& e) {
    status = absl::InternalError(e.what());
  }
  if (!status.ok())
    std::cerr << "search: " << hearth::examples::printable(std::string(status.message()), "\n\t") << "\n";
  return status.ok() ? 0 : 1;
}
