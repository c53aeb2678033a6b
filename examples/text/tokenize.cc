// Lines to ids and back:
//
//   tokenize TOKENIZER [--offsets]    reads lines, prints a JSON list of ids for each; with --offsets
//                                     {"ids": [...], "offsets": [[begin, end], ...]}, in characters
//   tokenize TOKENIZER --decode       reads JSON lists of ids, prints the texts
//
// TOKENIZER is a tokenizer.json, a directory that has one, a SentencePiece model (*.model), tiktoken's ranks
// (*.tiktoken) or a vocab.txt.
#include <charconv>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer/files.h"
#include "text/tokenizer/sentencepiece.h"
#include "text/tokenizer/tokenizer.h"

namespace {

using hearth::text::Encoding;
using hearth::text::Offset;
using hearth::text::Tokenizer;

absl::StatusOr<Tokenizer> load(const std::string& path) {
  if (path.ends_with(".tiktoken")) return hearth::text::load_tiktoken(path);
  // Some models have their version behind: tokenizer.model.v3.
  if (path.ends_with(".model") || path.find(".model.v", path.rfind('/') + 1) != std::string::npos)
    return hearth::text::load_sentencepiece(path);
  if (path.ends_with("vocab.txt")) return hearth::text::load_vocab_txt(path);
  return Tokenizer::load(path);
}

// Numbers between brackets, and nothing else; false: it is no such list.
bool read_ids(std::string_view line, std::vector<int32_t>& ids) {
  const auto skip = [&] {
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t' || line.front() == '\r'))
      line.remove_prefix(1);
  };
  const auto take = [&](char c) {
    skip();
    if (line.empty() || line.front() != c) return false;
    line.remove_prefix(1);
    return true;
  };
  const auto end_of_list = [&] {
    if (!take(']')) return false;
    skip();
    return line.empty();
  };
  if (!take('[')) return false;
  skip();
  if (line.starts_with(']')) return end_of_list();
  do {
    skip();
    int32_t id = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), id);
    if (error != std::errc() || id < 0) return false;
    line.remove_prefix(static_cast<size_t>(end - line.data()));
    ids.push_back(id);
  } while (take(','));
  return end_of_list();
}

void print_ids(const std::vector<int32_t>& ids) {
  std::cout << '[';
  for (size_t i = 0; i < ids.size(); ++i) std::cout << (i > 0 ? ", " : "") << ids[i];
  std::cout << ']';
}

bool written(const std::ostream& out) {
  if (!out) std::cerr << "standard output cannot be written\n";
  return static_cast<bool>(out);
}

int run(const Tokenizer& tokenizer, bool offsets, bool decode) {
  std::string line;
  for (size_t number = 1; std::getline(std::cin, line); ++number) {
    absl::Status status;
    if (decode) {
      std::vector<int32_t> ids;
      if (!read_ids(line, ids)) {
        std::cerr << "line " << number << ": a JSON list of ids is wanted\n";
        return 1;
      }
      const absl::StatusOr<std::string> text = tokenizer.decode(ids);
      status = text.status();
      if (text.ok()) std::cout << *text << '\n';
    } else if (offsets) {
      const absl::StatusOr<Encoding> e = tokenizer.encode(line);
      status = e.status();
      if (e.ok()) {
        std::cout << "{\"ids\": ";
        print_ids(e->ids);
        std::cout << ", \"offsets\": [";
        for (size_t i = 0; i < e->size(); ++i) {
          const Offset o = e->char_offsets[i];
          std::cout << (i > 0 ? ", [" : "[") << o.begin << ", " << o.end << ']';
        }
        std::cout << "]}\n";
      }
    } else {
      const absl::StatusOr<std::vector<int32_t>> ids = tokenizer.encode_ids(line);
      status = ids.status();
      if (ids.ok()) {
        print_ids(*ids);
        std::cout << '\n';
      }
    }
    if (!status.ok()) {
      std::cerr << "line " << number << ": " << status.message() << '\n';
      return 1;
    }
    if (!written(std::cout)) return 1;
  }
  return written(std::cout.flush()) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view option = argc == 3 ? argv[2] : "";
  if (argc < 2 || argc > 3 || (argc == 3 && option != "--offsets" && option != "--decode")) {
    std::cerr << "usage: tokenize TOKENIZER [--offsets | --decode]\n";
    return 2;
  }
  const absl::StatusOr<Tokenizer> tokenizer = load(argv[1]);
  if (!tokenizer.ok()) {
    std::cerr << tokenizer.status().message() << '\n';
    return 1;
  }
  return run(*tokenizer, option == "--offsets", option == "--decode");
}
