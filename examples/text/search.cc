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
#include "examples/common/progress.h"
#include "examples/text/search_index.h"

ABSL_FLAG(std::string, model, "", "directory of a sentence encoder");
ABSL_FLAG(std::string, index, "", "directory of the index; FOLDER/.hearth-search if empty");
ABSL_FLAG(int64_t, top, 5, "the number of passages");

namespace hearth::examples {
namespace {

// Which model made the vectors: what its files hold.
absl::StatusOr<std::string> fingerprint(const std::string& directory) {
  std::string out;
  for (const char* name :
       {"config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json", "model.safetensors"}) {
    const auto file = io::MappedFile::open(directory + "/" + name);
    if (absl::IsNotFound(file.status())) continue;
    if (!file.ok()) return file.status();
    const auto* data = reinterpret_cast<const char*>((*file)->data());
    out += absl::StrFormat("%s%s %08x", out.empty() ? "" : ", ", name, io::crc32c({data, (*file)->size()}));
  }
  return out;
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
  const absl::StatusOr<std::string> name = fingerprint(model);
  if (!name.ok()) return name.status();

  std::string directory = absl::GetFlag(FLAGS_index);
  if (directory.empty()) directory = (std::filesystem::path(folder) / ".hearth-search").string();
  SearchIndex index(*name);
  if (absl::Status s = index.load(directory); !s.ok()) {
    return absl::Status(s.code(), absl::StrFormat("%s (remove %s to make the index anew)", s.message(), directory));
  }
  const bool terminal = isatty(2) == 1;
  const auto changes = index.update(folder, directory, *encoder, [&](int64_t done, int64_t of) {
    if (terminal) std::cerr << absl::StrFormat("\r\033[K%s of %s passages read", with_commas(done), with_commas(of));
  });
  if (terminal) std::cerr << "\r\033[K";
  if (!changes.ok()) return changes.status();
  if (!changes->not_text.empty()) {
    std::cerr << absl::StrFormat("%d files are no text and left out (%s%s)\n", changes->not_text.size(),
                                 changes->not_text[0], changes->not_text.size() > 1 ? ", ..." : "");
  }
  std::cerr << absl::StrFormat("%s passages of %s files: %d read, %d as before, %d gone\n",
                               with_commas(changes->passages), with_commas(changes->files), changes->read,
                               changes->kept, changes->gone);
  if (changes->passages == 0) return absl::NotFoundError(folder + " has no text");
  if (changes->altered) {
    if (absl::Status s = index.save(directory); !s.ok()) {
      return absl::Status(s.code(), absl::StrFormat("%s (--index names another place for the index)", s.message()));
    }
  }
  auto found = index.search(folder, question, absl::GetFlag(FLAGS_top), *encoder);
  if (!found.ok()) return found.status();
  bool first = true;
  for (Found& f : *found) {
    // What controls a terminal is no text.
    for (char& c : f.text) {
      if ((c >= 0 && c < ' ' && c != '\n' && c != '\t') || c == 127) c = ' ';
    }
    std::cout << absl::StrFormat("%s%.3f  %s:%d\n", first ? "" : "\n", f.score,
                                 (std::filesystem::path(folder) / f.file).string(), f.line);
    first = false;
    for (size_t at = 0; at <= f.text.size();) {
      const size_t end = std::min(f.text.find('\n', at), f.text.size());
      std::cout << "  " << f.text.substr(at, end - at) << "\n";
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
  if (!status.ok()) std::cerr << "search: " << status.message() << "\n";
  return status.ok() ? 0 : 1;
}
