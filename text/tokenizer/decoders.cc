#include <algorithm>
#include <array>
#include <utility>

#include "core/base/error.h"
#include "text/tokenizer/components_internal.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  if (what.empty()) return;
  size_t at = text.find(what);
  if (at == std::string::npos) return;
  std::string out;
  size_t done = 0;
  for (; at != std::string::npos; at = text.find(what, done)) {
    out.append(text, done, at - done);
    out += with;
    done = at + what.size();
  }
  out.append(text, done);
  text = std::move(out);
}

class ByteLevel : public Decoder {
 public:
  absl::Status decode(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) {
      const size_t before = bytes.size();
      const char* p = token.data();
      while (p < token.data() + token.size()) {
        const int byte = char_to_byte(next_char(p));
        if (byte < 0) {
          // Not a byte-level token: it stands for itself.
          bytes.resize(before);
          bytes += token;
          break;
        }
        bytes += static_cast<char>(byte);
      }
    }
    tokens.assign(1, replace_invalid_utf8(bytes));
    return absl::OkStatus();
  }
};

class WordPiece : public Decoder {
 public:
  WordPiece(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  absl::Status decode(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      std::string& token = tokens[i];
      if (i > 0) {
        if (token.starts_with(prefix_)) {
          token.erase(0, prefix_.size());
        } else {
          token.insert(0, 1, ' ');
        }
      }
      if (cleanup_) token = clean_up(std::move(token));
    }
    return absl::OkStatus();
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

class Metaspace : public Decoder {
 public:
  Metaspace(char32_t replacement, bool prepends) : prepends_(prepends) { append_utf8(replacement_, replacement); }
  absl::Status decode(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) replace_all(tokens[i], replacement_, i == 0 && prepends_ ? "" : " ");
    return absl::OkStatus();
  }

 private:
  std::string replacement_;
  bool prepends_;
};

class Bpe : public Decoder {
 public:
  explicit Bpe(std::string suffix) : suffix_(std::move(suffix)) {}
  absl::Status decode(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) replace_all(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
    return absl::OkStatus();
  }

 private:
  std::string suffix_;
};

class Fuse : public Decoder {
 public:
  absl::Status decode(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens.clear();
    tokens.push_back(std::move(all));
    return absl::OkStatus();
  }
};

class Strip : public Decoder {
 public:
  Strip(char32_t content, uint64_t start, uint64_t stop) : start_(start), stop_(stop) {
    append_utf8(content_, content);
  }
  absl::Status decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (uint64_t i = 0; i < start_ && rest.starts_with(content_); ++i) rest.remove_prefix(content_.size());
      for (uint64_t i = 0; i < stop_ && rest.ends_with(content_); ++i) rest.remove_suffix(content_.size());
      if (rest.size() < token.size()) token = std::string(rest);
    }
    return absl::OkStatus();
  }

 private:
  std::string content_;
  uint64_t start_, stop_;
};

class Replace : public Decoder {
 public:
  Replace(Pattern pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}
  absl::Status decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string out;
      size_t done = 0;
      absl::Status status = pattern_.each(token, [&](size_t begin, size_t end) {
        out.append(token, done, begin - done);
        out += content_;
        done = end;
      });
      if (!status.ok()) return status;
      if (done == 0 && out.empty()) continue;
      out.append(token, done);
      token = std::move(out);
    }
    return absl::OkStatus();
  }

 private:
  Pattern pattern_;
  std::string content_;
};

// Tokens <0x00> ... <0xFF> become bytes; where these are no UTF-8, U+FFFD for each.
class ByteFallback : public Decoder {
 public:
  absl::Status decode(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (find_invalid_utf8(bytes) == std::string_view::npos) {
        out.push_back(bytes);
      } else {
        for (size_t i = 0; i < bytes.size(); ++i) out.emplace_back("\xEF\xBF\xBD");
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const int byte = byte_of(token); byte >= 0) {
        bytes += static_cast<char>(byte);
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(out);
    return absl::OkStatus();
  }

 private:
  static int byte_of(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
    int value = 0;
    for (const char c : token.substr(3, 2)) {
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                               : -1;
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }
};

class Ctc : public Decoder {
 public:
  Ctc(std::string pad, std::string delimiter, bool cleanup)
      : pad_(std::move(pad)), delimiter_(std::move(delimiter)), cleanup_(cleanup) {}
  absl::Status decode(std::vector<std::string>& tokens) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      replace_all(token, pad_, "");
      if (!cleanup_) continue;
      token = clean_up(std::move(token));
      replace_all(token, delimiter_, " ");
    }
    std::erase_if(tokens, [](const std::string& token) { return token.empty(); });
    return absl::OkStatus();
  }

 private:
  std::string pad_, delimiter_;
  bool cleanup_;
};

class Sequence : public Decoder {
 public:
  explicit Sequence(std::vector<std::shared_ptr<const Decoder>> all) : all_(std::move(all)) {}
  absl::Status decode(std::vector<std::string>& tokens) const override {
    for (const auto& one : all_) {
      if (absl::Status status = one->decode(tokens); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  std::vector<std::shared_ptr<const Decoder>> all_;
};

}  // namespace

std::string clean_up(std::string text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kAll = {{{" .", "."},
                                                                                   {" ?", "?"},
                                                                                   {" !", "!"},
                                                                                   {" ,", ","},
                                                                                   {" ' ", "'"},
                                                                                   {" n't", "n't"},
                                                                                   {" 'm", "'m"},
                                                                                   {" do not", " don't"},
                                                                                   {" 's", "'s"},
                                                                                   {" 've", "'ve"},
                                                                                   {" 're", "'re"}}};
  for (const auto& [what, with] : kAll) replace_all(text, what, with);
  return text;
}

absl::StatusOr<std::shared_ptr<const Decoder>> make_decoder(const Json& json, const std::string& place) {
  using Result = std::shared_ptr<const Decoder>;
  Fields f(json, place);
  const std::string type = f.string("type");
  if (!f.ok()) return f.status();
  Result made;
  if (type == "ByteLevel") made = std::make_shared<ByteLevel>();
  if (type == "ByteFallback") made = std::make_shared<ByteFallback>();
  if (type == "Fuse") made = std::make_shared<Fuse>();
  if (type == "BPEDecoder") made = std::make_shared<Bpe>(f.string("suffix"));
  if (type == "WordPiece") {
    const bool cleanup = f.boolean("cleanup");
    made = std::make_shared<WordPiece>(f.string("prefix"), cleanup);
  }
  if (type == "Metaspace") {
    const bool never =
        f.has("prepend_scheme") ? f.string("prepend_scheme") == "never" : !f.boolean("add_prefix_space", true);
    made = std::make_shared<Metaspace>(f.character("replacement"), !never);
  }
  if (type == "Strip") {
    const uint64_t start = f.integer("start"), stop = f.integer("stop");
    made = std::make_shared<Strip>(f.character("content"), start, stop);
  }
  if (type == "CTC") {
    const bool cleanup = f.boolean("cleanup");
    std::string pad = f.string("pad_token");
    made = std::make_shared<Ctc>(std::move(pad), f.string("word_delimiter_token"), cleanup);
  }
  if (type == "Replace") {
    const std::string content = f.string("content");
    absl::StatusOr<Pattern> pattern = make_pattern(f);
    if (!pattern.ok()) return pattern.status();
    made = std::make_shared<Replace>(std::move(*pattern), content);
  }
  if (type == "Sequence") {
    auto all = make_all(f, "decoders", make_decoder);
    if (!all.ok()) return all.status();
    made = std::make_shared<Sequence>(std::move(*all));
  }
  if (!f.ok()) return f.status();
  if (!made) return unknown_type(f, type);
  return made;
}

}  // namespace hearth::text
